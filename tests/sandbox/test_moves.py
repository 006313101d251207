"""moveorders in the sandbox: quantities are adjusted, blocks created, and differing fields refuse the whole call."""

from typing import Any

import pytest
from sandbox_api import (
    FIGI,
    Body,
    block,
    create_orders,
    created,
    done,
    errors,
    executed,
    get,
    manage,
    move,
    order,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox

PRICE = {"amount": 5, "currency": "USD"}


def _orders_by_block(sandbox: Sandbox) -> dict[str, tuple[list[str], object]]:
    """For each block the codes of its orders, and its quantity."""
    blocks = values_of(sandbox, "blocks")
    return {each["id"]["code"]: ([one["code"] for one in each["orderIds"]], each["quantity"]) for each in blocks}


def _versionless(document: Body) -> Body:
    return {name: value for name, value in document.items() if name != "version"}


def test_a_moved_order_leaves_its_block_and_both_quantities_are_adjusted(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1", 100), order("O2", 50)), block("B2", order("O3", 7))))

    (moved,) = done(move(sandbox, ("O2", "B2")))["values"]

    assert moved["sourceBlockId"] == rid("B1")
    assert moved["destinationBlock"]["orderIds"] == [rid("O2"), rid("O3")]
    assert moved["order"] == get(sandbox, "orders/S/O2").json()
    assert moved["destinationBlock"] == get(sandbox, "blocks/S/B2").json()
    versions = [get(sandbox, f"{path}").json()["version"] for path in ("orders/S/O2", "blocks/S/B1", "blocks/S/B2")]
    assert [each["asAtVersionNumber"] for each in versions] == [2, 2, 2]
    assert _orders_by_block(sandbox) == {"B1": (["O1"], 100), "B2": (["O2", "O3"], 57)}


def test_a_missing_destination_is_created_from_the_orders_fields(sandbox: Sandbox) -> None:
    fields: dict[str, Any] = {"type": "Limit", "timeInForce": "GTC", "limitPrice": PRICE}
    created(create_orders(sandbox, block("B1", order("O1", 100), **fields)))

    (moved,) = done(move(sandbox, ("O1", "NEW")))["values"]

    made = _versionless(moved["destinationBlock"])
    assert made.pop("createdDate") == moved["destinationBlock"]["version"]["asAtDate"]
    assert made == {
        "id": rid("NEW"),
        "orderIds": [rid("O1")],
        "quantity": 100,
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        "lusidInstrumentId": moved["order"]["lusidInstrumentId"],
        "side": "Buy",
        **fields,
        "isSwept": False,
        "properties": {},
        "links": [],
    }
    assert _orders_by_block(sandbox) == {"B1": ([], 0), "NEW": (["O1"], 100)}


def test_a_block_without_orders_takes_the_fields_of_the_moved_order(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1")), block("B2", side="Sell", type="Limit", limitPrice=PRICE)))

    (moved,) = done(move(sandbox, ("O1", "B2")))["values"]

    made = moved["destinationBlock"]
    assert (made["side"], made["type"], "limitPrice" in made) == ("Buy", "Market", False)


def test_an_order_already_in_the_destination_stays_and_leaves_no_block(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1"))))
    first = done(move(sandbox, ("O1", "B2")))["values"][0]

    again = done(move(sandbox, ("O1", "B2")))["values"][0]

    assert again == {**first, "sourceBlockId": None}


def test_one_bad_move_refuses_the_call_and_every_culprit_is_named(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1"), order("O2")), block("SELL", order("O3"), side="Sell")))
    before = values_of(sandbox, "blocks")

    answer = move(sandbox, ("O1", "B9"), ("NONE", "B1"), ("O2", "SELL"))

    assert errors(answer, "OrderNotFound") == {
        "requests[1].orderId": ["no order has the id S/NONE"],
        "requests[2].destinationBlockId": ["block S/SELL exists and references orders with a differing side"],
    }
    assert answer.json()["code"] == 650
    assert values_of(sandbox, "blocks") == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"instrumentIdentifiers": {FIGI: "OTHER"}}, "lusidInstrumentId"),
        ({"type": "Limit", "limitPrice": PRICE, "timeInForce": "GTC"}, "type, timeInForce, limitPrice"),
        ({"stopPrice": PRICE}, "stopPrice"),
    ],
)
def test_each_differing_blocking_field_is_a_conflict(sandbox: Sandbox, change: dict[str, Any], named: str) -> None:
    created(create_orders(sandbox, block("B1", order("O1")), block("B2", order("O2"), **change)))

    refused = move(sandbox, ("O1", "B2"))

    said = f"block S/B2 exists and references orders with a differing {named}"
    assert errors(refused, "ResourceConflict") == {"requests[0].destinationBlockId": [said]}


def test_a_cancelled_order_and_one_of_an_executed_block_are_not_moved(sandbox: Sandbox) -> None:
    executed(sandbox, order("O1", 100), quantity=10)
    created(create_orders(sandbox, block("B2", order("O2", state="Canceled"))))

    assert errors(move(sandbox, ("O1", "B3"), ("O2", "B3")), "OrderExecuted") == {
        "requests[0].orderId": ["order S/O1 is in block S/B1, which has been executed"],
        "requests[1].orderId": ["order S/O2 is cancelled"],
    }


def test_a_moved_order_sent_again_is_still_known(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1", 5))))
    done(move(sandbox, ("O1", "B2")))

    created(create_orders(sandbox, block("B2", order("O1", 5))))
    refused = create_orders(sandbox, block("B1", order("O1", 5)))

    assert errors(refused, "ResourceConflict") == {"requests[0].orders[0].id": ["order S/O1 exists in block S/B2"]}


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"requests": []}, ["requests"]),
        ({"requests": [{"orderId": rid("O"), "destinationBlockId": rid("B")}] * 101}, ["requests"]),
        ({"requests": [{"orderId": rid("O")}]}, ["requests[0].destinationBlockId"]),
        ({"requests": [{"orderId": rid("O"), "destinationBlockId": rid("B")}] * 2}, ["requests[1].orderId"]),
    ],
)
def test_an_invalid_body_is_a_400(shared: Sandbox, body: Body, paths: list[str]) -> None:
    assert list(errors(manage(shared, "moveorders", body))) == paths


def test_a_moved_order_outlives_the_process(tmp_path: Any) -> None:
    with Sandbox(database=tmp_path / "db") as sandbox:
        created(create_orders(sandbox, block("B1", order("O1", 5))))
        done(move(sandbox, ("O1", "B2")))
    with Sandbox(database=tmp_path / "db") as sandbox:
        assert _orders_by_block(sandbox) == {"B1": ([], 0), "B2": (["O1"], 5)}
