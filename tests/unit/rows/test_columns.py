"""The namespace of canonical columns: what a header may say, and what it is told when it says something else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.rows.columns import Columns, FamilyColumn, declared_as
from schemas.rows.header import parse_columns

RECORD = OPERATIONS["investor-records"].shape
ACCOUNT = OPERATIONS["investment-accounts"].shape
ORDER = OPERATIONS["orders"].shape
ID = "identifier:InvestorRecord/ExternalIdentifier/ExternalIRId"
LEI = "investor:LegalEntity/ExternalIdentifier/LEI"
NAME = "property:InvestorRecord/Details/Name"
NEEDED = ["display_name", "investor_type", ID, LEI]
ACCOUNT_NEEDED = ["display_name", "account_type", "identifier:InvestmentAccount/X/Y"]
ORDER_NEEDED = ["block_scope", "block_code", "order_scope", "order_code", "instrument:Instrument/default/Figi"]


def record(*more: str, dialect: Dialect = Dialect.V2_1) -> Columns:
    return parse_columns([*NEEDED, *more], RECORD, dialect, "the header")


def refusal(names: list[str], shape: object = RECORD, dialect: Dialect = Dialect.V2_1) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_columns(names, shape, dialect, "the header")  # type: ignore[arg-type]  # a RowShape
    return caught.value.message


def test_names_are_sorted_into_plain_columns_and_families() -> None:
    columns = record(NAME, f"{NAME}@effective_from")

    assert "display_name" in columns
    assert NAME in columns
    assert "description" not in columns
    assert columns.names == (*NEEDED, NAME, f"{NAME}@effective_from")
    assert columns.families["property"] == (
        FamilyColumn(NAME, "property", "InvestorRecord/Details/Name"),
        FamilyColumn(f"{NAME}@effective_from", "property", "InvestorRecord/Details/Name", "effective_from"),
    )
    facets = {"effective_from": f"{NAME}@effective_from"}
    assert columns.keyed("property") == [(NAME, "InvestorRecord/Details/Name", facets)]
    assert columns.keyed("metric") == []
    assert columns.has_any("holder_key", "property:")
    assert not columns.has_any("metric:", "description")


def test_the_keys_of_a_family_are_in_the_same_order_whatever_the_extracts() -> None:
    later, sooner = "property:InvestorRecord/Details/Z", "property:InvestorRecord/Details/A"

    assert record(later, sooner).keyed("property") == record(sooner, later).keyed("property")
    assert [key for _, key, _ in record(later, sooner).keyed("property")] == [
        "InvestorRecord/Details/A",
        "InvestorRecord/Details/Z",
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("displayname", "column displayname is unknown; did you mean display_name?"),
        (" description", "column  description is unknown; did you mean description?"),
        ("zzz", "column zzz is unknown"),
        (
            "identifer:InvestorRecord/ExternalIdentifier/ExternalIRId",
            f"column identifer:InvestorRecord/ExternalIdentifier/ExternalIRId is unknown; did you mean {ID}?",
        ),
        (
            "property:InvestorRecord/Name",
            "column property:InvestorRecord/Name: a property key is Domain/Scope/Code, "
            "each of 1 to 64 letters, digits, - or _",
        ),
        (
            "property:InvestorRecord/De tails/Name",
            "column property:InvestorRecord/De tails/Name: a property key is Domain/Scope/Code, "
            "each of 1 to 64 letters, digits, - or _",
        ),
        (
            "property:InvestorRecord/Details/Name\n",
            "column property:InvestorRecord/Details/Name\n: a property key is Domain/Scope/Code, "
            "each of 1 to 64 letters, digits, - or _",
        ),
        ("property:Order/Details/Name", "column property:Order/Details/Name: the domain must be InvestorRecord"),
        ("investor:Nominee/A/B", "column investor:Nominee/A/B: the domain must be Person or LegalEntity"),
        (
            f"{NAME}@unit",
            f"column {NAME}@unit: facets of property: are @effective_from, @effective_until",
        ),
        (f"{LEI}@effective_from", f"column {LEI}@effective_from: facets of investor: are none"),
        (
            "metric:InvestorRecord/Details/NetWorth@unit",
            "column metric:InvestorRecord/Details/NetWorth@unit has no column "
            "metric:InvestorRecord/Details/NetWorth to belong to",
        ),
        ("display_name", "column display_name is there twice"),
    ],
)
def test_a_column_that_cannot_be_is_refused_with_the_near_one(name: str, told: str) -> None:
    assert refusal([*NEEDED, name]) == f"the header: {told}"


def test_every_fault_of_a_header_is_told_at_once() -> None:
    assert refusal(["displayname", "investor_type", "property:X/Y/Z"]) == (
        "the header: column displayname is unknown; did you mean display_name?; "
        "column property:X/Y/Z: the domain must be InvestorRecord; "
        "needed column display_name is missing; "
        "needed column identifier:InvestorRecord/... is missing; "
        "needed column investor:Person|LegalEntity/... is missing"
    )


def test_a_facet_alone_does_not_make_a_needed_family() -> None:
    assert "needed column instrument:Instrument/... is missing" in refusal([*ORDER_NEEDED[:4], "quantity"], ORDER)


@pytest.mark.parametrize("other", ["metric", "labels"])
def test_one_property_cannot_have_two_kinds_of_value(other: str) -> None:
    twin = f"{other}:InvestorRecord/Details/Name"

    assert refusal([*NEEDED, NAME, twin]) == f"the header: columns {NAME} and {twin} are the same property: keep one"


def test_a_block_and_an_order_may_have_properties_of_one_code() -> None:
    names = [*ORDER_NEEDED, "quantity", "property:Order/A/B", "block_property:Block/A/B"]

    assert "property:Order/A/B" in parse_columns(names, ORDER, Dialect.V2_1, "the header")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["holder_key"], "column holder: is missing: holder_key needs it"),
        (["holder:InvestorRecord/A/B"], "column holder_key is missing: holder: needs it"),
        (["portfolio_key", "portfolio_code"], "column portfolio_scope is missing: portfolio_key needs it"),
        (
            ["portfolio_code"],
            "column portfolio_key is missing: portfolio_code needs it; "
            "column portfolio_scope is missing: portfolio_code needs it",
        ),
    ],
)
def test_columns_that_go_together_are_asked_for_before_the_first_row(more: list[str], told: str) -> None:
    assert refusal([*ACCOUNT_NEEDED, *more], ACCOUNT) == f"the header: {told}"


def test_an_order_needs_a_quantity_in_2_1_and_neither_it_nor_an_amount_in_2_3() -> None:
    assert refusal(ORDER_NEEDED, ORDER) == "the header: needed column quantity is missing"
    assert "amount" not in parse_columns([*ORDER_NEEDED], ORDER, Dialect.V2_3, "the header")
    assert "amount" in parse_columns([*ORDER_NEEDED, "amount", "amount_currency"], ORDER, Dialect.V2_3, "the header")
    assert refusal([*ORDER_NEEDED, "quantity", "limit_price"], ORDER) == (
        "the header: column limit_currency is missing: limit_price needs it"
    )


def test_what_only_another_dialect_has_is_refused_and_names_it() -> None:
    assert refusal([*ORDER_NEEDED, "quantity", "amount", "amount_currency"], ORDER) == (
        "the header: column amount needs dialect 2.3 (this is 2.1); "
        "column amount_currency needs dialect 2.3 (this is 2.1)"
    )


def test_a_scope_is_needed_in_2_3_and_ignored_in_2_1() -> None:
    old = record("scope")

    assert "scope" not in old
    assert old.ignored == {"scope"}
    assert refusal(NEEDED, RECORD, Dialect.V2_3) == "the header: needed column scope is missing"
    assert "scope" in record("scope", dialect=Dialect.V2_3)


def test_a_name_is_of_a_family_by_its_prefix_and_of_a_plain_column_whole() -> None:
    names = ("holder:A/B/C", "holder_key", "property:A/B/C@effective_from")
    assert declared_as(names) == dict(zip(names, ("holder:", "holder_key", "property:"), strict=True))


PART = st.from_regex(r"[a-zA-Z0-9\-_]{1,64}", fullmatch=True)


@given(PART, PART)
def test_any_well_formed_key_is_read_back(scope: str, code: str) -> None:
    key = f"InvestorRecord/{scope}/{code}"

    assert record(f"property:{key}").keyed("property") == [(f"property:{key}", key, {})]


@given(st.text(max_size=80))
def test_any_other_name_is_refused_in_one_error(name: str) -> None:
    known = {p.name for p in RECORD.plain}
    formed = re.fullmatch(r"(property|labels|metric|identifier):InvestorRecord(/[a-zA-Z0-9\-_]{1,64}){2}", name)
    if name not in known and not formed:
        assert refusal([*NEEDED, name]).startswith("the header: column ")
