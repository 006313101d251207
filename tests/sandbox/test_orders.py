"""createorders in the sandbox: all or nothing, every culprit named, blocking fields, exact quantities."""

from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_api import FIGI, block, create_orders, created, errors, get, listed, order, post, problem, rid

from connectors.sandbox.domain.arithmetic import total
from connectors.sandbox.domain.blocks import direction
from connectors.sandbox.domain.reference.instruments import assumed_luid
from connectors.sandbox.server import Sandbox

CURRENCY = "Instrument/default/Currency"


def _counts(sandbox: Sandbox) -> tuple[int, int]:
    blocks, orders = (get(sandbox, path).json()["values"] for path in ("blocks", "orders"))
    return len(blocks), len(orders)


def test_a_block_and_its_orders_come_back_whole(sandbox: Sandbox) -> None:
    sent_order = order(
        "O1",
        100,
        properties=listed("Order/S/Trader", "Ann"),
        portfolioId=rid("P"),
        orderBookId=rid("B"),
        orderInstruction=rid("I"),
        package=rid("K"),
        price={"amount": 5, "currency": "GBP"},
        date="2020-02-29T10:30:00+01:00",
    )
    price = {"amount": 534, "currency": "USD"}
    sent = block(
        "B1",
        sent_order,
        order("O2", 150),
        type="Limit",
        limitPrice=price,
        date="1999-06-05",
        blockProperties=listed("Block/S/Desk", "FX"),
        instrumentIdentifiers={CURRENCY: "GBP"},
    )
    body = created(create_orders(sandbox, sent))
    assert {k: v for k, v in body.items() if k not in ("values", "links")} == {
        "href": None,
        "nextPage": None,
        "previousPage": None,
    }
    (pair,) = body["values"]
    versions = [each.pop("version") for each in (pair["block"], *pair["orders"])]
    assert [v["asAtVersionNumber"] for v in versions] == [1, 1, 1]
    now = pair["orders"][1].pop("date")
    assert now == versions[0]["asAtDate"]
    instrument = {"instrumentIdentifiers": {CURRENCY: "GBP"}, "lusidInstrumentId": "CCY_GBP"}
    common = {**instrument, "side": "Buy", "type": "Limit", "timeInForce": "Day", "limitPrice": price, "links": []}
    assert pair["block"] == {
        **common,
        "id": rid("B1"),
        "orderIds": [rid("O1"), rid("O2")],
        "quantity": 250,
        "createdDate": "1999-06-05T00:00:00.0000000+00:00",
        "isSwept": False,
        "properties": listed("Block/S/Desk", "FX"),
    }
    assert pair["orders"] == [
        {
            **common,
            "id": rid("O1"),
            "quantity": 100,
            "state": "New",
            "date": "2020-02-29T09:30:00.0000000+00:00",
            "properties": listed("Order/S/Trader", "Ann"),
            "portfolioId": rid("P"),
            "orderBookId": rid("B"),
            "orderInstructionId": rid("I"),
            "packageId": rid("K"),
            "price": {"amount": 5, "currency": "GBP"},
        },
        {**common, "id": rid("O2"), "quantity": 150, "state": "New", "properties": {}},
    ]
    assert get(sandbox, "blocks/S/B1").json() == {**pair["block"], "version": versions[0]}
    assert get(sandbox, "orders/S/O1").json() == {**pair["orders"][0], "version": versions[1]}


def test_a_second_call_adds_orders_and_the_quantity_is_adjusted(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1", 100))))
    (pair,) = created(create_orders(sandbox, block("B1", order("O2", 50))))["values"]
    assert pair["block"]["quantity"] == 150
    assert pair["block"]["orderIds"] == [rid("O1"), rid("O2")]
    assert [each["id"] for each in pair["orders"]] == [rid("O2")]
    assert pair["block"]["version"]["asAtVersionNumber"] == 2


def test_the_same_orders_sent_again_are_accepted_and_not_duplicated(sandbox: Sandbox) -> None:
    sent = block("B1", order("O1", 100), order("O2", 50))
    first = created(create_orders(sandbox, sent))["values"][0]
    again = created(create_orders(sandbox, sent))["values"][0]
    assert again["orders"] == first["orders"]
    assert again["block"]["quantity"] == 150
    assert _counts(sandbox) == (1, 2)


def test_one_bad_entry_refuses_the_call_and_every_culprit_is_named(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1")), block("B2", order("O2"))))
    answer = create_orders(
        sandbox,
        block("B9", order("O9")),
        block("B1", order("O8"), side="Sell"),
        block("B2", order("O2", 7), order("O1")),
        block("B7", order("O7"), type="Limit"),
    )
    assert errors(answer, "ResourceConflict") == {
        "requests[1].side": ["block S/B1 exists and references orders with a differing side"],
        "requests[2].orders[0].id": ["order S/O2 exists with differing fields"],
        "requests[2].orders[1].id": ["order S/O1 exists in block S/B1"],
        "requests[3].limitPrice": ["is required for type Limit"],
    }
    assert answer.json()["code"] == 461
    assert _counts(sandbox) == (2, 2)


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"instrumentIdentifiers": {FIGI: "OTHER"}}, "instrumentIdentifiers"),
        ({"side": "Sell"}, "side"),
        ({"type": "Market"}, "type"),
        ({"timeInForce": "Day"}, "timeInForce"),
        ({"limitPrice": {"amount": 2, "currency": "USD"}}, "limitPrice"),
        ({"limitPrice": {"amount": 1, "currency": "GBP"}}, "limitPrice"),
        ({"stopPrice": {"amount": 9, "currency": "USD"}}, "stopPrice"),
    ],
)
def test_each_blocking_field_that_differs_is_a_conflict(shared: Sandbox, change: dict[str, Any], member: str) -> None:
    fields = {"type": "StopLimit", "timeInForce": "GTC"}
    prices = {name: {"amount": 1, "currency": "USD"} for name in ("limitPrice", "stopPrice")}
    created(create_orders(shared, block("B1", order("O1"), **fields, **prices)))
    refused = create_orders(shared, block("B1", order("O2"), **{**fields, **prices, **change}))
    assert list(errors(refused, "ResourceConflict")) == [f"requests[0].{member}"]


