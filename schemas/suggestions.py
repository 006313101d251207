"""Messages about words that are not known: what may have been meant, and no more of them than a person reads."""

import difflib
from collections.abc import Iterable, Sequence
from itertools import islice

MOST_TOLD = 20
"""Faults of one kind that a message tells one by one."""

_MOST_COMPARED = 1000
"""Known words that are looked through: comparing two takes 20 µs."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known word that is most like `word`; empty when none is."""
    lowered = {k.lower(): k for k in islice(known, _MOST_COMPARED)}
    hits = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[hits[0]]}?" if hits else ""


def first_of(texts: Sequence[str]) -> list[str]:
    """The first texts, and how many more there are."""
    more = len(texts) - MOST_TOLD
    return [*texts[:MOST_TOLD], f"{more:,} more"] if more > 0 else [*texts]
