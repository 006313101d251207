"""What a word that is not known was probably meant to be."""

from schemas.suggestions import did_you_mean, near


def test_the_near_word_is_found_whatever_its_case() -> None:
    assert near("LEGALENTITY", ("Person", "LegalEntity")) == "LegalEntity"
    assert did_you_mean("Persn", ("Person", "LegalEntity")) == "; did you mean Person?"


def test_a_word_that_is_near_nothing_gets_no_suggestion() -> None:
    assert near("zzz", ("Person",)) == ""
    assert did_you_mean("zzz", ("Person",)) == ""
    assert did_you_mean("", ()) == ""
