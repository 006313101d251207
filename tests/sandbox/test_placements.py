"""placeblocks and $updateplacements in the sandbox: the block must exist; what may change, and how."""

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
    get,
    listed,
    manage,
    order,
    place,
    placement,
    post,
    problem,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox

USD = {"amount": 5, "currency": "USD"}
LIMIT: dict[str, Any] = {"type": "Limit", "limitPrice": USD}


BOUGHT = block("B1", order("O1", 100))
SOLD = block("B2", order("O2", 50), side="Sell")


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    created(create_orders(sandbox, BOUGHT, SOLD))
    return sandbox


@pytest.fixture
def sandbox_23(sandbox_23: Sandbox) -> Sandbox:
    created(create_orders(sandbox_23, BOUGHT, SOLD, block("LIM", order("O3"), **LIMIT)))
    return sandbox_23


def _update(sandbox: Sandbox, **updates: Body) -> Body:
    asked = {key: {"id": rid("P1"), **change} for key, change in updates.items()}
    return done(manage(sandbox, "$updateplacements", asked))


def _updated(sandbox: Sandbox, **change: Any) -> Body:
    answer = _update(sandbox, one=change)
    assert answer["failed"] == {}, answer
    found: Body = answer["values"]["one"]
    return found


def _refusal(sandbox: Sandbox, **change: Any) -> tuple[str, str]:
    before = values_of(sandbox, "placements")
    answer = _update(sandbox, one=change)
    assert answer["values"] == {}
    assert values_of(sandbox, "placements") == before
    return answer["failed"]["one"]["type"], answer["failed"]["one"]["detail"]


def test_a_placement_comes_back_whole(sandbox: Sandbox) -> None:
    sent = placement(
        "P1",
        "B1",
        "B2",
        parentPlacementId=rid("NOT-THERE"),
        properties=listed("Placement/S/Venue", "LSE"),
        limitPrice=USD,
        stopPrice={"amount": 4.5, "currency": "USD"},
        counterparty="Broker",
        executionSystem="EMS",
        entryType="Manual",
    )

    answer = done(place(sandbox, sent))

    (made,) = answer["values"]
    version = made.pop("version")
    assert version["asAtVersionNumber"] == 1
    luid = get(sandbox, "blocks/S/B1").json()["lusidInstrumentId"]
    date = "2024-03-01T10:00:00.0000000+00:00"
    assert made == {**sent, "createdDate": date, "lusidInstrumentId": luid, "links": []}
    assert (answer["href"], answer["nextPage"], answer["previousPage"]) == (None, None, None)
    assert get(sandbox, "placements/S/P1").json() == {**made, "version": version}
    assert values_of(sandbox, "placements", filter="blockIds.code eq 'B2' and state eq 'New'") == [
        {**made, "version": version}
    ]
    assert values_of(sandbox, "placements", filter="blockIds.code eq 'B3'") == []


def test_a_placement_sent_again_is_not_duplicated_and_a_differing_one_conflicts(sandbox: Sandbox) -> None:
    first = done(place(sandbox, placement("P1", "B1")))["values"]

    assert done(place(sandbox, placement("P1", "B1")))["values"] == first
    refused = place(sandbox, placement("P2", "B1"), placement("P1", "B1", quantity=7))
    assert errors(refused, "ResourceConflict") == {"requests[1].id": ["placement S/P1 exists with differing fields"]}
    assert values_of(sandbox, "placements") == first


def test_a_block_that_does_not_exist_refuses_the_call(sandbox: Sandbox) -> None:
    answer = place(sandbox, placement("P1", "B1"), placement("P2", "B1", "B8"), placement("P3", "B9"))

    assert errors(answer, "BlockNotFound") == {
        "requests[1].blockIds": ["no block has the id S/B8"],
        "requests[2].blockIds": ["no block has the id S/B9"],
    }
    assert answer.json()["code"] == 727
    assert values_of(sandbox, "placements") == []


