"""Suggestions for words that are not known."""

from schemas.suggestions import did_you_mean


def test_the_near_word_is_found_whatever_its_case() -> None:
    assert did_you_mean("LEGALENTITY", ("Person", "LegalEntity")) == "; did you mean LegalEntity?"
    assert did_you_mean("Persn", ("Person", "LegalEntity")) == "; did you mean Person?"


def test_a_word_that_is_near_nothing_gets_no_suggestion() -> None:
    assert did_you_mean("zzz", ("Person",)) == ""
    assert did_you_mean("", ()) == ""
