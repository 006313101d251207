"""Placements of blocks in the market. A placement may span rows, one for each block that it places.

POST /api/ordermanagement/placeblocks (PlacementRequest), $updateplacements (PlacementUpdateRequest),
$cancelplacements (ResourceId).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from schemas.dialects import ALL_BUT_LEGACY, ONLY_2_1, ONLY_2_3, Dialect
from schemas.requests import order_parts as parts
from schemas.requests.members import Gathered, Member
from schemas.requests.properties import Wire, plain_identifiers_of, properties_member, property_families
from schemas.rows.cells import Currency, DecimalText, NeededWord, Word
from schemas.rows.columns import Columns, Plain, Row, RowShape
from schemas.rows.times import TimeText

PLACED_BLOCK = Member("block", ("block_scope", "block_code"), ("block_scope", "block_code"))
PLACEMENT_ID = parts.needed_id("placement", "the placement", "PLAC00000123")

_PRICES = (("limitPrice", "limit_price", "limit_currency"), ("stopPrice", "stop_price", "stop_currency"))
_AMOUNT = ("amount", "amount", "amount_currency")
_TEXTS = (
    ("state", "state"),
    ("side", "side"),
    ("timeInForce", "time_in_force"),
    ("type", "type"),
    ("createdDate", "created_date"),
)
_MARKET = (("counterparty", "counterparty"), ("executionSystem", "execution_system"), ("entryType", "entry_type"))
_MONEY_PAIRS = tuple((value, currency) for _, value, currency in (*_PRICES, _AMOUNT))
_PARENT = ("parent_placement_scope", "parent_placement_code")
_NEEDING = {"limit_price": parts.LIMITED, "stop_price": parts.STOPPED}
_ENTRY_TYPES = ("Undecided", "Manual", "Direct", "Ems", "External")
_MARKET_COLUMNS = (
    Plain("counterparty", Word, "who it is placed with", "SomeCounterparty"),
    Plain("execution_system", Word, "the execution system in use", "EMSX"),
    Plain("entry_type", Word, "how it was entered", "Manual", words=dict.fromkeys(ALL_BUT_LEGACY, _ENTRY_TYPES)),
)


def _check(row: Row, columns: Columns) -> Iterable[tuple[str, str]]:
    yield from parts.check_instrument(row, columns)
    yield from parts.check_filled(row, "created_date")
    yield from parts.check_together(row, *_PARENT)
    for value, currency in _MONEY_PAIRS:
        yield from parts.check_money(row, value, currency, _NEEDING.get(value, ()))


PLACEMENT = RowShape(
    plain=(
        *PLACEMENT_ID,
        *parts.needed_id("block", "a placed block", "BLOCK00000123"),
        *parts.quantity_columns("how much is placed"),
        *parts.money_columns("amount", "amount_currency", "how much money is placed", ONLY_2_3),
        Plain("state", NeededWord, "the placement's state", "New", needed=True, dialects=ONLY_2_1),
        Plain("state", Word, "the placement's state", "New", dialects=ONLY_2_3),
        Plain("side", NeededWord, "the placement's side", "Buy", needed=True),
        Plain("time_in_force", NeededWord, "how long it stands", "GoodTilCancel", needed=True),
        Plain("type", NeededWord, "its order type", "Limit", needed=True, ruled=True),
        Plain("created_date", TimeText, "when it became active", "2026-11-20T08:15:00Z", needed=True),
        *parts.money_columns("limit_price", "limit_currency", "the limit price"),
        *parts.money_columns("stop_price", "stop_currency", "the stop price"),
        *parts.id_columns("parent_placement", "the placement this one is part of"),
        *_MARKET_COLUMNS,
    ),
    families=(parts.INSTRUMENT, *property_families("Placement", dated=False)),
    check=_check,
    check_in={Dialect.V2_1: parts.check_quantity},
    check_strictly=parts.check_quantity_or_amount,
    together=(*_MONEY_PAIRS, _PARENT),
)


def placement_request(columns: Columns, _dialect: Dialect) -> Gathered:
    """Returns what builds a PlacementRequest from the validated rows of one placement."""
    instrument = plain_identifiers_of(columns, "instrument")
    properties = properties_member(columns)

    def whole(row: Row, lists: Mapping[Member, Any]) -> Wire:
        body: Wire = {"id": parts.resource_id(row, "placement")}
        body.update(parts.resource_ids(row, (("parentPlacementId", "parent_placement"),)))
        body["blockIds"] = lists[PLACED_BLOCK]
        body.update(properties(row))
        body["instrumentIdentifiers"] = instrument(row)
        body.update(parts.numbers(row, (("quantity", "quantity"),)), **parts.moneys(row, (_AMOUNT,)))
        body.update(parts.texts(row, _TEXTS), **parts.moneys(row, _PRICES), **parts.texts(row, _MARKET))
        return body

    return Gathered(whole, {PLACED_BLOCK: lambda row: parts.resource_id(row, "block")})


def _check_update(row: Row, _columns: Columns) -> Iterable[tuple[str, str]]:
    yield from parts.check_together(row, "amount", "amount_currency")


PLACEMENT_UPDATE = RowShape(
    plain=(
        *PLACEMENT_ID,
        Plain("quantity", DecimalText, "the new quantity", "100"),
        *parts.money_columns("amount", "amount_currency", "the new amount", ONLY_2_3),
        Plain("type", Word, "the new order type", "Limit", dialects=ONLY_2_3),
        Plain("limit_price", DecimalText, "the new limit price", "534.25", dialects=ONLY_2_3),
        Plain("stop_price", DecimalText, "the new stop price", "530", dialects=ONLY_2_3),
        Plain("currency", Currency, "currency of the limit and stop prices", "USD", dialects=ONLY_2_3),
        *_MARKET_COLUMNS,
    ),
    families=property_families("Placement", dated=False),
    check=_check_update,
)


def placement_update_request(columns: Columns, _dialect: Dialect) -> Callable[[Row], Wire]:
    """Returns a function that builds a PlacementUpdateRequest; what a row leaves empty stays as it is in LUSID."""
    properties = properties_member(columns)
    prices = (("limitPrice", "limit_price"), ("stopPrice", "stop_price"))

    def build(row: Row) -> Wire:
        body: Wire = {"id": parts.resource_id(row, "placement"), **parts.numbers(row, (("quantity", "quantity"),))}
        body.update(properties(row), **parts.texts(row, (("type", "type"),)), **parts.numbers(row, prices))
        body.update(parts.texts(row, (*_MARKET, ("currency", "currency"))), **parts.moneys(row, (_AMOUNT,)))
        return body

    return build


PLACEMENT_CANCEL = RowShape(plain=PLACEMENT_ID)
