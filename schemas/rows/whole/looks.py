"""Columns of names and texts that are valid as they stand, told by one look at all of their bytes."""

from collections.abc import Callable, Sequence
from typing import Any

from schemas.rows.cells import (
    DecimalText,
    Description,
    Label,
    Name,
    NeededWord,
    Unit,
    Word,
)
from schemas.rows.conventions.foreign_words import ERROR_WORDS, FOREIGN_WORDS, Guard
from schemas.rows.conventions.plain_columns import PLAIN
from schemas.rows.times import TimeText
from schemas.rows.whole.columns import SPACE_BEGINS, Texts
from schemas.rows.whole.figures import decimals, moments

Look = Callable[[Texts], Sequence[Any] | None]
"""Gives the validated cells of a column, or None where one look cannot tell that nothing in it is refused."""

_APOSTROPHE = ord("'")


def look_of(cell: Any, guard: Guard | None, *, strict: bool) -> Look | None:
    """What tells at one look that a column is valid; None where the type of its cells has no such look.

    Args:
        cell: the pydantic type of a cell, without a guard.
        guard: what may not stand in it.
        strict: the type itself takes nothing that the guard refuses.
    """
    look = _LOOKS.get(cell)
    if look is None or guard is None or strict:
        return look
    return _guarded(look, guard)


def _guarded(look: Look, guard: Guard) -> Look:
    """A look behind a guard."""

    def at_once(texts: Texts) -> Sequence[Any] | None:
        return None if _is_alarming(texts, guard) else look(texts)

    return at_once


def _is_alarming(texts: Texts, guard: Guard) -> bool:
    """Whether the bytes cannot tell that the guard refuses nothing."""
    data = texts.data
    if guard.names and not texts.is_ascii:
        return True
    if guard.marks and b"'" in data and (texts.begins == _APOSTROPHE).any():
        return True
    if guard.marks and b"=" in data and b'="' in data:  # one byte is found a hundred times as fast as two
        return True
    if guard.names and guard.nulls:
        return texts.holds_any(FOREIGN_WORDS)
    return (b"#" in data or b"Err" in data) and texts.holds_any(ERROR_WORDS)


def _names(characters: str, longest: int, never: tuple[str, ...], *, needed: bool) -> Look:
    """The look at names; see `plain_columns`."""
    allowed, parts = characters.encode(), [part.encode() for part in never]

    def look(texts: Texts) -> Texts | None:
        data = texts.data
        if texts.longest > longest or data.translate(None, allowed) or any(part in data for part in parts):
            return None
        return None if needed and not texts.filled.all() else texts

    return look


def _told(longest: int, *, needed: bool) -> Look:
    """The look at texts that are told as they are written, but for those of white space only."""

    def look(texts: Texts) -> Texts | None:
        filled = texts.filled
        if (needed and not filled.all()) or not _fit(texts, longest):
            return None
        suspects = texts.beginning_with(SPACE_BEGINS)
        return None if len(suspects) and (needed or any(map(str.isspace, texts.different(suspects)))) else texts

    return look


def _words(longest: int, *, needed: bool) -> Look:
    """The look at texts around which white space does not count."""

    def look(texts: Texts) -> Texts | None:
        filled = texts.filled
        if (needed and not filled.all()) or not _fit(texts, longest):
            return None
        return None if texts.may_be_padded else texts

    return look


def _fit(texts: Texts, longest: int) -> bool:
    """Whether no cell has more characters than so many."""
    if texts.longest <= longest:
        return True
    import pyarrow.compute as pc

    most: int = pc.max(pc.utf8_length(texts.array)).as_py()
    return most <= longest


_LOOKS: dict[Any, Look] = {
    **{kind: _names(p.characters, p.longest, p.never, needed=p.needed) for kind, p in PLAIN.items()},
    Label: _told(1024, needed=False),
    Description: _told(512, needed=False),
    Name: _told(512, needed=True),
    Word: _words(256, needed=False),
    NeededWord: _words(256, needed=True),
    Unit: _words(256, needed=False),
    DecimalText: decimals,
    TimeText: moments,
}
