"""Investor records: the rules of a row, and the request it makes in each dialect."""

import pytest
from bound import bind, faults, requests

from schemas.dialects import Dialect

NEEDED = (
    "display_name",
    "investor_type",
    "identifier:InvestorRecord/Ext/Id",
    "investor:Person/Hr/Id",
    "investor:LegalEntity/Ext/LEI",
)
JANE = ("Jane", "Person", "IR_1", "XY1", "")


def told(*cells: str, dialect: Dialect = Dialect.V2_1) -> list[str]:
    header = (*NEEDED, "scope") if dialect is Dialect.V2_3 else NEEDED
    return [str(f) for f in faults(bind("investor-records", header, dialect), cells)]


def test_a_record_of_2_1_has_maps_of_key_and_value() -> None:
    binding = bind("investor-records", NEEDED)

    assert requests("investor-records", binding, [JANE], Dialect.V2_1) == {
        "IR_1": {
            "identifiers": {"InvestorRecord/Ext/Id": {"key": "InvestorRecord/Ext/Id", "value": {"labelValue": "IR_1"}}},
            "displayName": "Jane",
            "investor": {
                "investorType": "Person",
                "investorIdentifiers": {"Person/Hr/Id": {"key": "Person/Hr/Id", "value": {"labelValue": "XY1"}}},
            },
        }
    }


def test_a_record_of_2_3_has_a_scope_and_plain_investor_identifiers() -> None:
    binding = bind("investor-records", (*NEEDED, "scope", "description"), Dialect.V2_3)

    assert requests("investor-records", binding, [(*JANE, "MyScope", "Retail")], Dialect.V2_3) == {
        "IR_1": {
            "scope": "MyScope",
            "identifiers": {"InvestorRecord/Ext/Id": {"key": "InvestorRecord/Ext/Id", "value": {"labelValue": "IR_1"}}},
            "displayName": "Jane",
            "description": "Retail",
            "investor": {"investorType": "Person", "identifiers": {"Person/Hr/Id": "XY1"}},
        }
    }


def test_empty_columns_make_an_empty_map_and_absent_ones_no_member() -> None:
    binding = bind("investor-records", (*NEEDED, "property:InvestorRecord/A/B", "description"))

    (made,) = requests("investor-records", binding, [(*JANE, "", "")], Dialect.V2_1).values()

    assert made["properties"] == {}
    assert "description" not in made


def test_a_scope_column_is_read_and_not_sent_in_2_1() -> None:
    binding = bind("investor-records", (*NEEDED, "scope"))

    (made,) = requests("investor-records", binding, [(*JANE, "not a scope!")], Dialect.V2_1).values()

    assert "scope" not in made


def test_the_first_filled_identifier_is_the_key() -> None:
    binding = bind("investor-records", (*NEEDED, "identifier:InvestorRecord/Int/Id"))
    rows = [(*JANE, "00042"), ("Joe", "Person", " ", "XY2", "", "\u00a000043\u200b")]

    assert list(requests("investor-records", binding, rows, Dialect.V2_1)) == ["IR_1", "00043"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("Jane", "Person", "IR_1", "", ""), "investor: exactly one of the investor: columns must be filled; none is"),
        (
            ("Jane", "Person", "IR_1", "XY1", "LEI1"),
            "investor: exactly one of the investor: columns must be filled; 2 are",
        ),
        (("Jane", "Person", " ", "XY1", ""), "identifier: at least one of the identifier: columns must be filled"),
        (
            ("Jane", "Person", "IR_1", "", "LEI1"),
            "investor:LegalEntity/Ext/LEI: is not the identifier of a Person, which is the investor_type of this row",
        ),
        (
            ("Jane", "person", "IR_1", "XY1", ""),
            "investor_type: is none of Person, LegalEntity; did you mean Person?",
        ),
        (
            ("Jane", "Nominee", "IR_1", "XY1", ""),
            "investor_type: is none of Person, LegalEntity (dialect 2.3 has it; this is 2.1)",
        ),
        ((" \u00a0", "Person", "IR_1", "XY1", ""), "display_name: is missing"),
        (("Jane", "", "IR_1", "XY1", ""), "investor_type: is missing"),
        (("Jane", "Person", "I" * 65, "XY1", ""), "identifier:InvestorRecord/Ext/Id: is longer than 64 characters"),
    ],
)
def test_a_row_that_breaks_a_rule_is_told_which_one(cells: tuple[str, ...], expected: str) -> None:
    assert told(*cells) == [expected]


def test_a_nominee_is_a_person_or_a_legal_entity() -> None:
    assert told("Jane", "Nominee", "IR_1", "XY1", "", "S", dialect=Dialect.V2_3) == []
    assert told("Bank", "Nominee", "IR_1", "", "LEI1", "S", dialect=Dialect.V2_3) == []
    assert told("Bank", "Nominee", "IR_1", "", "LEI1", "", dialect=Dialect.V2_3) == ["scope: is missing"]
    assert told("Bank", "Nominee", "IR_1", "", "LEI1", "a b", dialect=Dialect.V2_3) == [
        "scope: takes letters, digits, - and _ only"
    ]


def test_a_bad_row_is_told_everything_that_is_wrong_at_once() -> None:
    header = (
        *NEEDED,
        "metric:InvestorRecord/A/B",
        "property:InvestorRecord/A/C",
        "property:InvestorRecord/A/C@effective_from",
    )
    found = faults(
        bind("investor-records", header), ("", "Persn", "1.2E+11", "", "  ", "1e5", "x" * 1025, "2026-02-30")
    )

    assert [(f.column, f.code) for f in found] == [
        ("display_name", "Missing"),
        ("investor_type", "NotAllowed"),
        ("identifier:InvestorRecord/Ext/Id", "MangledIdentifier"),
        ("metric:InvestorRecord/A/B", "NotDecimal"),
        ("property:InvestorRecord/A/C", "TooLong"),
        ("property:InvestorRecord/A/C@effective_from", "NotTime"),
        ("investor:", "Rule"),
    ]
