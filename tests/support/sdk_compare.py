"""Comparison of a JSON body with what an SDK made of it, member by member.

Owns: what counts as the same. Nothing may be dropped or added; explicit nulls are no members;
whole numbers must be equal, and fractions as far as a double can tell, because the SDKs read every
fraction into one; times are equal as instants to the microsecond, because the SDKs cut the seventh
decimal. Must not know any LUSID shape.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def differences(sent: str, returned: str) -> list[str]:
    """Compare two JSON texts; return one line for each member that is not the same, in order."""
    return list(_differ("$", _exact(sent), _exact(returned)))


def _exact(text: str) -> object:
    parsed: object = json.loads(text, parse_float=Decimal)
    return parsed


def _differ(path: str, sent: object, returned: object) -> Iterator[str]:
    if isinstance(sent, dict) and isinstance(returned, dict):
        for key in [*sent, *(key for key in returned if key not in sent)]:
            yield from _differ(f"{path}.{key}", sent.get(key), returned.get(key))
    elif isinstance(sent, list) and isinstance(returned, list) and len(sent) == len(returned):
        for index, (ours, theirs) in enumerate(zip(sent, returned, strict=True)):
            yield from _differ(f"{path}[{index}]", ours, theirs)
    elif not _same(sent, returned):
        yield f"{path}: {_change(sent, returned)}"


def _change(sent: object, returned: object) -> str:
    if returned is None:
        return "dropped"
    return "added" if sent is None else f"{sent} became {returned}"


def _same(sent: object, returned: object) -> bool:
    if isinstance(sent, str) and isinstance(returned, str):
        return sent == returned or _same_instant(sent, returned)
    if isinstance(sent, Decimal | int) and isinstance(returned, Decimal | int):
        return _same_number(sent, returned)
    return sent == returned


def _same_instant(sent: str, returned: str) -> bool:
    if not (_TIME.match(sent) and _TIME.match(returned)):
        return False
    return datetime.fromisoformat(sent) == datetime.fromisoformat(returned)


def _same_number(sent: Decimal | int, returned: Decimal | int) -> bool:
    if isinstance(sent, bool) or isinstance(returned, bool):
        return sent is returned
    if isinstance(sent, int) and isinstance(returned, int):
        return sent == returned
    return float(sent) == float(returned)
