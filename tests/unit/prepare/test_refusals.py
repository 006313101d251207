"""Why rows are refused is what each of them is told by itself, however many are alike."""

from pathlib import Path

import pytest
from bound import bind, faults_of, sheet_of
from builders import write_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.extracts.extract import open_extract
from pipelines.operations.table import OPERATIONS
from pipelines.prepare.refusals import Refusals
from schemas.dialects import Dialect

WORDS = (
    "",
    " ",
    "Person",
    "Nonsense",
    "X1",
    "10",
    "-1",
    "1,5",
    "GBP",
    "2026-01-31",
    "2026-02-30",
    "a|b",
    "NULL",
    "Limit",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refusals")


@pytest.mark.parametrize("operation", ["investor-records", "investment-accounts", "orders"])
@given(data=st.data())
@settings(max_examples=40)
def test_a_row_is_told_what_it_would_be_told_by_itself(operation: str, folder: Path, data: st.DataObject) -> None:
    shape, dialect = OPERATIONS[operation].shape, Dialect.V2_1
    good = {name: plain.example for name, plain in shape.plain_of(dialect).items() if not name.startswith("amount")}
    good |= {family.example: "X1" for family in shape.families_of(dialect)}
    words = {name: plain.words[dialect] for name, plain in shape.plain_of(dialect).items() if dialect in plain.words}
    places = st.sampled_from([*good])
    spoilt = st.dictionaries(places, st.sampled_from(WORDS), max_size=2)
    worded = st.fixed_dictionaries({name: st.sampled_from(found) for name, found in words.items()})
    rows = [[*(good | data.draw(worded) | data.draw(spoilt)).values()] for _ in range(data.draw(st.integers(1, 8)))]
    header, binding = [*good], bind(operation, [*good])
    sheet = sheet_of(binding, [*rows, *rows])
    with open_extract([write_csv(folder / "x.csv", [good])]) as extract:
        refusals = Refusals(binding, extract)
        found = [refusals.why(sheet, position, 0) for position in range(2 * len(rows))]
    for position, told in enumerate(found):
        faults = faults_of(binding, sheet, position)
        message = "; ".join(dict.fromkeys(fault.told(lambda name: header.index(name) + 1) for fault in faults))
        assert told == ((faults[0].code, message) if faults else ("NoKey", "the cells that make its key are empty"))
