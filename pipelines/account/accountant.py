"""Closes the books of a load: writes every row's state, counts twice, and compares the counts."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.extracts.extract import Extract, RowBatch
from connectors.run_folder.folder import RunFolder, atomic_write
from connectors.run_folder.journal import Journal
from connectors.run_folder.results import OWN_COLUMNS, OutcomeFile, write_failures
from pipelines.account.columns import RowColumns
from pipelines.account.failed_references import FailedRefs
from pipelines.account.key_counts import rows_that_count
from pipelines.account.reasons import DETAILS, Reasons, RowReason, SettledCall, stretches
from pipelines.account.shared_ids import shared_ids
from pipelines.deliver.ledger import Ledger
from pipelines.prepare.reading import Prepared
from pipelines.prepare.row_book import ReadBatch
from schemas.errors import BalanceError, ExtractError
from schemas.manifest import Reason
from schemas.rows.cells import joined_labels
from schemas.rows.columns import Cell
from schemas.rows.kinds import NUMBERS, TIMES
from schemas.states import PENDING, STATES, State, by_state, code_of, good_in
from schemas.texts import many, spreadsheet_text

MISALIGNED = "not every cell of this row was in its column"
"""Goes into the surplus cell of a row that was no proper record, so that it is not loaded until a person clears it."""

UNDECODABLE = "UndecodableByte"
"""The code of rows that need no such cell: the replacement character in their cells keeps them from being loaded."""

_AT_ONCE = 1 << 14
"""Rows whose lines are made together, and are a row group of outcomes.parquet: of fewer, each costs more."""

_IN_NO_REQUEST = np.iinfo(np.int64).min
"""In place of a journal offset; -1 is that of a request that no call settled, less that of one that is withheld."""


@dataclass(frozen=True)
class RunCounts:
    """What closing the books of a run counted.

    Attributes:
        rows, keys: how many ended in each state; every state is present.
        reasons: why rows were not accepted, the most frequent first.
        alerts: what LUSID took otherwise than it was meant, each with its rows, in words.
        changes: accepted keys by what LUSID did with them, as far as its answers tell.
    """

    rows_read: int
    rows: dict[State, int]
    keys: dict[State, int]
    reasons: list[Reason]
    alerts: list[str]
    changes: Mapping[str, int]


class Accountant:
    """Writes outcomes.parquet and failures.csv from the row book, the ledger and the journal."""

    def __init__(
        self, prepared: Prepared, ledger: Ledger, journal: Journal, refs: FailedRefs | None, why_not_sent: str | None
    ) -> None:
        """Determines the final state of every row.

        Args:
            prepared: the rows and the requests made of them.
            ledger: the state of every request.
            journal: the calls that settled them, with reasons.
            refs: collects the references of rows that fail; None where no other load depends on this one.
            why_not_sent: why a request is not settled; None in a dry run, where that is no failure.
        """
        self._prepared, self._book = prepared, prepared.book
        self._ledger, self._refs = ledger, refs
        self._why_not_sent = why_not_sent or "nothing is sent in a dry run"
        self._good = good_in(dry_run=not why_not_sent)
        self._is_good = np.array([state in self._good for state in STATES])
        self.warnings: list[str] = []
        self._reasons = Reasons()
        self._alerted: list[int] = []
        self._has_ids = False
        self._changes: Counter[str] = Counter()
        self._settled = lru_cache(maxsize=8)(lambda offset: SettledCall(journal.read(offset)))
        self._requests = self._book.requests
        self._states = self._final_states()
        self._counting = rows_that_count(prepared, self._states)

    def _final_states(self) -> npt.NDArray[np.uint8]:
        """The state code of every row, its own or its request's; what is still pending was not sent."""
        states = np.frombuffer(self._book.states, np.uint8).copy()
        in_request = self._requests >= 0
        states[in_request] = np.array(self._ledger.states, np.uint8)[self._requests[in_request]]
        states[states == PENDING] = code_of(State.NOT_SENT)
        return states

    def reason(self, ordinal: int) -> RowReason:
        """The state of a row, and why it is in it."""
        state = STATES[self._states[ordinal]]
        request = int(self._requests[ordinal])
        if request < 0:
            return RowReason(state, *self._book.note(ordinal))
        offset = self._ledger.settled_at[request]
        if offset < -1:
            return RowReason(state, *self._ledger.why_withheld(offset))
        if offset < 0:
            return RowReason(state, "NotSent", self._why_not_sent)
        return self._settled(offset).of(request, state)

    def close_books(self, folder: RunFolder, extract: Extract) -> RunCounts:
        """Writes outcomes.parquet and failures.csv and compares their counts with what was read.

        Raises:
            BalanceError: rows read, rows accounted for and rows reported do not agree.
            RunFolderError: a file cannot be written.
        """
        with atomic_write(folder.outcomes) as part, OutcomeFile(part) as file:
            lines = self._write_outcomes(file)
        alerts = shared_ids(folder.outcomes) if self._has_ids else []
        header = [c for c in extract.columns if c not in OWN_COLUMNS]
        with atomic_write(folder.failures) as part:
            reported = write_failures(part, header, self._failures(extract), _typed(extract, header))
        rows = by_state(np.bincount(self._states, minlength=len(STATES)))
        not_good = sum(n for state, n in rows.items() if state not in self._good)
        read = self._prepared.rows_read
        if not (read == sum(rows.values()) == lines) or reported != not_good:
            raise BalanceError(
                f"the books do not balance: {many(read, 'row', 'rows')} read, {sum(rows.values()):,} in a state, "
                f"{lines:,} in outcomes.parquet; {not_good:,} to report, {reported:,} in failures.csv"
            )
        self._strike_off_refs(extract)
        keys = by_state(np.bincount(self._states[self._counting], minlength=len(STATES)))
        return RunCounts(read, rows, keys, self._reasons.ranked(), [*self._alerts(), *alerts], self._changes)

    def _write_outcomes(self, file: OutcomeFile) -> int:
        """Writes the lines of all requests and of the rows outside; returns how many rows the lines list."""
        columns, total, rows = RowColumns(self._prepared), 0, range(len(self._book))
        for start in rows[::_AT_ONCE]:
            lines = self._lines(rows[start : start + _AT_ONCE], columns)
            total += len(lines["rows"].flatten())
            file.write(lines)
        return total

    def _lines(self, rows: range, columns: RowColumns) -> dict[str, Any]:
        """The lines of the requests that begin in some rows, and of those of them outside."""
        span = np.arange(rows.start, rows.stop)
        is_head = self._requests[span] < 0
        is_head[~is_head] = self._prepared.first_row[self._requests[span[~is_head]]] == span[~is_head]
        heads = span[is_head]
        requests = self._requests[heads]
        lines, details = columns.lines(heads, requests), self._details(heads, requests)
        if len(lines) > len(heads):
            details = {name: [column[head] for head in lines.heads] for name, column in details.items()}
        states = self._states[heads[lines.heads]]
        places = columns.places(lines, ~self._is_good[states])
        return {**columns.of(rows, heads, lines, states), "places": places, **details}

    def _details(self, ordinals: npt.NDArray[np.int64], requests: npt.NDArray[np.int32]) -> dict[str, list[Any]]:
        """Why each line is in its state; a stretch that one call settled, or that was not sent, is done at once."""
        out: dict[str, list[Any]] = {n: [] for n in DETAILS}
        offsets = np.full(len(requests), _IN_NO_REQUEST, np.int64)
        made = requests >= 0
        offsets[made] = np.asarray(self._ledger.settled_at)[requests[made]]
        for first, end in stretches(offsets):
            if offsets[first] >= 0:
                settled = self._settled(int(offsets[first]))
                settled.extend(out, requests[first:end].tolist())
                if settled.alerts:
                    self._alerted += settled.alerts.intersection(requests[first:end].tolist())
                continue
            alike = 1 if offsets[first] == _IN_NO_REQUEST else end - first
            for ordinal in ordinals[first:end:alike].tolist():
                _, *found = self.reason(ordinal)
                for column, value in zip(out.values(), found, strict=True):
                    column += [value or None] * alike
        self._changes.update(filter(None, out["change"]))
        self._has_ids = self._has_ids or any(out["lusid_id"])
        out["request"] = out.pop("call")
        return out

    def _alerts(self) -> list[str]:
        """What LUSID accepted otherwise than it was meant, each with its rows."""
        alerts = Reasons()
        for ordinal in np.flatnonzero(np.isin(self._requests, self._alerted)).tolist() if self._alerted else ():
            key = self._prepared.keys.read(ordinal).decode()
            alerts.count(self.reason(ordinal), key, self._book.located(ordinal), is_key=bool(self._counting[ordinal]))
        return list(map(_alert_text, alerts.ranked()))

    def _failures(self, extract: Extract) -> Iterator[list[str]]:
        """The lines of failures.csv, in reading order; counts their reasons along the way."""
        good = np.isin(self._states, [code_of(s) for s in self._good])
        kept = [i for i, c in enumerate(extract.columns) if c not in OWN_COLUMNS]
        for batch in self._book.batches_with(~good):
            read = self._read_again(extract, batch)
            columns = [_texts(read.columns[place]) for place in kept] if read is not None else []
            for i in np.flatnonzero(~good[batch.start : batch.start + batch.count]).tolist():
                cells = [""] * len(kept)
                if read is not None:
                    cells = [*(column[i] for column in columns), *_surplus(read, i)]
                    if self._refs is not None:
                        state, where = STATES[self._states[batch.start + i]], self._book.where(batch.start + i)
                        self._refs.failed(read.row(i), f"is {state} ({where})")
                yield [*self._failure(batch.start + i), *cells]

    def _strike_off_refs(self, extract: Extract) -> None:
        """Strikes references off that an accepted row brought in although another row with them failed."""
        if not self._refs:
            return
        there = np.isin(self._states, [code_of(s) for s in self._good if not s.traits.copy])
        for batch in self._book.batches_with(there):
            read = self._read_again(extract, batch)
            if read is None:
                continue
            for i in np.flatnonzero(there[batch.start : batch.start + batch.count]).tolist():
                self._refs.accepted(read.row(i))

    def _failure(self, ordinal: int) -> list[str]:
        """The columns before the original cells of a row."""
        found = self.reason(ordinal)
        key = self._prepared.keys.read(ordinal).decode()
        self._reasons.count(found, key, self._book.located(ordinal), is_key=bool(self._counting[ordinal]))
        source, row = self._book.place(ordinal)
        why = map(spreadsheet_text, (found.code, found.message, found.request_id or ""))
        return [key, found.state.value, *why, source, str(row), self._book.found_at(ordinal) or ""]

    def _read_again(self, extract: Extract, batch: ReadBatch) -> RowBatch | None:
        """A batch, read once more; None when the file has changed since.

        The states matter more than the cells: they are written even if somebody changes the extract in the meantime.
        """
        try:
            return extract.reread(batch.position)
        except ExtractError as error:
            if self._refs is not None:
                self._refs.lose(f"its extract cannot be read again: {error.message}")
            self.warnings.append(f"failures.csv lacks the original cells of some rows: {error.message}")
            return None


def _alert_text(alert: Reason) -> str:
    """An alert with its rows, for people."""
    more = f" and {alert.rows - len(alert.examples):,} more" if alert.rows > len(alert.examples) else ""
    count = f"{alert.rows:,} {'row' if alert.rows == 1 else 'rows'}"
    return f"{count} accepted, {alert.code}: {alert.message}: {', '.join(alert.examples)}{more} (see outcomes.parquet)"


def _typed(extract: Extract, header: Sequence[str]) -> str:
    """Which columns hold typed numbers or times, as JSON."""
    found = {name: kind for name in header if (kind := extract.kinds.get(name)) in {*NUMBERS, *TIMES}}
    return json.dumps(found) if found else ""


def _surplus(batch: RowBatch, index: int) -> Sequence[str]:
    """Cells beyond the last column, or else the mark that keeps a misaligned row from being loaded."""
    why = batch.bad.get(index)
    mark = (MISALIGNED,) if why is not None and why.code != UNDECODABLE else ()
    return batch.extra.get(index, mark)


def _texts(cells: Sequence[Cell]) -> Sequence[str]:
    return [cell if isinstance(cell, str) else joined_labels(cell) for cell in cells]
