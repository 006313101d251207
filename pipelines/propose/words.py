"""The words of a vocabulary as an extract writes them, and what each is called by LUSID.

The only cells that a proposal prints are such words: few, short, without white space, in a column whose name says that
it holds them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.propose.conventions import Cells, Fit
from pipelines.propose.field_words import CODES

UNDECIDED = "?"
"""Stands for a word that a person must say; no vocabulary has it."""

_MOST_WORDS = 12
_LONGEST = 16


def words_of(canonical: str, vocabulary: Sequence[str], cells: Cells) -> Fit | None:
    """How a column's words are read, as far as that is known; `None` where it is no vocabulary.

    Args:
        canonical: the canonical column.
        vocabulary: LUSID's words; empty where they are not known.
        cells: those of the sample that are not empty.
    """
    codes = CODES.get(canonical, {})
    if not vocabulary and not codes:
        return None
    texts = [str(cell).strip() for _, cell in cells]
    found = sorted(set(texts))
    known = set(vocabulary) or {word for word in found if not _is_code(word)}.union(codes.values())
    as_is = _fit(cells, [text in known for text in texts], {})
    if as_is.is_good:
        return as_is
    ours = {word.upper(): word for word in known} | dict(codes)
    values = {word: ours.get(word.upper(), UNDECIDED) for word in found}
    decided = [values[text] != UNDECIDED for text in texts]
    return _fit(cells, decided, {"values": values} if all(decided) or _may_be_shown(found, cells) else {})


def is_decided(fit: Fit) -> bool:
    """Whether nothing is left for a person to say."""
    return fit.is_good and UNDECIDED not in fit.declared.get("values", {}).values()


def _fit(cells: Cells, good: Sequence[bool], declared: Mapping[str, Any]) -> Fit:
    misfit = next((place for (place, _), fits in zip(cells, good, strict=True) if not fits), None)
    return Fit(declared, sum(good), len(cells), misfit)


def _is_code(word: str) -> bool:
    """Whether a word is rather a client's code than one that LUSID spells so and is not known here."""
    return len(word) < 3 or word == word.upper()


def _may_be_shown(found: Sequence[str], cells: Cells) -> bool:
    short = all(len(word) <= _LONGEST and len(word.split()) == 1 for word in found)
    return short and len(found) <= _MOST_WORDS and 2 * len(found) <= len(cells)
