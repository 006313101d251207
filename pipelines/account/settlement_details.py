"""Reading settlements back: what a line of the journal says of each request, and which rows a request is made of."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.states import State


@dataclass(frozen=True, slots=True)
class Settlement:
    """Why a row is in its state, and what LUSID called its request."""

    state: State
    code: str = ""
    message: str = ""
    call: int | None = None
    lusid_id: str | None = None
    request_id: str | None = None


DETAILS = ("code", "message", "call", "lusid_id", "request_id")


class Settled:
    """One settling line of the journal, read."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.call: int = record["call"]
        self.request_id: str | None = record["request_id"]
        self._notes = {n[0]: (n[2], n[3]) for n in record["settled"]}
        accepted = [r for first, count in record.get("accepted", ()) for r in range(first, first + count)]
        self._ids = dict(zip(accepted, record.get("ids") or (), strict=False))

    def of(self, request: int, state: State) -> Settlement:
        """What the line says of one request."""
        note = self._notes.get(request, ("", ""))
        return Settlement(state, *note, self.call, self._ids.get(request), self.request_id)

    def extend(self, columns: dict[str, list[Any]], requests: Sequence[int]) -> None:
        """What the line says of many, by column."""
        count = len(requests)
        notes = [self._notes.get(r, (None, None)) for r in requests] if self._notes else []
        columns["code"] += [code or None for code, _ in notes] or [None] * count
        columns["message"] += [message or None for _, message in notes] or [None] * count
        columns["call"] += [self.call] * count
        columns["lusid_id"] += map(self._ids.get, requests)
        columns["request_id"] += [self.request_id] * count


class RowsOf:
    """Ordinals of the rows of each request; only to be asked where some request has `many`."""

    def __init__(self, requests: npt.NDArray[np.int32], count: int) -> None:
        self.many = int(np.count_nonzero(requests >= 0)) > count
        if self.many:
            self._order = np.argsort(requests, kind="stable")
            self._starts = np.searchsorted(requests[self._order], np.arange(count + 1))

    def __call__(self, request: int) -> list[int]:
        """Ordinals of a request's rows, in reading order."""
        rows: list[int] = self._order[self._starts[request] : self._starts[request + 1]].tolist()
        return rows


def stretches(values: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """[first, end) of the stretches of one value."""
    edges = np.flatnonzero(np.diff(values)) + 1
    bounds = [0, *edges.tolist(), len(values)] if len(values) else []
    return itertools.pairwise(bounds)
