"""Binding: cells to a row, its key and its faults, in words a person can use and that give no data away."""

import csv
from pathlib import Path
from typing import Any

import pytest
from bound import bind, faults, faults_of, sheet_of, validate
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from connectors.extracts.mapping_file import read_mapping
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.errors import ConfigError, ExtractError
from schemas.rows.binding import Binding
from schemas.rows.columns import Cell
from schemas.rows.faults import Fault
from schemas.rows.kinds import Kind
from schemas.rows.mapping import Mapping

ID, HR = "identifier:InvestorRecord/Ext/Id", "investor:Person/Hr/Id"
HEADER = ("display_name", "investor_type", ID, HR)
CELLS = ("Jane", "Person", "IR_1", "XY1")
COLUMNS: dict[str, Any] = {name: name for name in HEADER}
DATA = Path(__file__).parents[3] / "data"


def refusal(header: tuple[str, ...], dialect: Dialect = Dialect.V2_1, **columns: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        bind("investor-records", header, dialect, {"columns": COLUMNS | columns} if columns else None)
    return caught.value.message


def test_cells_are_taken_by_name_whatever_the_order_and_the_company() -> None:
    plain = bind("investor-records", HEADER)
    shuffled = bind("investor-records", ("_row", HR, ID, "investor_type", "display_name", "_state"))
    theirs = ("7", "XY1", "IR_1", "Person", "Jane", "failed")

    assert validate(shuffled, theirs) == validate(plain, CELLS) == dict(zip(HEADER, CELLS, strict=True))
    assert sheet_of(shuffled, [theirs]).keys[0] == "IR_1"


def test_a_header_is_refused_as_a_whole_in_one_line() -> None:
    assert refusal(("display_nam", *HEADER[1:])) == (
        "the header: column display_nam is unknown; did you mean display_name?; needed column display_name is missing"
    )


def test_a_first_row_that_is_no_header_is_not_told() -> None:
    """An extract that came without its header begins with somebody's name."""
    assert refusal(("Jane Doe", "Person", "IR_1", "XY1")) == (
        "the header: no column of it is one of this operation's, which needs display_name, investor_type, "
        "identifier:InvestorRecord/..., investor:Person|LegalEntity/...: if it is a row of data, the extract lacks its "
        "header; if the columns are your own, name them in a mapping; `bulkload columns` lists ours"
    )


def test_a_mapping_is_refused_where_it_does_not_fit() -> None:
    assert refusal(HEADER, description="notes", scope="where") == (
        "the mapping does not fit: column notes is not in the extract; column where is not in the extract"
    )
    assert refusal(HEADER, desciption=ID) == "the mapping: column desciption is unknown; did you mean description?"
    assert refusal(HEADER, description={"column": ID, "format": "%d/%m/%Y"}) == (
        "the mapping does not fit: column description: `format`, `timezone` and `midnight` are for dates and times"
    )


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (
            {"investor_type": {"constant": "Persn"}},
            "column investor_type: its constant is none of Person, LegalEntity; did you mean Person?",
        ),
        ({"display_name": {"constant": " "}}, "column display_name: its constant is missing"),
        (
            {"metric:InvestorRecord/A/B": {"constant": "1e5"}},
            "column metric:InvestorRecord/A/B: its constant is in scientific notation, which may have lost digits: "
            "write the number out",
        ),
        (
            {"investor_type": {"column": "investor_type", "values": {"P": "Person", "E": "Entity", "-": ""}}},
            "column investor_type: Entity of its `values` is none of Person, LegalEntity; did you mean LegalEntity?",
        ),
    ],
)
def test_what_a_mapping_writes_itself_is_checked_before_the_first_row(columns: dict[str, Any], told: str) -> None:
    assert refusal(HEADER, **columns) == f"the mapping does not fit: {told}"


def test_a_constant_feeds_a_needed_column_through_its_values() -> None:
    columns = COLUMNS | {"investor_type": {"constant": "P", "values": {"P": "Person"}}}
    binding = bind("investor-records", HEADER, mapping={"columns": columns})

    row = validate(binding, CELLS)

    assert isinstance(row, dict)
    assert row["investor_type"] == "Person"


