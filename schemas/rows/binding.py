"""An extract bound to an operation: how its rows are validated, and what their keys are."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator

from schemas.dialects import Dialect
from schemas.errors import ConfigError, ExtractError
from schemas.rows.cell_reading import CellReading
from schemas.rows.cells import NAMES, Currency, Labels, NeededResourceCode, ResourceCode, choice, decimal
from schemas.rows.column_rule import ColumnRule
from schemas.rows.columns import Cell, KeyRule, Plain, Row, RowShape, cell_types, crowds, own_rules, qualified
from schemas.rows.conventions.clearing import clearable
from schemas.rows.faults import Fault, fed_by
from schemas.rows.header import knows_any, needed_columns, parse_columns
from schemas.rows.header_names import canonical_columns
from schemas.rows.kinds import Kind, Kinds
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.rows.side_by_side import NOTHING, Slot, further, plain_name, slots_of, spread
from schemas.rows.sources import Cells, Picked
from schemas.rows.validated import Sheet, key_reader
from schemas.rows.whole.columns import filled
from schemas.suggestions import did_you_mean, first_of


class Binding:
    """What the engine needs to turn the cells of one record into a validated row and its key.

    Attributes:
        columns: the canonical columns the extract has.
        types: the pydantic type of each cell of a validated row, by its column.
        names: the columns of a validated row, in their order.
        words: the canonical columns whose cells are words of a vocabulary.
        lists: the canonical columns whose cells are lists once they are validated.
        currencies: those whose cells are currency codes. codes: those whose cells are codes of orders and the like.
        has_own_key: whether a mapping names the columns that make the key.
        used_columns: the extract's columns that a request or its key is made of.
        unmapped: what the mapping says of columns that nothing uses: `ignore`, `note` or `refuse`.
        unclear_midnights: canonical columns to the extract's timestamps that feed them, of which it must be known
            whether they have midnights: these may be dates or local times.
        items: the columns of each item, where a row has several items of a list.
    """

    def __init__(
        self,
        header: Sequence[str],
        shape: RowShape,
        dialect: Dialect,
        key: KeyRule,
        mapping: ColumnMapping | None = None,
        kinds: Kinds = MappingProxyType({}),
        null: Sequence[str] = (),
    ) -> None:
        """Binds an extract's header.

        Args:
            header: the extract's columns.
            shape: what the operation reads of them.
            dialect: the age of the server.
            key: how a request is named.
            mapping: the client's; without one the header is canonical.
            kinds: what the extract's columns hold.
            null: words that are no value, in place of the mapping's.

        Raises:
            ConfigError: one line that names every column that is unknown, missing, repeated or misused.
            ExtractError: identifiers are floating point numbers.
        """
        canonical = canonical_columns(header, shape)
        where = "the mapping" if mapping and mapping.columns else "the header"
        mapping = mapping and mapping.fitted(header, dict(canonical))
        if mapping and (absent := mapping.absent_columns(list(header))):
            plain = mapping.absent_columns(list(header), hints=False)
            raise ConfigError(*(f"the mapping does not fit: {'; '.join(texts)}" for texts in (absent, plain)))
        if where == "the header" and not knows_any([name for name, _ in canonical], shape):
            # it may be a row, and its cells are nobody's business
            raise ConfigError(
                "the header: no column of it is one of this operation's, which needs "
                f"{', '.join(needed_columns(shape, dialect))}: if it is a row of data, the extract lacks its header; "
                "if the columns are your own, name them in a mapping; `bulkload columns` lists ours"
            )
        names = dict.fromkeys(map(plain_name, mapping.columns)) if mapping else [name for name, _ in canonical]
        rules = mapping.columns if mapping else {name: ColumnRule(column=column) for name, column in canonical}
        clearing = clearable([name for name, rule in rules.items() if rule.may_clear], shape, dialect)
        self.columns = replace(parse_columns([*names], shape, dialect, where), clearing=clearing)
        self.items = slots_of(rules, self.columns, shape)
        unfed = {name: NOTHING for item in self.items for name in item.values() if name not in rules}
        rules, mapping = {**rules, **unfed}, mapping and mapping.with_rules(unfed)
        self._checks, self._mapping, self._kinds = shape.checks_of(dialect), mapping, kinds
        self._crowds = crowds(self.columns, shape)
        declared = shape.plain_of(dialect)
        vocabularies = {name: plain for name, plain in declared.items() if dialect in plain.words}
        self.words = frozenset(name for name, plain in declared.items() if name in vocabularies or plain.ruled)
        cells = cell_types(self.columns, shape, dialect)
        self.lists = frozenset(n for n, cell in cells.items() if cell is Labels)
        self.currencies = frozenset(n for n, cell in cells.items() if cell is Currency)
        self.codes = frozenset(n for n, cell in cells.items() if cell in (ResourceCode, NeededResourceCode))
        types = {**cells, **_worded(cells, vocabularies, dialect)}
        rules_of = {name: rule for name, rule in own_rules(self.columns, shape, dialect).items() if name in types}
        types |= {name: Annotated[types[name], rule] for name, rule in rules_of.items()}
        cells, types = (_of_items(each, self.items) for each in (cells, types))
        self._reading = CellReading(header, shape, cells, types, rules, mapping, kinds, null, vocabularies, self.items)
        self.types, self.used_columns = self._reading.types, self._reading.used_columns
        self.unmapped = mapping.unmapped if mapping else "ignore"
        self._unused = [name for name in header if name not in self.used_columns and not name.startswith("_")]
        self.unclear_midnights, own_key = self._reading.unclear_midnights, self._reading.key_columns
        sources = self._reading.sources
        naming = [*(sources[n] for n, cell in cells.items() if cell in NAMES), *own_key.values()]
        _check_floats({column for source in naming for column in source.columns}, kinds)
        self._fed_by = {n: source.columns for n, source in {**sources, **own_key, **self._reading.conditions}.items()}
        self.names = list(self.types)
        self._qualifying = [(n, v) for n, v in qualified(cells, shape).items() if sources[n].columns]
        self.has_own_key = bool(own_key)
        self._keys_of = key_reader(self.columns, key, [*own_key])
        self._translations = mapping.translations(self.lists) if mapping else {}
        named = self.columns.of_key(key)
        self._key_translations = {n: words for n, words in self._translations.items() if n in named}

    def read(self, columns: Sequence[Cells]) -> Sheet:
        """Reads a batch, at least one record, by the extract's columns; rules between cells are not looked at."""
        picked = self._reading.pick(columns)
        cells, faults = self._reading.validate(picked)
        keys = self._keys_of(_translated(picked, self._key_translations))
        idle = [(n, value) for n, value in self._qualifying if (filled(cells[n]) & ~filled(cells[value])).any()]
        null_words, finer = self._reading.with_null_words(cells), self._reading.with_finer_times(picked)
        return Sheet(keys, picked, cells, faults, null_words, finer, idle)

    def raw(self, cells: Sequence[Cell]) -> Row:
        """The canonical row of a record's cells, before validation."""
        return {name: cell for name, (cell,) in self._reading.pick([(cell,) for cell in cells]).items()}

    def named(self, raw: Row) -> Row:
        """A raw row in the mapping's words: what it refers to has the name that LUSID and other loads know it by."""
        return {n: cell for n, (cell,) in _translated({n: [c] for n, c in raw.items()}, self._translations).items()}

    def named_row(self, cells: Sequence[Cell]) -> Row:
        """The canonical row of a record's cells, in the mapping's words, before validation."""
        return self.named(self.raw(cells))

    def fault(self, column: str, code: str, rule: str) -> Fault:
        """A fault of a canonical column, with what feeds it."""
        return Fault(plain_name(column), code, rule, self._fed_by.get(column, ()))

    def broken_rules(self, row: Row) -> list[Fault]:
        """The rules between cells that a row breaks."""
        first, *others = spread(row, self.items)
        broken = [self.fault(c, "Rule", m) for check in self._checks for c, m in check(first, self.columns)]
        for item, columns in zip(others, further(self.items), strict=True):
            for check in self._checks:
                broken += [self._fault_of_item(c, m, columns) for c, m in check(item, self.columns) if _has(columns, c)]
        for member, most, names in self._crowds:
            if sum(1 for n in names if row[n]) > most:
                broken.append(Fault("", "TooMany", f"has more than the {most} {member} that LUSID takes"))
        return broken

    def _fault_of_item(self, column: str, rule: str, item: Slot) -> Fault:
        """A broken rule of a further item; `column` may be a family, as `holder:`."""
        names = [n for n in item if n == column or (column.endswith(":") and n.startswith(column))]
        return Fault(column, "Rule", rule, tuple(c for n in names for c in self._fed_by[item[n]]))

    def unused(self, expected: Collection[str]) -> str:
        """Names the extract's columns that nothing uses, nor something is `expected` of; empty if there are none."""
        names = [name for name in self._unused if name not in expected]
        return f"column{'s' * (len(names) > 1)} {', '.join(first_of(names))} of the extract" if names else ""

    def amount_reader(self, column: str) -> Callable[[Any], str]:
        """What reads one of the extract's columns as plain decimals; raises ValueError for a cell that is none."""
        return self._mapping.amount_reader(column, self._kinds) if self._mapping else decimal

    def name(self, column: str) -> str:
        """A canonical column as the user knows it."""
        source = fed_by(plain_name(column), self._fed_by.get(column, ()))
        return f"{plain_name(column)} ({source})" if source else plain_name(column)


