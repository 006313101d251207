"""Suggestions for words that are not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the known word that is most like `word`; empty when none is."""
    lowered = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[hits[0]]}?" if hits else ""
