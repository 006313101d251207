"""One column of a mapping: where its cells come from, and how they are read.

What a rule declares is for text: a cell that has a type already (of Parquet, of a data frame) is its value.
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from schemas.rows.cells import DecimalText, Identifier, Instrument, Labels, clean_key, decimal, label_set, refuse
from schemas.rows.faults import said
from schemas.rows.kinds import NUMBERS, TIMES, Kind
from schemas.rows.patterns import linear_pattern
from schemas.rows.times import Midnight, TimeText, dated, format_parts, time_in

Separator = Annotated[str, Field(pattern=r"^[^0-9A-Za-z+-]$")]
_UTC_NAMES = frozenset({"UTC", "UCT", "GMT", "Zulu", "Universal", "Greenwich"})
_UTC_NAMES |= {f"Etc/{name}" for name in _UTC_NAMES}
"""Timezones in which midnight is midnight UTC, always."""
_SHOWN = 12
"""Words of a vocabulary that a message lists before it stops."""


class ColumnRule(BaseModel):
    """Where one canonical column comes from, and how its cells are read.

    Attributes:
        column: the extract's column; or `constant`, the same text for every row.
        format: strptime format of a date or time; without it ISO 8601.
        timezone: IANA name that naive times are local to; a date alone does not meet it.
        midnight: what a midnight without an offset is, however the extract writes it: `date`, a date alone, which is
            midnight UTC; or `local`, midnight in the `timezone`, and a date alone as well.
        values: the client's codes to LUSID's words; a code that is not listed refuses the row, one that maps
            to '' is an absent cell. In a set each item is mapped.
        pattern: regular expression an identifier must match whole, in linear time: no look-arounds, no back references.
            It replaces the check for identifiers that a spreadsheet has mangled, so that real codes such as 1E+5 can
            pass.
        decimal: the decimal separator; thousands: the separator between thousands.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    constant: str | None = None
    format: str | None = None
    timezone: str | None = None
    midnight: Midnight | None = None
    values: dict[str, str] | None = None
    pattern: str | None = None
    decimal: Separator | None = None
    thousands: Separator | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either `column` or `constant`")
        return self

    @model_validator(mode="after")
    def _two_separators(self) -> Self:
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError("`decimal` (default .) and `thousands` are the same character")
        return self

    @model_validator(mode="after")
    def _midnight_somewhere(self) -> Self:
        if self.midnight == "local" and self.timezone is None:
            raise ValueError("`midnight: local` needs a `timezone`")
        return self

    @field_validator("format")
    @classmethod
    def _reads_dates(cls, text_format: str | None) -> str | None:
        if text_format is not None:
            format_parts(text_format)
        return text_format

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("is not an IANA timezone such as Europe/London") from None
        return name

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            linear_pattern(pattern)
        return pattern

    def cell_type(self, canonical: Any, kind: Kind = Kind.TEXT) -> Any:
        """The pydantic type of a source cell: the canonical type behind what this rule declares.

        Args:
            canonical: the type of the canonical column.
            kind: what the source column holds; rules for text pass by a time or number that is one already.

        Raises:
            ValueError: the rule declares something its canonical column has no use for.
        """
        cell: Any = canonical
        if self.format or self.timezone or self.midnight:
            if canonical is not TimeText:
                raise ValueError("`format`, `timezone` and `midnight` are for dates and times")
            cell = Annotated[str, BeforeValidator(self._time_reader(kind))]
        elif self.decimal or self.thousands:
            if canonical is not DecimalText:
                raise ValueError("`decimal` and `thousands` are for decimals")
            if kind not in NUMBERS:
                cell = Annotated[str, BeforeValidator(self.decimal_reader())]
        elif self.pattern is not None:
            if canonical not in (Identifier, Instrument):
                raise ValueError("`pattern` is for identifiers")
            limits = [m for m in canonical.__metadata__ if isinstance(m, StringConstraints)]
            cell = Annotated[str, *limits, BeforeValidator(self._pattern_reader(self.pattern))]
        return cell if self.values is None else self._worded(self.values, cell, canonical)

    def _worded(self, values: dict[str, str], cell: Any, canonical: Any) -> Any:
        """The type of a cell in the client's words."""
        return Annotated[cell, BeforeValidator(self._value_reader(values, label_set if canonical is Labels else None))]

    def is_unclear(self, canonical: Any, kind: Kind) -> bool:
        """Whether midnights of the source column may be dates or local times, and the rule does not say which."""
        naive = canonical is TimeText and kind is Kind.NAIVE and self.midnight is None
        return naive and self.timezone is not None and self.timezone not in _UTC_NAMES

    def written_faults(self, canonical: Any) -> Iterable[str]:
        """What is wrong with the cells a rule writes itself: its constant, and the words of its `values`."""
        behind = TypeAdapter(self.model_copy(update={"values": None}).cell_type(canonical))
        words = {w: f"{w} of its `values`" for w in (self.values or {}).values() if w}
        if self.constant is not None and self.values is None:
            words = {self.constant: "its constant"}
        for word, what in words.items():
            try:
                behind.validate_python(word)
            except ValidationError as error:
                yield from (f"{what} {text}" for _, _, text in said(error))

    def _time_reader(self, kind: Kind) -> Callable[[Any], str]:
        zone = ZoneInfo(self.timezone) if self.timezone else None
        if self.format is None or kind in TIMES:
            return time_in(zone, self.midnight)
        return dated(self.format, zone, self.midnight)

    def decimal_reader(self) -> Callable[[Any], str]:
        """What reads a cell with these separators; it raises ValueError for a cell that is no number."""
        point, thousands = self.decimal or ".", self.thousands
        whole = rf"\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+" if thousands else r"\d+"
        shape = re.compile(rf"^[+-]?(?:{whole})(?:{re.escape(point)}\d+)?$", re.ASCII)

        def read(cell: object) -> str:
            if not isinstance(cell, str) or not cell.strip():
                return decimal(cell)
            cell = cell.strip()
            if not shape.match(cell):
                raise refuse("NotDecimal", "is not a number with the separators of the mapping")
            if thousands:
                cell = cell.replace(thousands, "")
            return decimal(cell.replace(point, "."))

        return read

    @staticmethod
    def _pattern_reader(pattern: str) -> Callable[[Any], str]:
        matches = linear_pattern(pattern)

        def read(cell: object) -> str:
            if not isinstance(cell, str):
                raise refuse("NotText", "takes one value, not a list")
            cell = clean_key(cell)
            if cell and not matches(cell):
                raise refuse("NoMatch", "does not match the pattern of the mapping")
            return cell

        return read

    @staticmethod
    def _value_reader(values: dict[str, str], split: Callable[[Any], list[str]] | None) -> Callable[[Any], Any]:
        known = ", ".join([*values][:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")

        def word_of(text: str) -> str:
            word = values.get(text.strip())
            if word is None:
                raise refuse("NotAllowed", f"is none of the mapping's values: {known}")
            return word

        def read(cell: Any) -> Any:
            if split is not None:
                return [word for item in split(cell) if (word := word_of(item))]
            return word_of(cell) if isinstance(cell, str) and cell.strip() else cell

        return read
