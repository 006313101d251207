"""Finds in which members LUSID differs from what a request sent.

What was not sent is not compared. Numbers are compared as LUSID's doubles, times as instants, and lists whose order
means nothing by the names of their items. Knows no operation.

There are two questions. Verify asks what is surely wrong: what LUSID need not show is no difference. A plan asks what
is surely there already, for that is not sent again: what LUSID does not show, or not to the last digit, differs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

UNKNOWN_INSTRUMENT = "LUID_ZZZZZZZZ"
"""The instrument that LUSID puts in place of one that it cannot resolve (docs/lusid.md)."""

KNOWN_INSTRUMENT = "any instrument that LUSID knows"
"""Expected where LUSID's own id of an instrument is not known."""

_DATES = ("effectiveFrom", "effectiveUntil")
_FIRST_YEAR, _LAST_YEAR = 1, 9999
"""The years with which LUSID shows that a value has no beginning or no end (docs/lusid.md)."""

_NESTED = ("labelValue", "metricValue", "labelValueSet")


class Difference(NamedTuple):
    """A member that differs.

    Attributes:
        member: its path, such as `properties[Order/Details/Desk]`.
        expected: what was sent.
        found: what LUSID holds; None for nothing.
    """

    member: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class IfShown:
    """A value that not every LUSID shows: its absence is no difference."""

    value: Any


@dataclass(frozen=True)
class Among:
    """Items that a list must hold, whatever else is in it."""

    items: Sequence[Any]


def differences(sent: Mapping[str, Any], found: Mapping[str, Any], now: datetime | None) -> list[Difference]:
    """The members in which an entity differs from what was sent.

    Args:
        sent: the members that it should have.
        found: the entity as LUSID shows it.
        now: properties are compared that are in effect at this moment: LUSID shows no others. None finds whatever is
            not surely as it was sent.
    """
    return [each for name, value in sent.items() for each in _members(name, name, value, found.get(name), now)]


def text_of(value: Any) -> str | None:
    """A value as verify.parquet holds it: text and numbers as they are, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    return orjson.dumps(value, default=float, option=orjson.OPT_SORT_KEYS).decode()


def _members(name: str, path: str, sent: Any, found: Any, now: datetime | None) -> Iterator[Difference]:
    """The differences of one member: `name` is what it is called, `path` where it is."""
    if isinstance(sent, IfShown):
        if found is None and now is not None:
            return
        sent = sent.value
    match sent:
        case {"key": _, "value": _}:
            yield from _value(path, sent, found, now)
        case Mapping():
            yield from _map(path, sent, found, now)
        case list() | Among():
            yield from _items(path, sent, found, now)
        case _:
            equal = _equal(name, sent, _plain(found), exactly=now is None)
            yield from () if equal else (Difference(path, sent, _plain(found)),)


def _map(path: str, sent: Mapping[str, Any], found: Any, now: datetime | None) -> Iterator[Difference]:
    if found is None and all(isinstance(each, Mapping) and "value" in each for each in sent.values()):
        found = {}  # LUSID holds none of these identifiers or properties, which need not be a difference of each
    if not isinstance(found, Mapping):
        yield Difference(path, _shortened(sent), found)
        return
    for name, value in sent.items():
        inner = f"{path}[{name}]" if "/" in name else f"{path}.{name}"
        yield from _members(name, inner, value, found.get(name), now)


def _items(path: str, sent: Sequence[Any] | Among, found: Any, now: datetime | None) -> Iterator[Difference]:
    """The differences of a list without order; if it was sent as a whole, what LUSID holds besides is one, too."""
    there = {_name(each): each for each in found} if isinstance(found, list) else {}
    wanted = {_name(each): each for each in (sent.items if isinstance(sent, Among) else sent)}
    for name, each in wanted.items():
        yield from _members("", f"{path}[{name}]", each, there.get(name), now)
    if not isinstance(sent, Among):
        yield from (Difference(f"{path}[{name}]", None, each) for name, each in there.items() if name not in wanted)


def _name(item: Any) -> str:
    """What tells an item from the others of its list: its key, or its ResourceId."""
    if isinstance(item, Mapping):
        return str(item["key"]) if "key" in item else f"{item.get('scope')}/{item.get('code')}"
    return str(item)


def _value(path: str, sent: Mapping[str, Any], found: Any, now: datetime | None) -> Iterator[Difference]:
    """The difference of an identifier or property; verify asks for one in effect now that no later value replaced."""
    shown = found if isinstance(found, Mapping) else {}
    begins, ends = (_bound(sent, name) for name in _DATES)
    shown_from = _bound(shown, "effectiveFrom")
    if now is not None:
        is_out_of_sight = (begins is not None and begins > now) or (ends is not None and ends <= now)
        is_superseded = begins is not None and shown_from is not None and shown_from > begins
        if is_out_of_sight or is_superseded:
            return
    wanted, held = _plain(sent), _plain(found)
    if not _same_value(wanted, held, exactly=now is None):
        yield Difference(path, wanted, held)
        return
    for name in _DATES if now is None else _DATES[:1]:
        is_told = now is None or (begins is not None and shown_from is not None)
        if is_told and _bound(sent, name) != _bound(shown, name):
            yield Difference(f"{path}.{name}", sent.get(name), shown.get(name))


def _bound(entry: Mapping[str, Any], name: str) -> datetime | None:
    """When a value begins or ends; None where it has no bound."""
    found = moment_of(entry.get(name))
    return None if found is not None and found.year in (_FIRST_YEAR, _LAST_YEAR) else found


def _same_value(sent: Any, found: Any, *, exactly: bool) -> bool:
    if isinstance(sent, list):
        return isinstance(found, list) and set(map(str, sent)) == set(map(str, found))
    if isinstance(sent, Mapping):
        if not isinstance(found, Mapping) or (exactly and any(found[name] for name in found.keys() - sent.keys())):
            return False
        return all(_equal(name, value, found.get(name), exactly=exactly) for name, value in sent.items())
    return bool(sent == found)


def _plain(entry: Any) -> Any:
    """The value of an identifier or property: a text, a number with its unit, or a list of labels."""
    value = entry.get("value") if isinstance(entry, Mapping) and "value" in entry else entry
    if not isinstance(value, Mapping):
        return value
    held = next((value[name] for name in _NESTED if value.get(name) is not None), value)
    return held["values"] if isinstance(held, Mapping) and "values" in held else held


def _shortened(sent: Mapping[str, Any]) -> Any:
    """What was sent where LUSID holds nothing of it, with identifiers and properties by value."""
    return {name: _plain(value) for name, value in sent.items()}


def _equal(name: str, sent: Any, found: Any, *, exactly: bool) -> bool:
    if sent is KNOWN_INSTRUMENT:
        return bool(found != UNKNOWN_INSTRUMENT)
    if isinstance(sent, int | float | Decimal) and not isinstance(sent, bool):
        if not isinstance(found, int | float) or isinstance(found, bool):
            return False
        return Decimal(str(sent)) == Decimal(str(found)) if exactly else float(sent) == float(found)
    if name.lower().endswith("date"):
        return moment_of(sent) == moment_of(found) if moment_of(sent) else bool(sent == found)
    return bool(sent == found)


def moment_of(value: Any) -> datetime | None:
    """A date-time as an instant; one without an offset is UTC, as LUSID reads it."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
