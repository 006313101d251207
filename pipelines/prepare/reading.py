"""The first half of a load: every row is read, validated and keyed, every request written down. Nothing is sent.

Nothing here knows HTTP. What it leaves is a `Prepared`: the book of rows, and the requests by number.
"""

import hashlib
import itertools
from array import array
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.extracts.extract import Extract, RowBatch
from connectors.run_folder.scratch import EntryFile
from pipelines.operations.operation import Operation
from pipelines.prepare.completeness import Gate
from pipelines.prepare.entries import Entries, empty_places, store
from pipelines.prepare.gathering import Gathering
from pipelines.prepare.grouping import KeyIndex, refuse_large, settle_repeats
from pipelines.prepare.noticed import Noticed
from pipelines.prepare.refusals import Refusals
from pipelines.prepare.row_book import Book, ParametersOfCalls
from pipelines.prepare.shared_values import SharedValues, unique_values
from pipelines.prepare.templates import GatheredTemplates, Templates, request_encoder
from schemas.dialects import Dialect
from schemas.expectations import Expectations
from schemas.requests.allocations import CallParameters
from schemas.requests.members import Gathered
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.side_by_side import spread
from schemas.rows.validated import Sheet
from schemas.settings import MAX_BATCH_BYTES
from schemas.states import COUNTED, PENDING, Duplicates, State
from schemas.texts import without_middle

MOST_OF_A_KEY = 500
"""Characters of a key by which the journal names a request."""


@dataclass(frozen=True)
class Rules:
    """How rows become requests.

    Attributes:
        max_bytes: the largest call in bytes; a request that alone is larger is refused.
        hold: references that failed tonight, to what is said of them; a row that needs one is held.
        expect: what must be true of the whole extract.
        match_case: whether values of identifiers that differ in case are two.
    """

    operation: Operation
    dialect: Dialect
    duplicates: Duplicates = Duplicates.REFUSE
    max_bytes: int = MAX_BATCH_BYTES
    hold: Mapping[str, str] = field(default_factory=dict)
    expect: Expectations = field(default_factory=Expectations)
    match_case: bool = True


@dataclass(frozen=True)
class Prepared:
    """Requests ready to be sent, by number from 0, in the order of their first rows.

    Attributes:
        entries: encoded requests, each with the separator that follows it in a call.
        entry_of: number of each request's entry.
        first_row: ordinal of each request's first row.
        keys: the key of every row, b"" where it has none.
        wides: what rows say of the calls they go in.
        remarks: what was noticed that is no row's fault.
        rows_read: the records of the extract but its trailers, as its reader counts them, apart from the book.
    """

    book: Book
    entries: EntryFile
    entry_of: npt.NDArray[np.int64]
    first_row: npt.NDArray[np.int64]
    keys: EntryFile
    wides: ParametersOfCalls
    rows_read: int
    remarks: tuple[str, ...] = ()

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

    def name(self, request: int) -> tuple[str, str]:
        """The key of one request, bounded, and its first row as a person finds it."""
        return without_middle(self.key(request), MOST_OF_A_KEY), self.book.where(int(self.first_row[request]))

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
    with ExitStack() as files:
        gate = Gate(rules.expect, extract, binding.amount_reader)
        reading = _Reading(extract, binding, rules, folder, files, gate.columns)
        for batch in gate.through(extract.batches(gate.columns.union(binding.used_columns))):
            reading.take(batch)
            progress(len(reading.book), reading.refused)
        extract.check_unchanged()
        gate.check()
        prepared = reading.finish(extract.records - gate.trailers)
        files.pop_all()
    return prepared


