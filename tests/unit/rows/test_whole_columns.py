"""A column looked at whole is what asking about each of its cells makes of it: valid, refused, and as which value."""

from typing import Any

import pytest
from bound import texts_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.rows.cells import (
    NAMES,
    Currency,
    DecimalText,
    Description,
    Label,
    Labels,
    Name,
    NeededWord,
    Switch,
    Unit,
    Word,
)
from schemas.rows.columns import Columns, KeyRule
from schemas.rows.conventions.foreign_words import Guard, guarded_validator, null_words_in
from schemas.rows.times import TimeText
from schemas.rows.validated import key_reader, validated
from schemas.rows.whole.looks import look_of

TYPES = (*NAMES, Name, Label, Description, Word, NeededWord, Unit, Currency, Labels, Switch, DecimalText, TimeText)
LOOKED_AT = (*NAMES, Name, Label, Word, NeededWord, Unit, DecimalText)
STRICT = (DecimalText, TimeText, Switch)
PLAIN = (
    "",
    "A",
    "IR_1",
    "12",
    "0",
    "7.25",
    "1.50",
    "10.00",
    "2026-11-20",
    "2024-02-29",
    "2026-11-20T08:15:00Z",
    "2026-11-20T08:15:00+00:00",
    "Ann B",
)
ODD = (
    *(" ", " x", "x ", "\u00a0x", "x\u3000", "\u2003", "あ", "é", "é" * 65, "x" * 64, "x" * 65, "x" * 257, "x" * 1025),
    *("NULL", "#REF!", "Err:502", "nan", "'12", '="12"', "1.0", "1E+5", "a\tb", "\n", "\x00", "\x1c", "\x7f", "\ufeff"),
    *("-0", "-0.00", "0.0", "00.5", "+1", ".5", "1.", "-", "9" * 28, "9" * 29, "1e5", "0." + "1" * 29, "1,5", "--1"),
    *(
        "2026-02-30",
        "1900-02-29",
        "0000-01-01",
        "2026-13-01",
        "2026-00-10",
        "2026-1-1",
        "20261120xx",
        "2026-11-20T08:15",
    ),
    *("2026-11-20T24:00:00Z", "2026-11-20T08:60:00Z", "2026-11-20 08:15:00Z", "2026-11-20T08:15:00z", "9999-12-31"),
    *("a|b", "a||b", "true", "TRUE", "GBP", "-1.25", '"', "\\", "2026-11-20T08:15:61Z"),
    *(
        "2026-11-20T08:15:00+01:00",
        "2026-11-20T08:15:00-00:00",
        "2026-11-20T24:00:00+00:00",
        "2026-11-20T08:15:00.00000",
    ),
)
COLUMNS = st.builds(
    lambda cells, odd, at: [*cells[:at], *odd, *cells[at:]],
    st.lists(st.sampled_from(PLAIN), min_size=1, max_size=6) | st.sampled_from(PLAIN).map(lambda cell: [cell] * 4),
    st.lists(st.sampled_from(ODD), max_size=1),
    st.integers(0, 4),
)


@pytest.mark.parametrize("kind", TYPES, ids=range(len(TYPES)))
@given(cells=COLUMNS, guarded=st.booleans(), nulls=st.booleans(), marks=st.booleans())
@example(cells=["2026-11-20", "", "2024-02-29"], guarded=False, nulls=False, marks=False)
@example(cells=["2026-11-20T08:15:00+00:00", "2026-11-20T08:15:00+01:00"], guarded=False, nulls=False, marks=False)
@example(cells=["1.50", "1.", "2.05"], guarded=False, nulls=False, marks=False)
@settings(max_examples=60)
def test_a_look_at_a_column_says_what_asking_about_each_cell_says(
    kind: Any, cells: list[str], *, guarded: bool, nulls: bool, marks: bool
) -> None:
    strict = kind in STRICT
    guard = Guard(kind not in (Name, Label, Description, Labels), nulls=nulls, marks=marks) if guarded else None
    ask = {"c": guarded_validator(kind, guard, strict=strict)}
    look = look_of(kind, guard, strict=strict)

    found, faults = validated(ask, {"c": texts_of(cells)}, {"c": look} if look else {})

    assert (found, faults) == validated(ask, {"c": [*cells]})


@pytest.mark.parametrize("kind", LOOKED_AT, ids=range(len(LOOKED_AT)))
def test_ordinary_columns_are_told_at_one_look(kind: Any) -> None:
    look = look_of(kind, Guard(names=kind not in (Name, Label)), strict=kind in STRICT)
    column = texts_of(["12", "7", "150"])
    assert look is not None
    assert look(column) is column


@pytest.mark.parametrize(
    ("kind", "cells", "told"),
    [
        (TimeText, ["2026-11-20", "", "2024-02-29"], ["2026-11-20", "", "2024-02-29"]),
        (TimeText, ["2026-11-20T08:15:00Z"], ["2026-11-20T08:15:00"]),
        (TimeText, ["2026-11-20T08:15:00+00:00", ""], ["2026-11-20T08:15:00", ""]),
        (DecimalText, ["1.50", "", "10.00", "100", "0.05"], ["1.5", "", "10", "100", "0.05"]),
    ],
)
def test_dates_and_decimals_are_told_at_one_look(kind: Any, cells: list[str], told: list[str]) -> None:
    look = look_of(kind, None, strict=True)
    assert look is not None
    found = look(texts_of(cells))
    assert found is not None
    assert [cell[: len(text)] for cell, text in zip(found, told, strict=True)] == told
    assert found == guarded_validator(kind, None, strict=True)(cells)


@given(st.lists(st.tuples(*[st.sampled_from(["", "A", "B1", " A", "A\u200b", "é"])] * 2), min_size=1, max_size=4))
def test_keys_are_the_same_however_their_columns_are_held(rows: list[tuple[str, str]]) -> None:
    one, two = ([*cells] for cells in zip(*rows, strict=True))
    for rule, own in ((KeyRule(all_of=("a", "b")), ()), (KeyRule(any_of="i:"), ("a", "b"))):
        keys = key_reader(Columns(("a", "b"), {}), rule, own)
        assert keys({"a": texts_of(one), "b": texts_of(two)}) == keys({"a": one, "b": two})


def test_words_for_no_value_are_found_however_a_column_is_held() -> None:
    assert null_words_in(texts_of(["A", "NULL", "NaN"])) == 2


def test_a_column_is_a_sequence_of_its_cells() -> None:
    column = texts_of(["a", "", "ü"])
    assert column == ["a", "", "ü"]
    assert (len(column), column[-1], [*column[1:]], column != ["a"]) == (3, "ü", ["", "ü"], True)
