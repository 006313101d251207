from typing import Any

import pytest
from shelf import MISSING, Shelf

from pipelines.operations.evidence import Evidence, Finding, IfPresent, SameInstant, examine
from pipelines.operations.evidence_rules import (
    allocations_of_placement,
    booked_transaction,
    cancelled,
    entity_itself,
    holders_of_account,
    moved_order,
    orders_of_block,
    own_entity,
    record_by_identifier,
)
from schemas.dialects import Dialect
from schemas.errors import RejectedError

KEY = "InvestorRecord/ExternalIdentifier/ExternalIRId"


def test_a_block_is_proven_by_its_orders() -> None:
    """The state moves on, and not every server shows a block's members in its orders; the rest must match."""
    text = {"key": "Order/S/Desk", "value": {"labelValue": "A"}}
    request = {
        "blockId": {"scope": "S", "code": "B"},
        "side": "Buy",
        "limitPrice": {"amount": 1.5, "currency": "USD"},
        "orders": [
            {"id": {"scope": "S", "code": "O/1 ü"}, "quantity": 5, "date": "2024-03-01T10:00:00.0000000+00:00"},
            {"id": {"scope": "S", "code": "O2"}, "side": "Sell", "state": "New", "properties": {"Order/S/Desk": text}},
        ],
    }
    price = IfPresent({"amount": 1.5, "currency": "USD"})
    first = {"id": {"scope": "S", "code": "O/1 ü"}, "side": IfPresent("Buy"), "limitPrice": price, "quantity": 5}
    second = {"id": {"scope": "S", "code": "O2"}, "side": "Sell", "limitPrice": price}
    assert orders_of_block(request, Dialect.V2_1) == [
        Evidence("/api/orders/S/O%2F1%20%C3%BC", {**first, "date": SameInstant("2024-03-01T10:00:00.0000000+00:00")}),
        Evidence(
            "/api/orders/S/O2",
            {**second, "properties": {"Order/S/Desk": {"value": {"labelValue": "A"}}}},
            {"propertyKeys": ["Order/S/Desk"]},
        ),
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


@pytest.mark.parametrize(
    ("rule", "request_", "path", "alike"),
    [
        (orders_of_block, {"orders": [{"id": {"scope": "S", "code": "X"}}]}, "/api/orders/S/X", {}),
        (own_entity("placements"), {"id": {"scope": "S", "code": "X"}}, "/api/placements/S/X", {}),
        (cancelled("orders"), {"scope": "S", "code": "X"}, "/api/orders/S/X", {"state": "Cancelled"}),
        (cancelled("orders"), {"scope": "S", "code": "X"}, "/api/orders/S/X", {"state": "New"}),
        (
            moved_order,
            {"orderId": {"scope": "S", "code": "O"}, "destinationBlockId": {"scope": "S", "code": "X"}},
            "/api/blocks/S/X",
            {"orderIds": [{"scope": "S", "code": "O"}]},
        ),
        (entity_itself("orders"), {"scope": "S", "code": "X"}, "/api/orders/S/X", {}),
    ],
)
def test_an_answer_of_another_entity_proves_nothing(rule: Any, request_: Any, path: str, alike: Any) -> None:
    evidence = rule(request_, Dialect.V2_1)
    for code, clear in (("X", True), ("Y", False)):
        found = examine(evidence, Shelf(**{path: {"id": {"scope": "S", "code": code}, **alike}}))
        assert (found is not Finding.UNCLEAR) is clear


ALLOCATION = {"scope": "S", "code": "ALLOC-1"}
ALLOCATION_PATH = "/api/allocations/S/ALLOC-1"
TRANSACTIONS = "/api/transactionportfolios/F/P/transactions"


def booked(allocation: Any, transactions: Any = None) -> tuple[Finding, Shelf]:
    shelf = Shelf(**{ALLOCATION_PATH: allocation, TRANSACTIONS: transactions})
    return examine(booked_transaction(ALLOCATION, Dialect.V2_1), shelf), shelf


@pytest.mark.parametrize(
    ("transactions", "finding"),
    [
        ({"values": [{"allocationId": {"scope": "S", "code": "X"}}, {"allocationId": ALLOCATION}]}, Finding.APPLIED),
        ({"values": [{"allocationId": {"scope": "S", "code": "X"}}, {"units": 1}]}, Finding.ABSENT),
        ({"values": [], "nextPage": None}, Finding.ABSENT),
        ({"values": [], "nextPage": "abc"}, Finding.UNCLEAR),
        (RejectedError("no filter", 400), Finding.UNCLEAR),
    ],
)
def test_a_booking_is_proven_by_the_transaction_of_its_allocation(transactions: Any, finding: Finding) -> None:
    found, shelf = booked({"id": ALLOCATION, "portfolioId": {"scope": "F", "code": "P"}}, transactions)
    assert found is finding
    clause = "allocationId.scope eq 'S' and allocationId.code eq 'ALLOC-1'"
    assert shelf.asked == [(ALLOCATION_PATH, {}), (TRANSACTIONS, {"filter": clause, "limit": "5000"})]


@pytest.mark.parametrize("portfolio", [None, "F/P", {"scope": "F"}, {"scope": 1, "code": []}])
def test_an_allocation_without_a_readable_portfolio_proves_nothing(portfolio: Any) -> None:
    assert booked({"id": ALLOCATION, "portfolioId": portfolio})[0] is Finding.UNCLEAR


def test_an_allocation_that_is_not_there_was_not_booked() -> None:
    assert booked(MISSING)[0] is Finding.ABSENT
    assert booked(RejectedError("no", 404))[0] is Finding.UNCLEAR, "it may be a gateway's word"


PLACED = {"scope": "S", "code": "P1"}
OTHER = {"scope": "S", "code": "P2"}


def some(*quantities: Any, of: Any = PLACED) -> list[Any]:
    return [{"quantity": q, "placementId": of, "placementIds": [OTHER, of]} for q in quantities]


@pytest.mark.parametrize(
    ("executions", "allocations", "finding"),
    [
        (some(0.1, 0.2), some(0.3), Finding.APPLIED),
        (some(40, 60) + some(7, of=OTHER), some(50, 25, 25) + some(9, of=OTHER), Finding.APPLIED),
        (some(40, 60), some(40), Finding.UNCLEAR),
        (some(40), [], Finding.UNCLEAR),
        (some(7, of=OTHER), some(7, of=OTHER), Finding.UNCLEAR),
        ([], [], Finding.UNCLEAR),
        (some(None), some(None), Finding.UNCLEAR),
        (some("40"), some("40"), Finding.UNCLEAR),
        (some(True), some(1), Finding.UNCLEAR),
        ({"quantity": 1}, [3, None], Finding.UNCLEAR),
    ],
)
def test_an_allocation_is_proven_by_quantities_that_add_up_to_what_was_executed(
    executions: Any, allocations: Any, finding: Finding
) -> None:
    shelf = Shelf(**{"/api/executions": {"values": executions}, "/api/allocations": {"values": allocations}})
    assert examine(allocations_of_placement(PLACED, Dialect.V2_1), shelf) is finding


def test_quantities_of_a_list_with_further_pages_prove_nothing() -> None:
    page = {"values": some(40), "nextPage": "abc"}
    for executions, allocations in ((page, {"values": some(40)}), ({"values": some(40)}, page)):
        shelf = Shelf(**{"/api/executions": executions, "/api/allocations": allocations})
        assert examine(allocations_of_placement(PLACED, Dialect.V2_1), shelf) is Finding.UNCLEAR
