"""Makes the plan of a load: what sending each of its requests would do to what LUSID holds. Sends nothing but reads."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from connectors.run_folder.folder import atomic_write
from connectors.run_folder.planned import PlannedFile, PlannedLine
from pipelines.account.key_counts import rows_that_count
from pipelines.operations.operation import CallSpec
from pipelines.planning.differences import Difference, text_of
from pipelines.planning.effect import SENT, Effect, Foreseen, foreseen
from pipelines.planning.held import Held, HeldReader, version_of
from pipelines.prepare.reading import Prepared
from pipelines.prepare.spans import RowsOf
from schemas.states import GOOD, code_of

EXAMPLES = 100
"""Keys of each effect that the page shows; plan.parquet has all."""

_AT_ONCE = 1000
_PART = re.compile(r"(?:properties|identifiers|blockProperties)\[[^\]]+\]|[^.\[]+")


class PlannedKey(NamedTuple):
    """A key with what a load would do with it.

    Attributes:
        where: its first row, as a person finds it.
    """

    key: str
    where: str
    effect: Effect
    members: Sequence[Difference]
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a load would do, counted.

    Attributes:
        file: plan.parquet, which names every key.
        operation, target: of the load.
        keys: keys by effect; members: keys that would be changed by member.
        examples: some of the keys that would not be the same, of each effect at most `EXAMPLES`.
        vanished: keys that the feed had and the extract lacks; None without a feed.
    """

    file: Path
    operation: str
    target: str
    keys: Counter[Effect] = field(default_factory=Counter)
    members: Counter[str] = field(default_factory=Counter)
    examples: list[PlannedKey] = field(default_factory=list)
    vanished: int | None = None

    @property
    def page(self) -> Path:
        """The plan for people to read."""
        return self.file.with_suffix(".html")

    def counts(self) -> dict[str, int]:
        """Keys by effect; every effect is present."""
        return {effect.value: self.keys[effect] for effect in Effect}


@dataclass(frozen=True)
class Planned:
    """What is planned.

    Attributes:
        requests: of the extract.
        spec: the calls that would send them.
        target: where they would be sent.
        given: what tells this load from others, as JSON members.
        vanished: keys that its feed had and the extract lacks; None without a feed.
    """

    requests: Prepared
    spec: CallSpec
    target: str
    given: Mapping[str, Any]
    vanished: int | None = None


def make_plan(planned: Planned, reader: HeldReader, file: Path, at_once: int, note: Callable[[str], None]) -> Plan:
    """Reads what LUSID holds of every request and writes what a load would do.

    Args:
        planned: the load.
        reader: reads what LUSID holds of its requests.
        file: plan.parquet, which is written whole.
        at_once: calls in flight, at most.
        note: told what the user should know before it is read.

    Raises:
        UnreachableError, AuthError: LUSID does not answer, or does not let us in.
        RunFolderError: the file cannot be written.
    """
    plan = Plan(file, planned.spec.operation.name, planned.target, vanished=planned.vanished)
    making = _Making(planned.requests, plan)
    numbers = np.arange(len(planned.requests))
    with atomic_write(file) as part, PlannedFile(part, planned.given) as lines:
        for some in reader.read(numbers, at_once, note):
            lines.add(line for held in some for line in making.lines(held, foreseen(held, planned.spec)))
        for more in making.refused():
            lines.add(more)
        lines.finish(plan.counts())
    return plan


class _Making:
    """Turns what was foreseen into lines, and counts it."""

    def __init__(self, requests: Prepared, plan: Plan) -> None:
        self._requests, self._book, self._plan = requests, requests.book, plan
        self._rows_of = RowsOf(requests.book.requests, len(requests))

    def lines(self, held: Held, found: Foreseen) -> Iterator[PlannedLine]:
        """The lines of a request: one for each member that would be changed, or one that says what would be done."""
        key, first = self._requests.key(held.request), int(self._requests.first_row[held.request])
        self._count(PlannedKey(key, self._book.where(first), found.effect, found.members, found.reason))
        source, rows = self._rows(held.request, first)
        line = PlannedLine(key, source, rows, found.effect, request=held.request, version=version_of(held))
        if found.effect is Effect.REFUSE:
            line = line._replace(code=found.code, reason=found.reason)
        if found.effect not in SENT or not found.members:
            yield line
        else:
            for each in found.members:
                yield line._replace(member=each.member, held=text_of(each.found), sent=text_of(each.expected))

    def refused(self) -> Iterator[list[PlannedLine]]:
        """The lines of the rows that make no request, and are not to be passed over."""
        states = np.frombuffer(self._book.states, np.uint8)
        loose = (self._book.requests < 0) & ~np.isin(states, [code_of(state) for state in GOOD])
        counting = rows_that_count(self._requests, states) if loose.any() else loose
        found = np.flatnonzero(loose)
        for at in range(0, len(found), _AT_ONCE):
            some = found[at : at + _AT_ONCE].tolist()
            yield [self._refused(ordinal, counts=bool(counting[ordinal])) for ordinal in some]

    def _refused(self, ordinal: int, *, counts: bool) -> PlannedLine:
        key = self._requests.keys.read(ordinal).decode()
        code, reason = self._book.note(ordinal)
        if counts:
            self._count(PlannedKey(key, self._book.where(ordinal), Effect.REFUSE, (), reason))
        source, row = self._book.place(ordinal)
        return PlannedLine(key or None, source, [row], Effect.REFUSE, code=code or None, reason=reason or None)

    def _rows(self, request: int, first: int) -> tuple[str, list[int]]:
        """The file of a request's first row, and its rows there."""
        places = [self._book.place(row) for row in (self._rows_of(request) if self._rows_of.many else [first])]
        source = places[0][0]
        return source, [row for name, row in places if name == source]

    def _count(self, key: PlannedKey) -> None:
        plan = self._plan
        plan.keys[key.effect] += 1
        plan.members.update({part_of(each.member) for each in key.members})
        if key.effect is not Effect.SAME and plan.keys[key.effect] <= EXAMPLES:
            plan.examples.append(key)


def part_of(member: str) -> str:
    """The part of an entity that a member belongs to: a property or an identifier by its key, anything else by name."""
    match = _PART.match(member)
    return match[0] if match else member
