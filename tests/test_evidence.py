from collections.abc import Mapping
from typing import Any

import pytest

from pipelines.evidence import (
    Evidence,
    Finding,
    examine,
    holders_of_account,
    holds,
    orders_of_block,
    record_by_identifier,
)
from schemas.dialects import Dialect
from schemas.errors import AuthError, LoadError, PerhapsAppliedError, RejectedError

KEY = "InvestorRecord/ExternalIdentifier/ExternalIRId"


class Shelf:
    """What can be read, by path; an error is raised."""

    def __init__(self, **found: Any) -> None:
        self.found = found
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    def __call__(self, path: str, params: Mapping[str, str]) -> Any:
        self.asked.append((path, params))
        body = self.found.get(path, RejectedError("no", 404))
        if isinstance(body, LoadError):
            raise body
        return body


def look(*paths: str, **found: Any) -> Finding:
    return examine([Evidence(path, {"quantity": 5}) for path in paths], Shelf(**found))


def test_all_there_and_alike_is_applied_and_none_there_is_absent() -> None:
    assert look("a", "b", a={"quantity": 5, "x": 1}, b={"quantity": 5.0}) is Finding.APPLIED
    assert look("a", "b") is Finding.ABSENT


@pytest.mark.parametrize(
    "found",
    [
        {"a": {"quantity": 5}},
        {"a": {"quantity": 5}, "b": {"quantity": 6}},
        {"a": {"quantity": 6}, "b": {"quantity": 6}},
        {"a": {}, "b": []},
        {"a": RejectedError("bad", 400), "b": RejectedError("bad", 400)},
    ],
)
def test_anything_else_is_unclear(found: dict[str, Any]) -> None:
    assert look("a", "b", **found) is Finding.UNCLEAR


def test_no_evidence_at_all_is_unclear() -> None:
    assert look() is Finding.UNCLEAR


@pytest.mark.parametrize("error", [PerhapsAppliedError("lost"), AuthError("out")])
def test_who_does_not_answer_is_not_taken_for_an_answer(error: LoadError) -> None:
    with pytest.raises(type(error)):
        look("a", a=error)


@pytest.mark.parametrize(
    ("actual", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({}, {"a": None}, True),
        (None, {}, False),
        ([1, 2], [1, 2], True),
        ([2, 1], [1, 2], False),
        ([1], [1, 2], False),
        ("12", [1, 2], False),
        (100, 100.0, True),
        (0.1, 0.1, True),
        (1e2, 100, True),
        ("100", 100, False),
        ("A", "A", True),
        ("A", "a", False),
        ({"a": {"b": [{"c": 1.50}]}}, {"a": {"b": [{"c": 1.5}]}}, True),
    ],
)
def test_an_answer_holds_what_was_sent_or_does_not(actual: Any, wanted: Any, expected: bool) -> None:
    assert holds(actual, wanted) is expected


def test_a_block_is_proven_by_its_orders() -> None:
    request = {
        "blockId": {"scope": "S", "code": "B"},
        "orders": [
            {"id": {"scope": "S", "code": "O/1 ü"}, "quantity": 5, "portfolioId": {"scope": "F", "code": "P"}, "x": 1},
            {"id": {"scope": "S", "code": "O2"}, "amount": {"amount": 2, "currency": "USD"}},
        ],
    }
    assert orders_of_block(request, Dialect.V2_1) == [
        Evidence("/api/orders/S/O%2F1%20%C3%BC", {"quantity": 5, "portfolioId": {"scope": "F", "code": "P"}}),
        Evidence("/api/orders/S/O2", {"amount": {"amount": 2, "currency": "USD"}}),
    ]


def test_a_record_is_proven_by_its_identifiers_in_the_form_of_its_dialect() -> None:
    evidence = record_by_identifier("investorrecords")
    value = {"key": KEY, "value": {"labelValue": "IR 1/ü"}}
    request = {"identifiers": {KEY: value}, "displayName": "Ann", "properties": {}, "scope": "Desk"}
    members = {"displayName": "Ann", "identifiers": {KEY: {"value": {"labelValue": "IR 1/ü"}}}}
    assert evidence(request, Dialect.V2_1) == [
        Evidence("/api/investorrecords/ExternalIdentifier/ExternalIRId/IR%201%2F%C3%BC", members)
    ]
    assert evidence(request, Dialect.V2_3) == [
        Evidence(
            "/api/investorrecords/ExternalIRId/IR%201%2F%C3%BC",
            members,
            {"identifierScope": "ExternalIdentifier", "scope": "Desk"},
        )
    ]


def test_an_accounts_parents_are_its_holders() -> None:
    request = {
        "accountHolders": [
            {"identifiers": {KEY: {"key": KEY, "value": {"labelValue": "IR_1"}}}},
            {"identifiers": {KEY: "IR_2"}, "scope": "Desk"},
        ]
    }
    first, second = (holders_of_account(request, dialect) for dialect in (Dialect.V2_1, Dialect.V2_3))
    assert [e.path for e in first] == [f"/api/investorrecords/ExternalIdentifier/ExternalIRId/IR_{n}" for n in (1, 2)]
    assert second[1] == Evidence(
        "/api/investorrecords/ExternalIRId/IR_2", {}, {"identifierScope": "ExternalIdentifier", "scope": "Desk"}
    )
    assert holders_of_account({}, Dialect.V2_1) == []
