"""Evidence: what to read in LUSID when an answer is lost, to tell whether the request was applied.

An operation lists, for one request, the entities that exist if and only if it was applied, and the members they
must then have (`evidence_rules`). All there and alike: applied. None there: not applied. All there and not alike:
they differ, which nobody can explain from here. Anything else: nobody can say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from schemas.errors import RejectedError

NOT_FOUND = 404

_DOTS = frozenset({".", ".."})
"""Segments that every HTTP library and proxy resolves (RFC 3986, 5.2.4), also when they are percent-encoded: a path
with an identifier that is one of them leads to another entity, or to a list."""

_SLASH = "%2F"
"""What many servers answer with 404 whatever is there: then it is no proof of absence."""

Params = Mapping[str, str | Sequence[str]]
"""A query; a name with several values occurs as often."""

Read = Callable[[str, Params], Any]
"""GETs a path with parameters; gives the parsed body, raises as `LusidClient.get` does."""


@dataclass(frozen=True)
class Evidence:
    """An entity that a request makes or changes.

    Attributes:
        path: where to read it.
        members: what it must hold, given that the request was applied; texts compare exactly, numbers by value.
        changed: the request changes an entity that was there before, so one that differs was not changed.
        then: gives what else to read, where only this entity tells; it speaks for the request in its place.
    """

    path: str
    members: Mapping[str, Any]
    params: Params = field(default_factory=dict)
    changed: bool = False
    then: "Callable[[Any], list[Evidence]] | None" = None


@dataclass(frozen=True)
class Among:
    """A list must hold this, wherever in it."""

    item: Any

    def held_by(self, actual: Any) -> bool:
        """Whether an answer holds it."""
        return isinstance(actual, list) and any(holds(item, self.item) for item in actual)


@dataclass(frozen=True)
class Instant:
    """This moment, however it is written."""

    text: str

    def held_by(self, actual: Any) -> bool:
        """Whether an answer holds it."""
        return _moment(actual) == _moment(self.text)


@dataclass(frozen=True)
class IfShown:
    """This, or nothing: not every server shows it."""

    value: Any

    def held_by(self, actual: Any) -> bool:
        """Whether an answer holds it."""
        return actual is None or holds(actual, self.value)


@dataclass(frozen=True)
class Quantities:
    """The quantities of a list's items that hold `of` must add up to this."""

    total: Decimal
    of: Any

    def held_by(self, actual: Any) -> bool:
        """Whether an answer holds it."""
        return isinstance(actual, list) and quantity(actual, self.of) == self.total


class Finding(Enum):
    """What reading says of one request."""

    APPLIED = "applied"
    ABSENT = "absent"
    DIFFERS = "differs"
    UNCLEAR = "unclear"


def examine(evidence: Iterable[Evidence], read: Read) -> Finding:
    """Reads every entity of a request.

    Raises:
        RetryableError: nobody answers; other errors as `read` does.
    """
    found = {_look(entity, read) for entity in evidence}
    if found == {Finding.APPLIED, Finding.DIFFERS}:
        return Finding.DIFFERS
    return found.pop() if len(found) == 1 else Finding.UNCLEAR


def _look(entity: Evidence, read: Read) -> Finding:
    if not _DOTS.isdisjoint(entity.path.split("/")):
        return Finding.UNCLEAR
    try:
        body = read(entity.path, entity.params)
    except RejectedError as refused:
        absent = refused.status == NOT_FOUND and _SLASH not in entity.path
        return Finding.ABSENT if absent else Finding.UNCLEAR
    if holds(body, entity.members):
        return examine(entity.then(body), read) if entity.then else Finding.APPLIED
    if entity.changed and not _is_cut(body):
        return Finding.ABSENT
    comparable = not (entity.params or entity.then) and _shows(body, entity.members)
    return Finding.DIFFERS if comparable else Finding.UNCLEAR


def _shows(body: Any, members: Mapping[str, Any]) -> bool:
    """Whether an answer has each member that is compared, whatever is in it: what it lacks says nothing."""
    return isinstance(body, Mapping) and all(name in body or holds(None, wanted) for name, wanted in members.items())


def _is_cut(body: Any) -> bool:
    """Whether a list goes on behind this page: what it lacks may stand there."""
    return isinstance(body, Mapping) and bool(body.get("nextPage"))


def holds(actual: Any, wanted: Any) -> bool:
    """Whether an answer holds at least what was sent: maps by member, lists in order, numbers by value.

    A type stands for any value of it.
    """
    match wanted:
        case type():
            return isinstance(actual, wanted)
        case Among() | Instant() | IfShown() | Quantities():
            return wanted.held_by(actual)
        case Mapping():
            return isinstance(actual, Mapping) and all(holds(actual.get(k), v) for k, v in wanted.items())
        case list() | tuple():
            return isinstance(actual, list) and len(actual) == len(wanted) and all(map(holds, actual, wanted))
        case bool():
            return actual is wanted
        case int() | float():
            return _is_number(actual) and Decimal(str(actual)) == Decimal(str(wanted))
        case _:
            return bool(actual == wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def quantity(items: Sequence[Any], of: Any) -> Decimal:
    """The sum of the quantities of the items that hold `of`; NaN, equal to nothing, where one is no number."""
    found = [item.get("quantity") for item in items if holds(item, of)]
    if not all(map(_is_number, found)):
        return Decimal("NaN")
    return sum((Decimal(str(each)) for each in found), Decimal())
