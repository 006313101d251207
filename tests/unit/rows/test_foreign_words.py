"""Words that only spreadsheets and databases write: a whole column's guard refuses what the guard of a cell does."""

import pytest
from pydantic import ValidationError

from schemas.rows.cells import Name
from schemas.rows.conventions.foreign_words import Guard, guarded_validator

FOREIGN = ('="007"', "'007", " '007", "#REF!", "#N/A", "NULL", r"\N", "nan", "\u00a0NULL")
USUAL = ("a='b'", "O'Hara", "null and void", "Nan")


@pytest.mark.parametrize("before", [[], ["Ann"], ["Ann", "Bob"]])
@pytest.mark.parametrize("cell", FOREIGN)
def test_a_foreign_word_is_refused_wherever_it_stands_in_a_column(cell: str, before: list[str]) -> None:
    validate = guarded_validator(Name, Guard(names=True), strict=False)
    with pytest.raises(ValidationError) as refused:
        validate([*before, cell, "Cid"])
    assert [each["loc"] for each in refused.value.errors()] == [(len(before),)]


@pytest.mark.parametrize("cell", USUAL)
def test_what_looks_a_little_like_one_is_not(cell: str) -> None:
    assert guarded_validator(Name, Guard(names=True), strict=False)([cell]) == [cell]
