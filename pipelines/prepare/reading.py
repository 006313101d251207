"""The first half of a load: every row is read, validated and keyed, every request written down. Nothing is sent.

Nothing here knows HTTP. What it leaves is a `Prepared`: the book of rows, and the requests by number.
"""

import hashlib
import itertools
from array import array
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import orjson

from connectors.extracts.extract import BadRow, Extract, RowBatch
from connectors.run_folder.scratch import EntryFile
from pipelines.operations.operation import Operation
from pipelines.prepare.call_parameters import ParametersOfCalls
from pipelines.prepare.completeness import Gate
from pipelines.prepare.grouping import Gathering, alone_value, settle_repeats
from pipelines.prepare.key_index import KeyIndex
from pipelines.prepare.row_book import Book
from pipelines.prepare.templates import Forms, request_encoder
from schemas.dialects import Dialect
from schemas.errors import ExtractError
from schemas.expectations import Expectations
from schemas.requests.allocations import CallParameters
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.validated import Sheet
from schemas.settings import MAX_BATCH_BYTES
from schemas.states import COUNTED, PENDING, Duplicates, State

_WRITTEN_AT_ONCE = 500
"""Gathered requests that go to the scratch file together: by ones it costs 3 µs each."""


@dataclass(frozen=True)
class Rules:
    """How rows become requests.

    Attributes:
        max_bytes: the largest call in bytes; a request that alone is larger is refused.
        hold: references that failed tonight, to what is said of them; a row that needs one is held.
        expect: what must be true of the whole extract.
    """

    operation: Operation
    dialect: Dialect
    duplicates: Duplicates = Duplicates.REFUSE
    max_bytes: int = MAX_BATCH_BYTES
    hold: Mapping[str, str] = field(default_factory=dict)
    expect: Expectations = field(default_factory=Expectations)


