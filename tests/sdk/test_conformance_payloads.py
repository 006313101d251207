"""What we send is held to the official SDK: its models read every payload whole, and no member stays unused.

A new operation needs sample extracts (see `payloads`) and its facts (`operation_facts`); a member that no sample can
fill needs a reason in `tests/samples/uncovered_members.json`.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from operation_facts import FACTS
from payloads import SAMPLES, all_sent, declared, filled_cells, fills, leaves, readings, samples, sent
from sdk_compare import differences
from sdk_env import NEWEST, run_in_sdk

from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.rows.cells import DecimalText
from schemas.states import State

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]

SDKS = {Dialect.V2_1: ("2.1",), Dialect.V2_3: ("2.3", NEWEST)}
"""The SDKs of each dialect; the last is today's."""

MOST_DIGITS = 28
"""What LUSID's decimals keep; a double would lose eleven of them."""

Pair = tuple[str, Dialect]
PAIRS: list[Pair] = [(name, dialect) for name, found in OPERATIONS.items() for dialect in sorted(found.dialects)]
every_operation = pytest.mark.parametrize(("operation", "dialect"), PAIRS, ids=[f"{n}-{d}" for n, d in PAIRS])


@dataclass(frozen=True)
class SdkSays:
    """What one SDK says of everything that is sent in its dialect.

    Attributes:
        parsed: by operation, dialect and sample: `text`, what it writes back, or `error`, why it refuses.
        members: by model: the path of every leaf; None when it has no such model.
    """

    parsed: dict[tuple[Pair, str], dict[str, str]]
    members: dict[str, list[list[str]] | None]


@dataclass(frozen=True)
class Excuse:
    """Why members are filled by no sample.

    Attributes:
        members: dotted steps that stand together in the members' paths, `identifiers.{}.value.metricValue`.
    """

    members: str
    reason: str

    def covers(self, path: list[str]) -> bool:
        steps = self.members.split(".")
        return any(path[start : start + len(steps)] == steps for start in range(len(path)))


def excuses() -> list[Excuse]:
    return [Excuse(**entry) for entry in json.loads((SAMPLES / "uncovered_members.json").read_text())]


def sdk_body(operation: str, dialect: Dialect) -> tuple[tuple[str, ...], str]:
    """The SDKs that know a call, and the type of the call's body there; fails the test where the facts lack it."""
    known = FACTS.get(operation)
    if known is None or (dialect is Dialect.LEGACY and known.legacy is None):
        pytest.fail(f"name the SDK's type of the body of {operation} in tests/support/operation_facts.py")
    if dialect is Dialect.LEGACY and known.legacy is not None:
        sdk, body = known.legacy
        return (sdk,), body
    return SDKS[dialect], known.body


def model_of(body: str) -> tuple[list[str], str]:
    """The model inside a body's type, and the steps that lead to it."""
    found = re.fullmatch(r"(Dict\[str, |[Ll]ist\[)(\w+)\]", body)
    return (["{}" if found[1].startswith("D") else "[]"], found[2]) if found else ([], body)


def complete_pairs() -> list[Pair]:
    """The operations that have samples and a body's type; what others lack is told by their own tests."""
    found = []
    for pair in PAIRS:
        with suppress(pytest.fail.Exception):
            samples(*pair)
            sdk_body(*pair)
            found.append(pair)
    return found


@cache
def sdk_says(sdk: str) -> SdkSays:
    """Asks an SDK about everything at once, in two processes: importing one costs seconds."""
    cases, models = {}, set()
    for pair in complete_pairs():
        its_sdks, body = sdk_body(*pair)
        if sdk in its_sdks:
            models.add(model_of(body)[1])
            made = all_sent(*pair).items()
            cases.update({(pair, name): {"model": body, "body": one.body} for name, one in made if one.body})
    with ThreadPoolExecutor() as both:
        parsing = both.submit(run_in_sdk, sdk, "parse.py", list(cases.values()))
        listing = both.submit(run_in_sdk, sdk, "fields.py", sorted(models))
    parsed: Any = parsing.result()
    listed: Any = listing.result()
    return SdkSays(dict(zip(cases, parsed, strict=True)), listed)


def members(operation: str, dialect: Dialect) -> list[list[str]]:
    """The path of every member of a call's body that the SDK knows."""
    sdks, body = sdk_body(operation, dialect)
    steps, model = model_of(body)
    said = {sdk: sdk_says(sdk).members[model] for sdk in sdks}
    assert all(said.values()), f"no model {model} in {[sdk for sdk, found in said.items() if not found]}"
    return [[*steps, *path] for path in {tuple(path): path for found in said.values() for path in found or ()}.values()]


