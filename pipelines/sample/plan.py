"""How large a sample is and what its dice say: numbers that depend on the seed and the row alone.

Every draw is a hash of (seed, name, index), so any row can be made without the rows before it:
memory does not grow with the sample, the size of a chunk never shows in it, and an account can name
an investor without a table of investors. Knows nothing of columns, names or files.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigError

Ints = NDArray[np.int64]
Cells = dict[str, list[str]]
"""A stretch of a file: column to one text for each row; '' is an empty cell."""

LARGEST_BLOCK = 8
"""Most orders the sample puts in one block."""

_APART = 37
_APART_ONE_IN = 40
_SMALLEST = {"investors": 20, "accounts": 8, "blocks": 4, "orders": 4}
_GOLDEN, _MIX_1, _MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_SHIFT_1, _SHIFT_2, _SHIFT_3 = (np.uint64(n) for n in (30, 27, 31))


@dataclass(frozen=True)
class Plan:
    """What to make. The four counts are of keys that can be sent.

    Attributes:
        seed: another seed is another sample of the same kind.
        business_date: the day of the blocks; orders are of that day or of the weeks before it.
    """

    investors: int = 1000
    accounts: int = 1200
    blocks: int = 800
    orders: int = 3000
    seed: int = 20
    business_date: date = field(default=date(2026, 11, 20))

    def check(self) -> None:
        """Refuses counts too small for accounts to find their holders and faults their place.

        Raises:
            ConfigError: names the first count that is too small, and the least it may be.
        """
        for name, least in _SMALLEST.items():
            if getattr(self, name) < least:
                raise ConfigError(f"a sample needs at least {least} {name}")

    @property
    def orders_fit(self) -> bool:
        """Whether the orders can be shared out, 1 to 8 to a block."""
        return self.blocks <= self.orders <= LARGEST_BLOCK * self.blocks

    def less(self, **counts: int) -> "Plan":
        """The plan with some counts lowered: what is left to draw beside rows that are planted."""
        return replace(self, **{name: getattr(self, name) - n for name, n in counts.items()})

    def draw(self, name: str, index: Ints, bound: int) -> Ints:
        """A number from 0 to `bound` - 1 for each index: its splitmix64, salted by the name."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        mixed = index.astype(np.uint64) * _GOLDEN + np.uint64(int.from_bytes(digest, "little"))
        mixed = (mixed ^ (mixed >> _SHIFT_1)) * _MIX_1
        mixed = (mixed ^ (mixed >> _SHIFT_2)) * _MIX_2
        return ((mixed ^ (mixed >> _SHIFT_3)) % np.uint64(bound)).astype(np.int64)

    def pick(self, name: str, words: Sequence[str], index: Ints) -> list[str]:
        """One of `words` for each index; a word that stands there twice comes twice as often."""
        return take(words, self.draw(name, index, len(words)))


class Table(Protocol):
    """One file's drawn rows, any stretch of which can be made at once."""

    @property
    def header(self) -> tuple[str, ...]:
        """The canonical columns, in order."""

    @property
    def positions(self) -> int:
        """How far `cells` counts; a position is about one key, so it may hold no row or several."""

    def cells(self, start: int, stop: int) -> Cells:
        """The rows of positions `start` to `stop` - 1, in file order."""


def chunks(table: Table, size: int) -> Iterator[Cells]:
    """All of a table's rows, made `size` positions at a time."""
    for start in range(0, table.positions, size):
        yield table.cells(start, min(start + size, table.positions))


def take(words: Sequence[str], index: Ints) -> list[str]:
    """The word of each index."""
    return [words[i] for i in index.tolist()]


@dataclass(frozen=True)
class Spread:
    """Keys that span rows: mostly adjacent, now and then with the last row further down the file.

    Attributes:
        name: salts the draw of who is torn apart.
        count: how many keys there are.
        sizes: the number of rows of each key, 1 or more.
    """

    plan: Plan
    name: str
    count: int
    sizes: Callable[[Ints], Ints]

    @property
    def positions(self) -> int:
        """A key stands at its own position, a strayed row 37 positions on."""
        return self.count + _APART

    def rows(self, start: int, stop: int) -> tuple[Ints, Ints]:
        """The rows at some positions, in file order: each one's key, and its place in it from 0."""
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
