"""Random tables of investor records, and how they are written: as CSV by declared conventions, as Parquet, as a frame.

Owns the conventions and what a mapping says of them. Must not know how the loader reads.
"""

import bz2
import datetime as dt
import gzip
import lzma
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

COLUMNS = ("id", "name", "last", "note", "kind", "worth", "tier", "since", "tags")
CLEARED = "(none)"
UNTIL = "Total"
DEFAULT = "none given"
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
    last: str
    tier: str | None


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
    header: str | None
    sep_line: bool
    until: bool
    short: bool
    joined: bool
    default: bool
    empty: str | None
    packing: str
    own_key: bool
    pattern: bool
    null_of_columns: bool

    def mapping(self) -> dict[str, Any]:
        """What a mapping file has beside the operation."""
        rules: dict[str, Any] = {"delimiter": self.delimiter, "quote": self.quote, "encoding": self.encoding}
        rules |= {"skip_lines": self.skip_lines, "footer_lines": self.footer_lines, "excel_text": self.excel}
        rules |= {"escape": self.escape} if self.escape else {}
        rules |= {"comment": self.comment} if self.comment else {}
        rules |= {"header_rows": self.header_rows} if self.header_rows > 1 else {}
        rules |= {"trailing_delimiter": True} if self.trailing else {}
        rules |= {"null": [self.null]} if self.null and not self.null_of_columns else {}
        rules |= {"header": "none", "names": [*COLUMNS]} if self.header else {}
        rules |= {"until": UNTIL} if self.until else {}
        rules |= {"short_rows": "accept"} if self.short else {}
        rules |= {"key": [self.source("kind"), self.source("id")]} if self.own_key else {}
        return rules | {"unmapped": "ignore" if self.joined else "note", "columns": self._columns()}

    def source(self, name: str) -> str:
        """A column as the extract calls it."""
        return f"x {name}" if self.header_rows > 1 else name

    def _columns(self) -> dict[str, Any]:
        columns = self._plain_columns()
        if not (self.null and self.null_of_columns):
            return columns
        return {n: self._with_null(rule) for n, rule in columns.items()}

    def _with_null(self, rule: Any) -> Any:
        if isinstance(rule, str):
            return {"column": rule, "null": [self.null]}
        return rule if "constant" in rule or "values" in rule or "when" in rule else rule | {"null": self.null}

    def _plain_columns(self) -> dict[str, Any]:
        source = {name: self.source(name) for name in COLUMNS}
        note = {"column": source["note"]} | ({"default": DEFAULT} if self.default else {})
        tier = {"column": source["tier"], "clear": CLEARED} | ({"empty": self.empty} if self.empty else {})
        own = {"column": source["id"]} | ({"pattern": "[XY][0-9]+-[0-9]"} if self.pattern else {})
        worth: dict[str, Any] = {"decimal": self.decimal, "thousands": self.thousands, "negative": self.negative}
        worth |= {"currency_sign": [self.sign] if self.sign else None}
        return {
            "identifier:InvestorRecord/Ext/Id": own,
            "display_name": {"join": [source["name"], source["last"]]} if self.joined else source["name"],
            "description": note,
            "property:InvestorRecord/D/Tier": tier,
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

    def time(self, value: dt.date | dt.datetime, number: int) -> str:
        """A date or time as the CSV has it, in the row of a number."""
        ways = _WAYS[self.times]
        return ways[number % len(ways)](value)


def _local(value: Any) -> dt.datetime:
    found: dt.datetime = value.astimezone(ZoneInfo(ZONE))
    return found


def _oracle(value: Any) -> str:
    return f"{value:%d}-{value.strftime('%b').upper()}-{value:%Y}"


def _since(unit: dt.timedelta, zeros: str = "") -> Callable[[Any], str]:
    return lambda value: f"{(value - _EPOCH) // unit}{zeros}"


_SECOND, _MILLI, _MICRO = dt.timedelta(seconds=1), dt.timedelta(milliseconds=1), dt.timedelta(microseconds=1)
_WAYS: dict[str, tuple[Callable[[Any], str], ...]] = {
    "iso": (lambda value: value.isoformat(),),
    "day": (lambda value: value.strftime("%d/%m/%Y"), lambda value: value.isoformat()),
    "short": (lambda value: value.strftime("%d.%m.%y"),),
    "excel_serial": (lambda value: str((value - _SERIALS).days),),
    "excel_serial_1904": (lambda value: str((value - dt.date(1904, 1, 1)).days),),
    "oracle": (_oracle,),
    "dates in a zone": (lambda value: value.isoformat(), lambda value: f"{value.isoformat()} 00:00:00"),
    "instant": (lambda value: value.isoformat(), lambda value: f"{value:%Y-%m-%d %H:%M:%S} UTC"),
    "fix": (lambda value: value.strftime("%Y%m%d-%H:%M:%S"),),
    "epoch_s": (_since(_SECOND),),
    "epoch_ms": (_since(_MILLI),),
    "epoch_us": (_since(_MICRO),),
    "epoch_ns": (_since(_MICRO, "000"),),
    "local": (
        lambda value: _local(value).strftime("%d-%m-%Y %H:%M:%S"),
        lambda value: f"{_local(value):%m/%d/%Y %I:%M:%S %p}",
    ),
}
"""How a date or time is written, in turn."""
_BY_NAME: dict[str, dict[str, Any]] = {
    name: {"format": name} for name in _WAYS if name.startswith(("excel", "epoch", "fix", "oracle"))
}
_TIMES: dict[str, dict[str, Any]] = {
    "iso": {},
    "day": {"format": ["iso", "%d/%m/%Y"]},
    "short": {"format": "%d.%m.%y", "century": 1950},
    "dates in a zone": {"timezone": ZONE, "midnight": "date"},
    "instant": {},
    "local": {"format": ["%d-%m-%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"], "timezone": ZONE, "midnight": "local"},
    **_BY_NAME,
}
_OF_DATES = ("iso", "day", "short", "excel_serial", "excel_serial_1904", "oracle", "dates in a zone")


def conventions() -> st.SearchStrategy[Conventions]:
    """Any that go together."""
    return (
        st.builds(
            Conventions,
            delimiter=st.sampled_from([",", ";", "\t", "|", "||"]),
            quote=st.sampled_from(['"', '"', "'", "none"]),
            escape=st.sampled_from([None, "\\", "none"]),
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
            header=st.sampled_from([None, None, "none"]),
            sep_line=st.booleans(),
            until=st.booleans(),
            short=st.booleans(),
            joined=st.booleans(),
            default=st.booleans(),
            empty=st.sampled_from([None, "keep", "clear"]),
            packing=st.sampled_from(["", "", *PACKED]),
            own_key=st.booleans(),
            pattern=st.booleans(),
            null_of_columns=st.booleans(),
        )
        .map(_that_go_together)
        .flatmap(_with_separators)
    )


PACKED: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda octets: bytes(pa.Codec("zstd").compress(octets, asbytes=True)),
}


