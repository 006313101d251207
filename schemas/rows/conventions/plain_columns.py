"""Columns of names that are valid as they stand, told by one look at all of their cells.

Most columns of identifiers and codes hold nothing to clean and nothing to refuse. A look at the whole column costs a
tenth of asking about each cell; where it cannot tell, each cell is asked about.
"""

import string
from collections.abc import Collection
from typing import Any, NamedTuple

from schemas.rows.cells import Code, Identifier, Instrument, NeededCode, NeededResourceCode, ResourceCode

_LETTERS_AND_DIGITS = string.ascii_letters + string.digits
_MANGLED = ("+", "#", ".0")
"""One of them is in whatever a spreadsheet mangled, see `MANGLED`."""


class _Plain(NamedTuple):
    """What cells may hold that are valid as they stand.

    Attributes:
        characters: all of them.
        longest: characters of a cell at most.
        needed: there is no empty cell.
        never: what none of them holds.
    """

    characters: str
    longest: int
    needed: bool = False
    never: tuple[str, ...] = ()

    def fits(self, cells: Collection[Any]) -> bool:
        """Tells of one cell or more whether all are valid as they stand; False says nothing."""
        try:
            together = "\n".join(cells)
        except TypeError:  # lists, of Parquet
            return False
        if not together.isascii() or together.encode().translate(None, self.characters.encode()).strip(b"\n"):
            return False
        return (
            together.count("\n") == len(cells) - 1
            and max(map(len, cells)) <= self.longest
            and not any(part in together for part in self.never)
            and not (self.needed and "" in cells)
        )


_VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
_CODE, _RESOURCE_CODE = _LETTERS_AND_DIGITS + "-_", _LETTERS_AND_DIGITS + "@/+-_*#;^&.?"
PLAIN = {
    Identifier: _Plain(_VISIBLE, 64, never=_MANGLED),
    Instrument: _Plain(_VISIBLE, 256, never=_MANGLED),
    Code: _Plain(_CODE, 64),
    NeededCode: _Plain(_CODE, 64, needed=True),
    ResourceCode: _Plain(_RESOURCE_CODE, 256),
    NeededResourceCode: _Plain(_RESOURCE_CODE, 256, needed=True),
}
"""The columns that have such a look, by the pydantic type of their cells."""