def unfilled(operation: str, dialect: Dialect) -> list[list[str]]:
    """The members that no sample fills."""
    bodies = [json.loads(one.body) for one in all_sent(operation, dialect).values() if one.body]
    return [path for path in members(operation, dialect) if not any(fills(body, path) for body in bodies)]


@every_operation
def test_every_row_of_the_samples_is_sent(operation: str, dialect: Dialect) -> None:
    for name, one in all_sent(operation, dialect).items():
        assert one.error == "", name
        assert one.rows[State.NOT_SENT] == sum(one.rows.values()) > 0, (name, one.rows)
        assert one.body, name


@every_operation
def test_every_column_of_the_operation_is_filled_by_a_sample(operation: str, dialect: Dialect) -> None:
    filled = {kind for path in samples(operation, dialect) for kind, _ in filled_cells(operation, dialect, path)}

    assert sorted(set(declared(operation, dialect)) - filled) == []


@every_operation
def test_every_filled_cell_of_the_samples_is_on_the_wire(operation: str, dialect: Dialect) -> None:
    for path in samples(operation, dialect):
        one = sent(operation, dialect, path)
        values = [*one.query, *leaves(json.loads(one.body, parse_float=Decimal, parse_int=Decimal))]
        there = {reading for value in values for reading in (readings(value) if isinstance(value, str) else [value])}

        cells = filled_cells(operation, dialect, path)

        assert [cell for cell in cells if there.isdisjoint(readings(cell[1]))] == [], path.name


@every_operation
def test_decimals_of_28_digits_go_out_digit_by_digit(operation: str, dialect: Dialect) -> None:
    decimals = {kind for kind, cell in declared(operation, dialect).items() if cell is DecimalText}
    exact = set()
    for path in samples(operation, dialect):
        body = sent(operation, dialect, path).body
        for kind, text in filled_cells(operation, dialect, path):
            if kind in decimals and len(Decimal(text).as_tuple().digits) == MOST_DIGITS:
                assert re.search(rf":{re.escape(text)}[,}}]", body), f"{kind} of {path.name}"
                exact.add(kind)

    assert sorted(decimals - exact) == [], f"these columns need a cell of {MOST_DIGITS} digits"


@every_operation
def test_the_sdk_reads_every_payload_and_drops_nothing(operation: str, dialect: Dialect) -> None:
    sdks, _ = sdk_body(operation, dialect)
    for name, one in all_sent(operation, dialect).items():
        for sdk in sdks:
            said = sdk_says(sdk).parsed[(operation, dialect), name]

            assert "error" not in said, (sdk, name, said)
            assert differences(one.body, said["text"]) == [], (sdk, name)


@every_operation
def test_every_member_of_the_sdks_models_is_filled_by_a_sample_or_excused(operation: str, dialect: Dialect) -> None:
    excused = excuses()

    missed = [path for path in unfilled(operation, dialect) if not any(one.covers(path) for one in excused)]

    assert not missed, f"no sample fills {', '.join('.'.join(path) for path in missed)}"


@pytest.mark.parametrize("excuse", excuses(), ids=lambda excuse: excuse.members)
def test_an_excuse_is_needed_and_excuses_only_what_no_sample_fills(excuse: Excuse) -> None:
    pairs = complete_pairs()
    covered = {pair: [path for path in members(*pair) if excuse.covers(path)] for pair in pairs}
    filled = {pair: [path for path in paths if path not in unfilled(*pair)] for pair, paths in covered.items()}

    assert any(covered.values())
    assert filled == {pair: [] for pair in pairs}


def test_a_member_is_filled_only_by_a_value_in_its_own_place() -> None:
    body = {"a": {"k": {"key": "v", "empty": None}}, "b": [{"c": 1}, {"d": False}], "e": []}

    there = [["a", "{}", "key"], ["b", "[]", "c"], ["b", "[]", "d"]]
    absent = [["a", "{}", "empty"], ["a", "key"], ["b", "{}", "c"], ["a", "[]", "key"], ["e", "[]"], ["c"]]
    assert [path for path in [*there, *absent] if fills(body, path)] == there


@pytest.mark.parametrize("dialect", Dialect)
def test_an_operation_without_sample_or_body_type_fails_and_says_what_to_do(dialect: Dialect) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"tests/samples/made-up/full\.csv"):
        samples("made-up", dialect)
    with pytest.raises(pytest.fail.Exception, match=r"made-up in .*operation_facts\.py"):
        sdk_body("made-up", dialect)
