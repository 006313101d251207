"""The parts that orders, placements, executions and allocations share: ids, prices, instruments, and their rules."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from schemas.dialects import ONLY_2_1, ONLY_2_3, Dialect
from schemas.requests.properties import Wire, number
from schemas.rows.cells import (
    Code,
    Currency,
    DecimalText,
    Instrument,
    NeededCode,
    NeededResourceCode,
    ResourceCode,
)
from schemas.rows.columns import Columns, Family, Plain, Row

INSTRUMENT = Family(
    "instrument",
    ("Instrument",),
    Instrument,
    "what is traded, by one or more identifiers",
    "instrument:Instrument/default/Figi",
    needed=True,
    member="instrumentIdentifiers",
    most=25,
)


def needed_id(prefix: str, about: str, code: str) -> tuple[Plain, Plain]:
    """The two columns of a ResourceId that every row must fill.

    Args:
        prefix: the beginning of the column names.
        about: the entity, as the descriptions of the columns name it.
        code: an example of its code.
    """
    return (
        Plain(f"{prefix}_scope", NeededCode, f"{about}'s scope", "MyScope", needed=True),
        Plain(f"{prefix}_code", NeededResourceCode, f"{about}'s code", code, needed=True),
    )


def id_columns(
    prefix: str, about: str, dialects: frozenset[Dialect] = frozenset(Dialect), code: Any = ResourceCode
) -> tuple[Plain, Plain]:
    """The two columns of a ResourceId that a row may fill.

    Args:
        prefix: the beginning of the column names.
        about: the entity, as the descriptions of the columns name it.
        dialects: those that have the columns.
        code: the type of its code.
    """
    beside = (f"{prefix}_code",)
    return (
        Plain(f"{prefix}_scope", Code, f"scope of {about}", "MyScope", dialects=dialects, beside=beside),
        Plain(f"{prefix}_code", code, f"code of {about}", "CODE-1", dialects=dialects),
    )


def money_columns(
    value: str, currency: str, about: str, dialects: frozenset[Dialect] = frozenset(Dialect)
) -> tuple[Plain, Plain]:
    """The two columns of a CurrencyAndAmount.

    Args:
        value: the name of the amount's column.
        currency: the name of the currency's column.
        about: the description of the amount.
        dialects: those that have the columns.
    """
    return (
        Plain(value, DecimalText, about, "534.25", dialects=dialects),
        Plain(currency, Currency, f"currency of {value}", "USD", dialects=dialects, qualifies=True, beside=(value,)),
    )


def quantity_columns(about: str) -> tuple[Plain, Plain]:
    """The column of a quantity, which dialect 2.1 demands and 2.3 does not.

    Args:
        about: the description of the quantity.
    """
    return (
        Plain("quantity", DecimalText, about, "100", needed=True, dialects=ONLY_2_1),
        Plain("quantity", DecimalText, f"{about}; or an amount, or both", "100", dialects=ONLY_2_3),
    )


def check_instrument(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    """A row must name an instrument."""
    if not any(row[name] for name in columns.values_of("instrument")):
        yield "instrument:", "at least one of the instrument: columns must be filled"


def check_quantity(row: Row, _columns: Columns) -> Iterable[tuple[str, str]]:
    """A row must give a quantity."""
    yield from check_filled(row, "quantity")


def check_quantity_or_amount(row: Row, _columns: Columns) -> Iterable[tuple[str, str]]:
    """A row must give either a quantity or an amount."""
    if not row.get("quantity") and not row.get("amount"):
        yield "quantity", "is missing"
    if row.get("quantity") and row.get("amount"):
        yield "amount", "is given as well as a quantity: with --strict a row has one of them"


def check_together(row: Row, first: str, second: str) -> Iterable[tuple[str, str]]:
    """Two cells must both be filled or both be empty: an amount and its currency, a scope and its code.

    Args:
        row: the row.
        first: the column of the one cell.
        second: the column of the other.
    """
    if bool(row.get(first)) != bool(row.get(second)):
        absent, there = (second, first) if row.get(first) else (first, second)
        yield absent, f"is missing, although {there} is given"


LIMITED = frozenset({"limit", "stoplimit"})
STOPPED = frozenset({"stop", "stoplimit"})
"""Types of orders, in small letters, that are nothing without their limit price, or stop price."""


def check_money(row: Row, value: str, currency: str, needing: Collection[str] = ()) -> Iterable[tuple[str, str]]:
    """An amount needs its currency; a currency without one says nothing, unless the type of the order needs it.

    Args:
        row: the row.
        value: the column of the amount.
        currency: the column of its currency.
        needing: types of orders that need the amount; whether any needs one where no currency is given, LUSID says.
    """
    if row.get(value) and not row.get(currency):
        yield currency, f"is missing, although {value} is given"
    elif row.get(currency) and not row.get(value) and str(row.get("type", "")).lower() in needing:
        yield value, f"is missing, although {currency} is given and the order's type needs it"


def check_filled(row: Row, *columns: str) -> Iterable[tuple[str, str]]:
    """A row must fill these cells; for columns whose type does not demand it."""
    for column in columns:
        if not row.get(column):
            yield column, "is missing"


def texts(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    """The members that are texts or times, from (member, column) pairs; empty cells are left out."""
    return {member: row[column] for member, column in members if row.get(column)}


def numbers(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    """The members that are exact numbers, from (member, column) pairs; empty cells are left out."""
    return {member: number(row[column]) for member, column in members if row.get(column)}


def moneys(row: Row, members: Iterable[tuple[str, str, str]]) -> Wire:
    """The CurrencyAndAmount members, from (member, amount column, currency column); empty ones are left out."""
    return {member: money(row, value, currency) for member, value, currency in members if row.get(value)}


def money(row: Row, value: str, currency: str) -> Wire:
    """A CurrencyAndAmount from two columns.

    Args:
        row: the row.
        value: the column of the amount.
        currency: the column of the currency.
    """
    return {"amount": number(row[value]), "currency": row[currency]}


def resource_id(row: Row, prefix: str) -> Wire:
    """A ResourceId from `<prefix>_scope` and `<prefix>_code`."""
    return {"scope": row[f"{prefix}_scope"], "code": row[f"{prefix}_code"]}


def resource_ids(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    """The members that are ResourceIds, from (member, prefix) pairs; empty ones are left out."""
    return {member: resource_id(row, prefix) for member, prefix in members if row.get(f"{prefix}_code")}


def id_request(prefix: str) -> Callable[[Columns, Dialect], Callable[[Row], Wire]]:
    """The builder of requests that are a ResourceId and nothing else."""
    return lambda _columns, _dialect: lambda row: resource_id(row, prefix)