def test_equal_prices_written_differently_do_not_conflict(sandbox: Sandbox) -> None:
    entry = (
        b'{"requests":[{"blockId":{"scope":"S","code":"B1"},"orders":[{"id":{"scope":"S","code":"%b"},"quantity":1}],'
    )
    entry += b'"instrumentIdentifiers":{"Instrument/default/Figi":"F"},"side":"Buy","type":"Limit",'
    entry += b'"limitPrice":{"amount":%b,"currency":"USD"}}]}'
    created(post(sandbox, "ordermanagement/createorders", entry % (b"O1", b"1.50")))
    created(post(sandbox, "ordermanagement/createorders", entry % (b"O2", b"1.5")))


def test_what_a_request_omits_is_the_blocks_own(sandbox: Sandbox) -> None:
    fields = {"type": "Limit", "timeInForce": "GTC", "limitPrice": {"amount": 1, "currency": "USD"}}
    created(create_orders(sandbox, block("B1", order("O1"), **fields)))
    silent = block("B1", order("O2"))
    for name in ("side", "type", "timeInForce"):
        del silent[name]
    added = created(create_orders(sandbox, silent))["values"][0]["orders"][0]
    assert {name: added[name] for name in (*fields, "side")} == {**fields, "side": "Buy"}


def test_a_new_block_without_type_is_market_for_the_day_and_needs_a_side(sandbox: Sandbox) -> None:
    bare = {"blockId": rid("B1"), "instrumentIdentifiers": {FIGI: "F"}}
    refused = create_orders(sandbox, {**bare, "orders": [order("O1")]})
    assert list(errors(refused)) == ["requests[0].side"]
    sided = create_orders(sandbox, {**bare, "orders": [order("O1", side="Sell"), order("O2")]})
    made = created(sided)["values"][0]["block"]
    assert (made["type"], made["timeInForce"], made["side"]) == ("Market", "Day", "Sell")
    mixed = create_orders(sandbox, {**bare, "orders": [order("O3", side="Buy")]})
    assert list(errors(mixed, "ResourceConflict")) == ["requests[0].orders[0].side"]


def test_a_block_without_orders_may_still_change(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1")))
    changed = block("B1", order("O1"), side="Sell", instrumentIdentifiers={FIGI: "NEW"})
    made = created(create_orders(sandbox, changed))["values"][0]["block"]
    assert (made["side"], made["instrumentIdentifiers"]) == ("Sell", {FIGI: "NEW"})


@pytest.mark.parametrize(
    ("type_", "missing"),
    [("limit", ["limitPrice"]), ("Stop", ["stopPrice"]), ("Stop Limit", ["limitPrice", "stopPrice"])],
)
def test_priced_types_need_their_prices(shared: Sandbox, type_: str, missing: list[str]) -> None:
    answer = create_orders(shared, block("NEW", order("NEW"), type=type_, limitPrice=None))
    assert list(errors(answer)) == [f"requests[0].{name}" for name in missing]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"requests": []}, ["requests"]),
        ({"requests": [block(f"B{n}") for n in range(101)]}, ["requests"]),
        ({}, ["requests"]),
        ([], ["$"]),
        ({"requests": [block("B1", {"id": rid("O1")})]}, ["requests[0].orders[0].quantity"]),
        ({"requests": [block("B1", order("O1", "100"))]}, ["requests[0].orders[0].quantity"]),
        ({"requests": [block("B1", order("x" * 257))]}, ["requests[0].orders[0].id.code"]),
        ({"requests": [block("B 1")]}, ["requests[0].blockId.code"]),
        ({"requests": [block("B1", order("O1"), order("O1"))]}, ["requests[0].orders[1].id"]),
        ({"requests": [block("B1", order("O1")), block("B2", order("O1"))]}, ["requests[1].orders[0].id"]),
        ({"requests": [block("B1", instrumentIdentifiers={})]}, ["requests[0].instrumentIdentifiers"]),
        (
            {"requests": [block("B1", order("O1", amount={"amount": 1, "currency": "USD"}))]},
            ["requests[0].orders[0].amount"],
        ),
        (
            {"requests": [block("B1", blockProperties=listed("Order/S/C", "x"))]},
            ["requests[0].blockProperties.Order/S/C", "requests[0].blockProperties.Order/S/C.key"],
        ),
        (
            {"requests": [block("B1", limitPrice={"amount": 1})]},
            ["requests[0].limitPrice.currency"],
        ),
    ],
)
def test_an_invalid_body_is_a_400(shared: Sandbox, body: Any, paths: list[str]) -> None:
    assert list(errors(post(shared, "ordermanagement/createorders", body))) == paths