def _that_go_together(drawn: Conventions) -> Conventions:
    """What is drawn, without what contradicts it."""
    changes: dict[str, Any] = {}
    if drawn.header or drawn.sep_line:
        changes |= {"header_rows": 1, "skip_lines": 0}
    if len(drawn.delimiter) > 1 or drawn.skip_lines:
        changes["sep_line"] = False
    if drawn.until:
        changes["footer_lines"] = 0
    if drawn.trailing:
        changes["short"] = False
    if drawn.quote == "none":  # what numbers and labels are made of cannot stand between cells
        escape = None if drawn.escape == "none" else drawn.escape
        changes |= {"escape": escape, "delimiter": drawn.delimiter if escape else "|"}
    return replace(drawn, **changes)


def _with_separators(drawn: Conventions) -> st.SearchStrategy[Conventions]:
    pairs = st.sampled_from([(".", None), (",", None), (",", "."), (".", ","), (",", " ")])
    return pairs.map(lambda pair: Conventions(**{**vars(drawn), "decimal": pair[0], "thousands": pair[1]}))


def entries(written: Conventions, prefix: str) -> st.SearchStrategy[list[Entry]]:
    """Records that the encoding of a CSV can hold, whatever else stands in them."""
    letters = "ab \"'|;,\\\n\t(#!é€" + ("東" if written.encoding != "cp1252" else "")
    if "none" in (written.quote, written.escape):
        kept = {*letters} - {*written.delimiter, "\n", "\t", "\\"}
        letters = "".join(sorted(kept - {'"', "'"} if written.quote == "none" else kept))
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
            last=text,
            tier=st.sampled_from([None, CLEARED, "gold", "Total", "sep=;"]),
        ),
        min_size=1,
        max_size=6,
    ).map(lambda rows: [Entry(**{**vars(row), "id": f"{prefix}-{n}"}) for n, row in enumerate(rows)])


