"""The size of a sample, and its random draws, which depend on the seed and the row alone.

Every draw is a hash of (seed, name, index), so any row can be made without the rows before it: memory does not grow
with the sample, the size of a chunk never changes the result, and an account can name an investor without a table of
investors. Knows nothing of columns, names or files.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigError

Ints = NDArray[np.int64]
Cells = dict[str, list[str]]
"""Consecutive rows of a file: for each column one text a row; '' is an empty cell."""

BUSINESS_DATE = date(2026, 11, 20)
"""The day of the blocks in the committed samples."""
LARGEST_BLOCK = 8
"""The most orders that the sample puts into one block."""

_APART = 37
_APART_ONE_IN = 40
_SMALLEST = {"investors": 20, "accounts": 8, "blocks": 4, "orders": 4}
_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_SHIFT_1, _SHIFT_2, _SHIFT_3 = (np.uint64(n) for n in (30, 27, 31))


@dataclass(frozen=True)
class Plan:
    """What to make.

    Attributes:
        investors, accounts, blocks, orders: the numbers of keys that can be sent.
        seed: another seed gives another sample of the same kind.
        business_date: the day of the blocks; orders are of that day or of the weeks before it.
    """

    investors: int = 1000
    accounts: int = 1200
    blocks: int = 800
    orders: int = 3000
    seed: int = 20
    business_date: date = BUSINESS_DATE

    def check(self) -> None:
        """Refuses counts that are too small for accounts to find holders and for planted rows to find a place.

        Raises:
            ConfigError: a count is too small; names the first such count and its minimum.
        """
        for name, least in _SMALLEST.items():
            if getattr(self, name) < least:
                raise ConfigError(f"a sample needs at least {least} {name}")

    @property
    def orders_fit(self) -> bool:
        """Whether the orders can be divided among the blocks, 1 to 8 in each."""
        return self.blocks <= self.orders <= LARGEST_BLOCK * self.blocks

    def less(self, **counts: int) -> "Plan":
        """The plan with some counts lowered: what is left to draw when some rows are planted."""
        return replace(self, **{name: getattr(self, name) - n for name, n in counts.items()})

    def draw(self, name: str, index: Ints, bound: int) -> Ints:
        """Draws a number from 0 to `bound` - 1 for each index: its splitmix64, salted by the name.

        Args:
            name: what is drawn.
            index: of any shape, int64.
            bound: how many numbers there are to draw from.

        Returns:
            The numbers, of the same shape, int64.
        """
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        mixed = index.astype(np.uint64) * _GOLDEN + np.uint64(int.from_bytes(digest, "little"))
        mixed = (mixed ^ (mixed >> _SHIFT_1)) * _MIX_1
        mixed = (mixed ^ (mixed >> _SHIFT_2)) * _MIX_2
        return ((mixed ^ (mixed >> _SHIFT_3)) % np.uint64(bound)).astype(np.int64)

    def pick(self, name: str, words: Sequence[str], index: Ints) -> list[str]:
        """Draws one of `words` for each index; a word that is listed twice is drawn twice as often.

        Args:
            name: what is drawn.
            words: the words.
            index: one-dimensional, int64.
        """
        return take(words, self.draw(name, index, len(words)))


class Table(Protocol):
    """The drawn rows of one file, of which any part can be made by itself."""

    @property
    def header(self) -> tuple[str, ...]:
        """The canonical columns, in order."""
        return tuple(self.cells(0, 0))

    @property
    def positions(self) -> int:
        """How many positions there are; a position is about one key, so it may hold no row or several."""

    def cells(self, start: int, stop: int) -> Cells:
        """The rows of positions `start` to `stop` - 1, in file order."""


def chunks(table: Table, size: int) -> Iterator[Cells]:
    """Yields all rows of a table, made `size` positions at a time."""
    for start in range(0, table.positions, size):
        yield table.cells(start, min(start + size, table.positions))


def take(words: Sequence[str], index: Ints) -> list[str]:
    """The word of each index."""
    return [words[i] for i in index.tolist()]


@dataclass(frozen=True)
class Spread:
    """Places the rows of keys that span rows: mostly adjacent, but now and then the last row stands further down.

    Attributes:
        plan: draws which keys have a row further down.
        name: salts the draw.
        count: the number of keys.
        sizes: gives the number of rows of each key, at least 1.
    """

    plan: Plan
    name: str
    count: int
    sizes: Callable[[Ints], Ints]

    @property
    def positions(self) -> int:
        """The number of positions: a key stands at its own, and a row that stands apart 37 positions further down."""
        return self.count + _APART

    def rows(self, start: int, stop: int) -> tuple[Ints, Ints]:
        """The rows at positions `start` to `stop` - 1, in file order.

        Returns:
            Each row's key, and its place among the rows of the key counted from 0: both of shape (rows,), int64.
        """
        keys = np.arange(max(0, start - _APART), min(stop, self.count))
        sizes = self.sizes(keys)
        key = np.repeat(keys, sizes)
        nth = np.arange(len(key)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        torn = self.plan.draw(f"{self.name}/apart", key, _APART_ONE_IN) == 0
        strayed = torn & (nth > 0) & (nth == np.repeat(sizes, sizes) - 1)
        position = np.where(strayed, key + _APART, key)
        order = np.lexsort((nth, strayed, position))
        order = order[(position[order] >= start) & (position[order] < stop)]
        return key[order], nth[order]
