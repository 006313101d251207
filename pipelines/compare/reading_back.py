"""Reads back what LUSID holds of accepted keys, and finds what of each agrees, differs or is missing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pipelines.compare.accepted import AcceptedKey
from pipelines.operations.evidence import Finding
from pipelines.planning.differences import Difference, differences, moment_of
from pipelines.planning.expected import Expected
from pipelines.planning.held import EntityReader


class Result(StrEnum):
    """What reading back shows of a key, or of one of its entities; the worst first."""

    MISSING = "missing"
    DIFFER = "differ"
    UNCLEAR = "unclear"
    LATER = "later"
    AGREE = "agree"

    @property
    def meaning(self) -> str:
        """What it says of the key."""
        return _MEANINGS[self]


_MEANINGS = {
    Result.MISSING: "LUSID does not hold it, or not all of it",
    Result.DIFFER: "LUSID holds it otherwise than it was sent",
    Result.UNCLEAR: "LUSID does not let it be read",
    Result.LATER: "LUSID holds it otherwise, because it was changed after the run",
    Result.AGREE: "LUSID holds it as it was sent",
}


@dataclass(frozen=True)
class Shown:
    """What reading back shows of one entity.

    Attributes:
        name: of the entity, as in `Expected`.
        differences: the members that differ.
    """

    name: str
    result: Result
    differences: Sequence[Difference] = ()


@dataclass(frozen=True)
class CheckedKey:
    """An accepted key that was read back."""

    key: AcceptedKey
    entities: Sequence[Shown]

    @property
    def result(self) -> Result:
        """The worst of its entities."""
        found = {each.result for each in self.entities}
        return next((result for result in Result if result in found), Result.AGREE)


Expect = Callable[[AcceptedKey], list[Expected]]
"""Gives the entities that an accepted key should have left."""


class KeyReader:
    """Reads back keys; safe to share between threads."""

    def __init__(self, reader: EntityReader, expect: Expect, finished: str) -> None:
        """Reads nothing yet.

        Args:
            reader: reads the keys' entities.
            expect: what each key should have left.
            finished: when the run ended: what LUSID changed later is no difference of the run.
        """
        self._entities = reader
        self._expect, self._finished = expect, moment_of(finished)
        self._now = datetime.now(UTC)

    def check(self, keys: Sequence[AcceptedKey]) -> list[CheckedKey]:
        """Reads back some keys together.

        Raises:
            UnreachableError, AuthError: LUSID does not answer, or does not let us in.
        """
        shown: dict[int, list[Shown]] = {n: [] for n in range(len(keys))}
        for number, expected, body in self._read([(n, e) for n, key in enumerate(keys) for e in self._expect(key)]):
            shown[number].append(self._shown(expected, body, keys[number]))
        return [CheckedKey(key, shown[n]) for n, key in enumerate(keys)]

    def _read(self, waiting: list[tuple[int, Expected]]) -> Iterator[tuple[int, Expected, Any]]:
        """Each entity as it was read; where an entity leads to further ones, these in its place."""
        while waiting:
            sent = [expected.members for _, expected in waiting]
            bodies = self._entities.bodies([expected.where for _, expected in waiting], sent)
            further: list[tuple[int, Expected]] = []
            for (number, expected), body in zip(waiting, bodies, strict=True):
                if expected.where.then is None or isinstance(body, Finding):
                    yield number, expected, body
                    continue
                try:
                    further += [(number, Expected(expected.name, each)) for each in expected.where.then(body)]
                except (KeyError, TypeError):  # not what LUSID documents
                    yield number, expected, Finding.UNCLEAR
            waiting = further

    def _shown(self, expected: Expected, body: Any, key: AcceptedKey) -> Shown:
        """What one entity shows."""
        if body is Finding.ABSENT or (expected.where.is_list and not _belongs(expected, body)):
            return Shown(expected.name, Result.MISSING)
        if not isinstance(body, Mapping) or any(body.get(n) != v for n, v in expected.where.identity.items()):
            return Shown(expected.name, Result.UNCLEAR)
        found = differences(expected.members, body, self._now)
        if not found:
            return Shown(expected.name, Result.AGREE)
        return Shown(expected.name, Result.LATER if self._is_later(body, key) else Result.DIFFER, found)

    def _is_later(self, body: Mapping[str, Any], key: AcceptedKey) -> bool:
        """Whether LUSID says that something else than the key's call changed the entity after the run."""
        version = body.get("version")
        if not isinstance(version, Mapping) or self._finished is None:
            return False
        changed = moment_of(version.get("asAtModified"))
        by_run = key.request_id is not None and version.get("requestIdModified") == key.request_id
        return changed is not None and changed > self._finished and not by_run


def _belongs(expected: Expected, body: Any) -> bool:
    """Whether an item of a list that was read belongs to the entity."""
    place, items = expected.where.place, body.get("values") if isinstance(body, Mapping) else None
    if place is None or not isinstance(items, list):
        return False
    return any((place.scope, place.code) in place.identities(item) for item in items if isinstance(item, Mapping))
