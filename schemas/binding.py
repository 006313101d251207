"""An extract bound to an operation: which cell feeds which column, how a row is validated, what its key is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from schemas.columns import Columns, Plain, Row, RowShape, cell_types, parse_columns, row_adapter
from schemas.dialects import Dialect, did_you_mean
from schemas.errors import ConfigError
from schemas.mapping import ColumnRule, Mapping
from schemas.values import Identifier, Instrument, choice, clean_key

Cell = str | list[str]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a row: `column` as the user knows it, a short code, and the rule it breaks."""

    column: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.column}: {self.message}" if self.column else self.message


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


class Binding:
    """What the engine needs to turn the cells of one record into a validated row and its key."""

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
        self._sources = {n: r.column for n, r in rules.items() if r.column and r.column != n}
        types = _types(rules, cell_types(self.columns, shape, dialect), shape, dialect)
        self.identifier_columns = {rules[n].column or "" for n, t in types.items() if t in (Identifier, Instrument)}
        self._validate = row_adapter(types).validator.validate_python
        self._pick = _picker(header, rules)
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
            return [*self._faults(error), *self._broken_rules(raw)]
        return self._broken_rules(row) or row

    def _broken_rules(self, row: Row) -> list[Fault]:
        if self._check is None:
            return []
        return [Fault(self.name(c), "Rule", m) for c, m in self._check(row)]

    def _faults(self, error: ValidationError) -> list[Fault]:
        found = error.errors(include_input=False, include_url=False)
        return [Fault(self.name(str(e["loc"][0])), _code(e["type"]), _message(dict(e))) for e in found]

    def name(self, column: str) -> str:
        """A canonical column as the user knows it."""
        source = self._sources.get(column)
        return f"{column} (column {source})" if source else column


def _own_names(header: Sequence[str]) -> dict[str, ColumnRule]:
    """Without a mapping a column is itself; columns that begin with `_` are ours and are not read."""
    return {n: ColumnRule(column=n) for n in header if not n.startswith("_")}


def _types(rules: dict[str, ColumnRule], types: dict[str, Any], shape: RowShape, dialect: Dialect) -> dict[str, Any]:
    plain = shape.plain_of(dialect)
    out, faults = {}, []
    for name, cell in types.items():
        try:
            out[name] = rules[name].cell_type(_worded(plain.get(name), cell, dialect))
        except ValueError as error:
            faults.append(f"column {name}: {error}")
    if faults:
        raise ConfigError(f"the mapping does not fit: {'; '.join(faults)}")
    return out


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


def _picker(header: Sequence[str], rules: dict[str, ColumnRule]) -> Callable[[Sequence[Cell]], Row]:
    position = {name: i for i, name in enumerate(header)}
    names = [n for n, r in rules.items() if r.column is not None]
    places = [position[r.column] for r in rules.values() if r.column is not None]
    constants = {n: r.constant for n, r in rules.items() if r.constant is not None}
    if places == list(range(len(header))) and not constants:
        return lambda cells: dict(zip(names, cells, strict=True))
    pick = itemgetter(*places) if len(places) > 1 else None

    def read(cells: Sequence[Cell]) -> Row:
        picked = pick(cells) if pick else [cells[p] for p in places]
        return {**dict(zip(names, picked, strict=True)), **constants}

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


_MESSAGES: dict[str, Callable[[dict[str, Any]], str]] = {
    "string_too_short": lambda _: "is missing",
    "string_too_long": lambda e: f"is longer than {e['ctx']['max_length']} characters",
    "string_pattern_mismatch": lambda e: (
        "is not a three-letter currency code"
        if "A-Z" in e["ctx"]["pattern"] and "a-z" not in e["ctx"]["pattern"]
        else "takes letters, digits, - and _ only"
    ),
    "string_type": lambda _: "takes one value, not a list",
}
_CODES = {
    "string_too_short": "Missing",
    "string_too_long": "TooLong",
    "string_pattern_mismatch": "NotAllowed",
    "string_type": "NotText",
}


def _message(error: dict[str, Any]) -> str:
    build = _MESSAGES.get(error["type"])
    return build(error) if build else str(error["msg"])


def _code(kind: str) -> str:
    return _CODES.get(kind, kind)