def _of_items(types: Mapping[str, Any], items: Sequence[Slot]) -> dict[str, Any]:
    """The types of cells, those of further items with them."""
    return {**types, **{name: types[column] for item in items for column, name in item.items()}}


def _has(item: Slot, column: str) -> bool:
    """Whether a fault's column, or family, is one of an item's."""
    return column in item or (column.endswith(":") and any(name.startswith(column) for name in item))


def _check_floats(names: Iterable[str], kinds: Kinds) -> None:
    floats = [column for column in names if kinds.get(column) is Kind.FLOAT]
    if floats:
        raise ExtractError(
            f"column {', '.join(sorted(floats))} holds floating point numbers: identifiers that "
            "were numbers may have lost digits; export them as text"
        )


def _worded(cells: Mapping[str, Any], vocabularies: Mapping[str, Plain], dialect: Dialect) -> dict[str, Any]:
    """The types of cells of vocabularies, which differ by dialect, with the words of this one."""
    return {
        name: Annotated[cells[name], AfterValidator(_choice(plain, dialect))]
        for name, plain in vocabularies.items()
        if name in cells
    }


def _choice(plain: Plain, dialect: Dialect) -> Callable[[str], str]:
    words = plain.words[dialect]
    others = {w: d for d, ws in plain.words.items() for w in ws}

    def hint(text: str) -> str:
        if text in others:
            return f" (dialect {others[text]} has it; this is {dialect})"
        return did_you_mean(text, words)

    return choice(words, hint)


def _translated(picked: Picked, translations: Mapping[str, Mapping[str, str]]) -> Picked:
    """Canonical columns in a mapping's words; a cell for which it has none as it is, for it is refused."""
    words = {
        name: [known.get(cell.strip(), cell) if isinstance(cell, str) else cell for cell in picked[name]]
        for name, known in translations.items()
    }
    return {**picked, **words}
