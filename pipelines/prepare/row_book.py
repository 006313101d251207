"""The book: one line for each row read, from the moment it is read to the moment it is accounted for.

A row takes 13 bytes, and 4 more in a batch with records of several lines.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.extracts.batches import NO_LINES, Lines
from connectors.extracts.extract import Extract, Position
from connectors.run_folder.notes import NoteFile
from schemas.errors import ExtractError
from schemas.requests.allocations import CallParameters
from schemas.rows.columns import Row
from schemas.states import PENDING, STATES, State, by_state, code_of

PLAIN = CallParameters()
"""A call of which rows say nothing."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Where a batch of rows came from, so that its cells can be read again."""

    start: int
    """Ordinal of its first row: 0-based over the whole extract."""
    count: int
    source: int
    first_row: int
    position: Position
    lines: Lines = NO_LINES


class KeptBook(NamedTuple):
    """A book of a portion.

    Attributes:
        requests: those that were made of its rows, for which see `Book.adopt`.
        notes: what its note file's `finish` gave.
    """

    batches: list[ReadBatch]
    states: bytearray
    note_at: "array[int]"
    requests: "array[int]"
    notes: tuple[int, dict[int, tuple[str, str]]]


class Book:
    """Every row's state, its reason, and the request it went into."""

    def __init__(self, extract: Extract, notes: Path | BinaryIO) -> None:
        """Begins a book; its notes go to a new file at a path, or to one that is open and empty."""
        self.extract = extract
        self.batches: list[ReadBatch] = []
        self.states = bytearray()
        self.notes = NoteFile(notes)
        self._rows_of = Counter[int]()
        self._note_at = array("q")
        self._nearest: ReadBatch | None = None
        self._request = array("i")

    def __len__(self) -> int:
        return len(self.states)

    def add_batch(self, count: int, source: int, first_row: int, position: Position, lines: Lines = NO_LINES) -> int:
        """Opens lines for a batch of rows; gives the ordinal of the first.

        Args:
            count: how many rows.
            source: index of their file.
            first_row: number of the first in that file.
            position: of the batch.
            lines: physical lines of the file that the rows begin on.
        """
        start = len(self.states)
        self.batches.append(ReadBatch(start, count, source, first_row, position, lines))
        self.states.extend(bytes([PENDING]) * count)
        self._note_at.extend([-1] * count)
        self._request.extend([-1] * count)
        return start

    def keep(self) -> KeptBook:
        """Ends the notes; gives what another process needs to adopt the book."""
        return KeptBook(self.batches, self.states, self._note_at, self._request, self.notes.finish())

    def adopt(self, notes: BinaryIO, kept: KeptBook, made: int) -> int:
        """Takes over the rows of a portion, and numbers them on in their files; gives the ordinal of the first.

        Args:
            notes: the file of its notes.
            kept: what its `keep` gave.
            made: requests of the rows before; those of the portion follow them.
        """
        start, begin = len(self.states), self.notes.adopt(notes, *kept.notes)
        for batch in kept.batches:
            row = self._rows_of[batch.source] + 1
            self._rows_of[batch.source] += batch.count
            position = replace(batch.position, row=row)
            self.batches.append(replace(batch, start=start + batch.start, first_row=row, position=position))
        self.states.extend(kept.states)
        found = np.frombuffer(kept.note_at, np.int64)
        self._note_at.frombytes(np.where(found < 0, found, found + (begin << 1)).view(np.uint8).data)
        requests = np.frombuffer(kept.requests, np.int32)
        self._request.frombytes(np.where(requests < 0, requests, requests + np.int32(made)).view(np.uint8).data)
        return start

    def settle(self, ordinal: int, state: State, code: str = "", message: str = "", *, lined: bool = False) -> None:
        """Ends a row in a state before it was sent, with the reason.

        Args:
            ordinal: the row.
            state: its state.
            code: of the reason; none where it is empty.
            message: the reason.
            lined: the reason is told behind the row's line in its file; many rows may share it without.
        """
        self.states[ordinal] = code_of(state)
        self._note_at[ordinal] = self.notes.add(code, message) << 1 | lined if code else -1

    def is_open(self, ordinal: int) -> bool:
        """Whether a row still waits for its state."""
        return self.states[ordinal] == PENDING

    def state(self, ordinal: int) -> State | None:
        """A row's state; None while it is open."""
        code = self.states[ordinal]
        return None if code == PENDING else STATES[code]

    def assign(self, ordinals: npt.NDArray[np.int64], requests: npt.NDArray[np.int64]) -> None:
        """Says that row ordinals[i] went into request requests[i]."""
        np.frombuffer(self._request, np.int32)[ordinals] = requests

    def note(self, ordinal: int) -> tuple[str, str]:
        """(code, message) of a row that was settled before it was sent; empty texts without one."""
        kept = self._note_at[ordinal]
        if kept < 0:
            return "", ""
        code, message = self.notes.read(kept >> 1)
        if kept & 1 and (batch := self._batch_of(ordinal)).lines:
            message = f"line {batch.lines[ordinal - batch.start]}: {message}"
        return code, message

    @property
    def requests(self) -> npt.NDArray[np.int32]:
        """Request number of each row; -1 for rows that are in none."""
        return np.frombuffer(self._request, np.int32)

    def place(self, ordinal: int) -> tuple[str, int]:
        """(source name, `_row`) of a row."""
        batch = self._batch_of(ordinal)
        return (
            self.extract.sources[batch.source].name,
            batch.first_row + ordinal - batch.start,
        )

    def found_at(self, ordinal: int) -> str | None:
        """Where a row stands in its file, beside its number: `line 18`, or `row group 2, row 5`, or `index 17`.

        None where the file cannot be read any more.
        """
        batch = self._batch_of(ordinal)
        place = ordinal - batch.start
        if batch.lines:
            return f"line {batch.lines[place]}"
        try:
            return self.extract.place(batch.source, batch.first_row + place) or None
        except ExtractError:  # the states matter more
            return None

    def where(self, ordinal: int) -> str:
        """A row as a person finds it: `row 17`, with its file when the extract has several."""
        source, row = self.place(ordinal)
        return row_named(source, row, alone=len(self.extract.sources) == 1)

    def located(self, ordinal: int) -> str:
        """The same, with the line in its file where that is not simply the one of its number behind a header."""
        batch = self._batch_of(ordinal)
        line = batch.lines[ordinal - batch.start] if batch.lines else 0
        told = "" if line in (0, batch.first_row + ordinal - batch.start + 1) else f", line {line}"
        return f"{self.where(ordinal)}{told}"

    def batches_with(self, wanted: npt.NDArray[np.bool_]) -> Iterator[ReadBatch]:
        """The batches that hold at least one wanted row, in reading order."""
        for batch in self.batches:
            if wanted[batch.start : batch.start + batch.count].any():
                yield batch

    def counts(self) -> dict[State, int]:
        """Rows by state; every state present. Rows still open are not counted."""
        return by_state(np.bincount(np.frombuffer(self.states, np.uint8), minlength=len(STATES)))

    def _batch_of(self, ordinal: int) -> ReadBatch:
        near = self._nearest  # rows are accounted for in order
        if near is not None and near.start <= ordinal < near.start + near.count:
            return near
        low, high = 0, len(self.batches)
        while high - low > 1:
            middle = (low + high) // 2
            if self.batches[middle].start <= ordinal:
                low = middle
            else:
                high = middle
        self._nearest = self.batches[low]
        return self.batches[low]


