"""Rows of requests that several rows make, by their tokens, as they stand in the scratch file one behind the other."""

import numpy as np
import numpy.typing as npt

from connectors.run_folder.scratch import EntryFile
from schemas.rows.whole.arrays import array_of_bytes, encoded, taken
from schemas.rows.whole.columns import Texts

APART = b"\n"
"""Stands between the tokens of a part: JSON has no line feed."""
Places = npt.NDArray[np.int64]


def key_in(part: bytes) -> bytes:
    """The token of the key that a part has."""
    return part.split(APART)[-2]


class Parts:
    """The parts of some rows, none of them empty.

    Attributes:
        width: tokens of a row.
    """

    def __init__(self, tokens: Texts, width: int, order: Places) -> None:
        """Takes tokens row by row.

        Args:
            tokens: of all rows.
            width: see above.
            order: where each row of these parts stands among those rows.
        """
        self._tokens, self.width, self._order = tokens, width, order
        self._found: dict[int, Texts] = {}

    def __len__(self) -> int:
        return len(self._order)

    def column(self, place: int) -> Texts:
        """One token of each row."""
        if place not in self._found:
            self._found[place] = Texts(taken(self._tokens.array, self._order * self.width + place))
        return self._found[place]

    def numbered(self, place: int) -> tuple[list[str], npt.NDArray[np.int32]]:
        """The different tokens of a column, and of each row the number of its own."""
        different, numbers = encoded(self.column(place).array)
        return different.to_pylist(), numbers


def read_parts(file: EntryFile, ordinals: Places, width: int) -> Parts:
    """The parts of some rows.

    Args:
        file: the parts of all rows.
        ordinals: the rows, in any order, each once.
        width: tokens of a part.
    """
    ascending = np.sort(ordinals)
    ends = file.ends
    together = file.together(ascending)
    sizes = ends[ascending + 1] - ends[ascending]
    # Each token ends in front of what stands between two, or at the end of its part.
    behind = np.flatnonzero(np.frombuffer(together, np.uint8) == APART[0])
    starts = np.zeros(len(ascending) * width + 1, np.int32)
    inner = np.ones(len(starts) - 1, np.bool_)
    inner[width - 1 :: width] = False
    starts[1:][inner] = behind - np.arange(len(behind))
    starts[1:][~inner] = np.cumsum(sizes - (width - 1))
    tokens = Texts(array_of_bytes(starts, together.translate(None, APART)))
    return Parts(tokens, width, np.searchsorted(ascending, ordinals))
