"""Reading lists back: pages, filters, sorting."""

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox_api import (
    Body,
    block,
    company,
    create_orders,
    created,
    errors,
    get,
    listed,
    order,
    problem,
    record,
    upsert_records,
)

from connectors.sandbox.protocol.filters import field, parse_filter
from connectors.sandbox.server import Sandbox

COUNTRY = "InvestorRecord/Details/Country"
WORTH = "InvestorRecord/Details/NetWorth"
MARKETS = "InvestorRecord/Details/Markets"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        worth = {WORTH: {"key": WORTH, "value": {"metricValue": {"value": 12.5, "unit": "GBP"}}}}
        markets = {MARKETS: {"key": MARKETS, "value": {"labelValueSet": {"values": ["UK", "US"]}}}}
        body = {
            "a": record("E1", "Cara O'Neill", properties={**listed(COUNTRY, "Wales"), **worth}),
            "b": record("E2", "Abe", properties={**listed(COUNTRY, "Kenya"), **markets}),
            "c": company("E3"),
        }
        created(upsert_records(running, body))
        orders = [order(f"O{n}", n) for n in range(7)]
        created(create_orders(running, block("B1", *orders, date="2020-01-02")))
        yield running


def _names(answer: Any) -> list[str]:
    return [value["displayName"] for value in answer.json()["values"]]


def _codes(answer: Any) -> list[str]:
    return [value["id"]["code"] for value in answer.json()["values"]]


def test_a_list_is_whole_in_order_of_creation(sandbox: Sandbox) -> None:
    answer = get(sandbox, "investorrecords")
    assert _names(answer) == ["Cara O'Neill", "Abe", "Jane Doe"]
    assert {k: v for k, v in answer.json().items() if k not in ("values", "links")} == {
        "href": None,
        "nextPage": None,
        "previousPage": None,
    }


@pytest.mark.parametrize("asked", [{}, {"sortBy": "quantity DESC"}, {"filter": "quantity gte 0"}])
def test_pages_joined_are_the_list_forwards_and_backwards(sandbox: Sandbox, asked: dict[str, str]) -> None:
    whole = _codes(get(sandbox, "orders", **asked))
    pages, page = [], get(sandbox, "orders", limit=3, **asked)
    while True:
        pages.append(_codes(page))
        token = page.json()["nextPage"]
        if token is None:
            break
        page = get(sandbox, "orders", limit=3, page=token, **asked)
    assert [len(codes) for codes in pages] == [3, 3, 1]
    assert [code for codes in pages for code in codes] == whole
    back = get(sandbox, "orders", limit=3, page=page.json()["previousPage"], **asked)
    assert _codes(back) == pages[1]


def test_a_page_token_is_valid_for_its_own_query_only(sandbox: Sandbox) -> None:
    token = get(sandbox, "orders", limit=3).json()["nextPage"]
    for parameters in ({"page": token, "filter": "quantity gt 1"}, {"page": "zzz"}, {"page": "MTI="}):
        body = problem(get(sandbox, "orders", **parameters))
        assert (body["code"], body["name"]) == (689, "InvalidPageToken")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("displayName eq 'Cara O''Neill'", ["Cara O'Neill"]),
        ("displayName neq 'Abe' and investor.investorType eq 'Person'", ["Cara O'Neill"]),
        ("displayName in ('Abe', 'Jane Doe', 'Nobody')", ["Abe", "Jane Doe"]),
        ("displayName startswith 'Ja' or displayName startswith 'Ab'", ["Abe", "Jane Doe"]),
        (f"properties[{COUNTRY}] eq 'Kenya'", ["Abe"]),
        (f"properties[{WORTH}] gt 12", ["Cara O'Neill"]),
        (f"properties[{WORTH}] lte 12", []),
        (f"properties[{MARKETS}] eq 'US'", ["Abe"]),
        ("identifiers[InvestorRecord/ExternalIdentifier/ExternalIRId] eq 'E3'", ["Jane Doe"]),
        ("version.asAtVersionNumber eq 1 and version.asAtDate lt 2020-01-01", []),
        ("version.asAtDate gte 2020-01-01T00:00Z", ["Cara O'Neill", "Abe", "Jane Doe"]),
        ("displayName gt 5", []),
        ("nothing.here eq 'x'", []),
    ],
)
def test_filters_keep_matching_entities(sandbox: Sandbox, expression: str, names: list[str]) -> None:
    assert _names(get(sandbox, "investorrecords", filter=expression)) == names


def test_a_boolean_is_not_a_number(sandbox: Sandbox) -> None:
    assert _codes(get(sandbox, "blocks", filter="isSwept eq false")) == ["B1"]
    assert _codes(get(sandbox, "blocks", filter="isSwept eq 0")) == []


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("displayName", "expects a word, found the end"),
        ("displayName like 'x'", "does not know the operator like"),
        ("displayName eq", "expects a value, found the end"),
        ("displayName eq 'x' 'y'", "did not expect 'y'"),
        ("displayName in 'x'", "expects a mark, found 'x'"),
        ("displayName in )", "expects ("),
        ("version.asAtDate eq 2020-13-01", "expects a value, found 2020-13-01"),
        ("displayName eq ~", "cannot read from position 14"),
        ("x" * 16385, "must be at most 16384 characters long"),
    ],
)
def test_a_filter_beyond_the_subset_is_refused(sandbox: Sandbox, expression: str, why: str) -> None:
    (message,) = errors(get(sandbox, "investorrecords", filter=expression))["filter"]
    assert message.endswith(why)


def test_sorting_goes_by_several_fields_absent_first(sandbox: Sandbox) -> None:
    by_both = get(sandbox, "investorrecords", sortBy=["investor.investorType ASC", "displayName DESC"])
    assert _names(by_both) == ["Jane Doe", "Cara O'Neill", "Abe"]
    by_worth = get(sandbox, "investorrecords", sortBy=f"properties[{WORTH}] ASC")
    assert _names(by_worth)[-1] == "Cara O'Neill"
    assert list(errors(get(sandbox, "investorrecords", sortBy="displayName"))) == ["sortBy"]


@pytest.mark.parametrize(
    ("parameter", "value"), [("limit", "0"), ("limit", "5001"), ("limit", "-1"), ("limit", "x"), ("asAt", "2020-01-01")]
)
def test_parameters_out_of_range_are_refused(sandbox: Sandbox, parameter: str, value: str) -> None:
    assert list(errors(get(sandbox, "orders", **{parameter: value}))) == [parameter]


def test_and_binds_tighter_than_or() -> None:
    keep = parse_filter("a eq 1 or a eq 2 and b eq 3")
    documents: list[Body] = [{"a": 1, "b": 0}, {"a": 2, "b": 0}, {"a": 2, "b": 3}]
    assert [keep(each) for each in documents] == [True, False, True]


def test_a_field_of_a_missing_member_is_none() -> None:
    assert field({}, "properties[X/Y/Z]") is None
    assert field({"a": 1}, "a.b") is None
