"""Where the cells of canonical columns come from: columns of the extract, joined, used under a condition, or constants.

Owns what is decided before a cell is validated: which cells are absent, and what stands in their place. Must not know
what a cell means.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.rows.columns import Cell, RowShape, declared_as
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.conventions.foreign_words import without_mark
from schemas.rows.whole.columns import Texts

Cells = Sequence[Cell]
"""One column of a batch: a cell for each row."""
Picked = dict[str, Cells]
"""The canonical columns of a batch, before validation."""
_Read = Callable[[Sequence[Cells]], Cells]


@dataclass(frozen=True)
class CellSource:
    """What feeds one canonical column.

    Attributes:
        columns: the extract's columns; several are joined, none makes a constant.
        fallback: the text of a constant, or of cells that are absent.
        separator: between joined columns.
        keeps_places: an absent one of joined columns leaves its place between separators empty, so that it shows.
        nulls: words that are no value.
        clears: words that clear the property.
        absent: what stands in place of a cell that is absent in the end: nothing, CLEAR or EMPTY.
        unmarked: a spreadsheet's mark of a text is taken off.
        names: cells name something.
        when_unmarked: such a mark is taken off the cells that `when` looks at.
        when: columns, each with the words of which it must hold one where the source counts; elsewhere it is absent.
    """

    columns: tuple[str, ...]
    fallback: str = ""
    separator: str = ""
    keeps_places: bool = False
    nulls: frozenset[str] = frozenset()
    clears: frozenset[str] = frozenset()
    absent: str = ""
    unmarked: bool = False
    names: bool = False
    when_unmarked: bool = False
    when: tuple[tuple[str, frozenset[str]], ...] = ()


def used_by(sources: Iterable[CellSource]) -> list[str]:
    """All columns of the extract that sources look at, once each."""
    return [*dict.fromkeys(c for s in sources for c in (*s.columns, *(column for column, _ in s.when)))]


def picker(
    header: Sequence[str], sources: Mapping[str, CellSource], shape: RowShape, items: Sequence[Collection[str]] = ()
) -> Callable[[Sequence[Cells]], Picked]:
    """Picks the canonical columns out of an extract's, in the order of `header`.

    Args:
        header: the extract's columns.
        sources: canonical column to what feeds it.
        shape: says beside which columns a constant counts.
        items: the columns of each of several items of a row: what an item's constants say counts beside its cells.
    """
    position = {name: place for place, name in enumerate(header)}
    companions = {**_companions(sources, shape), **_within(items, sources)}
    readers = {name: _reader(source, position, alone=name not in companions) for name, source in sources.items()}
    filled = {n: source.fallback for n, source in sources.items() if n in companions and source.fallback}

    def pick(columns: Sequence[Cells]) -> Picked:
        picked: Picked = {name: read(columns) for name, read in readers.items()}
        for name, text in filled.items():
            picked[name] = _filled_beside(picked[name], text, [picked[c] for c in companions[name]])
        return picked

    return pick


def _companions(sources: Mapping[str, CellSource], shape: RowShape) -> dict[str, list[str]]:
    """Columns without which one says nothing, as a currency without its price: a fallback counts beside them alone."""
    fed = {n: column for n, column in declared_as(sources).items() if sources[n].columns or sources[n].fallback}
    found = {p.name: [n for n, column in fed.items() if column in p.beside] for p in shape.plain if p.beside}
    found |= {name: [value] for name in sources if "@" in name and (value := name.partition("@")[0]) in fed}
    return {name: beside for name, beside in found.items() if name in sources and not sources[name].when}


def _within(items: Sequence[Collection[str]], sources: Mapping[str, CellSource]) -> dict[str, list[str]]:
    """Of each item's columns that have a text for absent cells, the others that the extract feeds."""
    found: dict[str, list[str]] = {}
    for names in items:
        fed = [name for name in names if sources[name].columns]
        found |= {name: [n for n in fed if n != name] for name in names if fed not in ([], [name])}
    return found


def _filled_beside(cells: Cells, text: str, beside: Sequence[Cells]) -> Cells:
    """The cells, with a text in place of absent ones where one of those beside it is filled."""
    filled = [any(map(_there, row)) for row in zip(*beside, strict=True)] if beside else [False] * len(cells)
    return [text if there and not _there(cell) else cell for there, cell in zip(filled, cells, strict=True)]


def _there(cell: Cell) -> bool:
    return bool(cell.strip() if isinstance(cell, str) else cell)


def _reader(source: CellSource, position: Mapping[str, int], *, alone: bool) -> _Read:
    """What reads a source's cells; a fallback that depends on no other column is in them."""
    text = source.fallback if alone else ""
    if not source.columns:
        return _conditioned(lambda columns: [text] * len(columns[0]), source, position)
    if len(source.columns) == 1:
        read = _column(source, position[source.columns[0]])
    else:
        parts = [_column(source, position[name]) for name in source.columns]
        read = _joining(parts, source)
    text = text or source.absent
    if not text:
        return _conditioned(read, source, position)
    return _conditioned(lambda columns: [cell if _there(cell) else text for cell in read(columns)], source, position)


def _column(source: CellSource, place: int) -> _Read:
    """What reads one column, words for no value being absent and marks gone."""
    nulls, clears, unmarked, names = source.nulls, source.clears, source.unmarked, source.names

    def read(columns: Sequence[Cells]) -> Cells:
        cells = columns[place]
        if unmarked:
            cells = [without_mark(cell, names=names) if isinstance(cell, str) else cell for cell in cells]
        cells = _replaced(cells, clears, CLEAR) if clears else cells
        return without_nulls(cells, nulls) if nulls else cells

    return read


def without_nulls(cells: Cells, nulls: Collection[str]) -> Cells:
    """The cells of a column, those that are words for no value being absent."""
    return _replaced(cells, nulls, "")


def _replaced(cells: Cells, words: Collection[str], by: str) -> Cells:
    """The cells of a column with one text in place of those that are some words."""
    if isinstance(cells, Texts) and not cells.may_hold(words):
        return cells
    try:
        found = {cell for cell in set(cells) if cell.strip() in words}  # type: ignore[union-attr]  # the TypeError
    except TypeError:  # lists
        return [by if isinstance(cell, str) and cell.strip() in words else cell for cell in cells]
    return [by if cell in found else cell for cell in cells] if found else cells


def _joining(parts: Sequence[_Read], source: CellSource) -> _Read:
    """What joins the cells of several columns."""

    def read(columns: Sequence[Cells]) -> Cells:
        return [_joined(cells, source) for cells in zip(*(part(columns) for part in parts), strict=True)]

    return read


def _joined(cells: Sequence[Cell], source: CellSource) -> Cell:
    """One cell of several; lists become one list."""
    if not all(isinstance(cell, str) for cell in cells):
        return [item for cell in cells if cell for item in ([cell] if isinstance(cell, str) else cell)]
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    if not any(texts):
        return ""
    return source.separator.join(texts if source.keeps_places else filter(None, texts))


def _conditioned(read: _Read, source: CellSource, position: Mapping[str, int]) -> _Read:
    """A source that counts only where other columns hold certain words."""
    if not source.when:
        return read
    conditions = [(position[column], words) for column, words in source.when]

    def read_where(columns: Sequence[Cells]) -> Cells:
        cells = read(columns)
        for place, words in conditions:
            texts = [cell.strip() if isinstance(cell, str) else "" for cell in columns[place]]
            holds = [(without_mark(text, names=True) if source.when_unmarked else text) in words for text in texts]
            cells = [cell if there else "" for there, cell in zip(holds, cells, strict=True)]
        return cells

    return read_where
