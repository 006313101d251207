"""Allocations made by hand in the sandbox: they count like the others, and never exceed what was ordered."""

from typing import Any

import pytest
from sandbox_api import (
    Body,
    allocate,
    allocate_by_hand,
    allocation,
    block,
    create_orders,
    created,
    done,
    errors,
    executed,
    get,
    listed,
    manage,
    move,
    order,
    post,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox

PRICE = {"amount": 2, "currency": "USD"}


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    created(create_orders(sandbox, block("B0", order("O0", 100))))
    return sandbox


def _by_id(sandbox: Sandbox) -> dict[str, Any]:
    return {each["id"]["code"]: each["quantity"] for each in values_of(sandbox, "allocations")}


def test_an_allocation_comes_back_whole(sandbox: Sandbox) -> None:
    sent = allocation(
        "A1",
        "O0",
        12.5,
        placementIds=[rid("P1")],
        executionIds=[rid("E1"), rid("E2")],
        state="Open",
        side="Sell",
        type="Limit",
        date="2024-03-01T11:00:00.0000000+00:00",
        settlementDate="2024-03-05T00:00:00.0000000+00:00",
        price=PRICE,
        settlementCurrency="USD",
        settlementCurrencyFxRate=1,
        counterparty="Broker",
        properties=listed("Allocation/S/Desk", "FX"),
    )

    (made,) = done(allocate_by_hand(sandbox, sent))["values"]

    assert made == get(sandbox, "allocations/S/A1").json()
    assert made.pop("version")["asAtVersionNumber"] == 1
    luid = get(sandbox, "orders/S/O0").json()["lusidInstrumentId"]
    assert made == {**sent, "lusidInstrumentId": luid, "links": []}


def test_what_an_allocation_leaves_out_is_its_orders(sandbox: Sandbox) -> None:
    (made,) = done(allocate_by_hand(sandbox, allocation("A1", "O0", 5)))["values"]
    assert (made["side"], made["type"], made["state"]) == ("Buy", "Market", "New")
    assert made["date"] == made["version"]["asAtDate"]


def test_an_upsert_replaces_and_repeats_change_nothing(sandbox: Sandbox) -> None:
    first = done(allocate_by_hand(sandbox, allocation("A1", "O0", 60)))["values"]
    assert done(allocate_by_hand(sandbox, allocation("A1", "O0", 60)))["values"] == first
    (changed,) = done(allocate_by_hand(sandbox, allocation("A1", "O0", 100, counterparty="X")))["values"]
    assert (changed["quantity"], changed["version"]["asAtVersionNumber"]) == (100, 2)
    assert _by_id(sandbox) == {"A1": 100}


def test_one_bad_allocation_refuses_the_call_and_every_culprit_is_named(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B0", order("O1", 5))))
    done(allocate_by_hand(sandbox, allocation("A1", "O0", 60, price=PRICE), allocation("A2", "O0", 1)))
    done(manage(sandbox, "booktransactions", {"allocationIds": [rid("A1")]}))
    before = values_of(sandbox, "allocations")

    answer = allocate_by_hand(
        sandbox,
        allocation("A3", "O0", 39),
        allocation("A4", "O0", 1),
        allocation("A5", "O9", 1),
        allocation("A1", "O0", 59),
        allocation("A2", "O1", 1),
    )

    assert errors(answer, "OverAllocation") == {
        "allocationRequests[1].quantity": ["order S/O0 would receive more than was ordered"],
        "allocationRequests[2].allocatedOrderId": ["no order has the id S/O9"],
        "allocationRequests[3].id": ["allocation S/A1 has been booked"],
        "allocationRequests[4].allocatedOrderId": ["allocation S/A2 is of another order"],
    }
    assert values_of(sandbox, "allocations") == before


def test_allocate_takes_account_of_what_was_allocated_by_hand_before_and_after(sandbox: Sandbox) -> None:
    executed(sandbox, order("O1", 30), order("O2", 70), quantity=50)
    by_hand = allocation("A1", "O1", 20, executionIds=[rid("E1")])
    done(allocate_by_hand(sandbox, by_hand))

    done(allocate(sandbox, "P1"))

    assert list(_by_id(sandbox).values()) == [20, 4, 26]
    done(allocate_by_hand(sandbox, {**by_hand, "quantity": 12}))
    done(allocate(sandbox, "P1"))
    assert list(_by_id(sandbox).values()) == [12, 4, 26, 2, 6]
    assert len(_by_id(sandbox)) == 5
    assert done(allocate(sandbox, "P1"))["values"] == [rid("P1")]
    assert sum(_by_id(sandbox).values()) == 50


def test_an_order_with_allocations_is_neither_moved_nor_cancelled(sandbox: Sandbox) -> None:
    done(allocate_by_hand(sandbox, allocation("A1", "O0", 5)))
    said = "order S/O0 has allocations"
    assert errors(move(sandbox, ("O0", "B9")), "OrderAllocated") == {"requests[0].orderId": [said]}
    failed = done(manage(sandbox, "cancelorders", {"k": rid("O0")}))["failed"]["k"]
    assert (failed["type"], failed["detail"]) == ("OrderAllocatedFailure", said)


def test_an_allocation_without_a_price_cannot_be_booked_and_the_rest_has_defaults(sandbox: Sandbox) -> None:
    bare, priced = allocation("A1", "O0", 5), allocation("A2", "O0", 5, price=PRICE)
    empty = allocation("A3", "O0", 5, price={"currency": "USD"})
    done(allocate_by_hand(sandbox, bare, priced, empty))

    answer = done(manage(sandbox, "booktransactions", {"allocationIds": [rid("A1"), rid("A2"), rid("A3")]}))

    failures = {key: (each["type"], each["detail"]) for key, each in answer["failed"].items()}
    said = ("AllocationWithoutPriceFailure", "the allocation has no price")
    assert failures == {"Scope:S Code:A1": said, "Scope:S Code:A3": said}
    booked = answer["values"]["Scope:S Code:A2"]
    assert (booked["totalConsideration"], booked["exchangeRate"]) == ({"amount": 10, "currency": "USD"}, 1)
    assert "counterpartyId" not in booked


def test_in_2_3_an_allocation_has_a_direction_and_may_have_a_custodian() -> None:
    with Sandbox(dialect="2.3") as sandbox:
        usd = {"amount": 10, "currency": "USD"}
        created(create_orders(sandbox, block("B1", {"id": rid("O1"), "amount": usd})))
        sent = allocation("A1", "O1", 5, side="Sell", custodianAccountId=rid("C"))
        (made,) = done(allocate_by_hand(sandbox, sent))["values"]
        assert (made["direction"], made["custodianAccountId"]) == (-1, rid("C"))


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"allocationRequests": [allocation("A1", "O0", "5")]}, ["allocationRequests[0].quantity"]),
        ({"allocationRequests": [allocation("A1", "O0", 5)] * 2}, ["allocationRequests[1].id"]),
        (
            {"allocationRequests": [allocation("A1", "O0", 5, custodianAccountId=rid("C"))]},
            ["allocationRequests[0].custodianAccountId"],
        ),
        ({"requests": []}, ["requests"]),
    ],
)
def test_an_invalid_body_is_a_400(sandbox: Sandbox, body: Body, paths: list[str]) -> None:
    assert list(errors(post(sandbox, "allocations", body))) == paths


def test_no_allocations_are_taken_as_none(sandbox: Sandbox) -> None:
    assert done(post(sandbox, "allocations", {}))["values"] == []
    assert values_of(sandbox, "allocations") == []