def test_only_constants_make_a_row_of_one_column() -> None:
    columns = {n: {"constant": c} for n, c in zip(HEADER, CELLS, strict=True)} | {"display_name": {"column": "n"}}
    binding = bind("investor-records", ("n",), mapping={"columns": columns})

    assert validate(binding, ("Joe",)) == dict(zip(HEADER, ("Joe", *CELLS[1:]), strict=True))


def test_identifiers_and_key_columns_are_those_that_may_not_be_floats() -> None:
    mapping = {
        "key": "crm",
        "columns": COLUMNS | {ID: {"column": "id", "pattern": ".*"}, HR: {"constant": "x"}},
    }

    def floating(header: tuple[str, ...], **mapping: Any) -> str:
        with pytest.raises(ExtractError) as caught:
            bind("investor-records", header, kinds=dict.fromkeys(header, Kind.FLOAT), **mapping)
        return caught.value.message.partition(" holds")[0]

    assert floating(HEADER) == f"column {ID}, {HR}"
    assert floating(("id", "crm", *HEADER), mapping=mapping) == "column crm, id"


def test_rules_see_a_bad_row_as_they_would_see_a_good_one() -> None:
    columns = COLUMNS | {HR: {"column": HR, "values": {"none": "", "1": "XY1"}}}
    binding = bind("investor-records", HEADER, mapping={"columns": columns})

    assert [str(f) for f in faults(binding, ("", "Person", "\u200b", "none"))] == [
        "display_name: is missing",
        "identifier: at least one of the identifier: columns must be filled",
        "investor: exactly one of the investor: columns must be filled; none is",
    ]


def test_rules_take_a_cell_that_is_refused_for_a_filled_one() -> None:
    assert [f.code for f in faults(bind("investor-records", HEADER), ("Jane", "Person", "1.23E+11", "XY1"))] == [
        "MangledIdentifier"
    ]


def test_what_is_wrong_with_a_cell_is_told_of_every_row_that_has_it() -> None:
    binding = bind("investor-records", HEADER)
    rows = [
        ("Jane", kind, f"IR_{i}", "XY1") for i, kind in enumerate(["Persn", "Person", "Persn", "", "Persn", "Person"])
    ]

    sheet = sheet_of(binding, rows)

    assert [[f.column for f in faults_of(binding, sheet, i)] for i in range(6)] == [
        [] if kind == "Person" else ["investor_type"] for _, kind, *_ in rows
    ]


def test_a_list_where_one_value_belongs_is_refused_in_every_column() -> None:
    header = (
        *HEADER,
        "description",
        "property:InvestorRecord/A/B",
        "property:InvestorRecord/A/B@effective_from",
        "metric:InvestorRecord/A/C",
        "metric:InvestorRecord/A/C@unit",
    )
    found = faults(bind("investor-records", header), [["a", "b"]] * len(header))

    assert {str(f) for f in found} == {
        *(f"{n}: takes one value, not a list" for n in header if n not in header[6:8]),
        "property:InvestorRecord/A/B@effective_from: takes one time, not a list",
        "metric:InvestorRecord/A/C: takes one decimal, not a list",
    }


def test_text_that_is_no_unicode_is_refused() -> None:
    assert [str(f) for f in faults(bind("investor-records", HEADER), ("\ud800", *CELLS[1:]))] == [
        "display_name: is not valid Unicode text"
    ]


def test_more_properties_than_lusid_takes_are_refused_only_where_they_are_filled() -> None:
    names = tuple(f"property:InvestorRecord/A/P{n}" for n in range(60))
    names += tuple(f"metric:InvestorRecord/A/M{n}" for n in range(41))
    binding = bind("investor-records", (*HEADER, *names))

    assert faults(binding, (*CELLS, *["1"] * 100, "")) == []
    assert faults(binding, (*CELLS, *["1"] * 101)) == [
        Fault("", "TooMany", "has more than the 100 properties that LUSID takes")
    ]


def test_a_fault_without_a_column_is_its_message() -> None:
    assert str(Fault("", "Rule", "is odd")) == "is odd"


