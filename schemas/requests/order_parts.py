"""What orders, placements, executions and allocations are made of: ids, prices, instruments, and their rules."""

from collections.abc import Iterable

from schemas.dialects import Dialect
from schemas.requests.properties import Wire, number
from schemas.rows.cells import Code, Currency, DecimalText, Instrument, NeededCode
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
    """The two columns of a ResourceId that every row has."""
    return (
        Plain(f"{prefix}_scope", NeededCode, f"{about}'s scope", "MyScope", needed=True),
        Plain(f"{prefix}_code", NeededCode, f"{about}'s code", code, needed=True),
    )


def id_columns(prefix: str, about: str, dialects: frozenset[Dialect] = frozenset(Dialect)) -> tuple[Plain, Plain]:
    """The two columns of a ResourceId that a row may have."""
    beside = (f"{prefix}_code",)
    return (
        Plain(f"{prefix}_scope", Code, f"scope of {about}", "MyScope", dialects=dialects, beside=beside),
        Plain(f"{prefix}_code", Code, f"code of {about}", "CODE-1", dialects=dialects),
    )


def money_columns(
    value: str, currency: str, about: str, dialects: frozenset[Dialect] = frozenset(Dialect)
) -> tuple[Plain, Plain]:
    """The two columns of a CurrencyAndAmount."""
    return (
        Plain(value, DecimalText, about, "534.25", dialects=dialects),
        Plain(currency, Currency, f"currency of {value}", "USD", dialects=dialects, beside=(value,)),
    )


def an_instrument(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    """Something must be traded."""
    if not any(row[name] for name in columns.values_of("instrument")):
        yield "instrument:", "at least one of the instrument: columns must be filled"


def quantity_or_amount(row: Row) -> Iterable[tuple[str, str]]:
    """Exactly one of the two says how much."""
    if not row.get("quantity") and not row.get("amount"):
        yield "quantity", "is missing"
    if row.get("quantity") and row.get("amount"):
        yield "amount", "is given beside a quantity: LUSID takes one of them"


def together(row: Row, first: str, second: str) -> Iterable[tuple[str, str]]:
    """Two cells that mean something only together: an amount and its currency, a scope and its code."""
    if bool(row.get(first)) != bool(row.get(second)):
        absent, there = (second, first) if row.get(first) else (first, second)
        yield absent, f"is missing: {there} is given"


def missing(row: Row, *columns: str) -> Iterable[tuple[str, str]]:
    """Cells that every row must fill, where their type does not say so."""
    for column in columns:
        if not row.get(column):
            yield column, "is missing"


def filled(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    """Members of texts and times, from (member, column) pairs; empty cells are left out."""
    return {member: row[column] for member, column in members if row.get(column)}


def numbers(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    """Members of exact numbers, from (member, column) pairs."""
    return {member: number(row[column]) for member, column in members if row.get(column)}


def moneys(row: Row, members: Iterable[tuple[str, str, str]]) -> Wire:
    """Members of CurrencyAndAmount, from (member, value column, currency column)."""
    return {member: money(row, value, currency) for member, value, currency in members if row.get(value)}


def money(row: Row, value: str, currency: str) -> Wire:
    """A CurrencyAndAmount from two columns."""
    return {"amount": number(row[value]), "currency": row[currency]}


def resource_id(row: Row, prefix: str) -> Wire:
    """A ResourceId from `<prefix>_scope` and `<prefix>_code`."""
    return {"scope": row[f"{prefix}_scope"], "code": row[f"{prefix}_code"]}


def resource_ids(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    """Members that are ResourceIds, from (member, prefix) pairs; empty ones are left out."""
    return {member: resource_id(row, prefix) for member, prefix in members if row.get(f"{prefix}_code")}
