"""A portion of an extract, prepared: its rows are read, validated and keyed, each leaves what it makes.

One process may prepare a whole extract, or several a portion each; then what they leave is adopted by one, in the order
of the portions, as if it had read all rows itself (docs/decisions/0030-portions-of-an-extract.md). What crosses
portions is settled behind that, in `finishing`.
"""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.extracts.extract import Extract, RowBatch
from connectors.run_folder.scratch import EntryFile
from pipelines.operations.operation import Operation
from pipelines.prepare.encoding.entries import Entries, empty_places, store
from pipelines.prepare.encoding.gathered_templates import GatheredTemplates
from pipelines.prepare.encoding.patterns import Pattern
from pipelines.prepare.encoding.templates import Templates, request_encoder
from pipelines.prepare.gathering import Gathering, Made
from pipelines.prepare.grouping import refuse_large
from pipelines.prepare.key_index import KeyIndex
from pipelines.prepare.noticed import Counts, Noticed
from pipelines.prepare.refusals import Refusals
from pipelines.prepare.row_book import Book, KeptBook, ParametersOfCalls, Said
from pipelines.prepare.shared_values import SharedValues, unique_values
from schemas.dialects import Dialect
from schemas.expectations import Expectations
from schemas.requests.allocations import CallParameters
from schemas.requests.members import Gathered
from schemas.rows.binding import Binding
from schemas.rows.columns import Row
from schemas.rows.side_by_side import spread
from schemas.rows.validated import Sheet
from schemas.settings import MAX_BATCH_BYTES
from schemas.states import COUNTED, Duplicates, State


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


class PortionFiles(NamedTuple):
    """The scratch files of a portion that another process opened, empty.

    Attributes:
        parts: of rows of which several make one request; otherwise it stays empty.
    """

    entries: BinaryIO
    parts: BinaryIO
    keys: BinaryIO
    notes: BinaryIO


class Kept(NamedTuple):
    """What is known of a prepared portion beside its scratch files; another process can take it over.

    Attributes:
        entry_ends, part_ends, key_ends: where these end in their files.
    """

    book: KeptBook
    entry_ends: npt.NDArray[np.int64]
    part_ends: npt.NDArray[np.int64]
    key_ends: npt.NDArray[np.int64]
    by_key: KeyIndex
    shared: Sequence[KeyIndex]
    said: Said
    patterns: Sequence[Pattern]
    noticed: Counts
    refused: int


class Portion:
    """One pass over an extract, or over a portion of it.

    Attributes:
        entries: the requests; of each row by its ordinal, b"" where it makes none, unless rows of one key make one.
        gathering: makes requests of the rows of one key; None where each row is a request.
    """

    def __init__(
        self,
        extract: Extract,
        binding: Binding,
        rules: Rules,
        place: Path | PortionFiles,
        files: ExitStack,
        expected: Collection[str] = (),
    ) -> None:
        """Gets ready for the first batch.

        Args:
            place: the folder where scratch files go, or the files.
            files: closes them.
            expected: columns of which something is expected.
        """
        self.binding, self.rules, self.files = binding, rules, files
        names = PortionFiles._fields
        entries, parts, keys, notes = [place / f"{n}.tmp" for n in names] if isinstance(place, Path) else place
        self.book = Book(extract, notes)
        files.callback(self.book.notes.close)
        self.entries = files.enter_context(closing(EntryFile(entries)))
        self.keys = files.enter_context(closing(EntryFile(keys)))
        self.by_key = KeyIndex()
        self.shared = SharedValues(unique_values(rules.operation, binding, rules.dialect, match_case=rules.match_case))
        self.wides = ParametersOfCalls(_call_parameters(binding, rules))
        build = rules.operation.build(binding.columns, rules.dialect)
        self.gathering: Gathering | None = None
        if isinstance(build, Gathered):
            kept = files.enter_context(closing(EntryFile(parts)))
            templates = GatheredTemplates(binding, rules.operation, build)
            self.gathering = Gathering(self.book, kept, templates, rules.operation, rules.max_bytes)
            self.made_of = templates.parts
        else:
            self.made_of = Templates(binding, request_encoder(rules.operation, build)).entries
            if not isinstance(parts, Path):
                parts.close()
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
        if entries.longest > self.rules.max_bytes - (self.gathering.templates.names_size if self.gathering else 0):
            entries = self._refuse_large(start, entries)
        self.refused += sum(self.book.states.count(code, start) for code in COUNTED)
        self.by_key.extend(start, sheet.keys)
        self.shared.extend(start, sheet, {*batch.bad, *empty_places(sheet.keys)})
        store(self.keys, sheet.keys)
        store(self.gathering.parts if self.gathering else self.entries, entries)

    def finish(self) -> None:
        """Ends reading: makes the requests of all rows of a key that nothing here speaks against."""
        for file in (self.entries, self.keys):
            file.finish()
        if self.gathering:
            self.gathering.parts.finish()
            for made in self.gathering.clear(self.by_key.hashed()):
                self.add(made)
            self.entries.finish()

    def add(self, made: Made) -> None:
        """Adds requests that are made of the rows of a key each."""
        first = len(self.entries)
        self.book.assign(made.rows, np.repeat(np.arange(first, first + len(made.counts)), made.counts))
        store(self.entries, made.entries)

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
        size_of, large = self.gathering.templates.size if self.gathering else len, []
        for position, entry in enumerate(entries):
            if entry and (size := size_of(entry)) > self.rules.max_bytes:
                refuse_large(self.book, [start + position], size, self.rules.max_bytes)
                large.append(position)
        return entries.without(large)

    def keep(self) -> Kept:
        """Ends reading; gives what another process needs to adopt the portion."""
        self.finish()
        gathering = self.gathering
        return Kept(
            self.book.keep(),
            self.entries.ends,
            gathering.parts.ends if gathering else np.zeros(1, np.int64),
            self.keys.ends,
            self.by_key,
            self.shared.indices,
            self.wides.said,
            gathering.templates.patterns if gathering else (),
            self.noticed.counts,
            self.refused,
        )

    def adopt(self, files: PortionFiles, kept: Kept) -> None:
        """Takes over the portion behind those that were adopted before; nothing may have been read here."""
        start = self.book.adopt(files.notes, kept.book, len(self.entries))
        self.entries.adopt(files.entries, kept.entry_ends)
        self.keys.adopt(files.keys, kept.key_ends)
        self.by_key.adopt(start, kept.by_key)
        self.shared.adopt(start, kept.shared)
        self.wides.adopt(start, kept.said)
        if self.gathering:
            self.gathering.parts.adopt(files.parts, kept.part_ends)
            self.gathering.templates.adopt(kept.patterns)
        else:
            files.parts.close()
        self.noticed.add(kept.noticed)
        self.refused += kept.refused


def _call_parameters(binding: Binding, rules: Rules) -> Callable[[Row], CallParameters] | None:
    say = rules.operation.call_parameters
    return say(binding.columns, rules.dialect) if say else None