@pytest.mark.untraced
@pytest.mark.parametrize("operation", list(OPERATIONS))
@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
@settings(max_examples=25)
@given(data=st.data())
def test_no_fault_shows_a_cell_or_speaks_of_types(operation: str, dialect: Dialect, data: st.DataObject) -> None:
    shape = OPERATIONS[operation].shape
    header = [*shape.plain_of(dialect), *(f.example for f in shape.families)]
    header += [f"{f.example}@{facet}" for f in shape.families for facet in f.facets]
    header = [
        n.replace("Details", n.split(":")[0]) if n.startswith(("property", "metric", "labels")) else n for n in header
    ]
    text = st.text(max_size=8).map(lambda t: f"Zq /{t}qZ") | st.just("") | st.just("Zq /" * 600)
    cells = data.draw(st.lists(text | st.lists(text, max_size=2), min_size=len(header), max_size=len(header)))

    found = faults(bind(operation, header, dialect), cells)

    assert found
    for fault in found:
        assert "Zq" not in str(fault)
        assert not any(word in str(fault) for word in ("Input should", "String should", "Value error", "Data should"))
        assert fault.code[:1].isupper()


_ODD = ["", " ", "x", "7", "1,5", "2026-13-01", "1.23E+11", "A||B", "\u200b", "\ud800", "x" * 1100, "true", "GBP"]
_LISTS: list[Cell] = [["a", "b"], ["\ud800", "\ud800"], ["", "a", "a"], []]


@pytest.mark.untraced
@pytest.mark.parametrize("operation", list(OPERATIONS))
@pytest.mark.parametrize("dialect", list(Dialect))
@settings(max_examples=10, phases=[Phase.generate])  # rows of forty columns shrink for minutes
@given(data=st.data())
def test_columns_say_of_rows_what_each_row_says_by_itself(
    operation: str, dialect: Dialect, data: st.DataObject
) -> None:
    shape = OPERATIONS[operation].shape
    examples = {p.name: p.example for p in shape.plain_of(dialect).values()}
    for family in shape.families_of(dialect):
        examples |= {family.example.replace("Details", family.prefix.title()): "IR_1"}
        examples |= {f"{name}@{facet}": "" for name in list(examples)[-1:] for facet in family.facets}
    odd: list[Cell] = [
        *_ODD,
        *_LISTS,
        *(word for p in shape.plain_of(dialect).values() for word in p.words.get(dialect, ())),
    ]
    row = st.tuples(*(st.just(example) | st.sampled_from(odd) for example in examples.values()))
    rows = data.draw(st.lists(row, min_size=1, max_size=8))
    rows += data.draw(st.lists(st.sampled_from(rows), max_size=20))
    binding = bind(operation, [*examples], dialect)

    sheet = sheet_of(binding, rows)

    by_themselves = [validate(binding, row) for row in rows]
    assert [faults_of(binding, sheet, i) for i in range(len(rows))] == [
        f if isinstance(f, list) else [] for f in by_themselves
    ]


def _valid_rows(path: Path, operation: str, rules: Mapping | None) -> dict[str, Any]:
    """The valid rows among the first of an extract, by key."""
    with path.open(encoding=rules.encoding if rules else "utf-8", newline="") as file:
        header, *records = csv.reader(file, delimiter=rules.delimiter if rules else ",")
    binding = Binding(header, OPERATIONS[operation].shape, Dialect.V2_1, OPERATIONS[operation].key, rules)
    found: dict[str, Any] = {}
    for cells in records[:200]:
        if len(cells) == len(header):
            row = validate(binding, cells)
            if isinstance(row, dict):
                found.setdefault(sheet_of(binding, [cells]).keys[0], row)
    return found


@pytest.mark.parametrize(
    ("operation", "name"),
    [("investor-records", "investors"), ("investment-accounts", "accounts"), ("orders", "orders")],
)
def test_the_sample_and_the_clients_extract_are_the_same_rows(operation: str, name: str) -> None:
    mapping = read_mapping(DATA / "client" / f"{operation}.yaml", operation)

    sample = _valid_rows(DATA / "sample" / f"{name}.csv", operation, None)
    theirs = _valid_rows(DATA / "client" / f"{name}.csv", operation, mapping)

    common = sample.keys() & theirs.keys()
    assert len(common) > 30
    assert {key: theirs[key] for key in common} == {key: sample[key] for key in common}
