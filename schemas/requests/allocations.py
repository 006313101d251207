"""Placements to allocate, and allocations to book as transactions. One row is one id.

POST /api/ordermanagement/allocate takes a bare list of placement ids; booktransactions takes a list of allocation ids
and properties for the transactions. The algorithm and those properties apply to a whole call, but rows give them in
columns: rows that differ in them go into different calls.
"""

from collections.abc import Callable
from typing import NamedTuple

import orjson

from schemas.dialects import ALL_BUT_LEGACY, ONLY_2_3, Dialect
from schemas.requests.order_parts import needed_id
from schemas.requests.placements import PLACEMENT_ID
from schemas.requests.properties import properties_member, property_families
from schemas.rows.cells import Code, Switch, Word
from schemas.rows.columns import Columns, Plain, Row, RowShape


class CallParameters(NamedTuple):
    """The parameters that apply to a whole call.

    Attributes:
        params: the query.
        members: encoded members that follow the list of ids in the body, each with a comma before it.
    """

    params: tuple[tuple[str, str], ...] = ()
    members: bytes = b""


ALLOCATION = RowShape(
    plain=(
        *PLACEMENT_ID,
        Plain("allocation_algorithm", Code, "how fills are shared out; LUSID's default is PR-FIFO", "PR-FIFO"),
    )
)

BOOKING = RowShape(
    plain=(
        *needed_id("allocation", "the allocation", "ALLOC00000123"),
        Plain(
            "apply_fees_and_commission",
            Switch,
            "whether fee rules apply: true (LUSID's default) or false",
            "true",
            dialects=ALL_BUT_LEGACY,
        ),
        Plain(
            "mark_as_booked",
            Switch,
            "whether orders and allocations are marked as booked: true or false",
            "true",
            dialects=ALL_BUT_LEGACY,
        ),
        Plain(
            "fx_instrument_type",
            Word,
            "the instrument type of FX orders",
            "None",
            dialects=ONLY_2_3,
            words={Dialect.V2_3: ("None", "FxForward", "FxSpot")},
        ),
    ),
    families=property_families("Transaction", dated=False, dialects=ALL_BUT_LEGACY),
)


def allocation_call(_columns: Columns, _dialect: Dialect) -> Callable[[Row], CallParameters]:
    """Returns a function that reads the call parameters from a row of `allocate`."""
    return lambda row: CallParameters(_params(row, ("allocationAlgorithm", "allocation_algorithm")))


def booking_call(columns: Columns, _dialect: Dialect) -> Callable[[Row], CallParameters]:
    """Returns a function that reads the call parameters from a row of `book-transactions`."""
    properties = properties_member(columns, "transactionProperties")
    query = (
        ("applyFeesAndCommission", "apply_fees_and_commission"),
        ("markOrdersAndAllocationsAsBooked", "mark_as_booked"),
    )

    def call(row: Row) -> CallParameters:
        members = properties(row)
        if row.get("fx_instrument_type"):
            members["fxInstrumentType"] = row["fx_instrument_type"]
        return CallParameters(_params(row, *query), b"," + orjson.dumps(members)[1:-1] if members else b"")

    return call


def _params(row: Row, *query: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, row[column]) for name, column in query if row.get(column))
