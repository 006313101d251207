"""An extract bound to an operation: which cell feeds which column, how a row is validated, what its key is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Annotated, Any

from pydantic import AfterValidator, TypeAdapter, ValidationError

from schemas.columns import Columns, Plain, Row, RowShape, cell_types, is_column, parse_columns, row_adapter
from schemas.dialects import Dialect, did_you_mean
from schemas.errors import ConfigError
from schemas.mapping import ColumnRule, Mapping
from schemas.values import PATTERN_RULES, Code, Identifier, Instrument, NeededCode, choice, clean_key

Cell = str | list[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a row: `column` as the user knows it, a short code, and the rule it breaks."""

    column: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.column.removesuffix(':')}: {self.message}" if self.column else self.message


@dataclass(frozen=True)
class KeyRule:
    """How a request is named: the first filled of these columns or families, or all of them, `/` between.

    Attributes:
        any_of: families (`identifier:`), of which the first filled column in the extract's order names it.
        all_of: plain columns that make the key together.
    """

    any_of: str = ""
    all_of: tuple[str, ...] = ()

    def columns(self, columns: Columns) -> list[str]:
        """The canonical columns the key is read from."""
        if self.all_of:
            return list(self.all_of)
        return [c.name for c in columns.families.get(self.any_of[:-1], ()) if not c.facet]


_NAMES = (Identifier, Instrument, Code, NeededCode)
"""Types of cells that name something: digits they had may not be lost."""


class Binding:
    """What the engine needs to turn the cells of one record into a validated row and its key.

    Attributes:
        columns: the canonical columns the extract has.
        identifier_columns: the extract's columns that hold identifiers or make the key: digits may not be lost.
    """

    def __init__(
        self,
        header: Sequence[str],
        shape: RowShape,
        dialect: Dialect,
        key: KeyRule,
        mapping: Mapping | None = None,
    ) -> None:
        """Binds an extract's header.

        Raises:
            ConfigError: one line that names every column that is unknown, missing, repeated or misused.
        """
        rules = mapping.columns if mapping else _own_names(header)
        if mapping and (absent := mapping.absent_columns(list(header))):
            raise ConfigError(f"the mapping does not fit: {'; '.join(absent)}")
        where = "the mapping" if mapping else "the header"
        self.columns = parse_columns(list(rules), shape, dialect, where)
        self._check = shape.check
        self._crowds = _crowds(self.columns, shape)
        self._sources = {n: r.column for n, r in rules.items() if r.column and r.column != n}
        cells = cell_types(self.columns, shape, dialect)
        held = {c for n, t in cells.items() if t in _NAMES and (c := rules[n].column) is not None}
        self.identifier_columns = held.union(mapping.key_columns if mapping else ())
        self._types = _types(rules, cells, shape, dialect)
        self._validate = row_adapter(self._types).validator.validate_python
        self._pick = _picker(header, rules, shape)
        self._key_of = _key_reader(header, self.columns, key, mapping)

    def raw(self, cells: Sequence[Cell]) -> Row:
        """The canonical row of a record's cells, before validation."""
        return self._pick(cells)

    def key(self, raw: Row, cells: Sequence[Cell]) -> str:
        """The key of a record, valid or not; '' when it names none."""
        return self._key_of(raw, cells)

    def validate(self, raw: Row) -> Row | list[Fault]:
        """The validated row, or everything that is wrong with it."""
        try:
            row: Row = self._validate(raw)
        except ValidationError as error:
            said = _said(error)
            known = self._known(raw, {column for column, _, _ in said})
            return [*(Fault(self.name(c), code, text) for c, code, text in said), *self._broken_rules(known)]
        return self._broken_rules(row) or row

    def _known(self, raw: Row, refused: set[str]) -> Row:
        """A row as far as its cells are valid, so that rules speak of a bad row as they would of a good one."""
        return {n: raw[n] if n in refused else read(raw[n]) for n, read in self._cells.items()}

    @cached_property
    def _cells(self) -> dict[str, Callable[[Any], Any]]:
        return {n: TypeAdapter(t).validator.validate_python for n, t in self._types.items()}

    def _broken_rules(self, row: Row) -> list[Fault]:
        broken = [Fault(self.name(c), "Rule", m) for c, m in self._check(row, self.columns)] if self._check else []
        for member, most, names in self._crowds:
            if sum(1 for n in names if row[n]) > most:
                broken.append(Fault("", "TooMany", f"has more than the {most} {member} that LUSID takes"))
        return broken

    def name(self, column: str) -> str:
        """A canonical column as the user knows it."""
        source = self._sources.get(column)
        return f"{column} (column {source})" if source else column


def _own_names(header: Sequence[str]) -> dict[str, ColumnRule]:
    """Without a mapping a column is itself; columns that begin with `_` are ours and are not read."""
    return {n: ColumnRule(column=n) for n in header if not n.startswith("_")}


