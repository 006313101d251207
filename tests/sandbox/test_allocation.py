"""allocate in the sandbox: PR-FIFO over real orders, nothing allocated twice, failures by placement, nothing lost."""

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_api import (
    FIGI,
    Body,
    allocate,
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
    problem,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox

P1 = "Scope:S Code:P1"


def _orders(*quantities: object) -> list[Body]:
    return [order(f"O{n}", quantity) for n, quantity in enumerate(quantities, 1)]


def _allocated(sandbox: Sandbox) -> dict[str, Decimal]:
    """The allocated quantity of each order."""
    out: dict[str, Decimal] = defaultdict(Decimal)
    for each in values_of(sandbox, "allocations"):
        out[each["allocatedOrderId"]["code"]] += Decimal(str(each["quantity"]))
    return dict(out)


def test_the_documented_example_gives_twelve(sandbox: Sandbox) -> None:
    executed(sandbox, *_orders(30, 70), quantity=40)

    answer = done(allocate(sandbox, "P1", allocationAlgorithm="PR-FIFO"))

    assert answer == {"values": [rid("P1")], "failed": {}}
    assert _allocated(sandbox) == {"O1": 12, "O2": 28}


def test_leftovers_go_to_the_oldest_order_first(sandbox: Sandbox) -> None:
    executed(sandbox, *_orders(33, 33, 34), quantity=10)
    done(allocate(sandbox, "P1"))
    assert _allocated(sandbox) == {"O1": 4, "O2": 3, "O3": 3}


def test_an_allocation_is_made_of_its_execution_and_its_order(sandbox: Sandbox) -> None:
    more = {"settlementDate": "2024-03-05", "settlementCurrency": "GBP", "settlementCurrencyFxRate": 0.8}
    executed(sandbox, order("O1", 100), quantity=40, **more)

    done(allocate(sandbox, "P1"))

    (made,) = values_of(sandbox, "allocations", filter="executionIds.code eq 'E1'")
    code = made["id"]["code"]
    assert made == get(sandbox, f"allocations/S/{code}").json()
    assert made.pop("version")["asAtVersionNumber"] == 1
    assert made.pop("id") == rid(code)
    assert made == {
        "allocatedOrderId": rid("O1"),
        "portfolioId": rid("P"),
        "quantity": 40,
        "placementIds": [rid("P1")],
        "executionIds": [rid("E1")],
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        "lusidInstrumentId": get(sandbox, "orders/S/O1").json()["lusidInstrumentId"],
        "date": "2024-03-01T11:00:00.0000000+00:00",
        "settlementDate": "2024-03-05T00:00:00.0000000+00:00",
        "price": {"amount": 88.8, "currency": "USD"},
        "settlementCurrency": "GBP",
        "settlementCurrencyFxRate": 0.8,
        "counterparty": "Broker",
        "side": "Buy",
        "type": "Market",
        "state": "New",
        "properties": {},
        "links": [],
    }
    assert problem(get(sandbox, "allocations/S/NONE"), 404)["detail"] == "no allocation has the id S/NONE"


def test_in_2_3_custodian_and_direction_follow_the_order_and_amounts_are_not_shared() -> None:
    with Sandbox(dialect="2.3") as sandbox:
        usd = {"amount": 10, "currency": "USD"}
        by_amount = {"id": rid("O2"), "amount": usd}
        executed(sandbox, order("O1", 5, custodianAccountId=rid("C")), by_amount, quantity=9)
        done(allocate(sandbox, "P1"))
        (made,) = values_of(sandbox, "allocations")
        assert (made["quantity"], made["custodianAccountId"], made["direction"]) == (5, rid("C"), 1)


def test_a_repeated_call_allocates_nothing_twice(sandbox: Sandbox) -> None:
    executed(sandbox, *_orders(30, 70), quantity=40)
    done(allocate(sandbox, "P1"))
    before = values_of(sandbox, "allocations")

    assert done(allocate(sandbox, "P1", "P1"))["values"] == [rid("P1")]

    assert values_of(sandbox, "allocations") == before


def test_a_later_execution_is_shared_by_what_is_still_unfilled(sandbox: Sandbox) -> None:
    executed(sandbox, *_orders(30, 70), quantity=40)
    done(allocate(sandbox, "P1"))
    created(execute(sandbox, execution("E2", "P1", 20), execution("E3", "P1", 99)))

    done(allocate(sandbox, "P1"))

    by_execution = defaultdict(list)
    for each in values_of(sandbox, "allocations"):
        by_execution[each["executionIds"][0]["code"]].append(each["quantity"])
    assert by_execution == {"E1": [12, 28], "E2": [6, 14], "E3": [12, 28]}
    assert _allocated(sandbox) == {"O1": 30, "O2": 70}


@pytest.mark.parametrize("asked", [("P1", "P2"), ("P2", "P1")])
def test_the_oldest_placement_is_allocated_first_whichever_is_named_first(asked: tuple[str, str]) -> None:
    with Sandbox() as sandbox:
        executed(sandbox, *_orders(10, 20), quantity=8)
        done(place(sandbox, placement("P2", "B1")))
        created(execute(sandbox, execution("E2", "P2", 4)))

        assert done(allocate(sandbox, *asked))["values"] == [rid(code) for code in asked]

        by_execution = [
            (each["executionIds"][0]["code"], each["quantity"]) for each in values_of(sandbox, "allocations")
        ]
        assert by_execution == [("E1", 3), ("E1", 5), ("E2", 2), ("E2", 2)]


def test_what_was_executed_beyond_the_orders_waits_for_another_order(sandbox: Sandbox) -> None:
    executed(sandbox, order("O1", 30), quantity=50)
    done(allocate(sandbox, "P1"))
    created(create_orders(sandbox, block("B1", order("O2", 5, portfolioId=rid("P")))))
    done(allocate(sandbox, "P1"))
    assert _allocated(sandbox) == {"O1": 30, "O2": 5}


def test_orders_of_all_the_placements_blocks_share_and_cancelled_ones_do_not(sandbox: Sandbox) -> None:
    first, second, third, fourth = (order(f"O{n}", 10, portfolioId=rid("P")) for n in range(1, 5))
    created(create_orders(sandbox, block("B2", first), block("B1", second, third), block("B2", fourth)))
    done(manage(sandbox, "cancelorders", {"k": rid("O3")}))
    done(place(sandbox, placement("P1", "B1", "B2", "B1")))
    created(execute(sandbox, execution("E1", "P1", 10)))

    done(allocate(sandbox, "P1"))

    assert _allocated(sandbox) == {"O1": 4, "O2": 3, "O4": 3}


def test_an_order_without_a_portfolio_fails_its_placement_alone(sandbox: Sandbox) -> None:
    executed(sandbox, order("O1", 30), order("O2", 70, portfolioId=None), quantity=10)
    created(create_orders(sandbox, block("B2", order("O3", 9, portfolioId=rid("P")))))
    done(place(sandbox, placement("P2", "B2"), placement("P3", "B1")))
    created(execute(sandbox, execution("E2", "P2", 9)))

    answer = done(allocate(sandbox, "P1", "P2", "P9", "P3"))

    none = "Scope:S Code:P9"
    assert answer == {
        "values": [rid("P2"), rid("P3")],
        "failed": {
            P1: {
                "id": P1,
                "type": "EmptyPortfolioIdFailure",
                "detail": "Empty PortfolioId on Order",
                "errorDetails": [],
            },
            none: {
                "id": none,
                "type": "PlacementNotFoundFailure",
                "detail": "no placement has the id S/P9",
                "errorDetails": [],
            },
        },
    }
    assert _allocated(sandbox) == {"O3": 9}


@pytest.mark.parametrize(
    ("body", "parameters", "paths"),
    [
        ([], {"allocationAlgorithm": "PR-LF"}, ["allocationAlgorithm"]),
        ([], {"allocationAlgorithm": ""}, ["allocationAlgorithm"]),
        ([rid("P")] * 101, {}, ["$"]),
        ([{"scope": "S"}], {}, ["[0].code"]),
        ({"requests": []}, {}, ["$"]),
    ],
)
def test_an_invalid_body_or_parameter_is_a_400(
    shared: Sandbox, body: Any, parameters: dict[str, str], paths: list[str]
) -> None:
    assert list(errors(manage(shared, "allocate", body, **parameters))) == paths


def test_nothing_to_allocate_is_no_failure(shared: Sandbox) -> None:
    assert done(allocate(shared)) == {"values": [], "failed": {}}


def test_the_legacy_dialect_allocates_at_both_addresses() -> None:
    with Sandbox(dialect="legacy") as sandbox:
        executed(sandbox, *_orders(30, 70), quantity=40)
        answer = done(manage(sandbox, "../allocationservice/allocate", [rid("P1")], allocationAlgorithm="PR-FIFO"))
        assert answer == done(allocate(sandbox, "P1")) == {"values": [rid("P1")], "failed": {}}
        assert _allocated(sandbox) == {"O1": 12, "O2": 28}
        (first, _) = values_of(sandbox, "allocations")
        assert sorted(first["version"]) == [
            "asAtCreated",
            "asAtDate",
            "asAtModified",
            "asAtVersionNumber",
            "effectiveFrom",
            "userIdCreated",
            "userIdModified",
        ]


def test_only_the_legacy_dialect_has_the_older_address(shared: Sandbox) -> None:
    problem(manage(shared, "../allocationservice/allocate", []), 404)


def test_allocations_outlive_the_process_and_are_not_duplicated(tmp_path: Path) -> None:
    with Sandbox(database=tmp_path / "db") as sandbox:
        executed(sandbox, *_orders(30, 70), quantity=40)
        done(allocate(sandbox, "P1"))
        before = values_of(sandbox, "allocations")
    with Sandbox(database=tmp_path / "db") as sandbox:
        done(allocate(sandbox, "P1"))
        assert values_of(sandbox, "allocations") == before
        created(execute(sandbox, execution("E2", "P1", 60)))
        done(allocate(sandbox, "P1"))
        assert _allocated(sandbox) == {"O1": 30, "O2": 70}


def test_sixteen_senders_at_once_allocate_everything_once(sandbox: Sandbox) -> None:
    executed(sandbox, *_orders(*range(1, 21)), quantity=1)
    draws = random.Random(7)

    def send(n: int) -> None:
        created(execute(sandbox, execution(f"X{n}", "P1", draws.randint(1, 9))))
        done(allocate(sandbox, "P1", "P9"))

    with ThreadPoolExecutor(16) as senders:
        list(senders.map(send, range(48)))

    bought = sum(each["quantity"] for each in values_of(sandbox, "executions"))
    ordered = {f"O{n}": n for n in range(1, 21)}
    allocated = _allocated(sandbox)
    assert sum(allocated.values()) == min(bought, sum(ordered.values()))
    assert all(allocated.get(code, 0) <= quantity for code, quantity in ordered.items())


@settings(max_examples=12)
@given(data=st.data())
def test_any_block_is_filled_exactly_and_never_over(shared: Sandbox, data: st.DataObject) -> None:
    """Orders and fills from several calls, allocated now and then: the sums are exact."""
    run = f"R{data.draw(st.integers(0, 10**12))}-{len(values_of(shared, 'blocks'))}"
    quantity = st.integers(1, 500) | st.decimals(min_value="0.01", max_value=500, places=2).map(float)
    ordered = data.draw(st.lists(quantity, min_size=1, max_size=6))
    fills = data.draw(st.lists(quantity, min_size=1, max_size=4))
    orders = [order(f"{run}-{n}", each, portfolioId=rid("P")) for n, each in enumerate(ordered)]
    created(create_orders(shared, block(run, *orders)))
    done(place(shared, placement(run, run)))
    for n, fill in enumerate(fills):
        created(execute(shared, execution(f"{run}-{n}", run, fill)))
        if data.draw(st.booleans()):
            done(allocate(shared, run))
    done(allocate(shared, run))

    made = values_of(shared, "allocations", filter=f"placementIds.code eq '{run}'")
    by_order: dict[str, Decimal] = defaultdict(Decimal)
    for each in made:
        by_order[each["allocatedOrderId"]["code"]] += Decimal(str(each["quantity"]))
    exact = [Decimal(str(each)) for each in ordered]
    assert sum(by_order.values()) == min(sum(exact), sum(Decimal(str(each)) for each in fills))
    assert all(by_order.get(each["id"]["code"], Decimal(0)) <= most for each, most in zip(orders, exact, strict=True))
