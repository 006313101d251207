"""What the rows of a batch make, held as one stretch of bytes: Python objects only where somebody asks for one."""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.run_folder.scratch import EntryFile
from schemas.rows.whole.arrays import NOTHING, flag_array, text_array
from schemas.rows.whole.columns import Texts


class Entries(Texts):
    """An entry of each row, b"" where it makes none."""

    @classmethod
    def of(cls, entries: Sequence[bytes]) -> "Entries":
        """The same entries, which are JSON."""
        return cls(text_array(entries))

    @cached_property
    def items(self) -> list[Any]:
        """The entries as bytes."""
        found: list[Any] = self.array.cast(pa.binary()).to_pylist()
        return found

    def without(self, places: Collection[int]) -> "Entries":
        """The same, some of them empty."""
        if not places:
            return self
        kept = np.ones(len(self), np.bool_)
        kept[[*places]] = False
        return Entries(pc.if_else(flag_array(kept), self.array, NOTHING))


def empty_places(texts: Sequence[str]) -> list[int]:
    """Which texts of a column are empty."""
    if isinstance(texts, Texts):
        found: list[int] = np.flatnonzero(~texts.filled).tolist()
        return found
    return [] if all(texts) else [place for place, text in enumerate(texts) if not text]


def store(file: EntryFile, texts: Sequence[str]) -> None:
    """Adds the bytes of a column's texts, or of entries, to a scratch file."""
    if isinstance(texts, Texts):
        file.add(texts.octets, texts.starts)
    else:
        file.extend([text.encode() for text in texts])
