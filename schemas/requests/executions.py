"""Executions, the fills of placements. One row is one fill.

POST /api/executions, ExecutionRequest.
"""

from collections.abc import Callable, Iterable

from schemas.dialects import Dialect
from schemas.requests import order_parts as parts
from schemas.requests.properties import Wire, plain_identifiers_of, properties_member, property_families
from schemas.rows.cells import Currency, DecimalText, NeededWord
from schemas.rows.columns import Columns, Plain, Row, RowShape
from schemas.rows.times import TimeText

_NUMBERS = (
    ("quantity", "quantity"),
    ("settlementCurrencyFxRate", "settlement_fx_rate"),
    ("averagePrice", "average_price"),
)
_TEXTS = (
    ("state", "state"),
    ("side", "side"),
    ("type", "type"),
    ("createdDate", "created_date"),
    ("settlementDate", "settlement_date"),
    ("settlementCurrency", "settlement_currency"),
    ("counterparty", "counterparty"),
)


def _check(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    yield from parts.check_instrument(row, columns)
    yield from parts.check_filled(row, "quantity", "price", "created_date", "settlement_currency", "settlement_fx_rate")
    yield from parts.check_money(row, "price", "price_currency")


EXECUTION = RowShape(
    plain=(
        *parts.needed_id("execution", "the execution", "EXEC00000123"),
        *parts.needed_id("placement", "the placement", "PLAC00000123"),
        Plain("quantity", DecimalText, "how much was filled", "100", needed=True),
        Plain("state", NeededWord, "the execution's state", "Filled", needed=True),
        Plain("side", NeededWord, "the execution's side", "Buy", needed=True),
        Plain("type", NeededWord, "its order type", "Market", needed=True),
        Plain("created_date", TimeText, "when it was filled", "2026-11-20T09:30:00Z", needed=True),
        *parts.money_columns("price", "price_currency", "at what price"),
        Plain("settlement_date", TimeText, "when it settles", "2026-11-22"),
        Plain("settlement_currency", Currency, "in what currency it settles", "USD", needed=True),
        Plain("settlement_fx_rate", DecimalText, "rate from price to settlement currency", "1", needed=True),
        Plain("counterparty", NeededWord, "who filled it", "SomeCounterparty", needed=True),
        Plain("average_price", DecimalText, "average price of the placement's fills so far", "534.25"),
    ),
    families=(parts.INSTRUMENT, *property_families("Execution", dated=False)),
    check=_check,
    together=(("price", "price_currency"),),
    one_of=("price",),
)


def execution_request(columns: Columns, _dialect: Dialect) -> Callable[[Row], Wire]:
    """Returns a function that builds an ExecutionRequest from a validated row."""
    instrument = plain_identifiers_of(columns, "instrument")
    properties = properties_member(columns)

    def build(row: Row) -> Wire:
        body: Wire = {"id": parts.resource_id(row, "execution"), "placementId": parts.resource_id(row, "placement")}
        body.update(properties(row))
        body["instrumentIdentifiers"] = instrument(row)
        body.update(parts.numbers(row, _NUMBERS), **parts.texts(row, _TEXTS))
        body["price"] = parts.money(row, "price", "price_currency")
        return body

    return build
