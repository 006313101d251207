"""updateorders in the sandbox: what may change, when, and what its block has of it."""

from typing import Any

from sandbox_api import (
    block,
    create_orders,
    created,
    done,
    get,
    manage,
    order,
    rid,
)

from connectors.sandbox.server import Sandbox


def updated(sandbox: Sandbox, code: str, **change: Any) -> dict[str, Any]:
    answer = done(manage(sandbox, "updateorders", {"k": {"id": rid(code), **change}}))
    found: dict[str, Any] = answer["values"].get("k") or answer["failed"]["k"]
    return found


def block_of(sandbox: Sandbox, code: str) -> dict[str, Any]:
    found: dict[str, Any] = get(sandbox, f"blocks/{rid(code)['scope']}/{code}").json()
    return found


def test_an_update_changes_the_order_and_the_quantity_of_its_block(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1", 10), order("O2", 20))))
    assert updated(sandbox, "O1", quantity=70, portfolioId=rid("PF"))["portfolioId"] == rid("PF")
    assert block_of(sandbox, "B1")["quantity"] == 90
    assert updated(sandbox, "NOBODY", quantity=1)["type"] == "OrderNotFoundFailure"


def test_what_orders_of_a_block_share_changes_for_its_only_order_alone(sandbox: Sandbox) -> None:
    price = {"amount": 5, "currency": "USD"}
    created(create_orders(sandbox, block("B1", order("O1", 10), order("O2", 20)), block("B2", order("O3", 1))))
    assert updated(sandbox, "O1", limitPrice=price)["type"] == "ResourceConflictFailure"
    assert updated(sandbox, "O3", limitPrice=price)["limitPrice"] == price
    assert block_of(sandbox, "B2")["limitPrice"] == price


def test_a_cancelled_order_takes_new_properties_only(sandbox: Sandbox) -> None:
    created(create_orders(sandbox, block("B1", order("O1", 10))))
    done(manage(sandbox, "cancelorders", {"k": rid("O1")}))
    assert updated(sandbox, "O1", quantity=11)["type"] == "OrderCancelledFailure"
    why = {"Order/Details/Why": {"key": "Order/Details/Why", "value": {"labelValue": "typo"}}}
    assert updated(sandbox, "O1", quantity=10, properties=why)["properties"] == why