@pytest.mark.parametrize("body", [b"", b"null"])
def test_without_a_body_nothing_is_placed(sandbox: Sandbox, body: bytes) -> None:
    assert done(manage(sandbox, "placeblocks", body))["values"] == []
    assert done(post(sandbox, "ordermanagement/placeblocks", b"", headers={"Content-Type": ""}))["values"] == []


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["requests"]),
        ({"requests": []}, ["requests"]),
        ({"requests": [placement(f"P{n}", "B1") for n in range(101)]}, ["requests"]),
        ({"requests": [placement("P1")]}, ["requests[0].blockIds"]),
        ({"requests": [placement("P1", "B1"), placement("P1", "B1")]}, ["requests[1].id"]),
        ({"requests": [placement("P1", "B1", state=None)]}, ["requests[0].state"]),
        ({"requests": [placement("P1", "B1", amount=USD)]}, ["requests[0].amount"]),
        (
            {"requests": [placement("P1", "B1", properties=listed("Order/S/X", "y"))]},
            ["requests[0].properties.Order/S/X", "requests[0].properties.Order/S/X.key"],
        ),
    ],
)
def test_an_invalid_body_is_a_400(shared: Sandbox, body: Body, paths: list[str]) -> None:
    assert list(errors(manage(shared, "placeblocks", body))) == paths


def test_in_2_3_a_placement_may_have_an_amount_or_no_size_and_says_its_basis(sandbox_23: Sandbox) -> None:
    bare = placement("P1", "B1", quantity=None, state=None)
    by_amount = placement("P2", "B2", quantity=None, amount=USD)
    both = placement("P3", "B1", "B2", quantity=3, amount=USD)

    made = done(place(sandbox_23, bare, by_amount, both))["values"]

    assert [(each["basis"], each["direction"], each["state"]) for each in made] == [
        (None, 1, "New"),
        ("Amount", -1, "New"),
        ("Quantity", None, "New"),
    ]
    assert made[1]["amount"] == USD


def test_an_update_changes_what_it_gives_and_keeps_the_rest(sandbox: Sandbox) -> None:
    properties = {**listed("Placement/S/A", "a"), **listed("Placement/S/B", "b"), **listed("Placement/S/C", "c")}
    before = done(place(sandbox, placement("P1", "B1", properties=properties, counterparty="X")))["values"][0]
    gone = {"Placement/S/A": {"key": "Placement/S/A", "value": None}}

    answer = _update(
        sandbox,
        first={"quantity": 70, "entryType": "Ems", "executionSystem": "E"},
        second={"properties": {**gone, **listed("Placement/S/B", "new")}, "counterparty": "Y"},
    )

    after = answer["values"]["second"]
    assert after == get(sandbox, "placements/S/P1").json()
    assert after.pop("version")["asAtVersionNumber"] == 3
    before.pop("version")
    assert after == {
        **before,
        "quantity": 70,
        "entryType": "Ems",
        "executionSystem": "E",
        "counterparty": "Y",
        "properties": {**listed("Placement/S/B", "new"), **listed("Placement/S/C", "c")},
    }
    assert (answer["href"], answer["failed"], answer["metadata"]) == (None, {}, {})
    assert get(sandbox, "blocks/S/B1").json()["quantity"] == 100


def test_an_update_that_cannot_be_done_fails_its_key_alone(sandbox: Sandbox) -> None:
    done(place(sandbox, placement("P1", "B1"), placement("P2", "B1")))
    done(manage(sandbox, "$cancelplacements", {"x": rid("P2")}))
    asked = {"ok": {"id": rid("P1")}, "none": {"id": rid("P9")}, "gone": {"id": rid("P2"), "quantity": 1}}

    answer = done(manage(sandbox, "$updateplacements", asked))

    assert list(answer["values"]) == ["ok"]
    assert answer["failed"] == {
        "none": {
            "id": "none",
            "type": "PlacementNotFoundFailure",
            "detail": "no placement has the id S/P9",
            "errorDetails": [],
        },
        "gone": {
            "id": "gone",
            "type": "PlacementCancelledFailure",
            "detail": "placement S/P2 is cancelled",
            "errorDetails": [],
        },
    }


