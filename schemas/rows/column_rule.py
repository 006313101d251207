"""How the cells of a mapping's column are read: as its declarations say, and otherwise as everywhere.

What a rule declares is for text: a cell that has a type already (of Parquet, of a data frame) is its value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, StringConstraints, TypeAdapter, ValidationError

from schemas.rows.cells import (
    NAMES,
    TEXTS,
    DecimalText,
    Identifier,
    Instrument,
    Labels,
    Switch,
    clean_key,
    label_items,
    label_set,
    refuse,
)
from schemas.rows.conventions.clearing import CLEAR, EMPTY
from schemas.rows.conventions.foreign_words import Guard
from schemas.rows.conventions.numbers import STRIP, decimal_reader
from schemas.rows.conventions.patterns import linear_pattern
from schemas.rows.conventions.time_formats import time_reader
from schemas.rows.declarations import ColumnDeclarations
from schemas.rows.faults import said
from schemas.rows.kinds import NUMBERS, TIMES, Kind, Kinds
from schemas.rows.sources import CellSource
from schemas.rows.times import UTC_NAMES, TimeText, time_in

_SHOWN = 12
"""Words of a vocabulary that a message lists before it stops."""


class ColumnRule(ColumnDeclarations):
    """Where one canonical column comes from, and how its cells are read."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The extract's columns that make its cells."""
        return self.join or (() if self.column is None else (self.column,))

    def renamed(self, meant: Callable[[str], str]) -> "ColumnRule":
        """The same with the extract's columns as it names them."""
        when = self.when and {meant(column): words for column, words in self.when.items()}
        column = None if self.column is None else meant(self.column)
        return self.model_copy(
            update={"column": column, "join": self.join and tuple(map(meant, self.join)), "when": when}
        )

    def kind(self, kinds: Kinds) -> Kind:
        """What its cells hold: several joined make a text."""
        return kinds.get(self.column or "", Kind.TEXT)

    def cell_type(self, canonical: Any, kind: Kind = Kind.TEXT, narrowed: Any = None) -> Any:
        """The pydantic type of a source cell: the canonical type behind what this rule declares.

        Args:
            canonical: the type of the canonical column.
            kind: what the source column holds; rules for text pass by a time or number that is one already.
            narrowed: the same type with the words of its vocabulary and the rules of --strict, which hold whatever this
                rule declares; by default it has none.

        Raises:
            ValueError: the rule declares something its canonical column has no use for.
        """
        self._check_uses(canonical)
        cell: Any = canonical if narrowed is None else narrowed
        narrower = cell.__metadata__[len(canonical.__metadata__) :] if cell is not canonical else ()
        whole = cell
        if self.format or self.timezone or self.midnight:
            cell = Annotated[str, BeforeValidator(self._time_reader(kind)), *narrower]
        elif self.reads_numbers and kind not in NUMBERS:
            cell = Annotated[str, BeforeValidator(self.decimal_reader()), *narrower]
        elif self.pattern is not None:
            limits = [m for m in canonical.__metadata__ if isinstance(m, StringConstraints)]
            cell = Annotated[str, *limits, BeforeValidator(self._pattern_reader(self.pattern)), *narrower]
        elif canonical is Labels and self.separator is not None:
            cell = Annotated[whole, BeforeValidator(self._items)]
        if self.join and canonical in NAMES:
            cell = Annotated[cell, BeforeValidator(self._check_parts)]
        return (
            cell
            if self.values is None
            else self._worded(self.values, whole if canonical is Labels else cell, canonical)
        )

    def _check_parts(self, cell: Any) -> Any:
        """Refuses a name of which a part is absent, or which other parts could make as well."""
        parts = cell.split(self.separator) if isinstance(cell, str) and cell else ()
        if parts and not (all(parts) and len(parts) == len(self.columns)):
            raise refuse("MissingPart", "lacks one of its joined parts, or has the separator in one")
        return cell

    def source(self, canonical: Any, kinds: Kinds, nulls: Sequence[str], *, unmarked: bool) -> CellSource:
        """What feeds the canonical column.

        Args:
            canonical: its type.
            kinds: what the extract's columns hold.
            nulls: the file's words that are no value.
            unmarked: whether spreadsheets' marks of a text are taken off in the file.
        """
        is_text = self.kind(kinds) in (Kind.TEXT, Kind.NOTHING)
        clears = frozenset(self.clear or ())
        own_unmarked = unmarked if self.excel_text is None else self.excel_text
        return CellSource(
            self.columns,
            fallback=self.constant or self.default or "",
            separator=self.separator if self.separator is not None else "|" if canonical is Labels else " ",
            keeps_places=canonical in NAMES,
            nulls=frozenset((nulls if self.null is None else self.null) if is_text else ()),
            clears=clears,
            absent={"clear": CLEAR, "refuse": EMPTY}.get(self.empty or "", ""),
            unmarked=own_unmarked and is_text,
            names=canonical not in TEXTS,
            when_unmarked=unmarked,
            when=tuple((column, frozenset(words)) for column, words in (self.when or {}).items()),
        )

    def guard(self, canonical: Any) -> Guard | None:
        """What may not stand in its cells; a vocabulary of the mapping's refuses whatever it does not list."""
        if self.values is not None or self.constant is not None:
            return None
        return Guard(canonical not in TEXTS, nulls=self.null != (), marks=self.excel_text is None)

    def _check_uses(self, canonical: Any) -> None:
        uses = (
            (self.format or self.timezone or self.midnight, canonical is TimeText, _FOR_TIMES),
            (self.reads_numbers, canonical is DecimalText, _FOR_DECIMALS),
            (self.pattern is not None, canonical in (Identifier, Instrument), "`pattern` is for identifiers"),
            (self.separator is not None, canonical is Labels or self.join, "`separator` is for lists and for `join`"),
        )
        for declared, fits, text in uses:
            if declared and not fits:
                raise ValueError(text)
        if self.join and canonical in NAMES and not self.separator:
            raise ValueError("`join` of what names something needs a `separator`, so that no two make the same name")

    @property
    def reads_numbers(self) -> bool:
        """Whether it says how numbers are written."""
        return any((self.decimal, self.thousands, self.negative, self.currency_sign))

    def is_unclear(self, canonical: Any, kind: Kind) -> bool:
        """Whether midnights of the source column may be dates or local times, and the rule does not say which."""
        naive = canonical is TimeText and kind is Kind.NAIVE and self.midnight is None
        return naive and self.timezone is not None and self.timezone not in UTC_NAMES

    def written_faults(self, canonical: Any, kind: Kind = Kind.TEXT, narrowed: Any = None) -> Iterable[str]:
        """What is wrong with the cells a rule writes itself: constant, default, and the words of its `values`."""
        behind = TypeAdapter(self.model_copy(update={"values": None}).cell_type(canonical, kind, narrowed))
        words = {w: f"{w} of its `values`" for w in (self.values or {}).values() if w}
        if self.values is None:
            words |= {text: f"its {n}" for n, text in (("constant", self.constant), ("default", self.default)) if text}
        elif self.default is not None and self.default not in self.values:
            yield f"its default is none of its `values`: {_first_words(self.values)}"
        if self.constant == "" and self.values is None:
            words = {"": "its constant"}
        for word, what in words.items():
            try:
                behind.validate_python(word)
            except ValidationError as error:
                yield from (f"{what} {text}" for _, _, text in said(error))

    def _time_reader(self, kind: Kind) -> Callable[[Any], str]:
        zone = ZoneInfo(self.timezone) if self.timezone else None
        if self.format is None or kind in TIMES:
            return time_in(zone, self.midnight)
        return time_reader(self.format, self.century, zone, self.midnight)

    def decimal_reader(self) -> Callable[[object], str]:
        """What reads a cell as the mapping says that numbers are written; raises ValueError for what is none."""
        signs = (STRIP,) if self.currency_sign == STRIP else self.currency_sign or ()
        return decimal_reader(self.decimal or ".", self.thousands, self.negative or (), signs)

    def _items(self, cell: Any) -> list[str]:
        """A set of labels with the rule's own separator."""
        if not isinstance(cell, str) or not cell.strip():
            return label_set(cell or "")
        return [item.strip() for item in cell.split(self.separator)]

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

    def _worded(self, values: dict[str, str], cell: Any, canonical: Any) -> Any:
        """The type of a cell in the client's words."""
        split = None if canonical is not Labels else self._items if self.separator is not None else label_items

        def word_of(text: str) -> str:
            word = values.get(text.strip())
            if word is None:
                raise refuse("NotAllowed", f"is none of the mapping's values: {_first_words(values)}")
            return word

        def read(cell: Any) -> Any:
            if split is not None:
                items = split(cell)
                label_set(items)  # refuses what no set is
                return [word for item in items if (word := word_of(item))]
            return word_of(cell) if isinstance(cell, str) and cell.strip() else cell

        return Annotated[cell, BeforeValidator(read)]


def could_be(word: str, kind: Kind) -> bool:
    """Whether a typed column could hold what a word says."""
    rule = ColumnRule(column="any", timezone="UTC") if kind in TIMES else ColumnRule(column="any")
    canonical = TimeText if kind in TIMES else DecimalText if kind in NUMBERS else Switch
    if kind not in (*TIMES, *NUMBERS, Kind.BOOLEAN):
        return False
    try:
        TypeAdapter(rule.cell_type(canonical)).validate_python(word)
    except ValidationError:
        return False
    return True


_FOR_TIMES = "`format`, `timezone` and `midnight` are for dates and times"
_FOR_DECIMALS = "`decimal`, `thousands`, `negative` and `currency_sign` are for decimals"


def _first_words(values: Mapping[str, str]) -> str:
    return ", ".join([*values][:_SHOWN]) + (", ..." if len(values) > _SHOWN else "")
