"""Which rows of a run are the person's, and by which keys the run knows them: from the files that hold cells."""

import csv
import io
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.run_folder.folder import RunFolder
from pipelines.history.forgetting.person import FORGOTTEN, MOST_TEXTS, Person
from schemas.errors import ConfigError

_COLUMNS = ("key", "source", "rows", "lusid_id", "state", "code")

Place = tuple[str, int]
"""A row: the name of its file, and its number in it."""


@dataclass(frozen=True)
class RunRows:
    """The person's rows in one run.

    Attributes:
        places: where each is.
        unkeyed: those of them that have no key.
        not_in: how many of them are rows that were not in, and are not forgotten yet.
    """

    places: frozenset[Place] = frozenset()
    unkeyed: frozenset[Place] = frozenset()
    not_in: int = 0

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of the rows, for what a run's folder keeps of its extract: that is one file."""
        return frozenset(row for _, row in self.places)


def row_files(folder: RunFolder) -> list[Path]:
    """The files of a run that hold cells: its failures, corrected files, and the data frame that it loaded."""
    found = [folder.failures, *sorted(folder.path.glob("corrected*.csv*")), folder.frame]
    return [path for path in found if path.exists() and path.suffix != ".part"]


def find_keys(folder: RunFolder, person: Person) -> frozenset[Place]:
    """Adds the keys of rows that hold the person in a cell; returns where those are that have no key.

    Raises:
        ConfigError: a file is damaged, or the rows are of more keys than a person has.
    """
    unkeyed: set[Place] = set()
    for path in row_files(folder):
        if path != folder.frame:
            unkeyed |= _find_in_csv(path, person)
    numbers = _rows_of_frame(folder.frame, person) if folder.frame.exists() else set()
    for line in outcome_lines(folder) if folder.outcomes.exists() and numbers else ():
        if numbers.intersection(line["rows"] or ()):
            _add(person, line["key"])
            unkeyed |= {(line["source"], row) for row in line["rows"]} if not line["key"] else set()
    return frozenset(unkeyed)


def _find_in_csv(path: Path, person: Person) -> set[Place]:
    """Adds the keys of the rows that hold the person; returns where those are, in the extract, that have no key."""
    unkeyed = set()
    with csv_rows(path) as rows:
        header = next(rows, [])
        for row in rows:
            if any(map(person.is_cell, row)):
                named = dict(zip(header, row, strict=False))
                _add(person, named.get("_key"))
                if path.name == "failures.csv" and not named.get("_key"):
                    unkeyed.add((named.get("_source", ""), int(named.get("_row", "0"))))
    return unkeyed


def _add(person: Person, key: str | None) -> None:
    person.add([key])
    if len(person.words) > MOST_TEXTS:
        raise ConfigError(f"more than {MOST_TEXTS:,} keys have this in a cell: it is no single person; name a key")


def rows_of(folder: RunFolder, person: Person, unkeyed: frozenset[Place], good: Container[str]) -> RunRows:
    """The person's rows in a run, once their keys are known; adds LUSID's own ids of them.

    Args:
        folder: the run's.
        person: whose.
        unkeyed: their rows that have no key.
        good: states that need nothing from anyone.
    """
    places, not_in = set(unkeyed), 0
    for line in outcome_lines(folder) if folder.outcomes.exists() else ():
        of_line = {(line["source"], row) for row in line["rows"] or ()}
        if person.is_cell(line["key"]) or of_line & unkeyed:
            places |= of_line
            not_in += len(of_line) if line["state"] not in good and line["code"] != FORGOTTEN else 0
            person.add([line["lusid_id"]])
    return RunRows(frozenset(places), unkeyed, not_in)


def outcome_lines(folder: RunFolder) -> Iterator[dict[str, Any]]:
    """The lines of outcomes.parquet, as far as they matter here; raises ConfigError where it is damaged."""
    with readable(folder.outcomes), pq.ParquetFile(folder.outcomes) as file:
        for batch in file.iter_batches(columns=list(_COLUMNS)):
            yield from batch.to_pylist()


def _rows_of_frame(path: Path, person: Person) -> set[int]:
    """The numbers, from 1, of the rows of a data frame that hold the person in a cell."""
    found: set[int] = set()
    start = 1
    with readable(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for column in batch.columns:
                for row, cell in enumerate(column.to_pylist()):
                    if person.is_cell(cell if isinstance(cell, str) else None if cell is None else str(cell)):
                        found.add(start + row)
            start += len(batch)
    return found


@contextmanager
def csv_rows(path: Path) -> Iterator[Iterator[list[str]]]:
    """The records of a CSV of ours, compressed or not; raises ConfigError where it cannot be read."""
    csv.field_size_limit(sys.maxsize)
    with readable(path), pa.input_stream(str(path)) as stream:
        yield csv.reader(io.TextIOWrapper(stream, "utf-8-sig", newline=""))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises ConfigError where a file cannot be read."""
    try:
        yield
    except (OSError, ValueError, csv.Error, pa.ArrowException):
        raise ConfigError(f"{path} is damaged or no file of ours: nothing was forgotten; repair or remove it") from None
