"""Orders: blocks and the orders in them. One row is one order; the rows of one block are one request.

POST /api/ordermanagement/createorders, BlockAndOrdersRequest.
"""

from collections.abc import Callable, Iterable, Sequence

from schemas.columns import Columns, Family, Plain, Row, RowShape
from schemas.dialects import Dialect
from schemas.members import Member, member_list
from schemas.properties import (
    Wire,
    number,
    plain_identifiers_of,
    properties_of,
    property_families,
)
from schemas.times import TimeText
from schemas.values import Code, Currency, DecimalText, Instrument, NeededCode, Word

ORDER_PLAIN = (
    "order_scope",
    "order_code",
    "quantity",
    "amount",
    "amount_currency",
    "order_side",
    "order_date",
    "state",
    "price",
    "price_currency",
    "portfolio_scope",
    "portfolio_code",
    "order_book_scope",
    "order_book_code",
    "order_instruction_scope",
    "order_instruction_code",
    "package_scope",
    "package_code",
    "custodian_account_scope",
    "custodian_account_code",
)
ORDER = Member("order", (*ORDER_PLAIN, "property:", "metric:", "labels:"), ("order_scope", "order_code"))
_ONLY_2_3 = frozenset({Dialect.V2_3})
_IDS = (
    ("portfolioId", "portfolio"),
    ("orderBookId", "order_book"),
    ("orderInstruction", "order_instruction"),
    ("package", "package"),
    ("custodianAccountId", "custodian_account"),
)
_BLOCK_TEXTS = (("side", "side"), ("type", "type"), ("timeInForce", "time_in_force"), ("date", "date"))
_BLOCK_PRICES = (("limitPrice", "limit_price", "limit_currency"), ("stopPrice", "stop_price", "stop_currency"))
_ORDER_TEXTS = (("state", "state"), ("date", "order_date"), ("side", "order_side"))
_ORDER_PRICES = (("amount", "amount", "amount_currency"), ("price", "price", "price_currency"))


_PAIRS = (
    *((value, currency) for _, value, currency in (*_BLOCK_PRICES, *_ORDER_PRICES)),
    *((f"{prefix}_scope", f"{prefix}_code") for _, prefix in _IDS),
)
"""Columns that mean something only together."""


def together(row: Row, first: str, second: str) -> Iterable[tuple[str, str]]:
    """Two cells that mean something only together: an amount and its currency, a scope and its code."""
    if bool(row.get(first)) != bool(row.get(second)):
        absent, there = (second, first) if row.get(first) else (first, second)
        yield absent, f"is missing: {there} is given"