def test_what_2_1_cannot_update_is_named(sandbox: Sandbox) -> None:
    body = {"k": {"id": rid("P1"), "type": "Limit", "limitPrice": 1, "currency": "USD"}, "m": {}}
    answer = manage(sandbox, "$updateplacements", body)
    assert list(errors(answer)) == ["k.type", "k.limitPrice", "k.currency", "m.id"]


def test_a_type_may_change_only_below_a_market_block(sandbox_23: Sandbox) -> None:
    done(place(sandbox_23, placement("P1", "B1", "LIM", **LIMIT)))
    assert _refusal(sandbox_23, type="Stop") == ("PlacementTypeNotValidFailure", "block S/LIM is not of type Market")
    assert _updated(sandbox_23, type="Limit", limitPrice=6)["limitPrice"] == {"amount": 6, "currency": "USD"}


def test_changing_the_type_to_market_clears_the_prices_and_another_type_keeps_them(sandbox_23: Sandbox) -> None:
    done(place(sandbox_23, placement("P1", "B1", **LIMIT, stopPrice=USD)))
    stopped = _updated(sandbox_23, type="StopLimit")
    assert (stopped["type"], stopped["limitPrice"], stopped["stopPrice"]) == ("StopLimit", USD, USD)
    market = _updated(sandbox_23, type="Market")
    assert (market["type"], "limitPrice" in market, "stopPrice" in market) == ("Market", False, False)
    refused = {
        name: _refusal(sandbox_23, **{name: value}) for name, value in {"currency": "USD", "stopPrice": 1}.items()
    }
    assert refused == {
        name: ("PlacementPriceNotValidFailure", f"a Market placement takes no {name}")
        for name in ("currency", "stopPrice")
    }


def test_a_price_without_a_currency_is_kept_unseen_until_one_comes(sandbox_23: Sandbox) -> None:
    done(place(sandbox_23, placement("P1", "B1")))
    priced = _updated(sandbox_23, type="Limit", limitPrice=5)
    assert not [name for name in priced if "rice" in name]
    assert get(sandbox_23, "placements/S/P1").json() == priced
    assert _updated(sandbox_23, currency="USD")["limitPrice"] == USD
    assert _updated(sandbox_23, currency="GBP")["limitPrice"] == {"amount": 5, "currency": "GBP"}
    assert _updated(sandbox_23, limitPrice=7)["limitPrice"] == {"amount": 7, "currency": "GBP"}


def test_the_currency_of_a_placement_by_amount_is_the_amounts(sandbox_23: Sandbox) -> None:
    done(place(sandbox_23, placement("P1", "B1", quantity=None, amount=USD, type="Limit", limitPrice=USD)))
    said = ("PlacementCurrencyNotValidFailure", "the amount's currency is USD, not GBP")
    assert _refusal(sandbox_23, currency="GBP") == said
    pounds = {"amount": 9, "currency": "GBP"}
    changed = _updated(sandbox_23, currency="GBP", amount=pounds)
    assert (changed["amount"], changed["limitPrice"]["currency"], changed["basis"]) == (pounds, "GBP", "Amount")
    assert _updated(sandbox_23, quantity=3)["basis"] == "Quantity"


def test_single_placements_are_found_or_404(sandbox: Sandbox) -> None:
    assert problem(get(sandbox, "placements/S/NONE"), 404)["detail"] == "no placement has the id S/NONE"


def test_a_placement_of_another_instrument_is_accepted(sandbox: Sandbox) -> None:
    done(place(sandbox, placement("P1", "B1", instrumentIdentifiers={FIGI: "OTHER"}, side="Sell", quantity=9999)))
