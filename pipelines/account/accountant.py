"""The end of a load: every row's state is written down, counted twice, and the two counts compared."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.extracts.extract import Extract, RowBatch
from connectors.run_folder.atomic_files import atomic_write
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from connectors.run_folder.results import OWN_COLUMNS, OutcomeFile, write_failures
from pipelines.account.failed_references import FailedRefs
from pipelines.account.key_counts import count_keys
from pipelines.account.reasons import DETAILS, Reasons, Settled, Settlement, stretches
from pipelines.deliver.ledger import Ledger
from pipelines.prepare.reading import Prepared
from pipelines.prepare.row_book import ReadBatch, RowsOf
from schemas.errors import BalanceError, ExtractError
from schemas.manifest import Reason
from schemas.rows.columns import Cell
from schemas.states import PENDING, STATES, State, by_state, code_of, good_in

GUESSED = "not every cell of this row was in its column"
"""Stands among the surplus cells of a row that was refused as a record: it is not loaded until a person empties it."""

UNDECODABLE = "UndecodableByte"
"""What keeps such a row out is in its cells already: the replacement character."""


@dataclass(frozen=True)
class Accounts:
    """The books of a run.

    Attributes:
        rows, keys: how many ended in each state; every state present.
        reasons: why rows were not accepted, the most frequent first.
    """

    rows_read: int
    rows: dict[State, int]
    keys: dict[State, int]
    reasons: list[Reason]


class Accountant:
    """Writes outcomes.parquet and failures.csv from the book, the ledger and the journal."""

    def __init__(
        self, prepared: Prepared, ledger: Ledger, journal: Journal, refs: FailedRefs | None, why_not_sent: str | None
    ) -> None:
        """Opens the books.

        Args:
            refs: told what failed, where other loads depend on this one.
            why_not_sent: what to say of requests that nothing settled; None in a dry run, where that is no failure.
        """
        self._prepared, self._book = prepared, prepared.book
        self._ledger, self._refs = ledger, refs
        self._why_not_sent = why_not_sent or "nothing is sent in a dry run"
        self._well = good_in(dry_run=not why_not_sent)
        self.warnings: list[str] = []
        self._reasons = Reasons()
        self._settled = lru_cache(maxsize=8)(lambda offset: Settled(journal.read(offset)))
        self._requests = self._book.requests
        self._states = self._final_states()

    def _final_states(self) -> npt.NDArray[np.uint8]:
        """The state of every row: its own, or its request's; what nobody settled was not sent."""
        states = np.frombuffer(self._book.states, np.uint8).copy()
        in_request = self._requests >= 0
        states[in_request] = np.array(self._ledger.states, np.uint8)[self._requests[in_request]]
        states[states == PENDING] = code_of(State.NOT_SENT)
        return states

    def settlement(self, ordinal: int) -> Settlement:
        """What became of a row, and why."""
        state = STATES[self._states[ordinal]]
        request = int(self._requests[ordinal])
        if request < 0:
            return Settlement(state, *self._book.note(ordinal))
        offset = self._ledger.settled_at[request]
        if offset < 0:
            return Settlement(state, "NotSent", self._why_not_sent)
        return self._settled(offset).of(request, state)

    def close_books(self, folder: RunFolder, extract: Extract) -> Accounts:
        """Writes both files and compares the counts.

        Raises:
            BalanceError: rows read, rows accounted for and rows reported do not agree.
            RunFolderError: a file cannot be written.
        """
        with atomic_write(folder.outcomes) as part, OutcomeFile(part) as file:
            lines = self._write_outcomes(file)
        header = [c for c in extract.columns if c not in OWN_COLUMNS]
        with atomic_write(folder.failures) as part:
            reported = write_failures(part, header, self._failures(extract))
        rows = by_state(np.bincount(self._states, minlength=len(STATES)))
        not_good = sum(n for state, n in rows.items() if state not in self._well)
        read = self._prepared.rows_read
        if not (read == sum(rows.values()) == lines) or reported != not_good:
            raise BalanceError(
                f"the books do not balance: {read} rows read, {sum(rows.values())} in a state, "
                f"{lines} in outcomes.parquet; {not_good} to report, {reported} in failures.csv"
            )
        self._take_back_refs(extract)
        return Accounts(read, rows, count_keys(self._prepared, self._states), self._reasons.ranked())

    def _write_outcomes(self, file: OutcomeFile) -> int:
        """One line a request, and one for each row outside of any; gives the rows they speak of."""
        rows_of = RowsOf(self._requests, len(self._prepared))
        total = 0
        for batch in self._book.batches:
            span = np.arange(batch.start, batch.start + batch.count)
            requests = self._requests[span]
            heads = requests < 0
            heads[~heads] = self._prepared.first_row[requests[~heads]] == span[~heads]
            lines = self._lines(batch, span[heads], requests[heads], rows_of)
            total += sum(map(len, lines["rows"]))
            file.write(lines)
        return total

    def _lines(
        self,
        batch: ReadBatch,
        ordinals: npt.NDArray[np.int64],
        requests: npt.NDArray[np.int32],
        rows_of: RowsOf,
    ) -> dict[str, list[Any]]:
        keys = self._prepared.keys.split(batch.start, batch.count)
        source = self._book.extract.sources[batch.source].name
        shift = batch.first_row - batch.start
        lines: dict[str, list[Any]] = {
            "key": [keys[o].decode() or None for o in (ordinals - batch.start).tolist()],
            "source": [source] * len(ordinals),
            "rows": [[o + shift] for o in ordinals.tolist()],
            "state": [STATES[s].value for s in self._states[ordinals].tolist()],
            **self._details(ordinals, requests),
        }
        for i, request in enumerate(requests.tolist() if rows_of.many else ()):
            if request >= 0:
                self._add_rows(lines, i, rows_of(request))
        return lines

    def _add_rows(self, lines: dict[str, list[Any]], line: int, rows: Sequence[int]) -> None:
        """The rows of a gathered request; those in another file get a line of their own."""
        by_source: dict[str, list[int]] = {}
        for ordinal in rows:
            source, row = self._book.place(ordinal)
            by_source.setdefault(source, []).append(row)
        lines["rows"][line] = by_source.pop(lines["source"][line])
        for source, numbers in by_source.items():
            for name, column in lines.items():
                column.append({"source": source, "rows": numbers}.get(name, column[line]))

    def _details(self, ordinals: npt.NDArray[np.int64], requests: npt.NDArray[np.int32]) -> dict[str, list[Any]]:
        """Why each line is in its state; whole stretches at once where one answer accepted them."""
        out: dict[str, list[Any]] = {n: [] for n in DETAILS}
        offsets = np.full(len(requests), -1, np.int64)
        sent = requests >= 0
        offsets[sent] = np.asarray(self._ledger.settled_at)[requests[sent]]
        for first, end in stretches(offsets):
            if offsets[first] >= 0:
                self._settled(int(offsets[first])).extend(out, requests[first:end].tolist())
                continue
            for ordinal in ordinals[first:end].tolist():
                found = self.settlement(ordinal)
                for name, column in out.items():
                    column.append(getattr(found, name) or None)
        out["request"] = out.pop("call")
        return out

    def _failures(self, extract: Extract) -> Iterator[list[str]]:
        """The lines of failures.csv, in reading order; counts their reasons on the way."""
        good = np.isin(self._states, [code_of(s) for s in self._well])
        kept = [i for i, c in enumerate(extract.columns) if c not in OWN_COLUMNS]
        for batch in self._book.batches_with(~good):
            read = self._read_again(extract, batch)
            for i in np.flatnonzero(~good[batch.start : batch.start + batch.count]).tolist():
                cells = [""] * len(kept)
                if read is not None:
                    row = read.row(i)
                    cells = [*(_cell(row[k]) for k in kept), *_surplus(read, i)]
                    if self._refs is not None:
                        state, where = STATES[self._states[batch.start + i]], self._book.where(batch.start + i)
                        self._refs.failed(row, f"is {state} ({where})")
                yield [*self._failure(batch.start + i), *cells]

    def _take_back_refs(self, extract: Extract) -> None:
        """Goes through the rows that are in, where what failed may be in by one of them."""
        if not self._refs:
            return
        there = np.isin(self._states, [code_of(s) for s in self._well if not s.traits.copy])
        for batch in self._book.batches_with(there):
            read = self._read_again(extract, batch)
            if read is None:
                continue
            for i in np.flatnonzero(there[batch.start : batch.start + batch.count]).tolist():
                self._refs.accepted(read.row(i))

    def _failure(self, ordinal: int) -> list[str]:
        """What stands before the original cells of a row."""
        found = self.settlement(ordinal)
        key, where = self._prepared.keys.read(ordinal).decode(), self._book.where(ordinal)
        self._reasons.count(found, f"{key or 'no key'} ({where})")
        source, row = self._book.place(ordinal)
        return [key, found.state.value, found.code, found.message, found.request_id or "", source, str(row)]

    def _read_again(self, extract: Extract, batch: ReadBatch) -> RowBatch | None:
        """A batch as it was read; nothing when the file is no longer what was read.

        The states matter more than the cells: they are written whatever somebody does to the extract meanwhile.
        """
        try:
            return extract.reread(batch.position)
        except ExtractError as error:
            if self._refs is not None:
                self._refs.lose(f"its extract cannot be read again: {error.message}")
            self.warnings.append(f"failures.csv lacks the original cells of some rows: {error.message}")
            return None


def _surplus(batch: RowBatch, index: int) -> Sequence[str]:
    """What a record holds beyond the last column, or a word that keeps it out until a person has seen to it."""
    why = batch.bad.get(index)
    guessed = (GUESSED,) if why is not None and why.code != UNDECODABLE else ()
    return batch.extra.get(index, guessed)


def _cell(cell: Cell) -> str:
    return cell if isinstance(cell, str) else "|".join(cell)
