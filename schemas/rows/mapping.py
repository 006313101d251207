"""A mapping: the YAML file that turns a client's own columns into canonical ones.

Strict: a member we do not know, a column the extract does not have and a needed column that nothing feeds are
errors before the first row is read.
"""

import re
from collections.abc import Callable, Container, Iterable
from itertools import zip_longest
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

from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.rows.cells import DecimalText, Identifier, Instrument, Labels, clean_key, decimal, label_set, refuse
from schemas.rows.faults import said
from schemas.rows.patterns import linear_pattern
from schemas.rows.times import TimeText, dated, format_parts, time_in
from schemas.suggestions import MOST_TOLD, did_you_mean, first_of

Separator = Annotated[str, Field(pattern=r"^[^0-9A-Za-z+-]$")]
_SHOWN = 12
"""Words of a vocabulary that a message lists before it stops."""


class ColumnRule(BaseModel):
    """Where one canonical column comes from, and how its cells are read.

    Attributes:
        column: the extract's column; or `constant`, the same text for every row.
        format: strptime format of a date or time; without it ISO 8601.
        timezone: IANA name that naive times are local to; a date alone never meets it.
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

    def cell_type(self, canonical: Any) -> Any:
        """The pydantic type of a source cell: the canonical type behind what this rule declares.

        Raises:
            ValueError: the rule declares something its canonical column has no use for.
        """
        cell = canonical
        if self.format is not None or self.timezone is not None:
            if canonical is not TimeText:
                raise ValueError("`format` and `timezone` are for dates and times")
            cell = Annotated[str, BeforeValidator(self._time_reader())]
        if self.decimal is not None or self.thousands is not None:
            if canonical is not DecimalText:
                raise ValueError("`decimal` and `thousands` are for decimals")
            cell = Annotated[str, BeforeValidator(self.decimal_reader())]
        if self.pattern is not None:
            if canonical not in (Identifier, Instrument):
                raise ValueError("`pattern` is for identifiers")
            limits = [m for m in canonical.__metadata__ if isinstance(m, StringConstraints)]
            cell = Annotated[str, *limits, BeforeValidator(self._pattern_reader(self.pattern))]
        if self.values is not None:
            split = label_set if canonical is Labels else None
            cell = Annotated[cell, BeforeValidator(self._value_reader(self.values, split))]
        return cell

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

    def _time_reader(self) -> Callable[[Any], str]:
        zone = ZoneInfo(self.timezone) if self.timezone else None
        if self.format is not None:
            return dated(self.format, zone)
        assert zone is not None  # noqa: S101  # cell_type asks only with a format or a zone
        return time_in(zone)

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


class Mapping(BaseModel):
    """A whole mapping file.

    Attributes:
        key: the extract's column, or columns, whose cells name a request; default: the operation's rule.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str
    key: str | Annotated[list[str], Field(min_length=1)] | None = None
    encoding: Annotated[str, Field(min_length=1)] = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    columns: dict[str, ColumnRule] = Field(min_length=1)
    expect: Expectations = Field(default_factory=Expectations)

    @field_validator("columns", mode="before")
    @classmethod
    def _names_are_rules(cls, columns: Any) -> Any:
        if not isinstance(columns, dict):
            return columns
        return {n: {"column": r} if isinstance(r, str) else r for n, r in columns.items()}

    @property
    def key_columns(self) -> list[str]:
        """The extract's columns that make the key; empty when the operation's own rule does."""
        if self.key is None:
            return []
        return [self.key] if isinstance(self.key, str) else self.key

    @property
    def sources(self) -> dict[str, str]:
        """Canonical column to the extract's column that feeds it."""
        return {n: r.column for n, r in self.columns.items() if r.column is not None}

    @property
    def constants(self) -> dict[str, str]:
        """Canonical column to the text that every row has there."""
        return {n: r.constant for n, r in self.columns.items() if r.constant is not None}

    def translations(self, lists: Container[str]) -> dict[str, dict[str, str]]:
        """The client's words of canonical columns that are no `lists`, each to ours."""
        return {n: r.values for n, r in self.columns.items() if r.values is not None and n not in lists}

    def cell_types(self, canonical: dict[str, Any]) -> dict[str, Any]:
        """The pydantic types of the source cells of canonical columns.

        Raises:
            ConfigError: one line that names every column whose rule declares or writes what it has no use for.
        """
        out, faults = {}, []
        for name, cell in canonical.items():
            rule = self.columns[name]
            try:
                out[name] = rule.cell_type(cell)
            except ValueError as error:
                faults.append(f"column {name}: {error}")
            else:
                faults += [f"column {name}: {text}" for text in rule.written_faults(cell)]
        if faults:
            raise ConfigError(f"the mapping does not fit: {'; '.join(faults)}")
        return out

    def amount_reader(self, column: str) -> Callable[[Any], str]:
        """What reads one of the extract's columns as plain decimals, with the separators that its rule declares."""
        rules = [r for r in self.columns.values() if r.column == column and (r.decimal or r.thousands)]
        return rules[0].decimal_reader() if rules else decimal

    def absent_columns(self, header: list[str]) -> list[str]:
        """A text for each column the mapping names and the extract does not have; the first ones have suggestions."""
        named, there = dict.fromkeys([*self.sources.values(), *self.key_columns]), set(header)
        absent = [name for name in named if name not in there]
        hints = [did_you_mean(name, header) for name in absent[:MOST_TOLD]]
        return first_of(
            [f"column {name} is not in the extract{hint}" for name, hint in zip_longest(absent, hints, fillvalue="")]
        )
