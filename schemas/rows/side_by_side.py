"""Several items of a list in one row: an account's holders in columns side by side, as a mapping's `also` declares.

Owns the names of a further item's columns, and how a row falls apart into rows of one item each. Must not know what an
item is.
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.errors import ConfigError
from schemas.rows.column_rule import ColumnRule
from schemas.rows.columns import Columns, Row, RowShape, declared_as

_APART = "#"
"""Between a canonical column and the number of the item: no canonical name has it."""

NOTHING = ColumnRule(constant="")
"""Of a column that an item has not, and another item of the same list has."""

Slot = Mapping[str, str]
"""An item's canonical columns, each with the name that it has in a row of several items."""


def numbered(groups: Sequence[Mapping[str, ColumnRule]]) -> dict[str, ColumnRule]:
    """The rules of further items, each by its column's name in a row; the first of them is the second item."""
    return {_name(column, number): rule for number, rules in enumerate(groups, 2) for column, rule in rules.items()}


def plain_name(name: str) -> str:
    """The canonical column of a name in a row."""
    return name.partition(_APART)[0]


def _name(column: str, number: int) -> str:
    return f"{column}{_APART}{number}"


def slots_of(names: Iterable[str], columns: Columns, shape: RowShape) -> list[Slot]:
    """The items of a row, those in the plain columns first; none where no list has several.

    Args:
        names: the columns that the mapping feeds, by their names in a row.
        columns: the canonical columns among them.
        shape: says which columns may stand side by side.

    Raises:
        ConfigError: an item has a column that may not, or columns of several lists.
    """
    of_items: dict[str, list[str]] = {}
    for name in names:
        column, apart, number = name.partition(_APART)
        if apart:
            of_items.setdefault(number, []).append(column)
    lists = [
        [n for n, declared in declared_as(columns.names).items() if declared in each] for each in shape.side_by_side
    ]
    found: dict[int, list[Slot]] = {}
    for number, item in of_items.items():
        place = next((place for place, own in enumerate(lists) if item[0] in own), None)
        if place is None or not set(item) <= set(lists[place]):
            raise ConfigError(_misplaced(item, lists, shape))
        own = [name for name in lists[place] if name not in columns.ignored]
        found.setdefault(place, [{n: n for n in own}]).append({n: _name(n, int(number)) for n in own})
    return [slot for slots in found.values() for slot in slots]


def _misplaced(item: Sequence[str], lists: Sequence[Sequence[str]], shape: RowShape) -> str:
    if not shape.side_by_side:
        return "the mapping does not fit: `also` is for holders and portfolios of investment accounts"
    allowed = " or ".join(f"({', '.join(names)})" for names in shape.side_by_side)
    stray = next((n for n in item if not any(n in own for own in lists)), None)
    what = f"has {stray}" if stray else f"mixes {' and '.join(item)}"
    return f"the mapping does not fit: an item of `also` {what}: it takes the columns of one list alone, {allowed}"


def spread(row: Row, slots: Sequence[Slot]) -> list[Row]:
    """A row as rows of one item of each list; it itself where no list has several."""
    if not slots:
        return [row]
    first = {name: cell for name, cell in row.items() if _APART not in name}
    return [first, *({**first, **{n: row[name] for n, name in slot.items()}} for slot in further(slots))]


def further(slots: Sequence[Slot]) -> list[Slot]:
    """The items but those in the plain columns."""
    return [slot for slot in slots if any(_APART in name for name in slot.values())]
