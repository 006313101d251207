"""Reads evidence in LUSID for whether a request was applied, when its answer is lost.

For each request an operation lists the entities that exist if and only if it was applied, and the members they must
then have (`evidence_rules`). All exist and match: applied. None exists: not applied. All exist and some do not match:
they differ, which this module cannot explain. Anything else is unclear.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple

from pipelines.operations.places import Place
from schemas.errors import ConfigError, RejectedError

NOT_FOUND = 404

_DOTS = frozenset({".", ".."})
"""Path segments that every HTTP library and proxy resolves (RFC 3986, 5.2.4), even percent-encoded: a path with such an
identifier leads to another entity, or to a list."""

_SLASH = "%2F"
"""An encoded slash: many servers answer 404 to it whatever exists, so that their 404 proves nothing."""

Params = Mapping[str, str | Sequence[str]]
"""A query; a name with several values is repeated."""

Read = Callable[[str, Params], Any]
"""GETs a path with parameters and returns the parsed body; raises as `LusidClient.get` does."""


@dataclass(frozen=True)
class Evidence:
    """An entity that a request creates or changes, and what proves that it did.

    Attributes:
        path: where to read it.
        members: what it must hold if the request was applied; texts are compared exactly, numbers by value.
        params: the query to read it with.
        changed: whether the entity existed before the request; then one that does not match was not changed.
        then: given the entity as read, returns the evidence that counts in its place, where only the entity says what
            to read.
        place: where it can be read together with others.
    """

    path: str
    members: Mapping[str, Any]
    params: Params = field(default_factory=dict)
    changed: bool = False
    then: "Callable[[Any], list[Evidence]] | None" = None
    place: Place | None = field(default=None, compare=False)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What proves that it is this entity that was read, whatever else it holds."""
        return {"id": self.members["id"]} if "id" in self.members else {}

    @property
    def is_addressable(self) -> bool:
        """Whether a path may hold its scope and code; what it may not is read in lists alone."""
        return self.place is None or self.is_list or self.place.is_addressable

    @property
    def is_list(self) -> bool:
        """Whether it is a list of what belongs to an entity, not the entity."""
        return "filter" in self.params


@dataclass(frozen=True)
class Contains:
    """Matches a list that holds this item anywhere."""

    item: Any

    def matches(self, actual: Any) -> bool:
        """Whether a value read from LUSID matches."""
        return isinstance(actual, list) and any(matches(item, self.item) for item in actual)


@dataclass(frozen=True)
class SameInstant:
    """Matches a date-time of the same instant, however it is written."""

    text: str

    def matches(self, actual: Any) -> bool:
        """Whether a value read from LUSID matches."""
        return _moment(actual) == _moment(self.text)


@dataclass(frozen=True)
class IfPresent:
    """Matches this value, or its absence, because not every server shows it."""

    value: Any

    def matches(self, actual: Any) -> bool:
        """Whether a value read from LUSID matches."""
        return actual is None or matches(actual, self.value)


@dataclass(frozen=True)
class QuantitiesAddUpTo:
    """Matches a list in which the quantities of the items that match `of` add up to this total."""

    total: Decimal
    of: Any

    def matches(self, actual: Any) -> bool:
        """Whether a value read from LUSID matches."""
        return isinstance(actual, list) and quantity(actual, self.of) == self.total


class Finding(Enum):
    """What reading the evidence of one request shows."""

    APPLIED = "applied"
    ABSENT = "absent"
    DIFFERS = "differs"
    UNCLEAR = "unclear"


class Origin(NamedTuple):
    """What created an entity, as its version says.

    Attributes:
        request_id: LUSID's id of the request.
        at: when, by LUSID's clock.
    """

    request_id: str | None
    at: datetime | None


class Examined(NamedTuple):
    """What reading shows of one request, and what created each entity that was read."""

    finding: Finding
    origins: tuple[Origin, ...] = ()


ReadAll = Callable[[Sequence[Evidence]], Sequence[Any]]
"""Reads entities; returns each one's body, or the finding where there is none."""


def examine(evidence: Iterable[Evidence], read: Read) -> Finding:
    """Reads every entity of a request, one by one, and combines what they show.

    Raises:
        RetryableError: LUSID does not answer; other errors as `read` raises them.
    """
    return examine_all({0: evidence}, lambda each: [body_of(entity, read) for entity in each])[0].finding


