"""The bodies that the sample extracts become, taken from the wire, and what is in either.

Owns: `tests/samples/<operation>/` (`full.csv` for every dialect, `only-<dialect>.csv` for what one dialect has alone),
loading them as a user would, and walking cells and bodies. Must not know any operation's columns or any SDK.
"""

import csv
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import SecretStr
from raw_server import RawServer, answer
from scripted_lusid import problem

from connectors.lusid.client import LusidClient
from connectors.lusid.settings import LusidSettings
from connectors.targets import Target
from pipelines.load import load
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.errors import LoadError
from schemas.states import State

SAMPLES = Path(__file__).parents[1] / "samples"

FORBIDDEN = problem("InsufficientPrivileges", 235, 403, "Not permitted")
"""In LUSID's own words: a 403 in anybody else's may follow a call that was applied, and would be read back."""


@dataclass(frozen=True)
class Sent:
    """One sample on its way to LUSID.

    Attributes:
        body: of the one call that was made; empty when none was.
        query: the values in its address.
        rows: rows of the extract by state.
        error: why the extract was not loaded at all.
    """

    body: str = ""
    query: tuple[str, ...] = ()
    rows: dict[State, int] = field(default_factory=dict)
    error: str = ""


def samples(operation: str, dialect: Dialect) -> list[Path]:
    """The sample extracts of an operation that a dialect can load; fails the test when there are none."""
    folder = SAMPLES / operation
    found = [path for path in (folder / "full.csv", folder / f"only-{dialect}.csv") if path.exists()]
    if not found:
        pytest.fail(f"{operation} has no sample extract: fill every column in tests/samples/{operation}/full.csv")
    return found


@cache
def sent(operation: str, dialect: Dialect, sample: Path) -> Sent:
    """Loads a sample to a server that keeps the first call and forbids any other."""
    with (
        tempfile.TemporaryDirectory() as runs,
        RawServer([answer(403, FORBIDDEN)]) as server,
        LusidClient(LusidSettings(lusid_url=server.url, access_token=SecretStr("token"))) as client,
    ):
        try:
            report = load(operation, sample, dialect=dialect, target=Target(client, server.url), runs=runs)
        except LoadError as error:
            return Sent(error=error.message)
        calls = server.seen
    assert len(calls) <= 1, f"{sample} makes more than one call"
    if not calls:
        return Sent(rows=dict(report.rows))
    (call,) = calls
    query = parse_qsl(urlsplit(call.line.split()[1]).query)
    return Sent(call.body.decode(), tuple(value for _, value in query), dict(report.rows))


def all_sent(operation: str, dialect: Dialect) -> dict[str, Sent]:
    """All samples of an operation by file name."""
    return {path.name: sent(operation, dialect, path) for path in samples(operation, dialect)}


def declared(operation: str, dialect: Dialect) -> dict[str, Any]:
    """The cell type of each kind of column: `side`, `metric:`, `metric:@unit`."""
    shape = OPERATIONS[operation].shape
    types = {name: plain.cell for name, plain in shape.plain_of(dialect).items()}
    for family in (f for f in shape.families if dialect in f.dialects):
        types[f"{family.prefix}:"] = family.cell
        types |= {f"{family.prefix}:@{facet}": cell for facet, cell in family.facets.items()}
    return types


def filled_cells(operation: str, dialect: Dialect, sample: Path) -> Iterator[tuple[str, str]]:
    """(kind of column, text) of each filled cell that the dialect sends; sets of labels item by item."""
    known = declared(operation, dialect)
    with sample.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for column, cell in row.items():
                kind = re.sub(":[^@]*", ":", column)
                items = cell.split("|") if kind.endswith("labels:") else [cell]
                yield from ((kind, item) for item in items if item and kind in known)


def leaves(body: Any) -> Iterator[Any]:
    """Every value in a body that is no list or map."""
    if isinstance(body, dict | list):
        for inside in body.values() if isinstance(body, dict) else body:
            yield from leaves(inside)
    else:
        yield body


def readings(text: str) -> Iterator[Any]:
    """What a text can mean: itself, a number, an instant to the microsecond; a date is midnight UTC."""
    yield text
    with suppress(InvalidOperation):
        yield Decimal(text)
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        yield moment if moment.tzinfo else datetime.fromisoformat(f"{text}T00:00Z")


def fills(body: Any, path: list[str]) -> bool:
    """Whether a body holds a value at a path, in any entry (`[]`, `{}`) of the lists and maps on the way."""
    if not path:
        return body is not None
    step, *rest = path
    if step == "[]":
        return isinstance(body, list) and any(fills(item, rest) for item in body)
    if step == "{}":
        return isinstance(body, dict) and any(fills(item, rest) for item in body.values())
    return isinstance(body, dict) and fills(body.get(step), rest)
