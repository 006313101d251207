"""Looks instruments up by what orders call them: which of them does LUSID know? Knows no order."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson

from connectors.lusid.client import LusidClient
from schemas.errors import UnreachableError

AT_ONCE = 2000
"""Instruments that LUSID looks up in one call (docs/lusid.md)."""

CURRENCY = "Instrument/default/Currency"

Named = tuple[tuple[str, str], ...]
"""An instrument by one identifier or several: (property key, value) each."""

LookUp = Callable[[str, Sequence[str]], Collection[str]]
"""Gives those of the values of an identifier type (`Figi`) that lead to an instrument; at most `AT_ONCE`."""


def look_up(client: LusidClient, identifier_type: str, values: Sequence[str]) -> Collection[str]:
    """Asks LUSID, as a `LookUp`.

    Args:
        client: asks.
        identifier_type: as LUSID names it, such as `Figi`.
        values: at most `AT_ONCE`.

    Raises:
        UnreachableError: the answer is malformed.
        LoadError: as `LusidClient.post` raises it.
    """
    params = {"identifierType": identifier_type}
    answer = client.post(
        "/api/instruments/$get", orjson.dumps(values), params=params, idempotent=True, expected_status=200
    )
    found: Any = answer.body.get("values") if isinstance(answer.body, Mapping) else None
    if not isinstance(found, Mapping):
        raise UnreachableError("LUSID's answer to a look-up of instruments is malformed")
    return found.keys()


def resolved(named: Collection[Named], ask: LookUp) -> set[Named]:
    """Those of the instruments that LUSID knows by one of their identifiers.

    Each identifier type is asked for once for every `AT_ONCE` values, and only of instruments that no type before it
    has resolved. A currency needs no question: LUSID has an instrument of each.

    Args:
        named: the instruments.
        ask: looks values up.
    """
    found = {each for each in named if any(key == CURRENCY for key, _ in each)}
    left = dict.fromkeys(each for each in named if each not in found)
    for key in dict.fromkeys(key for each in named for key, _ in each):
        values = sorted({value for each in left for its, value in each if its == key})
        there: set[str] = set()
        for start in range(0, len(values), AT_ONCE):
            there.update(ask(key.rpartition("/")[2], values[start : start + AT_ONCE]))
        hit = {each for each in left if any(its == key and value in there for its, value in each)}
        found |= hit
        left = dict.fromkeys(each for each in left if each not in hit)
    return found
