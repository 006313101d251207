"""Random tables of investor records, and how they are written: as CSV by declared conventions, as Parquet, as a frame.

Owns the conventions and what a mapping says of them. Must not know how the loader reads.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

COLUMNS = ("id", "name", "note", "kind", "worth", "since", "tags")
KINDS = {"P": "Person", "C": "LegalEntity"}
ZONE = "Europe/London"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SERIALS = dt.date(1899, 12, 30)


@dataclass(frozen=True)
class Entry:
    """One record, as values."""

    id: str
    name: str
    note: str | None
    kind: str
    worth: Decimal | None
    since: dt.date | dt.datetime
    tags: list[str]


@dataclass(frozen=True)
class Conventions:
    """How a CSV is written; each field is what a mapping declares of it."""

    delimiter: str
    quote: str
    escape: str | None
    encoding: str
    end: str
    skip_lines: int
    footer_lines: int
    comment: str | None
    header_rows: int
    trailing: bool
    null: str
    decimal: str
    thousands: str | None
    negative: str | None
    sign: str | None
    excel: bool
    separator: str
    times: str
    always_quoted: bool

    def mapping(self) -> dict[str, Any]:
        """What a mapping file has beside the operation."""
        rules: dict[str, Any] = {"delimiter": self.delimiter, "quote": self.quote, "encoding": self.encoding}
        rules |= {"skip_lines": self.skip_lines, "footer_lines": self.footer_lines, "excel_text": self.excel}
        rules |= {"escape": self.escape} if self.escape else {}
        rules |= {"comment": self.comment} if self.comment else {}
        rules |= {"header_rows": self.header_rows} if self.header_rows > 1 else {}
        rules |= {"trailing_delimiter": True} if self.trailing else {}
        rules |= {"null": [self.null]} if self.null else {}
        return rules | {"columns": self._columns()}

    def _columns(self) -> dict[str, Any]:
        prefix = "x " if self.header_rows > 1 else ""
        source = {name: prefix + name for name in COLUMNS}
        worth: dict[str, Any] = {"decimal": self.decimal, "thousands": self.thousands, "negative": self.negative}
        worth |= {"currency_sign": [self.sign] if self.sign else None}
        return {
            "identifier:InvestorRecord/Ext/Id": source["id"],
            "display_name": source["name"],
            "description": source["note"],
            "investor_type": {"column": source["kind"], "values": KINDS},
            "investor:Person/Hr/Id": {"column": source["id"], "when": {source["kind"]: "P"}},
            "investor:LegalEntity/Ext/Lei": {"column": source["id"], "when": {source["kind"]: "C"}},
            "metric:InvestorRecord/D/Worth": {"column": source["worth"]} | {k: v for k, v in worth.items() if v},
            "property:InvestorRecord/D/City": {"constant": "Rome"},
            "property:InvestorRecord/D/City@effective_from": {"column": source["since"]} | _TIMES[self.times],
            "labels:InvestorRecord/D/Tags": {"column": source["tags"], "separator": self.separator},
        }

    def number(self, value: Decimal) -> str:
        """A number as the CSV has it."""
        digits = f"{abs(value):,f}".replace(",", "\0").replace(".", self.decimal).replace("\0", self.thousands or "")
        digits = f"{self.sign or ''}{digits}"
        if value >= 0:
            return digits
        return {"trailing": f"{digits}-", "parentheses": f"({digits})"}.get(self.negative or "", f"-{digits}")

    def time(self, value: dt.date | dt.datetime) -> str:
        """A date or time as the CSV has it."""
        if self.times == "excel_serial":
            return str((value - _SERIALS).days) if not isinstance(value, dt.datetime) else ""
        if isinstance(value, dt.datetime) and self.times == "epoch_ms":
            return str((value - _EPOCH) // dt.timedelta(milliseconds=1))
        if isinstance(value, dt.datetime) and self.times == "local":
            return value.astimezone(ZoneInfo(ZONE)).strftime("%d-%m-%Y %H:%M:%S")
        return value.strftime({"day": "%d/%m/%Y", "short": "%d.%m.%y"}.get(self.times, "")) or value.isoformat()


_TIMES: dict[str, dict[str, Any]] = {
    "iso": {},
    "day": {"format": ["iso", "%d/%m/%Y"]},
    "short": {"format": "%d.%m.%y", "century": 1950},
    "excel_serial": {"format": "excel_serial"},
    "instant": {},
    "epoch_ms": {"format": "epoch_ms"},
    "local": {"format": "%d-%m-%Y %H:%M:%S", "timezone": ZONE, "midnight": "local"},
}
_OF_DATES = ("iso", "day", "short", "excel_serial")


def conventions() -> st.SearchStrategy[Conventions]:
    """Any that go together."""
    return st.builds(
        Conventions,
        delimiter=st.sampled_from([",", ";", "\t", "|", "||"]),
        quote=st.sampled_from(['"', "'"]),
        escape=st.sampled_from([None, "\\"]),
        encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]),
        end=st.sampled_from(["\n", "\r\n", "\r"]),
        skip_lines=st.sampled_from([0, 2]),
        footer_lines=st.sampled_from([0, 1]),
        comment=st.sampled_from([None, "#!"]),
        header_rows=st.sampled_from([1, 2]),
        trailing=st.booleans(),
        null=st.sampled_from(["", "NULL", "\\N", "n/a"]),
        decimal=st.just("."),
        thousands=st.none(),
        negative=st.sampled_from([None, "trailing", "parentheses"]),
        sign=st.sampled_from([None, "EUR", "£"]),
        excel=st.booleans(),
        separator=st.sampled_from([";", "/"]),
        times=st.sampled_from([*_TIMES]),
        always_quoted=st.booleans(),
    ).flatmap(_with_separators)


def _with_separators(drawn: Conventions) -> st.SearchStrategy[Conventions]:
    pairs = st.sampled_from([(".", None), (",", None), (",", "."), (".", ","), (",", " ")])
    return pairs.map(lambda pair: Conventions(**{**vars(drawn), "decimal": pair[0], "thousands": pair[1]}))


def entries(written: Conventions, prefix: str) -> st.SearchStrategy[list[Entry]]:
    """Records that the encoding of a CSV can hold, whatever else stands in them."""
    letters = "ab \"'|;,\\\n\t(é€" + ("東" if written.encoding != "cp1252" else "")
    text = st.text(st.sampled_from(letters), min_size=1, max_size=8).map(lambda t: f"n{t}z")
    label = st.text(st.sampled_from("abc é"), min_size=1, max_size=4).map(lambda t: f"t{t}t")
    number = st.decimals(-(10**7), 10**7, places=3)
    day = st.dates(dt.date(1951, 1, 1), dt.date(2049, 12, 31))
    hour = st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2037, 1, 1))  # noqa: DTZ001 - given a zone below
    instant = hour.map(lambda t: t.replace(hour=12, microsecond=0, tzinfo=dt.UTC))
    return st.lists(
        st.builds(
            Entry,
            id=st.just(""),
            name=text,
            note=st.none() | text,
            kind=st.sampled_from([*KINDS]),
            worth=st.none() | number,
            since=day if written.times in _OF_DATES else instant,
            tags=st.lists(label, max_size=3, unique=True),
        ),
        min_size=1,
        max_size=6,
    ).map(lambda rows: [Entry(**{**vars(row), "id": f"{prefix}-{n}"}) for n, row in enumerate(rows)])


def write_csv(path: Path, table: list[Entry], written: Conventions) -> Path:
    """Writes a table by its conventions."""
    names = [list(COLUMNS)]
    if written.header_rows > 1:
        names = [["x"] * len(COLUMNS), *names]
    lines = [_line(row, written, text=True) for row in names]
    for number, row in enumerate(table):
        lines += [f"{written.comment} a remark"] if written.comment and number % 2 else []
        cells = _cells(row, written)
        lines.append(_line(cells, written, text=False) + (written.delimiter if written.trailing else ""))
    lines = [*["Listing of the day"] * written.skip_lines, *lines, *["(rows affected)"] * written.footer_lines]
    path.write_bytes((written.end.join(lines) + written.end).encode(written.encoding))
    return path


def _cells(row: Entry, written: Conventions) -> list[str | None]:
    key = f'="{row.id}"' if written.excel else row.id
    worth = None if row.worth is None else written.number(row.worth)
    tags = written.separator.join(row.tags) or None
    return [key, row.name, row.note, row.kind, worth, written.time(row.since), tags]


def _line(cells: list[Any], written: Conventions, *, text: bool) -> str:
    return written.delimiter.join(
        _quoted(written.null if cell is None else cell, written, text=text or cell is not None) for cell in cells
    )


def _quoted(cell: str, written: Conventions, *, text: bool) -> str:
    special = (*written.delimiter, written.quote, '"', "'", "\n", "\r", written.escape or "\n")
    if not text or not (written.always_quoted or any(mark in cell for mark in special)):
        return cell.replace("\\", "\\\\") if written.escape else cell
    mark = written.quote
    if written.escape:
        cell = cell.replace("\\", "\\\\")
    return f"{mark}{cell.replace(mark, (written.escape or mark) + mark)}{mark}"


def write_parquet(path: Path, table: list[Entry], written: Conventions) -> Path:
    """Writes the same with types."""
    columns = _columns(table, written)
    kinds = {"worth": pa.decimal128(20, 3), "tags": pa.list_(pa.string())}
    kinds["since"] = {
        "local": pa.timestamp("us"),
        "epoch_ms": pa.timestamp("ms", "UTC"),
        "instant": pa.timestamp("ns", "UTC"),
    }.get(written.times, pa.date32())
    arrays = {name: pa.array(cells, kinds.get(name.removeprefix("x "), pa.string())) for name, cells in columns.items()}
    pq.write_table(pa.table(arrays), path, row_group_size=2)
    return path


def frame(table: list[Entry], written: Conventions) -> pd.DataFrame:
    """The same as pandas has it."""
    found = pd.DataFrame(_columns(table, written), dtype=object)
    return found.set_index(pd.Index(range(7, 7 + len(found))))


def _columns(table: list[Entry], written: Conventions) -> dict[str, list[Any]]:
    prefix = "x " if written.header_rows > 1 else ""
    columns: dict[str, list[Any]] = {prefix + name: [getattr(row, name) for row in table] for name in COLUMNS}
    if written.times == "local":
        local = [t.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) for t in columns[f"{prefix}since"]]
        columns[f"{prefix}since"] = local
    return columns
