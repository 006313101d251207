"""Cells validated by the column are what each is by itself."""

from typing import Any

import pytest
from bound import bind, read, sheet_of, validate
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.rows.cells import DecimalText, Identifier, Labels, Name
from schemas.rows.columns import Cell
from schemas.rows.conventions.foreign_words import guarded_validator
from schemas.rows.times import TimeText
from schemas.rows.validated import validated

CELLS: dict[str, tuple[Any, list[Cell]]] = {
    "Name": (Name, ["Jane", "", "x" * 513]),
    "Identifier": (Identifier, ["IR_1", "1.23E+11", " IR_2 ", ["IR_1"]]),
    "DecimalText": (DecimalText, ["1.50", "", "many"]),
    "TimeText": (TimeText, ["2026-11-20", "2026-11-20T08:15:00", ""]),
    "Labels": (Labels, ["A|B", "A||B", ["A", "B"], ["A", "A"], [], ""]),
}


@pytest.mark.untraced
@pytest.mark.parametrize("name", CELLS)
@given(data=st.data())
@settings(max_examples=30)
def test_a_column_holds_what_its_cells_are_read_as_one_by_one(name: str, data: st.DataObject) -> None:
    cell_type, some = CELLS[name]
    cells = data.draw(st.lists(st.sampled_from(some), max_size=8))
    alone = [read(cell_type, cell) for cell in cells]

    found, faults = validated({"c": guarded_validator(cell_type, None, strict=True)}, {"c": cells})

    assert found == {"c": ["" if isinstance(value, tuple) else value for value in alone]}
    assert faults.keys() == {i for i, value in enumerate(alone) if isinstance(value, tuple)}


def test_a_sheet_gives_rows_back_as_they_were_read_and_as_they_are_sent() -> None:
    binding = bind(
        "orders",
        ["block_scope", "block_code", "order_scope", "order_code", "quantity", "instrument:Instrument/default/Figi"],
    )
    rows = [["S", " B1 ", "S", "O1", "007.50", "BBG1"], ["S", "B1", "S", "O2", "many", "BBG1"]]

    sheet = sheet_of(binding, rows)

    assert (sheet.keys, [*sheet.faults]) == (["S/B1", "S/B1"], [1])
    assert [sheet.raw(i) for i in (0, 1)] == [binding.raw(row) for row in rows]
    assert sheet.row(0) == validate(binding, rows[0])


def test_lists_are_asked_about_once_for_each_different_one() -> None:
    asked: list[Any] = []

    def validate(cells: Any) -> list[Any]:
        asked.extend(cells)
        return [["seen", *cell] if isinstance(cell, list) else cell for cell in cells]

    found, faults = validated({"c": validate}, {"c": [["A", "B"], "A", ["A", "B"], "A", ["A"], ["A"]]})

    assert (asked, faults) == ([["A", "B"], "A", ["A"]], {})
    assert found == {"c": [["seen", "A", "B"], "A", ["seen", "A", "B"], "A", ["seen", "A"], ["seen", "A"]]}
