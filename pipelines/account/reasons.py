"""Why each row is in its state, from the journal; and the reasons of a run, counted, with examples.

failures.csv has every reason in full.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.manifest import Reason
from schemas.states import State
from schemas.texts import without_middle

MOST_REASONS = 1000
"""Reasons that summaries distinguish."""

EXAMPLES = 3
"""Rows that summaries name for each reason."""


LONGEST_EXAMPLE = 500
LONGEST_MESSAGE = 2000
"""Characters that a manifest keeps of an example and of a message; failures.csv has all of them."""


@dataclass(frozen=True, slots=True)
class RowReason:
    """Why a row is in its state, and LUSID's ids for its entity and its call."""

    state: State
    code: str = ""
    message: str = ""
    call: int | None = None
    lusid_id: str | None = None
    request_id: str | None = None


DETAILS = ("code", "message", "call", "lusid_id", "request_id")


class SettledCall:
    """A line of the journal that settled the requests of one call."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.call: int = record["call"]
        self.request_id: str | None = record["request_id"]
        self._notes = {n[0]: (n[2], n[3]) for n in record["settled"]}
        accepted = [r for first, count in record.get("accepted", ()) for r in range(first, first + count)]
        self._ids = dict(zip(accepted, record.get("ids") or (), strict=False))

    def of(self, request: int, state: State) -> RowReason:
        """The reason of one request."""
        note = self._notes.get(request, ("", ""))
        return RowReason(state, *note, self.call, self._ids.get(request), self.request_id)

    def extend(self, columns: dict[str, list[Any]], requests: Sequence[int]) -> None:
        """Appends the reasons of several requests to columns named as in `DETAILS`."""
        count = len(requests)
        notes = [self._notes.get(r, (None, None)) for r in requests] if self._notes else []
        columns["code"] += [code or None for code, _ in notes] or [None] * count
        columns["message"] += [message or None for _, message in notes] or [None] * count
        columns["call"] += [self.call] * count
        columns["lusid_id"] += map(self._ids.get, requests)
        columns["request_id"] += [self.request_id] * count


class Reasons:
    """The reasons of one run."""

    def __init__(self) -> None:
        self._rows: Counter[tuple[State, str, str]] = Counter()
        self._examples: dict[tuple[State, str, str], list[str]] = {}

    def count(self, found: RowReason, example: str) -> None:
        """Adds a row to its reason; beyond `MOST_REASONS`, reasons that differ only in their message count as one."""
        name = (found.state, found.code, found.message)
        if name not in self._rows and len(self._rows) >= MOST_REASONS:
            name = (found.state, found.code, "(various)")
        self._rows[name] += 1
        examples = self._examples.setdefault(name, [])
        if len(examples) < EXAMPLES:
            examples.append(without_middle(example, LONGEST_EXAMPLE))

    def ranked(self) -> list[Reason]:
        """The reasons, the most frequent first."""
        return [
            Reason(state, code, without_middle(message, LONGEST_MESSAGE), rows, self._examples[state, code, message])
            for (state, code, message), rows in self._rows.most_common()
        ]


def stretches(values: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The [first, end) of each stretch of equal values; values has shape (n,), int64."""
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)] if len(values) else []
    return itertools.pairwise(bounds)
