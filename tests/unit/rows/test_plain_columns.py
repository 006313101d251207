"""A column that one look finds plain is what pydantic makes of each of its cells."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.rows.cells import NAMES
from schemas.rows.conventions.plain_columns import PLAIN

PARTS = [
    "A",
    "z9",
    "0",
    "-",
    "_",
    "+",
    "#",
    ".",
    ".0",
    "E+1",
    "@",
    " ",
    "\t",
    "\n",
    "é",
    "\ufeff",
    "\x7f",
    "~",
    "9" * 63,
]
CELLS = st.lists(st.lists(st.sampled_from(PARTS), max_size=4).map("".join), min_size=1, max_size=4)


@pytest.mark.parametrize("kind", NAMES, ids=range(len(NAMES)))
@given(cells=CELLS)
def test_a_plain_column_is_valid_as_it_stands(kind: Any, cells: list[str]) -> None:
    is_plain = PLAIN[kind].fits
    if is_plain(cells):
        assert TypeAdapter(list[kind]).validate_python(cells) == cells


@pytest.mark.parametrize("kind", NAMES, ids=range(len(NAMES)))
def test_ordinary_names_are_plain_and_lists_are_not(kind: Any) -> None:
    is_plain = PLAIN[kind].fits
    assert is_plain(["IR_0001", "abc-9", "X" * 64])
    assert not is_plain([["IR_0001"], "abc"])
