"""For random extracts and random states of the sandbox, a plan foresees what the load does, and what verify finds."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import COUNTRY, HOLDER, IA_ID, IR_ID, PERSON, Row, investor
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from kept_sandbox import Desk, desk
from planned import WHAT_IT_DOES, lines

from pipelines.compare.reading_back import Result
from schemas.states import State

INTERNAL = "identifier:InvestorRecord/InternalIdentifier/InternalIRId"
WORTH = "metric:InvestorRecord/Details/NetWorth"
MARKETS = "labels:InvestorRecord/Details/Markets"
DESK = "property:InvestmentAccount/Details/Desk"

SERIAL = itertools.count()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


@dataclass(frozen=True)
class Kind:
    """What is planned.

    Attributes:
        stored: the sandbox's name of it; own_id: LUSID's own id of one.
        options: of every load.
    """

    operation: str
    stored: str
    own_id: str
    options: Mapping[str, Any]


RECORDS = Kind("investor-records", "investorrecords", "lusidInvestorRecordId", {})


def accounts(dialect: str) -> Kind:
    return Kind("investment-accounts", "investmentaccounts", "lusidInvestmentAccountId", {"dialect": dialect})


SOME = st.fixed_dictionaries(
    {"display_name": st.sampled_from(["A", "B"])},
    optional={
        "description": st.sampled_from(["old", "new"]),
        COUNTRY: st.sampled_from(["Norway", "Chad"]),
        MARKETS: st.sampled_from(["UK", "NO|UK", "UK|NO"]),
        WORTH: st.sampled_from(["10.5", "10.50", "0.12345678901234567891"]),
        f"{WORTH}@effective_from": st.sampled_from(["2020-01-01", "2020-01-01T00:00:00Z", "2099-01-01"]),
        INTERNAL: st.integers(1, 4).map(str),
        PERSON: st.sampled_from(["P1", "P2"]),
    },
)
"""Some cells of a record; those of one that is held and of one that is sent differ by chance."""

SERIAL = itertools.count()
TABLE = st.dictionaries(st.integers(1, 4), SOME, min_size=1, max_size=4)
COLUMNS: tuple[str, ...] = (IR_ID, INTERNAL, "display_name", "description", "investor_type", PERSON, COUNTRY, MARKETS)
COLUMNS += (WORTH, f"{WORTH}@effective_from")


def table(prefix: str, rows: dict[int, Row]) -> list[Row]:
    """Rows as an extract, whose identifiers are nobody else's."""
    made = []
    for n, cells in rows.items():
        row = {**dict.fromkeys(COLUMNS, ""), **cells, IR_ID: f"{prefix}E{n}", "investor_type": "Person"}
        row[INTERNAL] = f"{prefix}I{row[INTERNAL]}" if row[INTERNAL] else ""
        row[PERSON] = row[PERSON] or "P1"
        row[f"{WORTH}@effective_from"] = row[f"{WORTH}@effective_from"] if row[WORTH] else ""
        made.append(row)
    return made


def hits(held: list[Row], rows: list[Row]) -> Counter[int]:
    """How many of the rows lead to each record that is held: two that lead to one race, and nobody can foresee that."""
    where = {value: n for n, row in enumerate(held) for value in (row[IR_ID], row[INTERNAL]) if value}
    return Counter(n for row in rows for n in {where[v] for v in (row[IR_ID], row[INTERNAL]) if v in where})


def settled(document: Any) -> Any:
    """A document without its version, with numbers by value and sets in order."""
    if isinstance(document, dict):
        found = {name: settled(value) for name, value in document.items() if name not in ("version", "links")}
        return {**found, "values": sorted(found["values"])} if isinstance(found.get("values"), list) else found
    return document


def observed(place: Desk, kind: Kind, rows: list[Row]) -> dict[str, str]:
    """What a load without a plan does with each key: LUSID's answers, and its data before and after."""
    before = place.documents(kind.stored)
    report = place.load(kind.operation, rows, **kind.options)
    after = place.documents(kind.stored)
    outcomes = pq.read_table(report.run_dir / "outcomes.parquet").to_pylist()
    found = {}
    for each in outcomes:
        if each["state"] != "accepted":
            found[each["key"]] = "refuse"
            continue
        (number,) = [n for n, held in after.items() if held[kind.own_id] == each["lusid_id"]]
        was = before.get(number)
        is_same = was is not None and settled(was) == settled(after[number])
        found[each["key"]] = "create" if was is None else "same" if is_same else "change"
    return found


