"""Which cells of an extract feed which canonical column, and which of them make a row's key; by the column.

Nothing here knows what a cell may hold.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.rows.cells import clean_key
from schemas.rows.columns import Cell, Columns, RowShape, is_column
from schemas.rows.mapping import ColumnRule, Mapping

Cells = Sequence[Cell]
"""One column of a batch: a cell for each row."""
Picked = dict[str, Cells]
"""The canonical columns of a batch, before validation."""


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


def picker(header: Sequence[str], rules: dict[str, ColumnRule], shape: RowShape) -> Callable[[Sequence[Cells]], Picked]:
    """Picks the canonical columns out of an extract's, in the order of `header`."""
    position = {name: i for i, name in enumerate(header)}
    places = {n: position[r.column] for n, r in rules.items() if r.column is not None}
    constants = {n: r.constant for n, r in rules.items() if r.constant is not None}
    beside = [(p.name, [n for n in places if any(is_column(c, n) for c in p.beside)]) for p in shape.plain if p.beside]
    idle = [(name, companions) for name, companions in beside if name in constants]

    def pick(columns: Sequence[Cells]) -> Picked:
        rows = len(columns[0])
        picked: Picked = {name: columns[place] for name, place in places.items()}
        picked.update((name, [constant] * rows) for name, constant in constants.items())
        for name, companions in idle:
            texts = [_texts(picked[c]) for c in companions]
            filled = map(any, zip(*texts, strict=True)) if texts else [False] * rows
            picked[name] = [constants[name] if there else "" for there in filled]
        return picked

    return pick


def key_reader(
    header: Sequence[str], columns: Columns, rule: KeyRule, mapping: Mapping | None
) -> Callable[[Picked, Sequence[Cells]], list[str]]:
    """Reads the key of each row from the canonical columns and the extract's own; '' where it names none."""
    if mapping and mapping.key_columns:
        places = [list(header).index(c) for c in mapping.key_columns]
        return lambda _, cells: _joined([cells[p] for p in places])
    names = rule.columns(columns)
    if rule.all_of:
        return lambda picked, _: _joined([picked[n] for n in names])
    return lambda picked, _: _first_filled([picked[n] for n in names])


def _joined(columns: Sequence[Cells]) -> list[str]:
    return ["/".join(parts) if all(parts) else "" for parts in zip(*map(_texts, columns), strict=True)]


def _first_filled(columns: Sequence[Cells]) -> list[str]:
    first, *others = columns
    keys = _texts(first)
    for other in others:
        if "" in keys:
            keys = [key or text for key, text in zip(keys, _texts(other), strict=True)]
    return keys


def _texts(cells: Cells) -> list[str]:
    return [clean_key(c) if isinstance(c, str) else "" for c in cells]
