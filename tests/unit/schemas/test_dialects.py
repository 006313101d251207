"""Dialects: the vocabularies of each API version."""

from schemas.dialects import ACCOUNT_TYPES, INVESTOR_TYPES, Dialect


def test_each_dialect_has_its_own_vocabulary() -> None:
    assert INVESTOR_TYPES == {
        Dialect.V2_1: ("Person", "LegalEntity"),
        Dialect.V2_3: ("Person", "LegalEntity", "Nominee"),
    }
    assert ACCOUNT_TYPES == {
        Dialect.V2_1: ("Personal", "Corporate", "JointPersonal", "JointCorporate", "JointMixed"),
        Dialect.V2_3: ("Individual", "Corporate", "Joint", "Nominee"),
    }