class _Reading:
    """One pass over an extract."""

    def __init__(
        self,
        extract: Extract,
        binding: Binding,
        rules: Rules,
        folder: Path,
        files: ExitStack,
        expected: Collection[str] = (),
    ) -> None:
        """Opens scratch files, which `files` removes; `expected` are columns of which something is expected."""
        self.binding, self.rules, self.folder, self.files = binding, rules, folder, files
        self.book = Book(extract, folder / "notes.tmp")
        files.callback(self.book.notes.close)
        self.entries = files.enter_context(closing(EntryFile(folder / "entries.tmp")))
        self.keys = files.enter_context(closing(EntryFile(folder / "keys.tmp")))
        self.by_key = KeyIndex()
        self.shared = SharedValues(unique_values(rules.operation, binding, rules.dialect, match_case=rules.match_case))
        self.wides = ParametersOfCalls(_call_parameters(binding, rules))
        build = rules.operation.build(binding.columns, rules.dialect)
        self.gathered = GatheredTemplates(binding, rules.operation, build) if isinstance(build, Gathered) else None
        singles = Templates(binding, request_encoder(rules.operation, build))
        self.made_of = self.gathered.parts if self.gathered else singles.entries
        self.refusals = Refusals(binding, extract)
        self.refused = 0
        self.noticed = Noticed(binding, expected)

    def take(self, batch: RowBatch) -> None:
        """Validates a batch; every row leaves a key and an entry, empty ones where it has none."""
        start = self.book.add_batch(len(batch), batch.source, batch.first_row, batch.position, batch.lines)
        sheet = self.binding.read(batch.columns)
        entries = self.made_of(sheet)
        refused = sorted({*sheet.faults, *batch.bad, *empty_places(sheet.keys), *empty_places(entries)})
        for position in refused:
            self._refuse(start + position, batch, sheet, position)
        entries = entries.without(refused)
        self.noticed.take(sheet, entries)
        if self.rules.hold or self.wides.needed:
            for position in itertools.compress(itertools.count(), entries):
                self._look_around(start + position, sheet, position)
        if entries.longest > self.rules.max_bytes - (self.gathered.names_size if self.gathered else 0):
            entries = self._refuse_large(start, entries)
        self.refused += sum(self.book.states.count(code, start) for code in COUNTED)
        self.by_key.extend(start, sheet.keys)
        self.shared.extend(start, sheet, {*batch.bad, *empty_places(sheet.keys)})
        store(self.keys, sheet.keys)
        store(self.entries, entries)

    def _refuse(self, ordinal: int, batch: RowBatch, sheet: Sheet, position: int) -> None:
        """Settles a row that cannot be sent, with all that is wrong with it, and where."""
        if (bad := batch.bad.get(position)) is not None:
            self.book.settle(ordinal, State.INVALID, bad.code, bad.message)
            return
        code, message = self.refusals.why(sheet, position, batch.source)
        self.book.settle(ordinal, State.INVALID, code, message, lined=True)

    def _look_around(self, ordinal: int, sheet: Sheet, position: int) -> None:
        """Holds a row that needs what failed tonight, and notes what it says of its call."""
        if self.rules.hold:
            rows = spread(self.binding.named(sheet.raw(position)), self.binding.items)
            needed = itertools.chain.from_iterable(map(self.rules.operation.needs, rows))
            if (ref := next((ref for ref in needed if ref in self.rules.hold), None)) is not None:
                self.book.settle(ordinal, State.HELD, "ParentFailed", f"{ref} {self.rules.hold[ref]}")
        if self.wides.needed:
            self.wides.add(ordinal, sheet.row(position))

    def _refuse_large(self, start: int, entries: Entries) -> Entries:
        size_of, large = self.gathered.size if self.gathered else len, []
        for position, entry in enumerate(entries):
            if entry and (size := size_of(entry)) > self.rules.max_bytes:
                refuse_large(self.book, [start + position], size, self.rules.max_bytes)
                large.append(position)
        return entries.without(large)

    def finish(self, rows_read: int) -> Prepared:
        """Settles repeats, gathers rows of one key, and numbers the requests."""
        self.keys.finish()
        self.entries.finish()
        key_of = self.keys.reader()
        if self.gathered is not None:
            return self._gather(self.gathered, key_of, rows_read)
        groups = self.by_key.groups(key_of, singles=False)
        settle_repeats(self.book, groups, self._made(), self.rules.duplicates)
        self.shared.refuse(self.book, self.binding, key_of)
        states = np.frombuffer(self.book.states, np.uint8)
        rows = np.flatnonzero(states == PENDING)
        self.book.assign(rows, np.arange(len(rows)))
        return Prepared(self.book, self.entries, rows, rows, self.keys, self.wides, rows_read, self.noticed.remarks())

    def _made(self) -> Callable[[int], bytes]:
        """What tells what a row makes: its request, and what it says of the whole call; b"" where it was refused."""
        entry_of, number = self.entries.reader(), self.wides.number
        return lambda ordinal: b"%b%d" % (entry, number(ordinal)) if (entry := entry_of(ordinal)) else b""

    def _gather(self, templates: GatheredTemplates, key_of: Callable[[int], bytes], rows_read: int) -> Prepared:
        """Makes one request of the rows of each key."""
        requests = self.files.enter_context(closing(EntryFile(self.folder / "requests.tmp")))
        gathering = Gathering(self.book, self.entries, templates, self.rules.operation, self.rules.max_bytes)
        self.shared.refuse(self.book, self.binding, key_of)
        firsts = array("q")
        for rows, counts, entries in gathering.gather(self.by_key, key_of):
            numbers = np.arange(len(firsts), len(firsts) + len(counts))
            self.book.assign(rows, np.repeat(numbers, counts))
            firsts.frombytes(rows[np.cumsum(counts) - counts].tobytes())
            store(requests, entries)
        self.entries.close()
        requests.finish()
        numbers, first_row = np.arange(len(firsts), dtype=np.int64), np.array(firsts, np.int64)
        return Prepared(
            self.book, requests, numbers, first_row, self.keys, self.wides, rows_read, self.noticed.remarks()
        )


def _call_parameters(binding: Binding, rules: Rules) -> Callable[[Row], CallParameters] | None:
    say = rules.operation.call_parameters
    return say(binding.columns, rules.dialect) if say else None
