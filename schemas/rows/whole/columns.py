"""Columns whose cells become Python objects only when somebody asks for them.

Whoever knows no more of them than that they are sequences of cells gets those; whoever knows more has the bytes.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Flags = npt.NDArray[np.bool_]

SPACE_BEGINS = np.zeros(256, np.bool_)
SPACE_BEGINS[[*range(0x09, 0x0E), *range(0x1C, 0x21), 0xC2, 0xE1, 0xE2, 0xE3]] = True
"""What a white space character begins with, in UTF-8. Letters begin so, too."""
_SPACE_ENDS = np.array([SPACE_BEGINS[octet] or octet >= 0x80 for octet in range(256)])
"""What a white space character ends in. Letters that are not ASCII end so, too."""


class _Lazy(Sequence[Any]):
    """A sequence whose items are made all at once, when the first of them is asked for."""

    @cached_property
    def items(self) -> list[Any]:
        """All of them."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.items[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and not isinstance(other, str) and self.items == [*other]

    __hash__ = None  # type: ignore[assignment]  # equal to lists

    def __repr__(self) -> str:
        return repr(self.items)


class Texts(_Lazy):
    """A column of texts, none of them null, as Arrow has it: their bytes, in UTF-8, one behind the other."""

    def __init__(self, array: "pa.StringArray") -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    @cached_property
    def items(self) -> list[Any]:
        """The cells as Python texts."""
        found: list[Any] = self.array.to_pylist()
        return found

    @cached_property
    def ends(self) -> npt.NDArray[np.int32]:
        """Where each cell begins in the array's bytes, and where the last one ends."""
        return np.frombuffer(self.array.buffers()[1], np.int32, len(self) + 1, self.array.offset * 4)

    @cached_property
    def octets(self) -> npt.NDArray[np.uint8]:
        """The bytes of all cells, the first one's first."""
        data, start, stop = self.array.buffers()[2], int(self.ends[0]), int(self.ends[-1])
        return np.frombuffer(data, np.uint8, stop - start, start) if stop > start else np.zeros(0, np.uint8)

    @cached_property
    def data(self) -> bytes:
        """The same as bytes."""
        return self.octets.tobytes()

    @cached_property
    def starts(self) -> npt.NDArray[np.int32]:
        """Where each cell begins in `octets`, and where the last one ends."""
        return self.ends - self.ends[0] if self.ends[0] else self.ends

    @cached_property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Bytes of each cell."""
        return np.diff(self.ends)

    @cached_property
    def filled(self) -> Flags:
        """Which cells are not empty."""
        return self.lengths > 0

    @cached_property
    def longest(self) -> int:
        """Bytes of the longest cell."""
        return int(self.lengths.max(initial=0))

    @cached_property
    def is_ascii(self) -> bool:
        """Whether all characters are ASCII."""
        return self.data.isascii()

    def may_hold(self, words: Collection[str]) -> bool:
        """Whether one of some texts may be in a cell, or be a cell."""
        return any(word.encode() in self.data for word in words)

    @cached_property
    def may_be_padded(self) -> bool:
        """Whether white space may be around a cell."""
        ends = self.octets[self.starts[1:][self.filled] - 1]
        return bool(SPACE_BEGINS[self.begins].any() or _SPACE_ENDS[ends].any())

    def holds_any(self, words: frozenset[str]) -> bool:
        """Whether a cell is one of these words."""
        suspects = self.beginning_with(_begins(words))
        return bool(len(suspects)) and not words.isdisjoint(self.different(suspects))

    def beginning_with(self, octets: Flags) -> npt.NDArray[np.intp]:
        """The places of the filled cells that begin with one of some bytes."""
        found = octets[self.begins]
        return np.flatnonzero(self.filled)[found] if found.any() else np.zeros(0, np.intp)

    def different(self, places: npt.NDArray[np.intp]) -> list[str]:
        """The different cells at some places."""
        from schemas.rows.whole.arrays import taken

        found: list[str] = taken(self.array, places).unique().to_pylist()
        return found

    @cached_property
    def begins(self) -> npt.NDArray[np.uint8]:
        """The first byte of each filled cell."""
        return self.octets[self.starts[:-1][self.filled]]

    def coded(self) -> "Coded | None":
        """The same by different cells, where at most half of them are different."""
        from schemas.rows.whole.arrays import encoded

        different, places = encoded(self.array)
        return Coded(different.to_pylist(), places) if 2 * len(different) <= len(self) else None


class Coded(_Lazy):
    """A column of few different cells.

    Attributes:
        values: the different cells, of any type.
        places: of each cell its place among them.
    """

    def __init__(self, values: Sequence[Any], places: npt.NDArray[Any]) -> None:
        self.values, self.places = values, places

    def __len__(self) -> int:
        return len(self.places)

    @cached_property
    def items(self) -> list[Any]:
        """The cells."""
        values = self.values
        return [values[place] for place in self.places.tolist()]

    @cached_property
    def filled(self) -> Flags:
        """Which cells are not empty."""
        flags: Flags = np.array([*map(bool, self.values)], np.bool_)[self.places]
        return flags


def values_of(cells: Sequence[Any]) -> Sequence[Any]:
    """What tells all cells of a column; where few of them are different, each of these stands for all like it."""
    return cells.values if isinstance(cells, Coded) else cells


@lru_cache(maxsize=64)
def _begins(words: frozenset[str]) -> Flags:
    """Which bytes some words begin with."""
    found = np.zeros(256, np.bool_)
    found[[word.encode()[0] for word in words]] = True
    return found


def filled(cells: Sequence[Any]) -> Flags:
    """Which cells of a column are not empty."""
    if isinstance(cells, Texts | Coded):
        return cells.filled
    return np.fromiter(map(bool, cells), np.bool_, len(cells))
