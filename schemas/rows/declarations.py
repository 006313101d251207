"""What a mapping may declare of one column, and what of it contradicts itself."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from schemas.rows.conventions.numbers import Negative
from schemas.rows.conventions.patterns import linear_pattern
from schemas.rows.conventions.time_formats import SERIALS, format_named
from schemas.rows.times import UTC_NAMES, Midnight


def listed(given: object) -> object:
    """One word in place of a list of one."""
    return (given,) if isinstance(given, str) else given


OneOrMore = str | tuple[str, ...]
Filled = Annotated[str, StringConstraints(min_length=1)]
Words = Annotated[tuple[Filled, ...], Field(min_length=1), BeforeValidator(listed, json_schema_input_type=OneOrMore)]
Separator = Annotated[str, Field(pattern=r"^[^0-9A-Za-z+-]$")]


class ColumnDeclarations(BaseModel):
    """Where one canonical column comes from, and how its cells are read.

    Each member's description is for those who write mappings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str | None = Field(None, description="The extract's column that feeds this one.")
    join: Annotated[tuple[str, ...], Field(min_length=2)] | None = Field(
        None, description="Columns of the extract that make one cell together, in place of `column`."
    )
    constant: str | None = Field(None, description="The same text for every row, in place of `column`.")
    separator: str | None = Field(
        None, description="What stands between the items of a list (default: |) or between joined columns (a space)."
    )
    when: dict[str, Words] | None = Field(
        None,
        description="Columns of the extract, each with the word or words of which it must hold one where this column "
        "is used; elsewhere it is absent.",
    )
    null: Annotated[tuple[Filled, ...], BeforeValidator(listed, json_schema_input_type=OneOrMore)] | None = Field(
        None, description="Words that are no value, in place of the file's; [] says that it has none."
    )
    clear: Words | None = Field(
        None,
        description="Words that clear the property in LUSID; of persons, legal entities, records and accounts alone.",
    )
    default: Filled | None = Field(None, description="What stands in place of an absent cell.")
    empty: Literal["keep", "clear", "refuse"] | None = Field(
        None,
        description="What an absent cell without a default says: `keep` what LUSID has (the default), `clear` the "
        "property, or `refuse` the row.",
    )
    excel_text: bool | None = Field(
        None,
        description="A spreadsheet's mark of a text is taken off (`true`), or is part of the cell (`false`). Default: "
        "as the file's.",
    )
    format: Words | None = Field(
        None,
        description="strptime formats or names of formats (iso, epoch_s, epoch_ms, excel_serial, oracle, fix, ...), "
        "tried in their order. Default: iso.",
    )
    century: Annotated[int, Field(ge=1, le=9900, strict=True)] | None = Field(
        None, description="The first of the hundred years that two digits of a year stand for, such as 1930."
    )
    timezone: str | None = Field(
        None, description="What times without an offset are local to, such as Europe/London; a date alone is not."
    )
    midnight: Midnight | None = Field(
        None,
        description="What a midnight without an offset is, however the extract writes it: a `date`, which is midnight "
        "UTC, or `local`, midnight in the `timezone`.",
    )
    values: dict[str, str] | None = Field(
        None,
        description="Your codes, each with LUSID's word. A code that is not listed refuses its row; one with '' is an "
        "absent cell.",
    )
    pattern: str | None = Field(
        None,
        description="A regular expression that an identifier must match whole, in place of the check for identifiers "
        "that a spreadsheet has mangled. No look-arounds nor back references.",
    )
    decimal: Separator | None = Field(None, description="What stands before the decimals. Default: a full stop.")
    thousands: Separator | None = Field(None, description="What stands between thousands. Default: nothing.")
    negative: (
        Annotated[tuple[Negative, ...], Field(min_length=1), BeforeValidator(listed, json_schema_input_type=OneOrMore)]
        | None
    ) = Field(
        None, description="How negative numbers may be written, besides with a - before them: trailing, parentheses."
    )
    currency_sign: Literal["strip"] | Annotated[tuple[Filled, ...], Field(min_length=1)] | None = Field(
        None, description="`strip` takes a currency's sign or code off a number; a list takes these off, and no others."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [source for source in (self.column, self.join, self.constant) if source is not None]
        if len(given) != 1:
            raise ValueError("give one of `column`, `join` and `constant`")
        if self.constant is not None and (self.clear or self.empty):
            raise ValueError("a `constant` is never absent: leave out `clear` and `empty`")
        if self.constant is not None and (self.default or self.null is not None or self.excel_text is not None):
            raise ValueError("a `constant` is never absent nor marked: leave out `default`, `null` and `excel_text`")
        return self

    @model_validator(mode="after")
    def _clears(self) -> Self:
        twice = {*(self.clear or ())} & {*(self.null or ()), *(self.values or ())}
        if twice:
            raise ValueError(f"{min(twice)} is a word of `clear`, and of `null` or `values`: it can say one thing")
        if self.clear and self.join:
            raise ValueError("`clear` is for a cell of one column, not of `join`")
        if self.default and self.empty:
            raise ValueError("a cell with a `default` is never absent: leave out `empty`")
        return self

    @property
    def may_clear(self) -> bool:
        """Whether some of its cells clear what LUSID has."""
        return bool(self.clear) or self.empty == "clear"

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
            if name in SERIALS and self.midnight is None and self.timezone not in (None, *UTC_NAMES):
                raise ValueError(
                    f"`{name}` writes a date and a midnight alike: declare `midnight: date` or `midnight: local` "
                    "beside the `timezone`"
                )
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
