"""What a word that is not known was probably meant to be."""

import difflib
from collections.abc import Iterable


def near(word: str, known: Iterable[str]) -> str:
    """The known word that `word` most likely means, or an empty string."""
    lowered = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[hits[0]] if hits else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or an empty string when nothing is near."""
    hit = near(word, known)
    return f"; did you mean {hit}?" if hit else ""