def prediction_holds(place: Desk, kind: Kind, halves: Callable[[str], tuple[list[Row], list[Row]]]) -> None:
    """Compares the plan of one half of a desk with what happens to the other half, then follows the plan.

    Args:
        kind: what is planned.
        halves: what is held, and what is sent, of the half with a name.
    """
    prefix = f"T{next(SERIAL)}"
    seen, planned_for = f"{prefix}s", f"{prefix}p"
    for half in (seen, planned_for):
        place.load(kind.operation, halves(half)[0], **kind.options)
    sent = halves(planned_for)[1]
    planned = place.plan(kind.operation, sent, **kind.options)
    effects = {each["key"]: each["effect"] for each in lines(planned)}
    happened = {k.replace(seen, planned_for): what for k, what in observed(place, kind, halves(seen)[1]).items()}
    # The last digits of a number are lost on the way to us: it is sent again rather than taken for the same.
    allowed = {key for key, what in happened.items() if what == "same" and effects[key] == "change"}
    exact = {row[IR_ID] for row in sent if "1234567" in row.get(WORTH, "")}
    assert {key: what for key, what in effects.items() if key not in allowed & exact} == {
        key: what for key, what in happened.items() if key not in allowed & exact
    }
    report = place.load(kind.operation, sent, plan=str(planned.plan.file), **kind.options)
    states = {each["key"]: each for each in pq.read_table(report.run_dir / "outcomes.parquet").to_pylist()}
    assert {key: WHAT_IT_DOES[effect] for key, effect in effects.items()} == {
        key: (each["state"], each["change"]) for key, each in states.items()
    }
    if report.rows[State.ACCEPTED]:
        found = place.verify(report)
        assert found.counts[Result.AGREE] == found.counts.total() == report.keys[State.ACCEPTED]
    again = place.plan(kind.operation, sent, **kind.options)
    left = {key: effect for key, effect in effects.items() if effect == "refuse" or key in exact}
    assert {each["key"]: each["effect"] for each in lines(again) if each["effect"] != "same"}.keys() <= left.keys()


@pytest.mark.parametrize("examples", [12, pytest.param(200, marks=pytest.mark.soak)])
def test_what_a_plan_of_records_foresees_is_what_the_load_does(place: Desk, examples: int) -> None:
    @given(before=TABLE, rows=TABLE)
    @settings(max_examples=examples, phases=[Phase.generate])
    def holds(before: dict[int, Row], rows: dict[int, Row]) -> None:
        if all(n == 1 for n in hits(table("", before), table("", rows)).values()):
            prediction_holds(place, RECORDS, lambda half: (table(half, before), table(half, rows)))

    holds()


ACCOUNT = st.fixed_dictionaries(
    {
        "holders": st.sets(st.integers(1, 3), min_size=1),
        "display_name": st.sampled_from(["A", "B"]),
        "portfolios": st.sets(st.sampled_from(["PF1", "PF2"])),
    },
    optional={"description": st.sampled_from(["old", "new"]), DESK: st.sampled_from(["FX", "Rates"])},
)
"""An account, of which every holder and portfolio is a row."""

ACCOUNTS = st.dictionaries(st.integers(1, 4), ACCOUNT, min_size=1, max_size=4)


def account_rows(prefix: str, dialect: str, given: Mapping[int, Mapping[str, Any]]) -> list[Row]:
    """Rows of accounts whose identifiers are nobody else's; the list that is shorter leaves cells empty."""
    made = []
    for n, each in given.items():
        plain = {name: each.get(name, "") for name in ("display_name", "description", DESK)}
        pairs = itertools.zip_longest(sorted(each["holders"]), sorted(each["portfolios"]))
        for holder, portfolio in pairs:
            made.append(
                {
                    IA_ID: f"{prefix}A{n}",
                    **plain,
                    "account_type": "JointPersonal" if dialect == "2.1" else "Joint",
                    "scope": "MyScope",
                    "holder_key": f"Holder{holder}" if holder else "",
                    HOLDER: f"IR_{holder:04}" if holder else "",
                    "portfolio_key": portfolio or "",
                    "portfolio_scope": "Funds" if portfolio else "",
                    "portfolio_code": portfolio or "",
                }
            )
    return made


@pytest.mark.parametrize(
    ("dialect", "examples"),
    [("2.1", 5), ("2.3", 5), *(pytest.param(each, 100, marks=pytest.mark.soak) for each in ("2.1", "2.3"))],
)
def test_what_a_plan_of_accounts_foresees_is_what_the_load_does(tmp_path: Path, dialect: str, examples: int) -> None:
    scope = {"scope": "MyScope"} if dialect == "2.3" else {}
    with desk(tmp_path, dialect) as place:
        place.load("investor-records", [investor(n, scope) for n in (1, 2, 3)], dialect=dialect)

        @example(
            before={1: {"holders": {1, 2}, "display_name": "A", "portfolios": {"PF1"}}},
            rows={1: {"holders": {2}, "display_name": "A", "portfolios": {"PF1"}}},
        )
        @given(before=ACCOUNTS, rows=ACCOUNTS)
        @settings(max_examples=examples, phases=[Phase.explicit, Phase.generate])
        def holds(before: dict[int, Any], rows: dict[int, Any]) -> None:
            def halves(half: str) -> tuple[list[Row], list[Row]]:
                return account_rows(half, dialect, before), account_rows(half, dialect, rows)

            prediction_holds(place, accounts(dialect), halves)

        holds()