def _check(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    if not any(row[name] for name in columns.values_of("instrument")):
        yield "instrument:", "at least one of the instrument: columns must be filled"
    for first, second in _PAIRS:
        yield from together(row, first, second)
    if not row.get("quantity") and not row.get("amount"):
        yield "quantity", "is missing"
    if row.get("quantity") and row.get("amount"):
        yield "amount", "is given beside a quantity: LUSID takes one of them"


def _id_columns(prefix: str, about: str, dialects: frozenset[Dialect] = frozenset(Dialect)) -> tuple[Plain, ...]:
    return (
        Plain(
            f"{prefix}_scope",
            Code,
            f"scope of {about}",
            "MyScope",
            dialects=dialects,
            beside=(f"{prefix}_code",),
        ),
        Plain(f"{prefix}_code", Code, f"code of {about}", "CODE-1", dialects=dialects),
    )


ORDER_ROW = RowShape(
    plain=(
        Plain("block_scope", NeededCode, "the block's scope", "MyScope", needed=True),
        Plain("block_code", NeededCode, "the block's code", "BLOCK00000123", needed=True),
        Plain("order_scope", NeededCode, "the order's scope", "MyScope", needed=True),
        Plain("order_code", NeededCode, "the order's code", "ORDER00000123", needed=True),
        Plain("quantity", DecimalText, "how much to trade (2.3: or an amount)", "100"),
        Plain(
            "amount",
            DecimalText,
            "how much money to trade, in place of a quantity",
            "2500.00",
            dialects=_ONLY_2_3,
        ),
        Plain(
            "amount_currency",
            Currency,
            "the amount's currency",
            "GBP",
            dialects=_ONLY_2_3,
            beside=("amount",),
        ),
        Plain("side", Word, "the block's side", "Buy"),
        Plain("type", Word, "the block's order type", "Limit"),
        Plain("time_in_force", Word, "how long the block's orders stand", "GoodTilCancel"),
        Plain("date", TimeText, "the block's date", "2026-11-20T08:15:00Z"),
        Plain("limit_price", DecimalText, "the block's limit price", "534"),
        Plain("limit_currency", Currency, "the limit price's currency", "USD", beside=("limit_price",)),
        Plain("stop_price", DecimalText, "the block's stop price", "530"),
        Plain("stop_currency", Currency, "the stop price's currency", "USD", beside=("stop_price",)),
        Plain("order_side", Word, "the order's side, where it is not the block's", "Buy"),
        Plain("order_date", TimeText, "the order's date", "2026-11-20T08:15:00Z"),
        Plain("state", Word, "the order's state", "New"),
        Plain("price", DecimalText, "the order's price", "533.5"),
        Plain("price_currency", Currency, "the price's currency", "USD", beside=("price",)),
        *_id_columns("portfolio", "the order's portfolio"),
        *_id_columns("order_book", "the order book"),
        *_id_columns("order_instruction", "the order instruction"),
        *_id_columns("package", "the package"),
        *_id_columns("custodian_account", "the custodian account", _ONLY_2_3),
    ),
    families=(
        Family(
            "instrument",
            ("Instrument",),
            Instrument,
            "what is traded, by one or more identifiers",
            "instrument:Instrument/default/Figi",
            needed=True,
            member="instrumentIdentifiers",
            most=25,
        ),
        *property_families("Order", dated=False),
        *property_families("Block", dated=False, prefix="block_"),
    ),
    check=_check,
    together=_PAIRS,
    one_of=("quantity", "amount"),
)


def block_request(columns: Columns, dialect: Dialect) -> Callable[[Sequence[Row]], Wire]:
    """Builds a BlockAndOrdersRequest from the validated rows of one block. Both dialects share the shape."""
    del dialect
    order = _order(columns)
    instrument = plain_identifiers_of(columns, "instrument")
    properties = properties_of(columns, "block_")
    has_properties = columns.has_any("block_property:", "block_metric:", "block_labels:")

    def build(rows: Sequence[Row]) -> Wire:
        row = rows[0]
        body: Wire = {
            "blockId": resource_id(row, "block"),
            "orders": member_list(rows, ORDER, order),
        }
        if has_properties:
            body["blockProperties"] = properties(row)
        body["instrumentIdentifiers"] = instrument(row)
        body.update(_filled(row, _BLOCK_TEXTS), **_moneys(row, _BLOCK_PRICES))
        return body

    return build


def _order(columns: Columns) -> Callable[[Row], Wire]:
    properties = properties_of(columns)
    has_properties = columns.has_any("property:", "metric:", "labels:")
    ids = [(member, prefix) for member, prefix in _IDS if f"{prefix}_code" in columns]

    def build(row: Row) -> Wire:
        body: Wire = {"properties": properties(row)} if has_properties else {}
        if row.get("quantity"):
            body["quantity"] = number(row["quantity"])
        body["id"] = resource_id(row, "order")
        body.update(_filled(row, _ORDER_TEXTS), **_moneys(row, _ORDER_PRICES))
        body.update((member, resource_id(row, prefix)) for member, prefix in ids if row[f"{prefix}_code"])
        return body

    return build


def _filled(row: Row, members: Iterable[tuple[str, str]]) -> Wire:
    return {member: row[column] for member, column in members if row.get(column)}


def _moneys(row: Row, members: Iterable[tuple[str, str, str]]) -> Wire:
    return {member: money(row, value, currency) for member, value, currency in members if row.get(value)}


def resource_id(row: Row, prefix: str) -> Wire:
    """A ResourceId from `<prefix>_scope` and `<prefix>_code`."""
    return {"scope": row[f"{prefix}_scope"], "code": row[f"{prefix}_code"]}


def money(row: Row, value: str, currency: str) -> Wire:
    """A CurrencyAndAmount from two columns."""
    return {"amount": number(row[value]), "currency": row[currency]}
