"""The dialects: LUSID API versions with their wire shapes and vocabularies, chosen by one setting and never guessed.

Rows and mappings are the same for all; only the last step, from row to request, differs.
"""

from collections.abc import Mapping
from enum import StrEnum


class Dialect(StrEnum):
    """A LUSID API version."""

    V2_1 = "2.1"
    """The version of the API reference that this project implements (lusid-sdk 2.1.880)."""
    V2_3 = "2.3"
    """The current version (lusid-sdk 2.3.313): scopes everywhere, plain identifier maps."""
    LEGACY = "legacy"
    """The allocation and booking calls of lusid-sdk-preview 1.0 and 1.1."""


ALL_BUT_LEGACY = frozenset({Dialect.V2_1, Dialect.V2_3})
"""The dialects of every call other than allocation and booking."""

ONLY_2_1 = frozenset({Dialect.V2_1})
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
"""`accountType`, as the how-to page of each version lists them."""
