"""The rows that are planted in the sample to fail, what is wrong with each, and how to correct it.

Each can be corrected by editing cells of failures.csv. Their keys contain a Z, so that no drawn row has the same. Knows
no files; data/README.md shows the rows as a table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from pipelines.sample import accounts, investors, orders
from pipelines.sample.investors import InvestorTable, lei, reference
from pipelines.sample.plan import Plan
from pipelines.sample.planting import Planted, PlantedRows
from schemas.states import State

NOBODY = "IR_Z9999999"
"""A holder that is in no file."""

_LEI_SERIAL = 9_999_999_900


def planted_rows(plan: Plan) -> PlantedRows:
    """The planted rows: the same for any size, except that the valid holders they name depend on the seed."""
    return PlantedRows(tuple(_investors()), tuple(_accounts(InvestorTable(plan))), tuple(_orders(plan)))


def _investor(serial: int, row: int, name: str, state: State, flaw: str) -> Planted:
    """A valid row of a person, to be spoilt afterwards."""
    cells = {
        "display_name": name,
        "investor_type": "Person",
        investors.EXTERNAL: f"IR_Z{serial:07d}",
        investors.INTERNAL: f"Z{serial:07d}",
        investors.PERSON: f"XYZ{serial:07d}",
        investors.NAME: name,
        investors.COUNTRY: "United Kingdom",
        investors.COUNTRY_FROM: "2016-01-01",
        investors.NET_WORTH: "125000.00",
        investors.NET_WORTH_UNIT: "GBP",
        investors.MARKET_LABELS: "Equities|FX",
    }
    return Planted(row, cells, state, flaw)


def _spoil(planted: Planted, column: str, wrong: str, right: str, **others: Any) -> Planted:
    """The row with one wrong cell, and the right text as its cure.

    Args:
        planted: the row.
        column: the column of the cell.
        wrong: the wrong text.
        right: the text that corrects it.
        others: what else the row has, as fields of `Planted`.
    """
    return replace(planted, cells={**planted.cells, column: wrong}, cure={column: right}, **others)


def _investors() -> Iterator[Planted]:
    bad = State.INVALID
    yield _spoil(
        _investor(1, 42, "Nora O'Shea", bad, "`display_name` is missing"),
        "display_name", "", "Nora O'Shea",
    )  # fmt: skip
    yield _spoil(
        _investor(2, 107, "Piotr Żuk", bad, "`investor_type` is `Persn`, a near miss"),
        "investor_type", "Persn", "Person",
    )  # fmt: skip
    yield _spoil(
        _investor(3, 215, "Inès Caron", bad, "a spreadsheet turned the key into `1.23457E+11`"),
        investors.EXTERNAL, "1.23457E+11", "IR_Z0000003",
    )  # fmt: skip
    copied = _investor(4, 300, "Tideway, Marsh & Co", State.ACCEPTED, "nothing: row 640 is its copy")
    entity = {"investor_type": "LegalEntity", investors.PERSON: "", investors.LEGAL_ENTITY: lei(_LEI_SERIAL)}
    copied = replace(copied, cells={**copied.cells, **entity})
    yield copied
    yield _spoil(
        _investor(5, 388, "Ruth Ayers", bad, "the net worth `2.5m` is not a number"),
        investors.NET_WORTH, "2.5m", "2500000.00",
    )  # fmt: skip
    yield _spoil(
        _investor(6, 451, "Gael Ortiz", bad, "the date `31/12/2019` is in no declared format"),
        investors.COUNTRY_FROM, "31/12/2019", "2019-12-31", client={investors.COUNTRY_FROM: "12/31/2019"},
    )  # fmt: skip
    yield _investor(7, 520, "Lena Voss", bad, "the same key as row 777, with another name")
    yield replace(copied, row=640, state=State.DUPLICATE, flaw="an exact copy of row 300")
    yield _spoil(
        _investor(7, 777, "Lena Voss", bad, "the same key as row 520, with another name"),
        "display_name", "Lena Voss-Kerr", "Lena Voss",
    )  # fmt: skip


def _account(serial: int, row: int, kind: str, holder: str, nth: int = 1) -> Planted:
    """A valid row of an account, to be spoilt afterwards."""
    cells = {
        accounts.EXTERNAL: f"IA_Z{serial:07d}",
        accounts.INTERNAL: f"Z{serial:07d}",
        "display_name": f"Planted account {serial}",
        "account_type": kind,
        accounts.NAME: f"Planted account {serial}",
        accounts.COUNTRY: "United Kingdom",
        accounts.COUNTRY_FROM: "2016-01-01",
        "holder_key": f"AccountHolder{nth}",
        accounts.HOLDER: holder,
    }
    if nth == 1:
        cells |= {
            "portfolio_key": "Portfolio1",
            "portfolio_scope": accounts.PORTFOLIO_SCOPE,
            "portfolio_code": f"PFZ{serial:06d}A",
        }
    return Planted(row, cells, State.INVALID, "")


def _accounts(drawn: InvestorTable) -> Iterator[Planted]:
    person, other = (reference(drawn.person(group)) for group in (0, 1))
    entity = reference(drawn.entity(0))
    yield _held(_account(1, 60, "Personal", "IR_Z0000001"), "investors row 42")
    for nth, holder in enumerate((person, other), start=1):
        flaw = "`account_type` is `Joint`, a near miss (a word of dialect 2.3)"
        yield _spoil(_account(2, 119 + nth, "", holder, nth), "account_type", "Joint", "JointPersonal", flaw=flaw)
    yield _held(_account(3, 333, "Personal", "IR_Z0000002"), "investors row 107")
    yield replace(_account(4, 500, "JointPersonal", person), flaw="row 501 gives the account another name")
    yield _spoil(
        _account(4, 501, "JointPersonal", other, 2),
        "display_name", "Planted account four", "Planted account 4",
        flaw="`display_name` differs from row 500 of the same account",
    )  # fmt: skip
    yield _spoil(
        _account(5, 700, "Personal", ""), accounts.HOLDER, NOBODY, person,
        state=State.FAILED, flaw=f"the holder `{NOBODY}` does not exist",
    )  # fmt: skip
    yield _spoil(
        _account(6, 850, "", entity), "account_type", "Personal", "Corporate",
        state=State.FAILED, flaw="a Personal account whose holder is a legal entity",
    )  # fmt: skip
    yield _held(_account(7, 1000, "JointPersonal", person), "investors row 388 (row 1001 names it)")
    yield _held(_account(7, 1001, "JointPersonal", "IR_Z0000005", 2), "investors row 388")


def _held(account: Planted, parent: str) -> Planted:
    flaw = f"nothing: its holder, {parent}, is refused (loaded alone, it is failed)"
    return replace(account, state=State.HELD, flaw=flaw)


def _order(block: int, serial: int, row: int, day: str) -> Planted:
    """A valid market order, to be spoilt afterwards."""
    cells = {
        "block_scope": orders.SCOPE,
        "block_code": f"BLOCKZ{block:07d}",
        "order_scope": orders.SCOPE,
        "order_code": f"ORDERZ{serial:07d}",
        orders.FIGI: "BBG00SKMF2Q8",
        "quantity": "1000",
        "side": "Buy",
        "type": "Market",
        "time_in_force": "Day",
        "date": f"{day}T09:30:00Z",
        "order_date": f"{day}T09:00:00Z",
        "state": "New",
        orders.DESK: "Treasury",
        orders.TRADER: "s.clarke",
    }
    return Planted(row, cells, State.INVALID, "")


def _orders(plan: Plan) -> Iterator[Planted]:
    day = plan.business_date.isoformat()
    serial = count(1)
    flaw = "the quantity `1,000` has a thousands separator"
    yield _spoil(_order(1, next(serial), 150, day), "quantity", "1,000", "1000", flaw=flaw)
    yield from _priceless(2, [next(serial) for _ in range(2)], 600, day)
    yield replace(_order(3, next(serial), 1234, day), flaw="nothing: row 1235 of the same block is refused")
    code = f"ORDERZ{next(serial):07d}"
    yield _spoil(_order(3, 0, 1235, day), "order_code", "", code, flaw="`order_code` is missing")
    yield from _priceless(4, [next(serial)], 2000, day)
    yield from _priceless(5, [next(serial) for _ in range(3)], 2750, day)


def _priceless(block: int, serials: Sequence[int], row: int, day: str) -> Iterator[Planted]:
    for nth, serial in enumerate(serials):
        order = replace(_order(block, serial, row + nth, day), state=State.FAILED)
        yield _spoil(order, "type", "Limit", "Market", flaw="a Limit block without a limit price")
