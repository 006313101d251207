"""How an extract's CSV files are written, as far as it is declared: the part of a mapping that is for reading.

Nothing is guessed: what is not declared is read as RFC 4180 has it, and a file or row that does not fit is refused.
What a cell means is not declared here.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

NONE = "none"
"""The word for a file that has no header, no quotes, or no way to write a quote inside quotes."""

_FOREIGN = "\r\n\0"


def _one_mark(value: str) -> str:
    if value == NONE or (len(value) == 1 and value.isascii() and value not in _FOREIGN and not value.isalnum()):
        return value
    raise ValueError(f"is neither one ASCII character (no letter, digit or line end) nor `{NONE}`")


def _no_line_end(value: str) -> str:
    if not any(mark in value for mark in _FOREIGN):
        return value
    raise ValueError("holds a line end or NUL")


def _tab(value: Any) -> Any:
    """A tab as it is typed where none can be: in a shell, or in YAML without quotes."""
    return "\t" if value == "\\t" else value


Mark = Annotated[str, AfterValidator(_one_mark)]
LineText = Annotated[str, AfterValidator(_no_line_end)]
Delimiter = Annotated[LineText, Field(min_length=1, max_length=8), BeforeValidator(_tab)]


class ReadingRules(BaseModel):
    """What is declared of CSV files. Each member's description is for those who write mappings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoding: Annotated[str, Field(min_length=1)] = Field(
        "utf-8", description="Encoding of the file, such as cp1252 or utf-16."
    )
    delimiter: Delimiter = Field(",", description="What stands between cells: one character or several; \\t is a tab.")
    quote: Mark | None = Field(
        None,
        description='The character that encloses cells; `none` where quotes are text. Default: ", and single quotes '
        "around a cell refuse its row.",
    )
    escape: Mark | None = Field(
        None,
        description="The character that takes the meaning from a quote, a delimiter or itself; `none` where quotes "
        "inside quoted cells stand as they are. Default: quotes inside quoted cells are doubled.",
    )
    skip_lines: Annotated[int, Field(strict=True, ge=0, le=10_000)] = Field(
        0, description="Lines above the header that are no part of the table; empty lines count."
    )
    comment: Annotated[LineText, Field(min_length=1)] | None = Field(
        None, description="Lines that begin so are no rows, wherever they stand: comments, or a rule below the header."
    )
    footer_lines: Annotated[int, Field(strict=True, ge=0, le=1_000)] = Field(
        0, description="Lines at the end of the file that are no part of the table; empty lines count."
    )
    until: LineText | None = Field(
        None,
        description="The table ends before the first row whose first cell is this text, such as a total line or the "
        "header of a second table; the empty text is an empty row.",
    )
    header: Literal["none"] | None = Field(None, description="`none`: the file has no header; `names` has the columns.")
    names: Annotated[list[str], Field(min_length=1)] | None = Field(
        None, description="The columns of a file without a header, in its order."
    )
    header_rows: Annotated[int, Field(strict=True, ge=1, le=10)] = Field(
        1, description="Rows the header consists of; the cells of a column are joined by spaces."
    )
    trailing_delimiter: bool = Field(
        default=False,
        strict=True,
        description="Every line of data ends in a delimiter, whether the header does or not.",
    )
    short_rows: Literal["accept"] | None = Field(
        None, description="`accept`: trailing cells that are missing are empty, as a spreadsheet cuts them off."
    )

    @model_validator(mode="after")
    def _distinct_marks(self) -> Self:
        quote = self.quote or '"'
        if quote in self.delimiter:
            raise ValueError("`delimiter` holds the quote: declare another `quote`, or `quote: none`")
        if self.escape not in (None, NONE) and (self.escape == quote or self.escape in self.delimiter):
            raise ValueError("`escape` is also the quote or in the delimiter")
        if quote == NONE and self.escape == NONE:
            raise ValueError("`escape: none` is for quoted cells, and `quote: none` says that there are none")
        return self

    @model_validator(mode="after")
    def _names_of_columns(self) -> Self:
        if self.header == NONE and self.names is None:
            raise ValueError("`header: none` needs `names`")
        if self.names is not None and self.header != NONE:
            raise ValueError("`names` are for `header: none`: a header has the names itself")
        if self.header == NONE and self.is_declared("header_rows"):
            raise ValueError("`header_rows` are of a header, and `header: none` says that there is none")
        return self

    def declared(self, **others: Any) -> "ReadingRules":
        """These rules alone, without what else a mapping holds, and with others in place of those that are not None.

        Raises:
            ValidationError: the rules do not fit together.
        """
        names = ReadingRules.model_fields.keys() & self.model_fields_set
        given = {name: value for name, value in others.items() if value is not None}
        return ReadingRules(**{**{name: getattr(self, name) for name in names}, **given})

    def is_declared(self, name: str) -> bool:
        """Whether a rule was given, and is no default."""
        return name in self.model_fields_set