def write_csv(path: Path, table: list[Entry], written: Conventions) -> Path:
    """Writes a table by its conventions."""
    names = [list(COLUMNS)]
    if written.header_rows > 1:
        names = [["x"] * len(COLUMNS), *names]
    lines = [] if written.header else [_line(row, written, text=True) for row in names]
    for number, row in enumerate(table):
        lines += [f"{written.comment} a remark"] if written.comment and number % 2 else []
        cells = _cells(row, written, number)
        while written.short and len(cells) > 2 and cells[-1] is None:
            cells.pop()
        lines.append(_line(cells, written, text=False) + (written.delimiter if written.trailing else ""))
    lines = [*["Listing of the day"] * written.skip_lines, *lines, *["(rows affected)"] * written.footer_lines]
    lines = [f"sep={written.delimiter}"] * written.sep_line + lines
    lines += [UNTIL, "another,table"] * written.until
    octets = (written.end.join(lines) + written.end).encode(written.encoding)
    path = path.with_name(path.name + written.packing)
    path.write_bytes(PACKED[written.packing](octets) if written.packing else octets)
    return path


def _cells(row: Entry, written: Conventions, number: int) -> list[str | None]:
    key = f'="{row.id}"' if written.excel else row.id
    worth = None if row.worth is None else written.number(row.worth)
    tags = written.separator.join(row.tags) or None
    since = written.time(row.since, number)
    return [key, row.name, row.last, row.note, row.kind, worth, row.tier, since, tags]


def _line(cells: list[Any], written: Conventions, *, text: bool) -> str:
    return written.delimiter.join(
        _quoted(written.null if cell is None else cell, written, text=text or cell is not None) for cell in cells
    )


def _quoted(cell: str, written: Conventions, *, text: bool) -> str:
    escape = written.escape if written.escape != "none" else None
    if written.quote == "none":
        marks = (*written.delimiter, "\\", "\n") if escape else ()
        return "".join(f"{escape}{letter}" if letter in marks else letter for letter in cell) if text else cell
    special = (*written.delimiter, written.quote, '"', "'", "\n", "\r", "#", escape or "\n")
    if not text or not (written.always_quoted or any(mark in cell for mark in special)):
        return cell
    mark = written.quote
    if escape:
        cell = cell.replace("\\", "\\\\")
    if written.escape != "none":
        cell = cell.replace(mark, (escape or mark) + mark)
    return f"{mark}{cell}{mark}"


def write_parquet(path: Path, table: list[Entry], written: Conventions) -> Path:
    """Writes the same with types."""
    columns = _columns(table, written)
    zoned = ("fix", "epoch_s", "epoch_us", "epoch_ns")
    kinds = {"worth": pa.decimal128(20, 3), "tags": pa.list_(pa.string())}
    kinds["since"] = {
        "local": pa.timestamp("us"),
        "epoch_ms": pa.timestamp("ms", "UTC"),
        "instant": pa.timestamp("ns", "UTC"),
        "dates in a zone": pa.timestamp("us"),
        **dict.fromkeys(zoned, pa.timestamp("us", "UTC")),
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
        local = [_local(t).replace(tzinfo=None) for t in columns[f"{prefix}since"]]
        columns[f"{prefix}since"] = local
    if written.times == "dates in a zone":  # as Spark and pandas write them
        columns[f"{prefix}since"] = [dt.datetime.combine(t, dt.time()) for t in columns[f"{prefix}since"]]
    return columns
