"""Which of an extract's columns a name means: the one that is written so, or else the only one that is almost so.

Names are alike in spite of case, of white space of any kind and amount, and of how Unicode composes a letter.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from schemas.rows.columns import RowShape


def folded(name: str) -> str:
    """A name as it is compared."""
    return unicodedata.normalize("NFC", " ".join(name.casefold().split()))


class Names:
    """Names that others are looked up in."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = set(names)
        self._alike: dict[str, str | None] = {}
        for name in self._exact:
            like = folded(name)
            self._alike[like] = None if like in self._alike else name

    def meant(self, name: str) -> str:
        """The name of ours that one means; itself where none is, or several are."""
        return name if name in self._exact else self._alike.get(folded(name)) or name


def canonical_columns(header: Sequence[str], shape: RowShape) -> list[tuple[str, str]]:
    """The canonical columns of a header that was written for them, each with the column that feeds it."""
    plain, prefixes = Names(p.name for p in shape.plain), Names(f.prefix for f in shape.families)
    found: list[tuple[str, str]] = []
    taken = set(header)
    for column in header:
        if column.startswith("_"):
            continue
        prefix, colon, key = column.partition(":")
        name = f"{prefixes.meant(prefix)}:{unicodedata.normalize('NFC', key)}" if colon else plain.meant(column)
        found.append((column if name in taken else name, column))
        taken.add(name)
    return found