def _crowds(columns: Columns, shape: RowShape) -> list[tuple[str, int, list[str]]]:
    """(map on the wire, most entries, columns) where an extract has more columns than LUSID takes entries."""
    members: dict[tuple[str, int], list[str]] = {}
    for family in shape.families:
        if family.most is not None:
            names = [name for name, _ in columns.keyed(family.prefix)]
            members.setdefault((family.member, family.most), []).extend(names)
    return [(member, most, names) for (member, most), names in members.items() if len(names) > most]


def _types(rules: dict[str, ColumnRule], cells: dict[str, Any], shape: RowShape, dialect: Dialect) -> dict[str, Any]:
    plain = shape.plain_of(dialect)
    out, faults = {}, []
    for name, cell in cells.items():
        canonical = _worded(plain.get(name), cell, dialect)
        try:
            out[name] = rules[name].cell_type(canonical)
        except ValueError as error:
            faults.append(f"column {name}: {error}")
        else:
            faults += [f"column {name}: {text}" for text in _written_faults(rules[name], canonical)]
    if faults:
        raise ConfigError(f"the mapping does not fit: {'; '.join(faults)}")
    return out


def _written_faults(rule: ColumnRule, canonical: Any) -> Iterable[str]:
    """What is wrong with the cells a mapping writes itself: its constant, and the words of its `values`."""
    behind = TypeAdapter(rule.model_copy(update={"values": None}).cell_type(canonical))
    words = {w: f"{w} of its `values`" for w in (rule.values or {}).values() if w}
    if rule.constant is not None and rule.values is None:
        words = {rule.constant: "its constant"}
    for word, what in words.items():
        try:
            behind.validate_python(word)
        except ValidationError as error:
            yield from (f"{what} {text}" for _, _, text in _said(error))


def _worded(plain: Plain | None, cell: Any, dialect: Dialect) -> Any:
    """A vocabulary differs by dialect: the type says which words this one has."""
    words = plain.words.get(dialect) if plain else None
    if words is None:
        return cell
    others = {w: d for d, ws in plain.words.items() for w in ws} if plain else {}

    def hint(text: str) -> str:
        if text in others:
            return f" (dialect {others[text]} has it; this is {dialect})"
        return did_you_mean(text, words)

    return Annotated[cell, AfterValidator(choice(words, hint))]


def _picker(header: Sequence[str], rules: dict[str, ColumnRule], shape: RowShape) -> Callable[[Sequence[Cell]], Row]:
    position = {name: i for i, name in enumerate(header)}
    names = [n for n, r in rules.items() if r.column is not None]
    places = [position[r.column] for r in rules.values() if r.column is not None]
    constants = {n: r.constant for n, r in rules.items() if r.constant is not None}
    if places == list(range(len(header))) and not constants:
        return lambda cells: dict(zip(names, cells, strict=True))
    pick = itemgetter(*places) if len(places) > 1 else None
    beside = [(p.name, [n for n in names if any(is_column(c, n) for c in p.beside)]) for p in shape.plain if p.beside]
    idle = [(name, companions) for name, companions in beside if name in constants]

    def read(cells: Sequence[Cell]) -> Row:
        picked = pick(cells) if pick else [cells[p] for p in places]
        row = {**dict(zip(names, picked, strict=True)), **constants}
        for name, companions in idle:
            if not any(_text(row[c]) for c in companions):
                row[name] = ""
        return row

    return read


def _key_reader(
    header: Sequence[str], columns: Columns, rule: KeyRule, mapping: Mapping | None
) -> Callable[[Row, Sequence[Cell]], str]:
    if mapping and mapping.key_columns:
        places = [list(header).index(c) for c in mapping.key_columns]
        return lambda _, cells: _joined([cells[p] for p in places])
    names = rule.columns(columns)
    if rule.all_of:
        return lambda raw, _: _joined([raw.get(n, "") for n in names])
    first, *others = names

    def first_filled(raw: Row, _: Sequence[Cell]) -> str:
        if key := _text(raw[first]):
            return key
        return next((key for n in others if (key := _text(raw[n]))), "")

    return first_filled


def _joined(cells: Sequence[Cell]) -> str:
    texts = [_text(c) for c in cells]
    return "/".join(texts) if all(texts) else ""


def _text(cell: Cell) -> str:
    return clean_key(cell) if isinstance(cell, str) else ""


_SAID = {
    "string_too_short": ("Missing", "is missing"),
    "string_type": ("NotText", "takes one value, not a list"),
    "string_unicode": ("NotText", "is not valid Unicode text"),
}


def _said(error: ValidationError) -> list[tuple[str, str, str]]:
    """(column, code, rule) of each fault, in our words and never with what the cell holds."""
    found = error.errors(include_input=False, include_url=False)
    return [(str(e["loc"][0]) if e["loc"] else "", *_in_words(dict(e))) for e in found]


def _in_words(error: dict[str, Any]) -> tuple[str, str]:
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        return PATTERN_RULES[error["ctx"]["pattern"]]
    if kind == "string_too_long":
        return "TooLong", f"is longer than {error['ctx']['max_length']} characters"
    return _SAID.get(kind) or (kind, error["msg"])
