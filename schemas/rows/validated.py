"""A batch by the column: picked out of an extract's columns, named by its keys, and validated.

Pydantic is asked once for each column and not once for each cell. Nothing here knows what the columns mean.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from schemas.rows.cells import clean_key
from schemas.rows.columns import Columns, KeyRule, Row
from schemas.rows.faults import said_by_place
from schemas.rows.sources import Cells, Picked
from schemas.rows.whole.columns import Coded, Texts
from schemas.rows.whole.keys import first_filled, joined_key

Validator = Callable[[Cells], list[Any]]
"""Gives the validated cells of a column; raises ValidationError for all that it refuses."""
Look = Callable[[Texts], Sequence[Any] | None]
"""Gives the same of a column of plain cells; None where it cannot tell."""
CellFaults = dict[int, list[tuple[str, str, str]]]
"""Position of each row of which a cell was refused; (column, code, rule) of each fault, in the order of the columns."""


@dataclass(frozen=True)
class Sheet:
    """The rows of a batch.

    Attributes:
        keys: of each row, '' where it names none.
        picked: canonical column to its cells as they were read.
        cells: canonical column to its validated cells; '' in place of those that were refused.
        faults: what is wrong with cells.
        with_null_words: columns of which some cells are told although they are words for no value.
        finer: columns of times of which some cells say more of a second than LUSID keeps.
        idle: (column, what it qualifies) where some of its cells say something of nothing, and are not sent.
    """

    keys: Sequence[str]
    picked: Mapping[str, Cells]
    cells: Mapping[str, Sequence[Any]]
    faults: CellFaults
    with_null_words: Sequence[str] = ()
    finer: Sequence[str] = ()
    idle: Sequence[tuple[str, str]] = ()

    def raw(self, position: int) -> Row:
        """One row before validation."""
        return {name: cells[position] for name, cells in self.picked.items()}

    def row(self, position: int) -> Row:
        """One validated row."""
        return dict(zip(self.cells, self._rows[position], strict=True))

    def known(self, position: int) -> Row:
        """One row as far as its cells are valid, and otherwise as it was read: rules speak of it as of a good one."""
        row = self.row(position)
        row.update((column, self.picked[column][position]) for column, _, _ in self.faults.get(position, ()))
        return row

    @cached_property
    def _rows(self) -> list[tuple[Any, ...]]:
        """All validated rows: who wants one mostly wants many, and turning the sheet once is a third of the price."""
        return list(zip(*self.cells.values(), strict=True))


def validated(
    validators: Mapping[str, Validator], picked: Picked, looks: Mapping[str, Look] = MappingProxyType({})
) -> tuple[dict[str, Sequence[Any]], CellFaults]:
    """The validated cells of each column, '' in place of what is refused; and what is wrong with that.

    Args:
        validators: what gives the cells of each column.
        picked: the columns.
        looks: what is asked first of a column whose cells are no Python objects yet.
    """
    found: dict[str, Sequence[Any]] = {}
    faults: CellFaults = {}
    for name, validate in validators.items():
        cells = picked[name]
        if isinstance(cells, Texts) and name in looks and (plain := looks[name](cells)) is not None:
            found[name] = plain
            continue
        asked, places = _different(cells)
        try:
            values = validate(asked)
        except ValidationError as error:
            refused = said_by_place(error)
            values = _with_gaps(validate, asked, refused)
            for place, said in _spread(refused, places):
                faults.setdefault(place, []).extend((name, code, rule) for code, rule in said)
        found[name] = values if places is None else Coded(values, places)
    return found, faults


def _different(cells: Cells) -> tuple[Cells, npt.NDArray[Any] | None]:
    """The different cells of a column, with the place of each cell among them, where at most half are different.

    A column of countries or units has few different cells: a look in a dict is a tenth of a validation.
    """
    if isinstance(cells, Texts):
        coded = cells.coded()
        return (coded.values, coded.places) if coded else (cells.items, None)
    keys: Sequence[Any] = cells
    try:
        different = dict.fromkeys(keys)
    except TypeError:  # lists, of Parquet
        keys = [cell if isinstance(cell, str) else tuple(cell) for cell in cells]
        different = dict.fromkeys(keys)
    if not different or 2 * len(different) > len(cells):
        return cells, None
    place_of = {key: place for place, key in enumerate(different)}
    asked = [key if isinstance(key, str) else [*key] for key in different]
    return asked, np.fromiter(map(place_of.__getitem__, keys), np.int64, len(keys))


_Refused = Mapping[int, list[tuple[str, str]]]


def _with_gaps(validate: Validator, cells: Cells, refused: _Refused) -> list[Any]:
    """The cells as far as they are valid; '' in place of the others."""
    good = iter(validate([cell for i, cell in enumerate(cells) if i not in refused]))
    return ["" if i in refused else next(good) for i in range(len(cells))]


def _spread(refused: _Refused, places: npt.NDArray[Any] | None) -> Iterable[tuple[int, list[tuple[str, str]]]]:
    """What is wrong with each of the cells that are refused, by its place; `places` are theirs among those asked."""
    if places is None:
        return refused.items()
    wrong = np.flatnonzero(np.isin(places, [*refused]))
    return [(place, refused[asked]) for place, asked in zip(wrong.tolist(), places[wrong].tolist(), strict=True)]


def key_reader(columns: Columns, rule: KeyRule, own: Sequence[str]) -> Callable[[Picked], Sequence[str]]:
    """Reads the key of each row, '' where it names none, from canonical columns or from those that are `own`."""
    names = own or columns.of_key(rule)
    if own or rule.all_of:
        return lambda picked: _joined([picked[n] for n in names])
    return lambda picked: _first_filled([picked[n] for n in names])


def _joined(columns: Sequence[Cells]) -> Sequence[str]:
    if (plain := joined_key(columns)) is not None:
        return plain
    return ["/".join(parts) if all(parts) else "" for parts in zip(*map(_texts, columns), strict=True)]


def _first_filled(columns: Sequence[Cells]) -> Sequence[str]:
    if (plain := first_filled(columns)) is not None:
        return plain
    first, *others = columns
    keys = _texts(first)
    for other in others:
        if "" in keys:
            keys = [key or text for key, text in zip(keys, _texts(other), strict=True)]
    return keys


def _texts(cells: Cells) -> list[str]:
    """The cells of a column as parts of keys; nothing of a list."""
    try:
        stripped = [*map(str.strip, cells)]  # type: ignore[arg-type]  # a list is what the TypeError is about
    except TypeError:
        return [clean_key(c) if isinstance(c, str) else "" for c in cells]
    return stripped if "".join(stripped).isascii() else [*map(clean_key, stripped)]