def examine_all(requests: Mapping[int, Iterable[Evidence]], read_all: ReadAll) -> dict[int, Examined]:
    """Reads every entity of many requests and combines what they show of each.

    Args:
        requests: the evidence of each.
        read_all: is called for all entities together, and once more for those that the first ones lead to.

    Raises:
        RetryableError: LUSID does not answer; other errors as `read_all` raises them.
    """
    shown: dict[int, list[Examined]] = {request: [] for request in requests}
    waiting = [(request, entity) for request, evidence in requests.items() for entity in evidence]
    while waiting:
        bodies = zip(waiting, read_all([entity for _, entity in waiting]), strict=True)
        waiting = []
        for (request, entity), body in bodies:
            if entity.then and not isinstance(body, Finding) and matches(body, entity.members):
                more = entity.then(body)
                waiting += [(request, each) for each in more]
                shown[request] += [] if more else [Examined(Finding.UNCLEAR)]
            else:
                shown[request].append(_examined(entity, body))
    return {request: _combined(each) for request, each in shown.items()}


def body_of(entity: Evidence, read: Read) -> Any:
    """Reads one entity; returns its body, or the finding where there is none.

    Only LUSID itself can say that it does not exist.
    """
    if not _DOTS.isdisjoint(entity.path.split("/")):
        return Finding.UNCLEAR
    try:
        return read(entity.path, entity.params)
    except ConfigError:  # somebody's page in place of LUSID's answer
        return Finding.UNCLEAR
    except RejectedError as refused:
        absent = refused.status == NOT_FOUND and refused.problem.is_own and _SLASH not in entity.path
        return Finding.ABSENT if absent else Finding.UNCLEAR


def _examined(entity: Evidence, body: Any) -> Examined:
    if isinstance(body, Finding):
        return Examined(body)
    origins = () if entity.changed or entity.is_list else (_origin(body),)
    if matches(body, entity.members):
        return Examined(Finding.APPLIED, origins)
    if not matches(body, entity.identity):
        return Examined(Finding.UNCLEAR)
    if entity.changed and not _is_cut(body):
        return Examined(Finding.ABSENT)
    comparable = not (entity.is_list or entity.then) and _shows(body, entity.members)
    return Examined(Finding.DIFFERS if comparable else Finding.UNCLEAR, origins)


def _origin(body: Any) -> Origin:
    version = body.get("version") if isinstance(body, Mapping) else None
    if not isinstance(version, Mapping):
        return Origin(None, None)
    request_id = version.get("requestIdCreated")
    return Origin(request_id if isinstance(request_id, str) else None, _moment(version.get("asAtCreated")))


def _combined(shown: Sequence[Examined]) -> Examined:
    found = {each.finding for each in shown}
    origins = tuple(origin for each in shown for origin in each.origins)
    if found == {Finding.APPLIED, Finding.DIFFERS}:
        return Examined(Finding.DIFFERS, origins)
    return Examined(found.pop() if len(found) == 1 else Finding.UNCLEAR, origins)


def _shows(body: Any, members: Mapping[str, Any]) -> bool:
    """Whether the entity has every member that is compared, with any value: a missing one proves nothing."""
    return isinstance(body, Mapping) and all(name in body or matches(None, wanted) for name, wanted in members.items())


def _is_cut(body: Any) -> bool:
    """Whether a list has further pages, which may hold what this one lacks."""
    return isinstance(body, Mapping) and bool(body.get("nextPage"))


def matches(actual: Any, wanted: Any) -> bool:
    """Whether a value read from LUSID holds at least what was sent: maps by member, lists in order, numbers by value.

    Args:
        actual: the value that was read.
        wanted: what was sent, a matcher such as `Contains`, or a type, which any of its values matches.
    """
    match wanted:
        case type():
            return isinstance(actual, wanted)
        case Contains() | SameInstant() | IfPresent() | QuantitiesAddUpTo():
            return wanted.matches(actual)
        case Mapping():
            return isinstance(actual, Mapping) and all(matches(actual.get(k), v) for k, v in wanted.items())
        case list() | tuple():
            return isinstance(actual, list) and len(actual) == len(wanted) and all(map(matches, actual, wanted))
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
    """The sum of the quantities of the items that match `of`; NaN, which equals nothing, where one is not a number."""
    found = [item.get("quantity") for item in items if matches(item, of)]
    if not all(map(_is_number, found)):
        return Decimal("NaN")
    return sum((Decimal(str(each)) for each in found), Decimal())
