"""Changes of orders that exist. One row is one order; what a row leaves empty stays as it is in LUSID.

POST /api/ordermanagement/updateorders, OrderUpdateRequest.
"""

from collections.abc import Callable, Iterable

from schemas.dialects import ONLY_2_3, Dialect
from schemas.requests import order_parts as parts
from schemas.requests.properties import Wire, properties_member, property_families
from schemas.rows.cells import Code, DecimalText, Word
from schemas.rows.columns import Columns, Plain, Row, RowShape
from schemas.rows.times import TimeText

_MONEYS = (
    ("amount", "amount", "amount_currency"),
    ("price", "price", "price_currency"),
    ("limitPrice", "limit_price", "limit_currency"),
    ("stopPrice", "stop_price", "stop_currency"),
)
_PAIRS = (*((value, currency) for _, value, currency in _MONEYS), ("portfolio_scope", "portfolio_code"))
"""Columns that must both be filled or both be empty."""


def _check(row: Row, _columns: Columns) -> Iterable[tuple[str, str]]:
    for first, second in _PAIRS:
        yield from parts.check_together(row, first, second)


ORDER_UPDATE = RowShape(
    plain=(
        *parts.needed_id("order", "the order", "ORDER00000123"),
        Plain("quantity", DecimalText, "the new quantity", "100"),
        *parts.money_columns("amount", "amount_currency", "the new amount", ONLY_2_3),
        *parts.id_columns("portfolio", "the order's new portfolio", code=Code),
        *parts.money_columns("price", "price_currency", "the order's new price"),
        *parts.money_columns("limit_price", "limit_currency", "the new limit price"),
        *parts.money_columns("stop_price", "stop_currency", "the new stop price"),
        Plain("order_date", TimeText, "the order's new date", "2026-11-20T08:15:00Z", dialects=ONLY_2_3),
        Plain("order_side", Word, "the order's new side", "Buy", dialects=ONLY_2_3),
    ),
    families=property_families("Order", dated=False),
    check=_check,
    together=_PAIRS,
)


def order_update_request(columns: Columns, _dialect: Dialect) -> Callable[[Row], Wire]:
    """Returns a function that builds an OrderUpdateRequest from a validated row."""
    properties = properties_member(columns)

    def build(row: Row) -> Wire:
        body: Wire = {"id": parts.resource_id(row, "order"), **parts.numbers(row, (("quantity", "quantity"),))}
        body.update(parts.resource_ids(row, (("portfolioId", "portfolio"),)))
        body.update(properties(row), **parts.moneys(row, _MONEYS))
        body.update(parts.texts(row, (("date", "order_date"), ("side", "order_side"))))
        return body

    return build