@dataclass(frozen=True)
class Prepared:
    """Requests ready to be sent, by number from 0, in the order of their first rows.

    Attributes:
        entries: encoded requests, each with the separator that follows it in a call.
        entry_of: number of each request's entry.
        first_row: ordinal of each request's first row.
        keys: the key of every row, b"" where it has none.
        wides: what rows say of the calls they go in.
        rows_read: the records of the extract but its trailers, as its reader counts them, apart from the book.
    """

    book: Book
    entries: EntryFile
    entry_of: npt.NDArray[np.int64]
    first_row: npt.NDArray[np.int64]
    keys: EntryFile
    wides: ParametersOfCalls
    rows_read: int

    def __len__(self) -> int:
        return len(self.entry_of)

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Encoded bytes of each request, separator included."""
        sizes: npt.NDArray[np.int64] = np.diff(self.entries.ends)[self.entry_of]
        return sizes

    def key(self, request: int) -> str:
        """The key of one request."""
        return self.keys.read(int(self.first_row[request])).decode()

    def digests(self) -> tuple[str, str]:
        """Fingerprints of which requests the numbers stand for, by sizes and places, and of their keys alone."""
        requests = hashlib.sha256(self.entries.ends.tobytes() + self.entry_of.tobytes())
        keys = hashlib.sha256(self.first_row.tobytes() + self.keys.digest())
        return requests.hexdigest(), keys.hexdigest()

    def close(self) -> None:
        """Removes the scratch files."""
        self.entries.close()
        self.keys.close()
        self.book.notes.close()


def prepare(
    extract: Extract,
    binding: Binding,
    rules: Rules,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _read, _refused: None,
) -> Prepared:
    """Reads and validates a whole extract.

    Args:
        extract: read once, streamed.
        binding: the extract's header bound to the operation.
        rules: how rows become requests.
        folder: where the scratch files go; about the size of the requests.
        progress: told the rows read so far, and how many of them cannot be sent; repeats are known at the end only.

    Raises:
        ExtractError: the extract cannot be read on, changed while it was read, or is not complete.
        RunFolderError: the scratch files cannot be written.
    """
    floats = extract.float_columns & binding.identifier_columns
    if floats:
        raise ExtractError(
            f"column {', '.join(sorted(floats))} holds floating point numbers: identifiers that "
            "were numbers may have lost digits; export them as text"
        )
    with ExitStack() as files:
        reading = _Reading(extract, binding, rules, folder, files)
        gate = Gate(rules.expect, extract, binding.amount_reader)
        for batch in gate.through(extract.batches()):
            reading.take(batch)
            progress(len(reading.book), reading.refused)
        extract.check_unchanged()
        gate.check()
        prepared = reading.finish(extract.records - gate.trailers)
        files.pop_all()
    return prepared


class _Reading:
    """One pass over an extract."""

    def __init__(self, extract: Extract, binding: Binding, rules: Rules, folder: Path, files: ExitStack) -> None:
        """Opens scratch files, which `files` removes."""
        self.binding, self.rules, self.folder, self.files = binding, rules, folder, files
        self.book = Book(extract, folder / "notes.tmp")
        files.callback(self.book.notes.close)
        self.entries = self._entry_file("entries.tmp")
        self.keys = self._entry_file("keys.tmp")
        self.by_key, self.by_alone = KeyIndex(), KeyIndex()
        self.wides = ParametersOfCalls(_call_parameters(binding, rules))
        self.forms = Forms(binding, _encoder(binding, rules))
        self.refused = 0

    def _entry_file(self, name: str) -> EntryFile:
        file = EntryFile(self.folder / name)
        self.files.callback(file.close)
        return file

    def take(self, batch: RowBatch) -> None:
        """Validates a batch; every row leaves a key and an entry, empty ones where it has none."""
        start = self.book.add_batch(len(batch), batch.source, batch.first_row, batch.position)
        sheet = self.binding.read(batch.columns)
        entries = self.forms.entries(sheet)
        for position in sorted(sheet.refused.union(batch.bad, _empty(sheet.keys), _empty(entries))):
            self._refuse(start + position, batch.bad.get(position), sheet.raw(position))
            entries[position] = b""
        if self.rules.hold or self.wides.needed:
            for position in itertools.compress(itertools.count(), entries):
                self._look_around(start + position, sheet, position)
        self._refuse_large(start, entries)
        self.refused += sum(self.book.states.count(code, start) for code in COUNTED)
        self.by_key.extend(start, sheet.keys)
        if alone := self.rules.operation.alone:
            values = map(alone_value, zip(*(sheet.cells[c] for c in alone), strict=True))
            self.by_alone.extend(start, [v if entry else "" for v, entry in zip(values, entries, strict=True)])
        self.keys.extend([key.encode() for key in sheet.keys])
        self.entries.extend(entries)

    def _refuse(self, ordinal: int, bad: BadRow | None, raw: Row) -> None:
        """Settles a row that cannot be sent, with all that is wrong with it."""
        code, message = "NoKey", "the cells that make its key are empty"
        if bad is not None:
            code, message = bad.code, bad.message
        elif faults := self.binding.faults(raw):
            code, message = faults[0].code, "; ".join(dict.fromkeys(map(str, faults)))
        self.book.settle(ordinal, State.INVALID, code, message)

    def _look_around(self, ordinal: int, sheet: Sheet, position: int) -> None:
        """Holds a row that needs what failed tonight, and notes what it says of its call."""
        for ref in self.rules.operation.needs(self.binding.named(sheet.raw(position))) if self.rules.hold else ():
            if ref in self.rules.hold:
                self.book.settle(ordinal, State.HELD, "ParentFailed", f"{ref} {self.rules.hold[ref]}")
                break
        if self.wides.needed:
            self.wides.add(ordinal, sheet.row(position))

    def _refuse_large(self, start: int, entries: list[bytes]) -> None:
        limit = self.rules.max_bytes
        if max(map(len, entries), default=0) <= limit:
            return
        for position, entry in enumerate(entries):
            if len(entry) > limit:
                self.book.settle(start + position, State.INVALID, *_too_large(len(entry), limit))
                entries[position] = b""

    def finish(self, rows_read: int) -> Prepared:
        """Settles repeats, gathers rows of one key, and numbers the requests."""
        self.keys.finish()
        self.entries.finish()
        if self.rules.operation.grouped:
            return self._gathered(rows_read)
        groups = self.by_key.groups(self._key_of, singles=False)
        settle_repeats(self.book, groups, self._made, self.rules.duplicates)
        states = np.frombuffer(self.book.states, np.uint8)
        rows = np.flatnonzero(states == PENDING)
        self.book.assign_each(rows)
        return Prepared(self.book, self.entries, rows, rows, self.keys, self.wides, rows_read)

    def _made(self, ordinal: int) -> bytes:
        """What a row makes: its request, and what it says of the whole call; b"" where it was refused."""
        entry = self.entries.read(ordinal)
        return b"%b%d" % (entry, self.wides.number(ordinal)) if entry else b""

    def _gathered(self, rows_read: int) -> Prepared:
        operation = self.rules.operation
        requests = self._entry_file("requests.tmp")
        gathering = Gathering(self.book, self.entries, self.binding.columns, operation)
        gathering.refuse_shared(self.by_alone, self._key_of)
        groups = self.by_key.groups(self._key_of, singles=True)
        firsts = array("q")
        gathered = gathering.gather(groups, self._whole_encoder())
        while some := list(itertools.islice(gathered, _WRITTEN_AT_ONCE)):
            firsts.extend(first for first, _ in some)
            requests.extend([entry for _, entry in some])
        self.entries.close()
        requests.finish()
        numbers = np.arange(len(firsts), dtype=np.int64)
        first_row = np.array(firsts, np.int64)
        return Prepared(self.book, requests, numbers, first_row, self.keys, self.wides, rows_read)

    def _whole_encoder(self) -> Callable[[Sequence[int], Sequence[Row]], bytes]:
        operation, limit = self.rules.operation, self.rules.max_bytes
        build = operation.build(self.binding.columns, self.rules.dialect)
        encode = request_encoder(operation, build)

        def whole(ordinals: Sequence[int], rows: Sequence[Row]) -> bytes:
            entry = encode(self._key_of(ordinals[0]), rows)
            if len(entry) <= limit:
                return entry
            for ordinal in ordinals:
                self.book.settle(ordinal, State.INVALID, *_too_large(len(entry), limit))
            return b""

        return whole

    def _key_of(self, ordinal: int) -> str:
        return self.keys.read(ordinal).decode()


def _empty(texts: Sequence[str | bytes]) -> list[int]:
    return [] if all(texts) else [position for position, text in enumerate(texts) if not text]


def _too_large(size: int, limit: int) -> tuple[str, str]:
    return "TooLarge", f"makes a request of {size} bytes, more than the {limit} of one call"


def _call_parameters(binding: Binding, rules: Rules) -> Callable[[Row], CallParameters] | None:
    say = rules.operation.call_parameters
    return say(binding.columns, rules.dialect) if say else None


def _encoder(binding: Binding, rules: Rules) -> Callable[[str, Row], bytes]:
    """Encodes a validated row: as its request, or, where rows are gathered, as a part of one."""
    if rules.operation.grouped:
        return lambda _, row: orjson.dumps(row)
    build = rules.operation.build(binding.columns, rules.dialect)
    return request_encoder(rules.operation, build)
