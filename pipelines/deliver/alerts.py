"""Alerts: what LUSID accepts otherwise than it was meant. The row is in LUSID, and somebody must look at it."""

from collections.abc import Mapping
from typing import Any

from pipelines.deliver.ledger import Outcome
from schemas.states import State
from schemas.texts import server_text

UNKNOWN_INSTRUMENT = "UnknownInstrument"
LUSID_WARNING = "LusidWarning"
ALERT_CODES = frozenset({UNKNOWN_INSTRUMENT, LUSID_WARNING})
"""The codes of accepted rows that somebody must look at."""

_UNKNOWN_LUID = "LUID_ZZZZZZZZ"
"""The instrument on which LUSID books what it cannot resolve (docs/lusid.md)."""

_UNRESOLVED = f"LUSID took it on the unknown instrument ({_UNKNOWN_LUID}): it resolved none of the identifiers"


def alert_of(request: int, value: Any, remarks: Any) -> Outcome | None:
    """The alert of a request that LUSID accepted; None where there is none.

    Args:
        request: its number.
        value: what the answer says of it.
        remarks: the answer's metadata of it.
    """
    if is_on_unknown_instrument(value):
        return Outcome(request, State.ACCEPTED, UNKNOWN_INSTRUMENT, _UNRESOLVED)
    if isinstance(remarks, list) and remarks:
        said = [each.get("description") for each in remarks if isinstance(each, Mapping)]
        text = "; ".join(filter(None, (server_text(each) for each in said[:10]))) or "LUSID does not say what it is"
        return Outcome(request, State.ACCEPTED, LUSID_WARNING, f"LUSID took it with a warning: {text}")
    return None


def is_on_unknown_instrument(value: Any) -> bool:
    """Whether LUSID put an entity, or a block or one of its orders, on the unknown instrument."""
    if not isinstance(value, dict):
        return False
    block, orders = value.get("block"), value.get("orders")
    return (
        value.get("lusidInstrumentId") == _UNKNOWN_LUID
        or (isinstance(block, dict) and block.get("lusidInstrumentId") == _UNKNOWN_LUID)
        or (
            isinstance(orders, list)
            and any(isinstance(each, dict) and each.get("lusidInstrumentId") == _UNKNOWN_LUID for each in orders)
        )
    )
