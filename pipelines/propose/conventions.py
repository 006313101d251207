"""How the cells of a column are written: every convention that could be meant is tried on the sample.

Owns which conventions there are, and when one is proved. The product's own readers try them, so that what fits here
fits in a load.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from pipelines.propose.sample import Place
from schemas.rows.cells import DecimalText
from schemas.rows.column_rule import ColumnRule
from schemas.rows.columns import Cell
from schemas.rows.kinds import Kind
from schemas.rows.times import TimeText

Cells = Sequence[tuple[Place, Cell]]

_DAYS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d-%b-%Y",
    "%d %b %Y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
_FORMATS = tuple(day + clock for day in _DAYS for clock in _CLOCKS)
_ANY_ZONE = "UTC"
"""Stands for the zone of local times, which nobody can read off them."""

_NAMED = ("fix", "oracle")
_SHORT_YEARS = tuple(day.replace("%Y", "%y") for day in _DAYS[:5])
_CENTURY = 1950
"""Stands for the first of the hundred years that two digits are of, which nobody can read off them."""

_SEPARATORS: Sequence[Mapping[str, Any]] = (
    {},
    {"decimal": ","},
    {"thousands": ","},
    *({"decimal": ",", "thousands": mark} for mark in (".", "'", " ", "\u00a0", "\u202f")),
    *({"thousands": mark} for mark in ("'", " ", "\u00a0", "\u202f")),
)
_SIGNS: Sequence[Mapping[str, Any]] = (
    {},
    {"negative": "trailing"},
    {"negative": "parentheses"},
    {"currency_sign": "strip"},
    {"negative": "parentheses", "currency_sign": "strip"},
)
_NUMBERS = tuple({**separators, **signs} for signs in _SIGNS for separators in _SEPARATORS)[1:]
_TRIED_FIRST = 10
"""Cells that a convention is tried on before it is tried on all."""
_MOST_FITS = 0.9
"""Of its cells a proposal must fit this share, or it is none."""
_STRAYS = 0.01
"""Less than this share of cells that are no plain numbers are rather wrong than proof of a convention."""


@dataclass(frozen=True)
class Fit:
    """How well a convention fits the sample.

    Attributes:
        declared: members of a column's rule.
        fits: cells that it reads; of: cells that are not empty.
        misfit: the first that it does not read.
        needs_zone: whether it reads times without an offset, and no zone is known.
        is_guess: whether a part of what is declared stands for what nobody can know.
    """

    declared: Mapping[str, Any]
    fits: int
    of: int
    misfit: Place | None = None
    needs_zone: bool = False
    is_guess: bool = False
    values: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def is_good(self) -> bool:
        """Whether it fits so many cells that the others are rather wrong than written otherwise."""
        return self.fits >= self.of * _MOST_FITS and not self.is_guess

    def __str__(self) -> str:
        if not self.of:
            return "no cell of the sample is filled"
        told = f"fits {self.fits:,} of {self.of:,} cell{'s' * (self.of > 1)}"
        if self.is_guess:
            told += "; the century is a guess"
        return told if self.misfit is None else f"{told}; first that does not: {self.misfit}"


def fits_of(cells: Cells, cell_type: Any, kind: Kind, *, comma: bool) -> list[Fit]:
    """The conventions that a column may be written in; where there are several that read it differently, any may be.

    Args:
        cells: those of the sample that are not empty.
        cell_type: of the canonical column.
        kind: what the extract's column holds.
        comma: whether something in the extract says that its numbers have a decimal comma.

    Returns:
        At least one; the first is the most plain.
    """
    plain = _fit(cells, cell_type, kind, {})
    if cell_type is TimeText:
        return _times(cells, plain, kind)
    if kind is not Kind.TEXT or cell_type is not DecimalText:
        return [plain]
    found = _decided([plain, *_tried(cells, cell_type, _NUMBERS)])
    is_plain = found[0].fits - plain.fits < _STRAYS * plain.of and not comma
    return [plain] if is_plain else found


def has_decimal_comma(cells: Cells) -> bool:
    """Whether a column's numbers can be read with a decimal comma and in no other way."""
    found = _decided([_fit(cells, DecimalText, Kind.TEXT, {}), *_tried(cells, DecimalText, _NUMBERS)])
    return len(found) == 1 and found[0].fits > 0 and found[0].declared.get("decimal") == ","


def _times(cells: Cells, plain: Fit, kind: Kind) -> list[Fit]:
    """The ways in which times may be written, each with whether it needs a zone."""
    iso = _fit(cells, TimeText, kind, {"timezone": _ANY_ZONE})
    if kind is not Kind.TEXT or not any(map(_has_digits, cells[:_TRIED_FIRST])):
        return [_without_zone(iso, cells, kind)] if iso.fits else [plain]
    found = _best([iso, *_tried(cells, TimeText, [{"format": each, "timezone": _ANY_ZONE} for each in _FORMATS])])
    if not found:
        found = _best(_tried(cells, TimeText, [{"format": each, "timezone": _ANY_ZONE} for each in _NAMED]))[:1]
    if not found:
        short = [{"format": each, "century": _CENTURY} for each in _SHORT_YEARS]
        return [replace(fit, is_guess=True) for fit in _best(_tried(cells, TimeText, short))] or [plain]
    return [_without_zone(fit, cells, kind) for fit in found]


def _best(fits: Sequence[Fit]) -> list[Fit]:
    """Those that fit most cells; none where none fits any."""
    most = max((fit.fits for fit in fits), default=0)
    return [fit for fit in fits if fit.fits == most > 0]


def _has_digits(cell: tuple[Place, Cell]) -> bool:
    """Whether a cell has the digits of a day and a year; most that are no times have not."""
    return sum(map(str.isdigit, cell[1])) > 4


def _without_zone(zoned: Fit, cells: Cells, kind: Kind) -> Fit:
    declared = {name: value for name, value in zoned.declared.items() if name != "timezone"}
    fits = _fit(cells, TimeText, kind, declared).fits
    return replace(zoned, declared=declared, needs_zone=zoned.fits > fits)


def _tried(cells: Cells, cell_type: Any, rules: Iterable[Mapping[str, Any]]) -> list[Fit]:
    """The rules that read at least a cell, each tried on a few of them first."""
    few = cells[:_TRIED_FIRST]
    return [_fit(cells, cell_type, Kind.TEXT, rule) for rule in rules if _fit(few, cell_type, Kind.TEXT, rule).fits]


def _decided(fits: Sequence[Fit]) -> list[Fit]:
    """Those that fit most cells; of those that read them alike, the first."""
    best = max(fit.fits for fit in fits)
    found: dict[tuple[Any, ...], Fit] = {}
    for fit in fits:
        if fit.fits == best:
            found.setdefault(fit.values, fit)
    return [*found.values()]


def _fit(cells: Cells, cell_type: Any, kind: Kind, declared: Mapping[str, Any]) -> Fit:
    """How a rule fits a column."""
    read = TypeAdapter(ColumnRule(column="any", **declared).cell_type(cell_type, kind)).validate_python
    values: list[Any] = []
    misfit = None
    for place, cell in cells:
        try:
            values.append(read(cell))
        except ValidationError:
            misfit = misfit or place
            values.append(None)
    fits = sum(value is not None for value in values)
    return Fit(declared, fits, len(cells), misfit, values=tuple(map(str, values)))
