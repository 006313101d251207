"""Mapping rules: how a client's cells become canonical ones, alone and combined."""

from decimal import Decimal
from typing import Any

import pytest
from bound import bind, faults, read, requests, sheet_of
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.dialects import Dialect
from schemas.rows.cells import DecimalText, Identifier, Label, Labels
from schemas.rows.column_rule import ColumnRule
from schemas.rows.mapping import Mapping
from schemas.rows.times import TimeText

HEADER = ("full_name", "kind", "crm_id", "hr_id", "since", "worth", "tags", "country")
COLUMNS: dict[str, Any] = {
    "display_name": "full_name",
    "investor_type": {"column": "kind", "values": {"P": "Person", "E": "LegalEntity"}},
    "identifier:InvestorRecord/Ext/Id": "crm_id",
    "investor:Person/Hr/Id": "hr_id",
}
CELLS = ("Jane", "P", "IR_1", "XY1", "", "", "", "")


def rule(**members: Any) -> ColumnRule:
    return ColumnRule.model_validate({"column": "x", **members})


def cell(canonical: Any, value: object, **members: Any) -> Any:
    return read(rule(**members).cell_type(canonical), value)


def test_a_mapped_row_is_the_row_that_canonical_headers_make() -> None:
    columns = COLUMNS | {
        "property:InvestorRecord/A/Country": "country",
        "property:InvestorRecord/A/Country@effective_from": {
            "column": "since",
            "format": "%d/%m/%Y %H:%M",
            "timezone": "Europe/London",
        },
        "property:InvestorRecord/A/Source": {"constant": "CRM"},
        "metric:InvestorRecord/A/Worth": {"column": "worth", "decimal": ",", "thousands": "."},
        "labels:InvestorRecord/A/Tags": {"column": "tags", "values": {"f": "FX", "b": "Bonds", "-": ""}},
    }
    mapped = bind("investor-records", HEADER, mapping={"columns": columns})
    canonical = bind("investor-records", list(columns))
    theirs = ("Jane", "P", "IR_1", "XY1", "01/07/2016 10:30", "1.234,50", "f|b|-", "France")
    ours = ("Jane", "Person", "IR_1", "XY1", "France", "2016-07-01T09:30:00Z", "CRM", "1234.5", ["FX", "Bonds"])

    assert requests("investor-records", mapped, [theirs], Dialect.V2_1) == requests(
        "investor-records", canonical, [ours], Dialect.V2_1
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (None, "IR_1"),
        ("full_name", "Jane"),
        (["kind", "crm_id"], "P/IR_1"),
        ("country", ""),
        (["crm_id", "country"], ""),
    ],
)
def test_the_key_may_be_any_column_of_the_extract_or_several(key: object, expected: str) -> None:
    mapping = {"columns": COLUMNS} if key is None else {"columns": COLUMNS, "key": key}
    binding = bind("investor-records", HEADER, mapping=mapping)

    assert sheet_of(binding, [CELLS]).keys[0] == expected


def test_values_come_before_a_format_and_may_say_that_a_cell_is_absent() -> None:
    values = {"never": "", "epoch": "01/01/1970"}

    assert cell(TimeText, "epoch", values=values, format="%d/%m/%Y") == "1970-01-01T00:00:00.0000000+00:00"
    assert cell(TimeText, " never ", values=values, format="%d/%m/%Y") == ""
    assert cell(TimeText, " ", values=values, format="%d/%m/%Y") == " ".strip()
    assert cell(TimeText, "02/01/1970", values=values, format="%d/%m/%Y") == (
        "NotAllowed",
        "is none of the mapping's values: never, epoch",
    )


def test_a_timezone_alone_is_for_iso_times_and_a_decimal_alone_for_whole_thousands() -> None:
    assert cell(TimeText, "2026-07-01T12:00:00", timezone="Europe/London") == "2026-07-01T11:00:00.0000000+00:00"
    assert cell(DecimalText, "1234,5", decimal=",") == "1234.5"
    assert cell(DecimalText, "1.234,5", decimal=",")[0] == "NotDecimal"


def test_a_member_that_is_null_is_not_given() -> None:
    assert rule(format=None, timezone=None, pattern=None, values=None) == rule()


def test_a_long_list_of_values_is_not_told_whole() -> None:
    values = {f"code{n}": "x" for n in range(300)}

    assert cell(Label, "nothing", values=values) == (
        "NotAllowed",
        "is none of the mapping's values: "
        "code0, code1, code2, code3, code4, code5, code6, code7, code8, code9, code10, code11, ...",
    )


def test_values_of_a_set_map_each_item_from_csv_and_parquet_alike() -> None:
    values = {"f": "FX", "b": "Bonds"}

    assert cell(Labels, "f | b", values=values) == cell(Labels, ["f", "b"], values=values) == ["FX", "Bonds"]
    assert cell(Labels, "", values=values) == []
    assert cell(Labels, "f|z", values=values)[0] == "NotAllowed"
    assert cell(Label, ["f"], values=values) == ("string_type", "Input should be a valid string")


