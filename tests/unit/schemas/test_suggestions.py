"""Suggestions for words that are not known."""

from schemas.suggestions import did_you_mean


def test_the_nearest_word_is_suggested_whatever_its_case() -> None:
    assert did_you_mean("LEGALENTITY", ("Person", "LegalEntity")) == "; did you mean LegalEntity?"
    assert did_you_mean("Persn", ("Person", "LegalEntity")) == "; did you mean Person?"


def test_a_word_unlike_any_other_gets_no_suggestion() -> None:
    assert did_you_mean("zzz", ("Person",)) == ""
    assert did_you_mean("", ()) == ""