def row_named(source: str, row: int, *, alone: bool) -> str:
    """A row as a person finds it; `alone` says whether its file is the only one."""
    return f"row {row}" if alone else f"{source} row {row}"


class Said(NamedTuple):
    """What the rows of a portion say of their calls: all of it, and the number of what each row says, by its place."""

    all: list[CallParameters]
    numbers: "array[int]"


class ParametersOfCalls:
    """What each row says, by ordinal, of the whole call it goes in; for most operations nothing.

    An algorithm, for example, or properties of every transaction. Rows that say differently go in different calls.
    """

    def __init__(self, say: Callable[[Row], CallParameters] | None) -> None:
        """Reads rows with `say`; None where the operation has nothing of the kind."""
        self._say = say
        self._numbers: dict[CallParameters, int] = {PLAIN: 0}
        self._of = array("i")

    @property
    def needed(self) -> bool:
        """Whether rows of this operation say anything of their call."""
        return self._say is not None

    def add(self, ordinal: int, row: Row) -> None:
        """Notes what a validated row says."""
        if self._say is not None:
            self._of.extend([0] * (ordinal + 1 - len(self._of)))
            self._of[ordinal] = self._numbers.setdefault(self._say(row), len(self._numbers))

    @property
    def said(self) -> Said:
        """What rows said so far, for who adopts it."""
        return Said(list(self._numbers), self._of)

    def adopt(self, start: int, said: Said) -> None:
        """Takes over what the rows of a portion say, the first of which is row `start`."""
        known = np.array([self._numbers.setdefault(each, len(self._numbers)) for each in said.all], np.int32)
        if len(said.numbers):
            self._of.extend([0] * (start - len(self._of)))
            self._of.frombytes(known[np.frombuffer(said.numbers, np.int32)].tobytes())

    def of(self, ordinal: int) -> CallParameters:
        """What a row says."""
        return list(self._numbers)[self.number(ordinal)]

    def number(self, ordinal: int) -> int:
        """The same number for rows that say the same."""
        return self._of[ordinal] if ordinal < len(self._of) else 0

    def parted(self, requests: npt.NDArray[np.int64], first_row: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Requests in groups that may share a call, each ascending."""
        if len(self._numbers) == 1:
            return [requests]
        numbers = np.array(self._of, np.int32)[first_row[requests]]
        return [requests[numbers == number] for number in np.unique(numbers)]
