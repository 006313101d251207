"""What a mapping may declare of one column, and what of it contradicts itself."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from schemas.rows.conventions.numbers import Negative
from schemas.rows.conventions.patterns import linear_pattern
from schemas.rows.conventions.time_formats import format_named
from schemas.rows.times import Midnight


def listed(given: object) -> object:
    """One word in place of a list of one."""
    return (given,) if isinstance(given, str) else given


OneOrMore = str | tuple[str, ...]
Filled = Annotated[str, StringConstraints(min_length=1)]
Words = Annotated[tuple[Filled, ...], Field(min_length=1), BeforeValidator(listed, json_schema_input_type=OneOrMore)]
Separator = Annotated[str, Field(pattern=r"^[^0-9A-Za-z+-]$")]


class ColumnDeclarations(BaseModel):
    """Where one canonical column comes from, and how its cells are read.

    Attributes:
        column: the extract's column; or `join`, columns that make one cell; or `constant`, the same text for every row.
        separator: between the items of a list, by default `|`; between joined columns, by default a space.
        when: columns of the extract, each with the word or words it must hold where this one is used; elsewhere it
            is absent.
        null: words that are no value, in place of the file's; of an empty list, there are none, and words such as NULL
            are values.
        default: what stands in place of an absent cell.
        excel_text: spreadsheets' marks of a text are taken off (true), or are part of the cell (false).
        format: strptime formats or names of formats of dates and times, tried in their order; without it ISO 8601.
        century: the first of the hundred years that two digits of a year stand for.
        timezone: IANA name that naive times are local to; a date alone does not meet it.
        midnight: what a midnight without an offset is, however the extract writes it: `date`, a date alone, which is
            midnight UTC; or `local`, midnight in the `timezone`, and a date alone as well.
        values: the client's codes to LUSID's words; a code that is not listed refuses the row, one that maps
            to '' is an absent cell. In a set each item is mapped.
        pattern: regular expression an identifier must match whole, in linear time: no look-arounds, no back references.
            It replaces the check for identifiers that a spreadsheet has mangled, so that real codes such as 1E+5 can
            pass.
        decimal: the decimal separator; thousands: the separator between thousands.
        negative: how negative numbers may be written besides with a `-` before them.
        currency_sign: `strip` takes a currency sign or code off a number; a list takes off these and refuses others.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = None
    join: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    constant: str | None = None
    separator: str | None = None
    when: dict[str, Words] | None = None
    null: Annotated[tuple[Filled, ...], BeforeValidator(listed, json_schema_input_type=OneOrMore)] | None = None
    default: Filled | None = None
    excel_text: bool | None = None
    format: Words | None = None
    century: Annotated[int, Field(ge=1, le=9900, strict=True)] | None = None
    timezone: str | None = None
    midnight: Midnight | None = None
    values: dict[str, str] | None = None
    pattern: str | None = None
    decimal: Separator | None = None
    thousands: Separator | None = None
    negative: (
        Annotated[tuple[Negative, ...], Field(min_length=1), BeforeValidator(listed, json_schema_input_type=OneOrMore)]
        | None
    ) = None
    currency_sign: Literal["strip"] | Annotated[tuple[Filled, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [source for source in (self.column, self.join, self.constant) if source is not None]
        if len(given) != 1:
            raise ValueError("give one of `column`, `join` and `constant`")
        if self.constant is not None and (self.default or self.null is not None or self.excel_text is not None):
            raise ValueError("a `constant` is never absent nor marked: leave out `default`, `null` and `excel_text`")
        return self

    @model_validator(mode="after")
    def _two_separators(self) -> Self:
        if self.thousands is not None and self.thousands == (self.decimal or "."):
            raise ValueError("`decimal` (default .) and `thousands` are the same character")
        return self

    @model_validator(mode="after")
    def _reads_times(self) -> Self:
        if self.midnight == "local" and self.timezone is None:
            raise ValueError("`midnight: local` needs a `timezone`")
        if self.century is not None and self.format is None:
            raise ValueError("`century` is for a `format` with two digits of a year")
        for name in self.format or ():
            format_named(name, self.century)
        return self

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
