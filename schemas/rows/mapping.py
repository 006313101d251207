"""A mapping: the YAML file that turns a client's own columns into canonical ones.

Strict: a member we do not know, a column the extract does not have and a needed column that nothing feeds are
errors before the first row is read.
"""

from collections import abc
from collections.abc import Callable, Container, Sequence
from itertools import zip_longest
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.rows.cells import decimal
from schemas.rows.column_rule import ColumnRule
from schemas.rows.declarations import OneOrMore, listed
from schemas.rows.header_names import Names
from schemas.rows.kinds import NUMBERS, Kinds
from schemas.rows.reading import ReadingRules
from schemas.rows.side_by_side import numbered
from schemas.suggestions import MOST_TOLD, did_you_mean, first_of


class Mapping(ReadingRules):
    """A whole mapping file. Each member's description is for those who write mappings."""

    operation: str = Field(description="The operation that it is for: `bulkload operations` lists them.")
    key: str | Annotated[list[str], Field(min_length=1)] | None = Field(
        None,
        description="The extract's column, or columns, whose cells name a request. Default: the operation's own rule.",
    )
    null: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(listed, json_schema_input_type=OneOrMore)
    ] = Field((), description="Words that are no value, in every column that does not say its own.")
    excel_text: Annotated[bool, Field(strict=True)] = Field(
        default=False, description="`true`: a spreadsheet's mark of a text is taken off, as in =\"00123\" and '00123."
    )
    columns: dict[str, ColumnRule] = Field(
        default_factory=dict,
        min_length=1,
        description="Each canonical column (`bulkload columns OPERATION` lists them), with the extract's column that "
        "feeds it, or how it is read. It may be left out where the extract's header is canonical.",
    )
    also: tuple[dict[str, ColumnRule], ...] = Field(
        (),
        description="Further holders, or portfolios, in the same row: of each the columns that it is made of, as under "
        "`columns`. One whose cells are empty is absent.",
    )
    unmapped: Literal["ignore", "note", "refuse"] = Field(
        "note",
        description="What is done about columns of the extract that nothing uses: they are named in the summary "
        "(`note`), nothing is said (`ignore`), or the load is refused (`refuse`).",
    )
    expect: Expectations = Field(
        default_factory=Expectations, description="What must be true of the extract as a whole, or nothing is sent."
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _names_are_rules(cls, columns: Any) -> Any:
        return _rules(columns)

    @field_validator("also", mode="before")
    @classmethod
    def _items_have_rules(cls, items: Any) -> Any:
        return [*map(_rules, items)] if isinstance(items, list) else items

    @model_validator(mode="after")
    def _items_beside_columns(self) -> Self:
        if self.also and not self.columns:
            raise ValueError("`also` needs `columns`: the first holder or portfolio stands there")
        if not all(self.also):
            raise ValueError("an item of `also` is empty")
        return self

    def fitted(self, header: Sequence[str], canonical: dict[str, str]) -> "Mapping":
        """This mapping with the columns it names written as the header writes them.

        Args:
            header: the extract's columns.
            canonical: what feeds canonical columns where the mapping has none of its own.
        """
        meant = Names(header).meant
        rules = self.columns or {name: ColumnRule(column=column) for name, column in canonical.items()}
        rules = {**rules, **numbered(self.also)}
        columns = {name: rule.renamed(meant) for name, rule in rules.items()}
        key = meant(self.key) if isinstance(self.key, str) else self.key and [*map(meant, self.key)]
        return self.model_copy(update={"columns": columns, "key": key, "also": ()})

    def with_rules(self, rules: abc.Mapping[str, ColumnRule]) -> "Mapping":
        """The same with further rules of columns."""
        return self.model_copy(update={"columns": {**self.columns, **rules}})

    @property
    def key_columns(self) -> list[str]:
        """The extract's columns that make the key; empty when the operation's own rule does."""
        if self.key is None:
            return []
        return [self.key] if isinstance(self.key, str) else self.key

    def translations(self, lists: Container[str]) -> dict[str, dict[str, str]]:
        """The client's words of canonical columns that are no `lists`, each to ours."""
        return {n: r.values for n, r in self.columns.items() if r.values is not None and n not in lists}

    def cell_types(
        self, canonical: abc.Mapping[str, Any], narrowed: abc.Mapping[str, Any], kinds: Kinds
    ) -> dict[str, Any]:
        """The pydantic types of the source cells of canonical columns.

        Args:
            canonical: the types of the canonical columns.
            narrowed: the same with words of vocabularies and the rules of --strict.
            kinds: what the extract's columns hold.

        Raises:
            ConfigError: one line that names every column whose rule declares or writes what it has no use for.
        """
        out, faults = {}, []
        for name, cell in canonical.items():
            rule = self.columns[name]
            try:
                out[name] = rule.cell_type(cell, rule.kind(kinds), narrowed[name])
            except ValueError as error:
                faults.append(f"column {name}: {error}")
            else:
                numbers = [c for c in rule.join or () if kinds.get(c) in NUMBERS and (rule.decimal or rule.thousands)]
                faults += [
                    f"column {name}: column {c} of its `join` holds numbers, "
                    "and its `decimal` and `thousands` are for text"
                    for c in numbers
                ]
                faults += [
                    f"column {name}: {text}" for text in rule.written_faults(cell, rule.kind(kinds), narrowed[name])
                ]
        if faults:
            raise ConfigError(f"the mapping does not fit: {'; '.join(faults)}")
        return out

    def unclear_midnights(self, canonical: dict[str, Any], kinds: Kinds) -> list[str]:
        """The canonical columns whose source has timestamps of which midnights may be dates or local times."""
        found = ((n, self.columns[n]) for n in canonical)
        return [name for name, rule in found if rule.is_unclear(canonical[name], rule.kind(kinds))]

    def amount_reader(self, column: str, kinds: Kinds) -> Callable[[Any], str]:
        """What reads one of the extract's columns as plain decimals, written as its rule declares."""
        rules = [r for r in self.columns.values() if r.column == column and r.reads_numbers]
        return rules[0].decimal_reader() if rules and kinds.get(column) not in NUMBERS else decimal

    def absent_columns(self, header: list[str], *, hints: bool = True) -> list[str]:
        """A text for each column the mapping names and the extract does not have.

        Args:
            header: the extract's columns.
            hints: the first texts name the extract's column that may have been meant.
        """
        fed = [column for rule in self.columns.values() for column in (*rule.columns, *(rule.when or ()))]
        named, there = dict.fromkeys([*fed, *self.key_columns]), set(header)
        absent = [name for name in named if name not in there]
        near = [did_you_mean(name, header) for name in absent[:MOST_TOLD]] if hints else []
        return first_of(
            [f"column {name} is not in the extract{hint}" for name, hint in zip_longest(absent, near, fillvalue="")]
        )


def _rules(columns: Any) -> Any:
    """Columns with a rule each, where a name alone says which column of the extract feeds one."""
    if not isinstance(columns, dict):
        return columns
    return {n: {"column": r} if isinstance(r, str) else r for n, r in columns.items()}
