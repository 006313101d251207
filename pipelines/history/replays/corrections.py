"""Compares a corrected report of failures with the one its run wrote, cell by cell, before anything is sent.

What only a spreadsheet has changed is put back as it was read. What somebody has changed is listed. The result is kept
in the run's folder as a file that reads exactly as it was meant, whatever program saved the one that was given.
"""

import csv
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from connectors.extracts.mapping_file import file_sha256
from connectors.extracts.saved_report import SavedReport
from connectors.run_folder.folder import RunFolder, atomic_write
from connectors.run_folder.results import OWN_COLUMNS, SURPLUS_COLUMN
from pipelines.history.replays.spreadsheet_changes import is_made_by_spreadsheet
from schemas.errors import ConfigError
from schemas.texts import many

_SOURCE, _ROW, _MESSAGE = "_source", "_row", "_message"
_NAMED = 4


AT_FAULT = "corrected"
OTHER = "changed"
PUT_BACK = "put back"
_MEANT = {
    AT_FAULT: "where the run had found a fault",
    OTHER: "where the run had found none",
    PUT_BACK: "as a spreadsheet alone had changed them",
}


class Changes:
    """How many cells of a corrected report differ, by what was done and column."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}

    def count(self, changed: Sequence["Changed"]) -> None:
        """Counts the cells of a row."""
        for each in changed:
            self.counts.setdefault(each.what, Counter())[each.column] += 1

    def lines(self) -> Iterator[str]:
        """What to say of them."""
        for what, why in _MEANT.items():
            if cells := self.counts.get(what):
                named = ", ".join(f"{column} {count:,}" for column, count in cells.most_common(_NAMED))
                more = f" and {len(cells) - _NAMED} more columns" if len(cells) > _NAMED else ""
                yield f"{many(cells.total(), 'cell', 'cells')} {what}, {why}: {named}{more}"


@dataclass(frozen=True)
class Changed:
    """One cell that differs: where, from what, to what, and what is done about it."""

    source: str
    row: str
    column: str
    was: str
    now: str
    what: str


def as_meant(given: Path, run: RunFolder, note: Callable[[str], None]) -> Path:
    """The file to replay: the given one, or a copy in the run's folder that says exactly what was meant.

    Args:
        given: a failures.csv after correction, or a workbook, as any program saved it.
        run: the run that wrote the report.
        note: told which cells differ; it names columns and numbers of cells, and no value.

    Raises:
        ConfigError: the file cannot be read, or is no report of failures.
        RunFolderError: the run's folder cannot be written.
    """
    saved = SavedReport(given)
    encoding = _likeliest(saved, run)
    name = file_sha256(given)[:12]
    exact, listed = run.path / f"corrected-{name}.csv", run.path / f"changes-{name}.csv"
    changes = Changes()
    with atomic_write(exact) as part, part.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow
        with atomic_write(listed) as other, other.open("w", encoding="utf-8-sig", newline="") as list_file:
            tell = csv.writer(list_file, quoting=csv.QUOTE_ALL).writerow
            tell([each.name for each in fields(Changed)])
            for row, changed in _compared(saved, run, encoding):
                write(row)
                changes.count(changed)
                for each in changed:
                    tell(astuple(each))
    is_given = saved.is_exact and not changes.counts.get(PUT_BACK)
    if is_given:
        exact.unlink(missing_ok=True)  # another replay of the same file may have been quicker
    if not changes.counts:
        listed.unlink(missing_ok=True)
    for line in changes.lines():
        note(f"{given.name}: {line}")
    if changes.counts:
        note(f"{given.name}: every change is listed in {listed}")
    return given if is_given else exact


def _likeliest(saved: SavedReport, run: RunFolder) -> str | None:
    """The encoding in which the fewest cells differ as no spreadsheet would have it; None where there is no choice."""
    if len(saved.encodings) < 2:  # nothing to choose from
        return None

    def differing(encoding: str) -> tuple[int, int]:
        try:
            cells = [each.what for _, changed in _compared(saved, run, encoding) for each in changed]
        except ConfigError:
            return sys.maxsize, 0
        return cells.count(OTHER), len(cells)

    return min(saved.encodings, key=differing)


def _compared(saved: SavedReport, run: RunFolder, encoding: str | None) -> Iterator[tuple[list[str], list[Changed]]]:
    """The header, then each row as it is meant, with its cells that differ."""
    rows = saved.rows(encoding)
    header = next(rows, [])
    yield header, []
    before = _Before(run.failures)
    places = [header.index(column) if column in header else -1 for column in (_SOURCE, _ROW)]
    for row in rows:
        cells = row + [""] * (len(header) - len(row))
        was = before.row(cells[places[0]], cells[places[1]])
        changed: list[Changed] = []
        for i, (column, now) in enumerate(zip(header, cells, strict=False)):
            old = was.get(column, now)
            if old == now or column in OWN_COLUMNS - {SURPLUS_COLUMN}:
                continue
            what = AT_FAULT if _is_at_fault(column, was) else OTHER
            if what is OTHER and is_made_by_spreadsheet(old, now):
                what, cells[i] = PUT_BACK, old
            changed.append(Changed(cells[places[0]], cells[places[1]], column, old, now, what))
        yield cells, changed


def _is_at_fault(column: str, was: Mapping[str, str]) -> bool:
    """Whether the message of a row names a column as one at fault."""
    name = re.escape(column)
    return re.search(rf"(?:^|[ ;]){name}(?::| \(column|, \d)|column '{name}' \(", was.get(_MESSAGE, "")) is not None


class _Before:
    """The rows of the report as the run wrote it; a corrected one has them in the same order, as a rule.

    Rows that were passed over are kept until somebody asks for them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows = self._read()
        self._passed: dict[tuple[str, str], dict[str, str]] = {}

    def row(self, source: str, number: str) -> dict[str, str]:
        """The row's cells by column; none where the run reported no such row."""
        place = (source, number)
        while place not in self._passed:
            found = next(self._rows, None)
            if found is None:
                return {}
            self._passed[found[_SOURCE], found[_ROW]] = found
        return self._passed.pop(place)

    def _read(self) -> Iterator[dict[str, str]]:
        csv.field_size_limit(sys.maxsize)
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                yield from csv.DictReader(file)
        except (OSError, csv.Error) as error:
            raise ConfigError(f"{self._path} cannot be read: {error}") from None