def test_a_pattern_replaces_the_check_for_mangled_identifiers_and_nothing_else() -> None:
    assert cell(Identifier, "1E+5", pattern=r"\dE\+\d") == "1E+5"
    assert cell(Identifier, " \u200b1E+5 ", pattern=r"\dE\+\d") == "1E+5"
    assert cell(Identifier, "1E+55", pattern=r"\dE\+\d") == ("NoMatch", "does not match the pattern of the mapping")
    assert cell(Identifier, "", pattern=r"\d+") == ""
    assert cell(Identifier, "9" * 65, pattern=r"\d+")[0] == "string_too_long"
    assert cell(Identifier, ["1"], pattern=r"\d+") == ("NotText", "takes one value, not a list")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("1.234.567,50", "1234567.5"),
        ("1234567,50", "1234567.5"),
        ("-0,5", "-0.5"),
        ("  ", ""),
        ("7", "7"),
    ],
)
def test_declared_separators_are_read(written: str, kept: str) -> None:
    assert cell(DecimalText, written, decimal=",", thousands=".") == kept


@pytest.mark.parametrize(
    "written", ["1.23", "1.2345", "1,234.50", "12.34.567", ",5", "5,", "(1,0)", "1e5", "\u0661", "1 000"]
)
def test_separators_in_other_places_are_refused(written: str) -> None:
    assert cell(DecimalText, written, decimal=",", thousands=".") == (
        "NotDecimal",
        "is not a number in the form that the mapping declares",
    )


@given(
    st.decimals(places=3, min_value=-(10**15), max_value=10**15, allow_nan=False),
    st.sampled_from([",", "'", " ", "\u00a0", "\u202f", "_"]),
)
def test_thousands_never_change_the_number(number: Decimal, thousands: str) -> None:
    written = f"{number:,.3f}".replace(",", thousands)

    assert Decimal(cell(DecimalText, written, thousands=thousands)) == number


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"constant": "x"}, "give one of `column`, `join` and `constant`"),
        ({"column": None}, "give one of `column`, `join` and `constant`"),
        ({"thousands": "."}, "`decimal` (default .) and `thousands` are the same character"),
        ({"thousands": ",", "decimal": ","}, "`decimal` (default .) and `thousands` are the same character"),
        ({"timezone": "Mars/Olympus"}, "is not an IANA timezone such as Europe/London"),
        ({"timezone": "../passwd"}, "is not an IANA timezone such as Europe/London"),
        ({"pattern": "("}, "is not a regular expression"),
        ({"format": "%d/%m"}, "is not a strptime format that reads a whole date"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(members: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rule(**members)
    assert told in str(caught.value)


@pytest.mark.parametrize("separator", ["", ",,", "1", "a", "-", "+"])
def test_a_separator_is_one_character_that_no_number_has(separator: str) -> None:
    with pytest.raises(ValidationError):
        rule(thousands=separator)


@pytest.mark.parametrize(
    ("canonical", "members", "told"),
    [
        (Label, {"format": "%d/%m/%Y"}, "`format`, `timezone` and `midnight` are for dates and times"),
        (DecimalText, {"timezone": "UTC"}, "`format`, `timezone` and `midnight` are for dates and times"),
        (TimeText, {"decimal": ","}, "`decimal`, `thousands`, `negative` and `currency_sign` are for decimals"),
        (Label, {"thousands": ","}, "`decimal`, `thousands`, `negative` and `currency_sign` are for decimals"),
        (Label, {"pattern": ".*"}, "`pattern` is for identifiers"),
        (DecimalText, {"pattern": ".*"}, "`pattern` is for identifiers"),
    ],
)
def test_what_a_column_has_no_use_for_is_refused(canonical: Any, members: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match="`") as caught:
        rule(**members).cell_type(canonical)
    assert str(caught.value) == told


def test_columns_the_extract_lacks_are_told_with_the_near_one() -> None:
    mapping = Mapping.model_validate(
        {
            "operation": "x",
            "key": ["crm", "kind"],
            "columns": {"a": "full_nam", "b": "full_nam", "c": {"constant": "y"}},
        }
    )

    assert mapping.absent_columns(list(HEADER)) == [
        "column full_nam is not in the extract; did you mean full_name?",
        "column crm is not in the extract; did you mean crm_id?",
    ]


def test_a_mapped_column_is_named_as_the_client_knows_it() -> None:
    binding = bind("investor-records", HEADER, mapping={"columns": COLUMNS})

    assert [str(f) for f in faults(binding, (" ", "X", "IR_1", "XY1", *CELLS[4:]))] == [
        "display_name (column full_name): is missing",
        "investor_type (column kind): is none of the mapping's values: P, E",
    ]
