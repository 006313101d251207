"""Dialects and suggestions."""

from schemas.dialects import ACCOUNT_TYPES, INVESTOR_TYPES, Dialect, did_you_mean, near


def test_each_age_has_its_own_vocabulary() -> None:
    assert INVESTOR_TYPES == {
        Dialect.V2_1: ("Person", "LegalEntity"),
        Dialect.V2_3: ("Person", "LegalEntity", "Nominee"),
    }
    assert ACCOUNT_TYPES == {
        Dialect.V2_1: ("Personal", "Corporate", "JointPersonal", "JointCorporate", "JointMixed"),
        Dialect.V2_3: ("Individual", "Corporate", "Joint", "Nominee"),
    }


def test_the_near_word_is_found_whatever_its_case() -> None:
    assert near("LEGALENTITY", ("Person", "LegalEntity")) == "LegalEntity"
    assert did_you_mean("Persn", ("Person", "LegalEntity")) == "; did you mean Person?"


def test_a_word_that_is_near_nothing_gets_no_suggestion() -> None:
    assert near("zzz", ("Person",)) == ""
    assert did_you_mean("zzz", ("Person",)) == ""
    assert did_you_mean("", ()) == ""
