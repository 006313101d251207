"""Keys made of whole columns of names, where nothing has to be cleaned off them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.rows.whole.columns import Texts


def joined_key(columns: Sequence[Sequence[Any]]) -> Texts | None:
    """The keys that all of some columns make, `/` between; '' where one is empty; None where this look cannot tell."""
    parts = _bare(columns)
    return None if parts is None else joined(parts, "/")


def joined(parts: Sequence[Texts], apart: str) -> Texts:
    """The cells of some columns, joined row by row; '' where one of them is empty."""
    import pyarrow.compute as pc

    from schemas.rows.whole.arrays import NOTHING, flag_array, one_text

    keys = pc.binary_join_element_wise(*(part.array for part in parts), one_text(apart))
    there = np.logical_and.reduce([part.filled for part in parts])
    return Texts(keys if there.all() else pc.if_else(flag_array(there), keys, NOTHING))


def first_filled(columns: Sequence[Sequence[Any]]) -> Texts | None:
    """The keys that the first filled of some columns make; None where this look cannot tell."""
    first = columns[0]
    parts = _bare([first]) if isinstance(first, Texts) and first.filled.all() else _bare(columns)
    if parts is None:
        return None
    import pyarrow.compute as pc

    from schemas.rows.whole.arrays import flag_array

    keys, *further = parts
    for other in further:
        keys = Texts(pc.if_else(flag_array(keys.filled), keys.array, other.array))
    return keys


def all_texts(columns: Sequence[Sequence[Any]]) -> list[Texts] | None:
    """The same columns, where all of them are texts of Arrow."""
    found = [column for column in columns if isinstance(column, Texts)]
    return found if len(found) == len(columns) else None


def _bare(columns: Sequence[Sequence[Any]]) -> list[Texts] | None:
    """The same columns, where all are texts in which nothing has to be cleaned off."""
    found = all_texts(columns)
    return found if found and all(each.is_ascii and not each.may_be_padded for each in found) else None
