"""Why each row is in its state, from the journal; and the reasons of a run, counted, with examples.

failures.csv has every reason in full.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.account.rules import rule_of, without_line
from pipelines.deliver.alerts import ALERT_CODES
from pipelines.deliver.changes import CHANGES
from schemas.manifest import Reason
from schemas.states import State
from schemas.texts import without_middle

MOST_CODES = 100
"""Codes that the reasons of one state distinguish; the first ones."""

MOST_RULES = 50
"""Rules that the reasons of one code distinguish; the first ones."""

OTHER = "(others)"
"""The code, or the rule, of rows beyond these bounds: they are counted all the same."""

EXAMPLES = 3
"""Rows named for each reason."""

LONGEST_EXAMPLE = 500
LONGEST_RULE = 2000
"""Characters that a manifest keeps of an example and of a rule; failures.csv has all of them."""


class RowReason(NamedTuple):
    """Why a row is in its state, and LUSID's ids for its entity and its call."""

    state: State
    code: str = ""
    message: str = ""
    call: int | None = None
    lusid_id: str | None = None
    request_id: str | None = None
    change: str | None = None


DETAILS = ("code", "message", "call", "lusid_id", "request_id", "change")


class SettledCall:
    """A line of the journal that settled the requests of one call.

    Attributes:
        alerts: its requests that LUSID accepted otherwise than they were meant.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.call: int = record["call"]
        self.request_id: str | None = record["request_id"]
        self._notes = {n[0]: (n[2], n[3]) for n in record["settled"]}
        self.alerts = {n[0] for n in record["settled"] if n[1] == State.ACCEPTED and n[2] in ALERT_CODES}
        accepted = [r for first, count in record.get("accepted", ()) for r in range(first, first + count)]
        self._ids = dict(zip(accepted, record.get("ids") or (), strict=False))
        self._changes = dict(zip(accepted, map(CHANGES.get, record.get("changes") or ""), strict=False))

    def of(self, request: int, state: State) -> RowReason:
        """The reason of one request."""
        note = self._notes.get(request, ("", ""))
        return RowReason(state, *note, self.call, self._ids.get(request), self.request_id, self._changes.get(request))

    def extend(self, columns: dict[str, list[Any]], requests: Sequence[int]) -> None:
        """Appends the reasons of several requests to columns named as in `DETAILS`."""
        count = len(requests)
        notes = [self._notes.get(r, (None, None)) for r in requests] if self._notes else []
        columns["code"] += [code or None for code, _ in notes] or [None] * count
        columns["message"] += [message or None for _, message in notes] or [None] * count
        columns["call"] += [self.call] * count
        columns["lusid_id"] += map(self._ids.get, requests)
        columns["request_id"] += [self.request_id] * count
        columns["change"] += map(self._changes.get, requests) if self._changes else [None] * count


@dataclass(slots=True)
class _Tally:
    """The rows of one reason, so far.

    Attributes:
        message: of the first of them.
    """

    message: str
    rows: int = 0
    keys: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str, *, is_key: bool) -> None:
        """Adds a row, named as an example is."""
        self.rows += 1
        self.keys += is_key
        if len(self.examples) < EXAMPLES:
            self.examples.append(without_middle(example, LONGEST_EXAMPLE))


class Reasons:
    """The reasons of one run: rows by state, code and rule.

    Every row is counted, however many reasons there are: of a state's codes and of a code's rules the first ones have a
    reason each, and all others one together. So memory is bounded, and a flood of one kind hides no other.
    """

    def __init__(self) -> None:
        self._found: dict[State, dict[str, dict[str, _Tally]]] = {}

    def count(self, found: RowReason, key: str, where: str, *, is_key: bool = True) -> None:
        """Adds a row to its reason.

        Args:
            found: why the row is in its state.
            key: its key; empty where it has none.
            where: the row as a person finds it.
            is_key: whether it is the row by which its key is counted.
        """
        message = without_middle(without_line(found.state, found.message), LONGEST_RULE)
        self._tally(found, message, key).add(f"{key or 'no key'} ({where})", is_key=is_key)

    def _tally(self, found: RowReason, message: str, key: str) -> _Tally:
        code, rule = found.code, rule_of(found.state, found.code, message, key)
        codes = self._found.setdefault(found.state, {})
        if code not in codes and len(codes) >= MOST_CODES:
            code = rule = OTHER
        rules = codes.setdefault(code, {})
        if rule not in rules and len(rules) >= MOST_RULES:
            rule = OTHER
        return rules.setdefault(rule, _Tally(message))

    def ranked(self) -> list[Reason]:
        """The reasons, the most frequent first."""
        found = [
            Reason(state=state, code=code, rule=rule, **asdict(tally))
            for state, codes in self._found.items()
            for code, rules in codes.items()
            for rule, tally in rules.items()
        ]
        return sorted(found, key=lambda reason: -reason.rows)


def stretches(values: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The [first, end) of each stretch of equal values; values has shape (n,), int64."""
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)] if len(values) else []
    return itertools.pairwise(bounds)
