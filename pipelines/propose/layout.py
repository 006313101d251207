"""How the CSV files of an extract are written: delimiter, lines around the table.

Each way that could be is tried with the product's own reader on the first file, and the one is taken that reads its
rows; what the reader takes without a declaration is not declared.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from connectors.extracts.extract import open_extract
from connectors.extracts.source_files import Source
from pipelines.propose.encodings import Encodings, encodings_of
from pipelines.propose.field_words import TOTALS
from pipelines.propose.sample import Sample, sample_of
from pipelines.propose.text import commented, line
from schemas.errors import ExtractError
from schemas.rows.reading import ReadingRules

_Known = Callable[[Sequence[str]], int]
"""Counts the canonical columns that a header has."""

_DELIMITERS = (None, ";", ",", "\t", "|")
"""What may stand between cells; `None` is what the reader takes without a declaration."""
_VARIANTS = (
    ("trailing_delimiter", True),
    ("comment", "#"),
    ("comment", "--"),
    ("quote", "'"),
    ("short_rows", "accept"),
)
"""What else may be declared."""
_UNPROVED = frozenset({"quote", "short_rows"})
"""Of these, that more rows can be read proves nothing: with another quote the usual one is text, and rows may be short
because they were cut off."""
_MOST_TITLES = 20
_MOST_BLANK = 3
_SHARE = 0.5
"""Of the first rows at least this share must be read, or the file is written otherwise."""


@dataclass(frozen=True)
class Layout:
    """How files are written.

    Attributes:
        reading: how they are read here, what is uncertain included.
        lines: of the mapping, what is uncertain commented out.
        to_do: what must be decided before a load can read them; empty where nothing must.
    """

    reading: ReadingRules
    lines: Sequence[str]
    to_do: str = ""


@dataclass(frozen=True)
class _Try:
    """What came of reading a file in one way."""

    declared: dict[str, Any]
    columns: Sequence[str]
    good: int
    looked_at: int

    @property
    def share(self) -> float:
        """How much of it was read."""
        return self.good / self.looked_at if self.looked_at else 1.0

    def is_better_than(self, other: "_Try", least: int) -> bool:
        """Whether it reads no row less, and at least half of those that the other does not, if they are not fewer."""
        unread = other.looked_at - other.good
        return self.good >= other.good and 2 * (self.looked_at - self.good) <= unread >= least

    def __str__(self) -> str:
        return f"{self.good:,} of the first {self.looked_at:,} rows have the cells of the header"


def layout_of(source: Source, known: _Known) -> Layout:
    """Finds out how a CSV file is written.

    Args:
        source: the file.
        known: counts the canonical columns that a header has.

    Raises:
        ExtractError: it can be read in no way that is known here.
    """
    encodings = encodings_of(source)
    encoded: dict[str, Any] = {} if encodings.likely[0] == "utf-8" else {"encoding": encodings.likely[0]}
    found = _first_known(_ways(source, encoded, known), known) or _read(source, encoded)
    for name, value in _VARIANTS:
        better = _tried(source, {**found.declared, name: value})
        if better and better.is_better_than(found, 2 if name in _UNPROVED else 1):
            found = better
    doubts = [name for name in found.declared if name in _UNPROVED or (name == "encoding" and not encodings.certain)]
    lines = _encoding_lines(encodings)
    for name, value in found.declared.items():
        text = [] if name == "encoding" else [line(name, value, str(found))]
        lines += commented(text) if name in _UNPROVED else text
    to_do = f"decide on {' and '.join(doubts)}" if doubts else ""
    return Layout(ReadingRules(**found.declared), lines, to_do)


def _ways(source: Source, encoded: dict[str, Any], known: _Known) -> Iterator[_Try | None]:
    """The ways to read a file, the plainest first: as it is, with another declaration, below other lines."""
    yield _best(source, encoded, range(1), known)
    yield from (_best(source, {**encoded, name: value}, range(1), known) for name, value in _VARIANTS)
    below = _best(source, encoded, range(1, _MOST_TITLES + 1), known)
    yield below if below and known(below.columns) else None  # a row may look like a header, and is nobody's business


def _first_known(ways: Iterable[_Try | None], known: _Known) -> _Try | None:
    """The first that reads canonical columns; where none does, the first that reads anything."""
    found = None
    for way in ways:
        if way and known(way.columns):
            return way
        found = found or way
    return found


def with_footer(layout: Layout, source: Source, sample: Sample) -> Layout:
    """The layout with the lines at the file's end that are no rows, if it has any.

    A last row that is cut short may as well be the mark of a file that is not whole: only a total line is certain.

    Args:
        layout: how the file is read.
        source: the file.
        sample: what was read so.

    Raises:
        ExtractError: the file cannot be read.
    """
    rows = list(sample.last)
    footer = 0
    while footer < len(rows) and (rows[-1 - footer].bad == "MissingCells" or _is_total(rows[-1 - footer].cells)):
        footer += 1
    if not footer or footer == sample.read:
        return layout
    certain = all(_is_total(row.cells) for row in rows[-footer:])
    for blank in range(_MOST_BLANK + 1):
        reading = layout.reading.declared(footer_lines=footer + blank)
        with open_extract([source.path], names=[source.name], declared=reading) as extract:
            if sample_of(extract).read == sample.read - footer:
                text = line("footer_lines", footer + blank, f"no rows: {rows[-footer].place} and what follows it")
                if certain:
                    return replace(layout, reading=reading, lines=[*layout.lines, text])
                doubt = "the last rows lack cells: if they are no rows, declare it; if they are, the file is cut short"
                return replace(layout, lines=[*layout.lines, *commented([doubt, text])])
    return layout


def _is_total(cells: Sequence[Any]) -> bool:
    """Whether a row begins as a total does, and has few cells."""
    filled = [cell for cell in cells if cell]
    return bool(cells) and bool(TOTALS.match(str(cells[0]).strip())) and 2 * len(filled) <= len(cells) + 1


def _best(source: Source, encoded: dict[str, Any], titles: range, known: _Known) -> _Try | None:
    """The way that reads most; of several, the first."""
    tries = [
        found
        for skipped, delimiter in product(titles, _DELIMITERS)
        if (found := _tried(source, _declared(encoded, delimiter, skipped))) and found.share >= _SHARE
    ]
    several = [found for found in tries if len(found.columns) > 1]
    return max(
        several or [found for found in tries if "delimiter" not in found.declared],
        key=lambda found: (known(found.columns), len(found.columns) * round(found.share, 1)),
        default=None,
    )


def _declared(encoded: dict[str, Any], delimiter: str | None, skipped: int) -> dict[str, Any]:
    declared = {**encoded}
    if skipped:
        declared["skip_lines"] = skipped
    if delimiter is not None:
        declared["delimiter"] = delimiter
    return declared


def _tried(source: Source, declared: dict[str, Any]) -> _Try | None:
    """What comes of reading a file in one way; `None` where it cannot be read so."""
    try:
        return _read(source, declared)
    except ExtractError:
        return None


def _read(source: Source, declared: dict[str, Any]) -> _Try:
    """Reads the beginning of a file in one way."""
    with open_extract([source.path], names=[source.name], declared=ReadingRules(**declared)) as extract:
        batch = next(extract.batches(), None)
        rows = len(batch) if batch else 0
        return _Try(declared, extract.columns, rows - len(batch.bad) if batch else 0, rows)


def _encoding_lines(encodings: Encodings) -> list[str]:
    first, *others = encodings.likely
    if encodings.certain:
        return [] if first == "utf-8" else [line("encoding", first, "as its byte order mark says")]
    told = (
        f"it is not UTF-8: {encodings.lines:,} of its first lines have other bytes; decide for the one that reads right"
    )
    texts = [line("encoding", first, told), *(line("encoding", other, "or this") for other in others)]
    return commented(texts)
