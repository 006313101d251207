"""cancelorders and $cancelplacements in the sandbox: effects, children, and what is refused."""

from sandbox_api import (
    Body,
    block,
    create_orders,
    created,
    done,
    errors,
    execute,
    executed,
    execution,
    get,
    manage,
    order,
    place,
    placement,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox


def _cancel(sandbox: Sandbox, call: str, **keys: str) -> Body:
    return done(manage(sandbox, call, {key: rid(code) for key, code in keys.items()}))


def _cancel_placements(sandbox: Sandbox, **keys: str) -> Body:
    return _cancel(sandbox, "$cancelplacements", **keys)


def _states(sandbox: Sandbox) -> dict[str, str]:
    return {each["id"]["code"]: each["state"] for each in values_of(sandbox, "placements")}


def test_a_cancelled_order_stays_in_its_block_and_no_longer_counts(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1", 100), order("O2", 50))))

    answer = _cancel(sandbox, "cancelorders", one="O2", none="O9")

    assert list(answer["values"]) == ["one"]
    assert answer["values"]["one"] == {"orderState": get(sandbox, "orders/S/O2").json()}
    assert answer["values"]["one"]["orderState"]["state"] == "Cancelled"
    assert answer["failed"]["none"] == {
        "id": "none",
        "type": "OrderNotFoundFailure",
        "detail": "no order has the id S/O9",
        "errorDetails": [],
    }
    assert (answer["href"], answer["metadata"]) == (None, {})
    left = get(sandbox, "blocks/S/B1").json()
    assert (left["quantity"], left["orderIds"]) == (100, [rid("O1"), rid("O2")])
    assert left["version"]["asAtVersionNumber"] == 2


def test_cancelling_twice_changes_nothing(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1"))))
    first = _cancel(sandbox, "cancelorders", one="O1")["values"]
    assert _cancel(sandbox, "cancelorders", one="O1")["values"] == first
    created(create_orders(sandbox, block("B1", order("O1"))))
    assert get(sandbox, "orders/S/O1").json()["state"] == "Cancelled"


def test_an_order_of_an_executed_block_is_not_cancelled(sandbox: Sandbox) -> None:
    executed(sandbox, order("O1", 60), order("O2", 40), quantity=10)

    answer = _cancel(sandbox, "cancelorders", one="O2")

    said = (answer["failed"]["one"]["type"], answer["failed"]["one"]["detail"])
    assert said == ("OrderExecutedFailure", "order S/O2 is in block S/B1, which has been executed")
    assert get(sandbox, "blocks/S/B1").json()["quantity"] == 100


def test_in_2_3_amounts_follow_cancelled_orders() -> None:
    with Sandbox(dialect="2.3") as sandbox:
        usd = {"amount": 10, "currency": "USD"}
        created(create_orders(sandbox, block("B1", {"id": rid("O1"), "amount": usd}, order("O2", 3))))
        _cancel(sandbox, "cancelorders", one="O2")
        left = get(sandbox, "blocks/S/B1").json()
        assert (left["quantity"], left["amount"], left["basis"]) == (0, usd, "Amount")


def test_cancelling_a_placement_cancels_all_below_it(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1"))))
    family = {"KID": "TOP", "KID2": "TOP", "GRANDKID": "KID"}
    below = [placement(code, "B1", parentPlacementId=rid(parent)) for code, parent in family.items()]
    done(place(sandbox, *below, placement("TOP", "B1"), placement("OTHER", "B1")))
    _cancel_placements(sandbox, k="KID2")

    answer = _cancel_placements(sandbox, top="TOP", kid="KID", none="P9")

    assert answer["values"]["top"]["cancelledChildPlacements"] == [rid("KID"), rid("GRANDKID")]
    assert answer["values"]["top"]["placementState"] == get(sandbox, "placements/S/TOP").json()
    assert answer["values"]["kid"]["placementState"]["state"] == "Cancelled"
    assert answer["values"]["kid"]["cancelledChildPlacements"] == []
    assert answer["failed"]["none"]["type"] == "PlacementNotFoundFailure"
    assert _states(sandbox) == {**dict.fromkeys([*family, "TOP"], "Cancelled"), "OTHER": "New"}
    assert get(sandbox, "placements/S/KID2").json()["version"]["asAtVersionNumber"] == 2


def test_an_execution_below_keeps_all_of_the_placements(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1"))))
    done(place(sandbox, placement("TOP", "B1"), placement("KID", "B1", parentPlacementId=rid("TOP"))))
    created(execute(sandbox, execution("E1", "KID")))

    answer = _cancel_placements(sandbox, top="TOP", kid="KID")

    assert answer["values"] == {}
    assert {(each["type"], each["detail"]) for each in answer["failed"].values()} == {
        ("PlacementExecutedFailure", "placement S/KID has been executed")
    }
    assert _states(sandbox) == {"TOP": "New", "KID": "New"}


def test_parents_in_a_circle_are_cancelled_once_each(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1"))))
    circle = [placement(code, "B1", parentPlacementId=rid(parent)) for code, parent in (("A", "B"), ("B", "A"))]
    done(place(sandbox, *circle))

    answer = _cancel_placements(sandbox, a="A")

    assert answer["values"]["a"]["cancelledChildPlacements"] == [rid("B")]
    assert _states(sandbox) == {"A": "Cancelled", "B": "Cancelled"}


def test_an_invalid_body_is_a_400(sandbox: Sandbox) -> None:
    for call in ("cancelorders", "$cancelplacements"):
        assert list(errors(manage(sandbox, call, {"k": {"scope": "S"}, "m": {"scope": "S", "code": "a b"}}))) == [
            "k.code",
            "m.code",
        ]
        assert done(manage(sandbox, call, {}))["values"] == {}
