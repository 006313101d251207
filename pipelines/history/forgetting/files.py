"""Takes a person out of one file, by its kind: counts where they are, and writes the file without them.

A row that was not in leaves failures.csv. Where rows count by their place, a row stays and its cells go.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.journal_lines import checksummed, journal_lines
from connectors.run_folder.results import OWN_COLUMNS
from pipelines.history.forgetting.person import FORGOTTEN, MESSAGE, Person
from pipelines.history.forgetting.rows import RunRows, csv_rows, readable

_OF_THE_ROW = frozenset({"held", "sent", "expected", "found"})
"""Columns of plan.parquet and verify.parquet that hold values."""


@dataclass(frozen=True)
class Taking:
    """Who is taken out, and which rows of the run are theirs.

    Attributes:
        good: states that need nothing from anyone, in this run.
    """

    person: Person
    rows: RunRows
    good: frozenset[str]


def places(path: Path, taking: Taking) -> int:
    """In how many places of a file the person is; of a file that cannot be changed none."""
    handler = handler_of(path)
    return handler(path, taking, None) if handler else 0


def handler_of(path: Path) -> "Callable[[Path, Taking, Path | None], int] | None":
    """What takes a person out of a file of this name; None where nothing does."""
    name = path.name
    if name == "extract.parquet":
        return _frame
    if name.startswith("corrected") and ".csv" in name:
        return _corrected
    return _BY_SUFFIX.get(path.suffix)


def _json(path: Path, taking: Taking, out: Path | None) -> int:
    with readable(path):
        content, count = taking.person.masked_all(orjson.loads(path.read_bytes()))
    if out is not None:
        out.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
    return count


def _journal(path: Path, taking: Taking, out: Path | None) -> int:
    """Every line keeps its place and gets the checksum of what it says now."""
    count = 0
    lines = []
    for _, record in journal_lines(path):
        masked, found = taking.person.masked_all(record)
        count += found
        lines.append(checksummed(masked))
        if out is not None and len(lines) >= _PIECE:
            _append(out, lines)
    if out is not None:
        _append(out, lines)
    return count


_PIECE = 1_000


def _append(out: Path, lines: list[bytes]) -> None:
    with out.open("ab") as file:
        file.writelines(lines)
    lines.clear()


def _text(path: Path, taking: Taking, out: Path | None) -> int:
    with readable(path):
        before = path.read_text("utf-8").split("\n")
    after = [*map(taking.person.masked, before)]
    if out is not None:
        out.write_text("\n".join(after), "utf-8")
    return sum(a != b for a, b in zip(after, before, strict=True))


def _csv(path: Path, taking: Taking, out: Path | None) -> int:
    """Rows of the person leave the file; what names them in another row is masked."""
    person = taking.person

    def changed(header: list[str], row: list[str]) -> list[str] | None:
        places = [header.index(name) if name in header else None for name in ("source", "row")]
        source, number = (row[p] if p is not None and p < len(row) else "" for p in places)
        is_theirs = number.isdigit() and (source, int(number)) in taking.rows.places
        return None if is_theirs or any(map(person.is_cell, row)) else [*map(person.masked, row)]

    return _rewrite_csv(path, out, changed)


def _corrected(path: Path, taking: Taking, out: Path | None) -> int:
    """A row of the person stays where it is, for rows count by their place, and loses its cells."""
    person = taking.person

    def changed(header: list[str], row: list[str]) -> list[str] | None:
        if not any(map(person.is_cell, row)):
            return [*map(person.masked, row)]
        named = dict(zip(header, row, strict=False))
        kept = {name: person.masked(cell) for name, cell in named.items() if name in OWN_COLUMNS}
        return [kept.get(name, "") for name in header]

    return _rewrite_csv(path, out, changed)


def _rewrite_csv(path: Path, out: Path | None, changed: Callable[[list[str], list[str]], list[str] | None]) -> int:
    count = 0

    def lines() -> Iterator[list[str]]:
        nonlocal count
        with csv_rows(path) as rows:
            header = next(rows, [])
            yield header
            for row in rows:
                after = changed(header, row)
                count += after != row
                if after is not None:
                    yield after

    if out is None:
        for _ in lines():
            pass
        return count
    compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    stream = pa.output_stream(str(out), compression=compression)
    with io.TextIOWrapper(stream, "utf-8-sig", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for line in lines():
            (quoting if "\r" in "".join(line) else plain).writerow(line)
    return count


def _frame(path: Path, taking: Taking, out: Path | None) -> int:
    """Rows of the person keep their number and lose their cells."""
    numbers, start, count = taking.rows.numbers, 1, 0

    def changed(table: pa.Table) -> pa.Table:
        nonlocal start, count
        theirs = [start + row in numbers for row in range(len(table))]
        start += len(table)
        if not any(theirs):
            return table
        count += sum(theirs)
        keep = pa.array([not each for each in theirs])
        columns = [pc.if_else(keep, column, pa.scalar(None, column.type)) for column in table.columns]
        return pa.table(columns, schema=table.schema)

    _rewrite_parquet(path, out, changed)
    return count


def _parquet(path: Path, taking: Taking, out: Path | None) -> int:
    """A line keeps its place; its key is another word, and what it says of the person goes."""
    count = 0

    def changed(table: pa.Table) -> pa.Table:
        nonlocal count
        hit = sorted({*_lines_with(table, taking.person), *_unkeyed(table, taking.rows)})
        if not hit:
            return table
        lines = table.to_pylist()
        for number in hit:
            after = _line(lines[number], taking)
            count += after != lines[number]
            lines[number] = after
        return pa.Table.from_pylist(lines, schema=table.schema)

    _rewrite_parquet(path, out, changed)
    return count


def _line(line: dict[str, Any], taking: Taking) -> dict[str, Any]:
    person = taking.person
    after, _ = person.masked_all(line)
    after = dict(zip(line, after.values(), strict=True))  # the names of columns stay
    if not person.is_cell(line.get("key")) and not _is_unkeyed(line, taking.rows):
        return after
    after["key"] = person.word(line["key"].strip()) if line.get("key") else None
    after |= dict.fromkeys(_OF_THE_ROW & after.keys())
    if {"state", "code", "message"} <= after.keys() and line["state"] not in taking.good:
        after |= {"code": FORGOTTEN, "message": MESSAGE}
    return after


def _unkeyed(table: pa.Table, rows: RunRows) -> list[int]:
    """The lines of rows of theirs that have no key."""
    if not rows.unkeyed or not {"key", "source", "rows"} <= {*table.column_names}:
        return []
    lines = table.select(["key", "source", "rows"]).to_pylist()
    return [number for number, line in enumerate(lines) if _is_unkeyed(line, rows)]


def _is_unkeyed(line: dict[str, Any], rows: RunRows) -> bool:
    theirs = line.get("rows") if rows.unkeyed and not line.get("key") else None
    return any((line.get("source"), row) in rows.unkeyed for row in theirs or ())


def _lines_with(table: pa.Table, person: Person) -> set[int]:
    """The lines in which a text of the person may stand: a search that is cheap and finds too many."""
    found: set[int] = set()
    for column in table.columns:
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            continue
        for text in person.needles:
            folded = person.value is not None and text == person.value
            hits = pc.match_substring(column, text, ignore_case=folded)
            found.update(pc.indices_nonzero(pc.fill_null(hits, fill_value=False)).to_pylist())
    return found


def _rewrite_parquet(path: Path, out: Path | None, changed: Callable[[pa.Table], pa.Table]) -> None:
    with readable(path), pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        if out is None:
            for group in range(file.num_row_groups):
                changed(file.read_row_group(group))
            return
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            written = (file.metadata.metadata or {}).items()
            for group in range(file.num_row_groups):
                writer.write_table(changed(file.read_row_group(group)))
            known = schema.metadata or {}
            added = {name: text for name, text in written if name not in known and name != b"ARROW:schema"}
            if added:
                writer.add_key_value_metadata(added)


_BY_SUFFIX: dict[str, Callable[[Path, Taking, Path | None], int]] = {
    ".json": _json,
    ".jsonl": _journal,
    ".parquet": _parquet,
    ".csv": _csv,
    ".html": _text,
}
