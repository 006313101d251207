"""The dialects: named sets of wire shapes and vocabularies, chosen by one setting, never guessed.

Rows and mappings are the same for all; only the last step, row to wire, differs.
"""

import difflib
from collections.abc import Iterable, Mapping
from enum import StrEnum


class Dialect(StrEnum):
    """A server's age."""

    V2_1 = "2.1"
    """What the API reference this project implements documents (lusid-sdk 2.1.880)."""
    V2_3 = "2.3"
    """Today's server (lusid-sdk 2.3.313): scopes everywhere, plain identifier maps."""
    LEGACY = "legacy"
    """The allocation and booking calls of lusid-sdk-preview 1.0 and 1.1."""


TWO_AGES = frozenset({Dialect.V2_1, Dialect.V2_3})
"""The dialects of all calls but those two."""

ONLY_2_3 = frozenset({Dialect.V2_3})

INVESTOR_TYPES: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.V2_1: ("Person", "LegalEntity"),
    Dialect.V2_3: ("Person", "LegalEntity", "Nominee"),
}
"""`investor.investorType`; Nominee came with 2.3."""

ACCOUNT_TYPES: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.V2_1: ("Personal", "Corporate", "JointPersonal", "JointCorporate", "JointMixed"),
    Dialect.V2_3: ("Individual", "Corporate", "Joint", "Nominee"),
}
"""`accountType`, as the how-to pages of each age list them."""


def near(word: str, known: Iterable[str]) -> str:
    """The known word that `word` most likely means, or an empty string."""
    lowered = {k.lower(): k for k in known}
    hits = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[hits[0]] if hits else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or an empty string when nothing is near."""
    hit = near(word, known)
    return f"; did you mean {hit}?" if hit else ""
