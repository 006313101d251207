"""A trading day: one folder's extracts take orders from blocks to transactions, and what depends on a failure is held.

Owns the order of the day and what it makes itself: the placements to allocate, where nobody gave them, are those that
executions were accepted for; the allocations to book are those that LUSID made of the placements that were allocated.
How a folder is read is `night_folder`'s, how one load hands on to the next `nightly`'s. Knows no HTTP and no Prefect.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, Field, ValidationError

from connectors.client import LusidClient
from connectors.run_folder import RunFolder
from connectors.targets import Target
from pipelines.load import Progress, load
from pipelines.night_folder import Names, NightExtract, find_extracts
from pipelines.nightly import Loader, NightlyReport, Step, load_steps
from pipelines.report import Report
from schemas.errors import FatalError, LoadError, UnreachableError
from schemas.states import State

NAMES: Names = {
    operation: (operation,)
    for operation in (
        "orders",
        "move-orders",
        "place-blocks",
        "update-placements",
        "cancel-orders",
        "cancel-placements",
        "executions",
        "allocate",
        "book-transactions",
    )
}
"""The day's operations, in the order they are loaded; their extracts' names begin like theirs."""

PAGE = 1000
"""Entities asked for at a time."""

BOOKED = "Booked"

_Row = dict[str, str]
_Rows = Callable[[LusidClient, set[str]], list[_Row]]
"""Given the keys that a load accepted, the rows of the load that follows from it."""


def trading_day(
    folder: Path, *, progress: Progress | None = None, load: Loader = load, **options: Any
) -> NightlyReport:
    """Loads a folder's orders and all that becomes of them during a day, into one target.

    Any extract may be absent. Without one of `allocate`, the placements that executions were accepted for are
    allocated; without one of `book-transactions`, the allocations of the placements that were allocated are booked,
    and marked as booked, so that a day that is loaded again books nothing twice.

    Args:
        folder: holds the extracts, by name, and their mappings.
        progress: told what happens.
        load: what carries out each load.
        options: fields of `Options` for every load; mappings come from the folder.

    Raises:
        ConfigError: there is no such folder, it holds no extract, or an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Later ones' errors are reported.
    """
    day = _Day(folder, progress or Progress())
    found = find_extracts(folder, NAMES, expected=())
    for note in found.notes:
        day.say(note)
    steps = list(day.steps(found.extracts))
    return load_steps(folder, steps, day.progress, load, options).after(day.said)


class _Day:
    """The loads of a day, and what was said of them before they began."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.progress = progress
        self.said: list[str] = []
        self._folder = folder

    def say(self, note: str) -> None:
        """Tells whoever watches, and the report."""
        self.progress.note(note)
        self.said.append(note)

    def steps(self, extracts: Sequence[NightExtract]) -> Iterator[Step]:
        """The loads in order: of extracts that are there, and those that follow from a load before them."""
        given = {extract.operation: extract for extract in extracts}
        there: set[str] = set()
        for operation in NAMES:
            if operation in given:
                yield Step.of(given[operation])
            elif operation in _FOLLOWS and _FOLLOWS[operation].source in there:
                yield Step(operation, partial(self._following, operation))
            else:
                continue
            there.add(operation)

    def _following(self, operation: str, target: Target | None, reports: Sequence[Report]) -> NightExtract | None:
        """The extract of an operation that follows from the load of another; it is kept with that load's run."""
        source, rows = _FOLLOWS[operation]
        report = next((each for each in reports if each.operation == source), None)
        found = rows(target.client, _accepted(report)) if target and report else []
        if not report or not found:
            self.say(f"{operation}: nothing to do after {source}, so none is loaded")
            return None
        path = report.run_dir / f"{operation}.csv"
        _write(path, found)
        mapping = self._folder / f"{operation}.yaml"
        return NightExtract(operation, (path,), mapping if mapping.exists() else None)


def _accepted(report: Report) -> set[str]:
    """The keys that LUSID accepted."""
    outcomes = pq.read_table(report.run_dir / "outcomes.parquet", columns=["key", "state"])
    accepted = pc.equal(outcomes["state"].cast("string"), State.ACCEPTED.value)
    return set(outcomes.filter(accepted)["key"].to_pylist())


def _write(path: Path, rows: Sequence[_Row]) -> None:
    """Writes an extract that only its owner reads."""
    with RunFolder(path.parent).whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _executed(client: LusidClient, executions: set[str]) -> list[_Row]:
    """The placements of executions, each once."""
    found: dict[str, _Row] = {}
    for execution in _listed(client, "executions") if executions else ():
        placement = execution.placement
        if placement and execution.id.name in executions:
            found[placement.name] = {"placement_scope": placement.scope, "placement_code": placement.code}
    return list(found.values())


def _unbooked(client: LusidClient, placements: set[str]) -> list[_Row]:
    """The allocations of placements that are not booked yet."""
    return [
        {"allocation_scope": each.id.scope, "allocation_code": each.id.code, "mark_as_booked": "true"}
        for each in (_listed(client, "allocations") if placements else ())
        if each.state != BOOKED and any(placement.name in placements for placement in each.placements or ())
    ]


class _Following(NamedTuple):
    """An operation that needs no extract: the load it follows from, and what it is to do after it."""

    source: str
    rows: _Rows


_FOLLOWS: Mapping[str, _Following] = {
    "allocate": _Following("executions", _executed),
    "book-transactions": _Following("allocate", _unbooked),
}


class _ResourceId(BaseModel):
    scope: str
    code: str

    @property
    def name(self) -> str:
        """The key that a load knows it by."""
        return f"{self.scope}/{self.code}"


class _Entity(BaseModel):
    """What is read of an execution or an allocation."""

    id: _ResourceId
    placement: _ResourceId | None = Field(None, alias="placementId")
    placements: list[_ResourceId] | None = Field(None, alias="placementIds")
    state: str | None = None


class _Page(BaseModel):
    values: list[_Entity]
    next_page: str | None = Field(None, alias="nextPage")


def _listed(client: LusidClient, kind: str) -> Iterator[_Entity]:
    """Every entity of one of LUSID's lists.

    Raises:
        FatalError: the list cannot be read to its end.
    """
    params = {"limit": str(PAGE)}
    while True:
        page = _page(client, kind, params)
        yield from page.values
        if not page.next_page:
            return
        if page.next_page == params.get("page"):
            raise FatalError(f"LUSID's list of {kind} does not end: its next page is the same again")
        params["page"] = page.next_page


def _page(client: LusidClient, kind: str, params: Mapping[str, str]) -> _Page:
    try:
        return _Page.model_validate(client.get(f"/api/{kind}", params).body)
    except FatalError:
        raise
    except LoadError as error:
        raise UnreachableError(f"LUSID's list of {kind} cannot be read: {error.message}") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise FatalError(f"LUSID's list of {kind} is not one: {where or 'the answer'} does not fit") from None
