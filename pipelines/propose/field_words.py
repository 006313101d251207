"""What exports of the field call canonical columns, and the codes that they write for words.

Only names and codes that mean the same wherever they are used; what a client alone knows stays for a person.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from schemas.rows import header_names

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")

_CURRENCIES = ("currency", "ccy", "curr", "price ccy", "px ccy", "price currency", "währung", "waehrung")

_NAMES: Mapping[str, tuple[str, ...]] = {
    "display_name": ("name", "full name", "client name", "customer name", "investor name", "account name"),
    "description": ("notes", "note", "remarks", "comments", "memo", "bemerkung", "beschreibung"),
    "investor_type": ("kind", "type", "client type", "customer type", "investor kind"),
    "account_type": ("kind", "type", "account kind"),
    "block_code": ("block", "block id", "block ref", "basket", "basket id"),
    "order_code": (
        *("order id", "order no", "order nr", "order number", "order ref", "ticket", "ticket id", "clordid"),
        *("auftragsnummer", "ordernummer"),
    ),
    "placement_code": ("placement id", "placement ref"),
    "execution_code": ("execution id", "exec id", "execution ref", "fill id"),
    "allocation_code": ("allocation id", "allocation ref"),
    "portfolio_code": ("portfolio", "portfolio id", "fund", "fund code", "depot", "depotnummer"),
    "quantity": ("qty", "order qty", "shares", "units", "menge", "stück", "stueck", "stückzahl"),
    "side": ("bs", "buy sell", "direction", "kauf verkauf"),
    "type": ("order type", "ord type", "ordertyp", "auftragsart"),
    "time_in_force": ("tif", "validity", "gültigkeit"),
    "state": ("status", "order state", "order status"),
    "date": ("trade date", "trade time", "datum", "handelstag"),
    "order_date": ("trade date", "trade time", "order time", "datum", "handelstag", "auftragsdatum"),
    "created_date": ("trade date", "trade time", "created", "created at", "datum", "handelstag"),
    "settlement_date": ("settle date", "value date", "valuta"),
    "limit_price": ("limit", "limit px", "px limit", "price limit", "limitpreis", "limitkurs"),
    "stop_price": ("stop", "stop px", "px stop", "stoppreis"),
    "price": ("px", "exec price", "kurs", "preis"),
    "amount": ("betrag", "order amount"),
    "limit_currency": ("limit ccy", *_CURRENCIES),
    "stop_currency": ("stop ccy", *_CURRENCIES),
    "price_currency": _CURRENCIES,
    "amount_currency": ("amount ccy", *_CURRENCIES),
    "settlement_currency": ("settle ccy", "settlement ccy"),
    "counterparty": ("broker", "cpty", "kontrahent", "gegenpartei"),
}

_INSTRUMENTS = {"figi": "Figi", "isin": "Isin", "sedol": "Sedol", "cusip": "Cusip", "clientinternal": "ClientInternal"}

_SIDES = {"B": "Buy", "BUY": "Buy", "S": "Sell", "SELL": "Sell"}
CODES: Mapping[str, Mapping[str, str]] = {
    "side": _SIDES,
    "order_side": _SIDES,
    "type": {"MKT": "Market", "MARKET": "Market", "LMT": "Limit", "LIMIT": "Limit"},
    "time_in_force": {"DAY": "Day", "GTC": "GoodTilCancel"},
}
"""Codes of columns whose words LUSID spells its own way, in capitals, each with that word."""

TOTALS = re.compile(r"(grand )?total\b|sum\b|summe\b|gesamt|trailer\b|trl$|end of |\(\d+ rows?", re.IGNORECASE)
"""How the first cell of a line begins that adds a table up or ends it."""


@lru_cache(maxsize=1 << 12)
def folded(name: str) -> str:
    """A name as loads compare it, and without white space, underscores and other marks."""
    return _BETWEEN.sub("", header_names.folded(name))


_FOLDED = {canonical: frozenset(map(folded, names)) for canonical, names in _NAMES.items()}


def means(column: str, canonical: str) -> bool:
    """Whether a column's name is a common one for a canonical column."""
    return folded(column) in _FOLDED.get(canonical, ())


def instrument_column(column: str) -> str | None:
    """The canonical column of an instrument's identifier that a column's name is the common one for."""
    words = [folded(word) for word in _BETWEEN.split(_HUMP.sub(" ", column)) if word]
    found = {_INSTRUMENTS.get(word) for word in (*words, folded(column))} - {None}
    return f"instrument:Instrument/default/{found.pop()}" if len(found) == 1 else None
