"""Blocks and the orders in them. One row is one order; the rows of one block are one request.

POST /api/ordermanagement/createorders, BlockAndOrdersRequest.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.dialects import ONLY_2_3, Dialect
from schemas.requests import order_parts as parts
from schemas.requests.members import Gathered, Member
from schemas.requests.properties import Wire, plain_identifiers_of, properties_member, property_families
from schemas.rows.cells import Code, Currency, DecimalText, Word
from schemas.rows.columns import Columns, Plain, Row, RowShape
from schemas.rows.times import TimeText

_IDS = (
    ("portfolioId", "portfolio"),
    ("orderBookId", "order_book"),
    ("orderInstruction", "order_instruction"),
    ("package", "package"),
    ("custodianAccountId", "custodian_account"),
)
ORDER_PLAIN = (
    *("order_scope", "order_code", "quantity", "amount", "amount_currency"),
    *("order_side", "order_date", "state", "price", "price_currency"),
    *(f"{prefix}_{part}" for _, prefix in _IDS for part in ("scope", "code")),
)
ORDER = Member("order", (*ORDER_PLAIN, "property:", "metric:", "labels:"), ("order_scope", "order_code"))

_BLOCK_TEXTS = (("side", "side"), ("type", "type"), ("timeInForce", "time_in_force"), ("date", "date"))
_BLOCK_PRICES = (("limitPrice", "limit_price", "limit_currency"), ("stopPrice", "stop_price", "stop_currency"))
_ORDER_TEXTS = (("state", "state"), ("date", "order_date"), ("side", "order_side"))
_ORDER_PRICES = (("amount", "amount", "amount_currency"), ("price", "price", "price_currency"))


_MONEY_PAIRS = tuple((value, currency) for _, value, currency in (*_BLOCK_PRICES, *_ORDER_PRICES))
_ID_PAIRS = tuple((f"{prefix}_scope", f"{prefix}_code") for _, prefix in _IDS)
"""Columns that must both be filled or both be empty."""
_NEEDING = {"limit_price": parts.LIMITED, "stop_price": parts.STOPPED}


def _check(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    yield from parts.check_instrument(row, columns)
    for first, second in _ID_PAIRS:
        yield from parts.check_together(row, first, second)
    for value, currency in _MONEY_PAIRS:
        yield from parts.check_money(row, value, currency, _NEEDING.get(value, ()))


ORDER_ROW = RowShape(
    plain=(
        *parts.needed_id("block", "the block", "BLOCK00000123"),
        *parts.needed_id("order", "the order", "ORDER00000123"),
        *parts.quantity_columns("how much to trade"),
        Plain("amount", DecimalText, "how much money to trade, in place of a quantity", "2500.00", dialects=ONLY_2_3),
        Plain(
            "amount_currency",
            Currency,
            "the amount's currency",
            "GBP",
            dialects=ONLY_2_3,
            qualifies=True,
            beside=("amount",),
        ),
        Plain("side", Word, "the block's side", "Buy"),
        Plain("type", Word, "the block's order type", "Limit", ruled=True),
        Plain("time_in_force", Word, "how long the block's orders stand", "GoodTilCancel"),
        Plain("date", TimeText, "the block's date", "2026-11-20T08:15:00Z"),
        Plain("limit_price", DecimalText, "the block's limit price", "534"),
        Plain("limit_currency", Currency, "the limit price's currency", "USD", qualifies=True, beside=("limit_price",)),
        Plain("stop_price", DecimalText, "the block's stop price", "530"),
        Plain("stop_currency", Currency, "the stop price's currency", "USD", qualifies=True, beside=("stop_price",)),
        Plain("order_side", Word, "the order's side, where it is not the block's", "Buy"),
        Plain("order_date", TimeText, "the order's date", "2026-11-20T08:15:00Z"),
        Plain("state", Word, "the order's state", "New"),
        Plain("price", DecimalText, "the order's price", "533.5"),
        Plain("price_currency", Currency, "the price's currency", "USD", qualifies=True, beside=("price",)),
        *parts.id_columns("portfolio", "the order's portfolio", code=Code),
        *parts.id_columns("order_book", "the order book"),
        *parts.id_columns("order_instruction", "the order instruction"),
        *parts.id_columns("package", "the package"),
        *parts.id_columns("custodian_account", "the custodian account", ONLY_2_3, Code),
    ),
    families=(
        parts.INSTRUMENT,
        *property_families("Order", dated=False),
        *property_families("Block", dated=False, prefix="block_"),
    ),
    check=_check,
    check_in={Dialect.V2_1: parts.check_quantity},
    check_strictly=parts.check_quantity_or_amount,
    together=(*_MONEY_PAIRS, *_ID_PAIRS),
)


def block_request(columns: Columns, _dialect: Dialect) -> Gathered:
    """Returns what builds a BlockAndOrdersRequest, alike in all dialects, from the rows of one block."""
    instrument = plain_identifiers_of(columns, "instrument")
    properties = properties_member(columns, "blockProperties", "block_")

    def whole(row: Row, lists: Mapping[Member, Any]) -> Wire:
        body: Wire = {"blockId": parts.resource_id(row, "block"), "orders": lists[ORDER]}
        body.update(properties(row))
        body["instrumentIdentifiers"] = instrument(row)
        body.update(parts.texts(row, _BLOCK_TEXTS), **parts.moneys(row, _BLOCK_PRICES))
        return body

    return Gathered(whole, {ORDER: _order(columns)})


def _order(columns: Columns) -> Callable[[Row], Wire]:
    properties = properties_member(columns)

    def build(row: Row) -> Wire:
        body: Wire = {**properties(row), **parts.numbers(row, (("quantity", "quantity"),))}
        body["id"] = parts.resource_id(row, "order")
        body.update(parts.texts(row, _ORDER_TEXTS), **parts.moneys(row, _ORDER_PRICES))
        body.update(parts.resource_ids(row, _IDS))
        return body

    return build