def test_dialect_2_3_takes_an_amount_a_quantity_both_and_neither(sandbox_23: Sandbox) -> None:
    money = {"amount": 10, "currency": "USD"}
    by_amount = [{"id": rid(code), "amount": money, "custodianAccountId": rid("C")} for code in ("O1", "O2")]
    made = created(create_orders(sandbox_23, block("B1", *by_amount)))["values"][0]
    assert (made["block"]["amount"], made["block"]["basis"]) == ({"amount": 20, "currency": "USD"}, "Amount")
    assert (made["orders"][0]["direction"], made["orders"][0]["custodianAccountId"]) == (1, rid("C"))
    mixed = created(create_orders(sandbox_23, block("B1", order("O3", 5))))["values"][0]["block"]
    assert (mixed["quantity"], mixed["basis"]) == (5, None)
    euros = {"id": rid("O4"), "amount": {"amount": 1, "currency": "EUR"}}
    assert created(create_orders(sandbox_23, block("B1", euros)))["values"][0]["block"]["amount"] is None
    both = block("B2", order("O5", 1, amount=money))
    pairs = created(create_orders(sandbox_23, both, block("B3", {"id": rid("O6")})))["values"]
    assert [pair["orders"][0]["basis"] for pair in pairs] == ["Quantity", None]


def test_a_code_that_no_path_takes_is_found_in_the_list(shared: Sandbox) -> None:
    code = "A/1@desk#7;^&?+*." + "x" * 200
    created(create_orders(shared, block("WIDE", order(code))))
    assert list(errors(get(shared, f"orders/S/{quote(code.replace('/', '-'), safe='')}"))) == ["code"]
    found = get(shared, "orders", filter=f"id.code in ('{code}', 'NONE')").json()["values"]
    assert [each["id"] for each in found] == [rid(code)]


def test_single_entities_are_found_or_404(shared: Sandbox) -> None:
    assert problem(get(shared, "orders/S/NONE"), 404)["detail"] == "no order has the id S/NONE"
    assert problem(get(shared, "blocks/S/NONE"), 404)["detail"] == "no block has the id S/NONE"
    assert list(errors(get(shared, "blocks/S/bad%20code"))) == ["code"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.decimals(min_value=-(10**20), max_value=10**20, places=8), min_size=1, max_size=5))
def test_quantities_survive_exactly_and_add_up(quantities: list[Decimal]) -> None:
    assert Fraction(total(quantities)) == sum(Fraction(each) for each in quantities)


def test_quantities_travel_as_written(sandbox: Sandbox) -> None:
    text = b'{"requests":[{"blockId":{"scope":"S","code":"B"},"instrumentIdentifiers":{"Instrument/default/Figi":"F"},'
    text += b'"side":"Buy","orders":[{"id":{"scope":"S","code":"O1"},"quantity":0.1},'
    text += b'{"id":{"scope":"S","code":"O2"},"quantity":12345678901234567890.20}]}]}'
    answer = post(sandbox, "ordermanagement/createorders", text)
    assert b'"quantity":0.1,' in answer.content
    assert b'"quantity":12345678901234567890.20,' in answer.content
    assert b'"quantity":12345678901234567890.30' in get(sandbox, "blocks").content


def test_instruments_get_the_same_luid_each_time() -> None:
    assert assumed_luid({FIGI: "A"}) == assumed_luid({FIGI: "A"})
    assert assumed_luid({FIGI: "A"}) != assumed_luid({FIGI: "B"})
    assert len(assumed_luid({FIGI: "A"})) == len("LUID_00000000")
    assert assumed_luid({"Instrument/default/LusidInstrumentId": "LUID_X", FIGI: "A"}) == "LUID_X"


def test_a_side_says_its_direction_when_its_name_does() -> None:
    assert [direction(side) for side in ("buy", "SELL", "Sell-Short", "Rollover")] == [1, -1, -1, None]
