"""Executions in the sandbox: upserted by id, for an existing placement, fixed once allocated."""

import pytest
from sandbox_api import (
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
    listed,
    manage,
    order,
    place,
    placement,
    post,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    created(create_orders(sandbox, block("B0", order("O0", 100))))
    done(place(sandbox, placement("P0", "B0"), placement("GONE", "B0")))
    done(manage(sandbox, "$cancelplacements", {"k": rid("GONE")}))
    return sandbox


def test_an_execution_comes_back_whole(sandbox: Sandbox) -> None:
    more = {"averagePrice": 88.75, "settlementDate": "2024-03-05", "properties": listed("Execution/S/Venue", "LSE")}
    sent = execution("E1", "P0", 12.5, **more)

    answer = created(execute(sandbox, sent))

    (made,) = answer["values"]
    assert made == get(sandbox, "executions/S/E1").json() == values_of(sandbox, "executions")[0]
    assert made.pop("version")["asAtVersionNumber"] == 1
    assert made.pop("lusidInstrumentId").startswith("LUID_")
    dates = {"createdDate": "2024-03-01T11:00:00.0000000+00:00", "settlementDate": "2024-03-05T00:00:00.0000000+00:00"}
    assert made == {**sent, **dates, "links": []}
    assert values_of(sandbox, "executions", filter="placementId.code eq 'P0'") != []


def test_an_upsert_replaces_an_execution_and_repeats_change_nothing(sandbox: Sandbox) -> None:
    done(place(sandbox, placement("P1", "B0")))
    first = created(execute(sandbox, execution("E1", "P0", 5)))["values"]
    assert created(execute(sandbox, execution("E1", "P0", 5)))["values"] == first

    (changed,) = created(execute(sandbox, execution("E1", "P1", 6, averagePrice=2)))["values"]

    assert (changed["quantity"], changed["placementId"], changed["averagePrice"]) == (6, rid("P1"), 2)
    assert changed["version"]["asAtVersionNumber"] == 2
    assert values_of(sandbox, "executions") == [changed]
    assert done(manage(sandbox, "$cancelplacements", {"k": rid("P0")}))["failed"] == {}


def test_an_allocated_execution_is_fixed(sandbox: Sandbox) -> None:
    executed(sandbox, order("O1", 100), quantity=10)
    done(allocate(sandbox, "P1"))
    created(execute(sandbox, execution("E1", "P1", 10)))
    said = {"requests[0].id": ["execution S/E1 exists with differing fields and has been allocated"]}
    assert errors(execute(sandbox, execution("E1", "P1", 11)), "ResourceConflict") == said


def test_one_bad_execution_refuses_the_call_and_every_culprit_is_named(sandbox: Sandbox) -> None:
    answer = execute(sandbox, execution("E1", "P0"), execution("E2", "P9"), execution("E3", "GONE"))

    assert errors(answer, "PlacementNotFound") == {
        "requests[1].placementId": ["no placement has the id S/P9"],
        "requests[2].placementId": ["placement S/GONE is cancelled"],
    }
    assert answer.json()["code"] == 725
    assert values_of(sandbox, "executions") == []


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ([], ["$"]),
        ({"requests": [execution("E1", "P0"), execution("E1", "P0")]}, ["requests[1].id"]),
        ({"requests": [execution("E1", "P0", "5")]}, ["requests[0].quantity"]),
        ({"requests": [execution("E1", "P0", price={"currency": "USD"})]}, ["requests[0].price.amount"]),
        ({"requests": [execution("E1", "P0", counterparty="")]}, ["requests[0].counterparty"]),
        ({"requests": [{"id": rid("E1")}]}, None),
    ],
)
def test_an_invalid_body_is_a_400(shared: Sandbox, body: Body, paths: list[str] | None) -> None:
    found = errors(post(shared, "executions", body))
    required = {f"requests[0].{name}" for name in execution("E1", "P0") if name != "id"}
    assert set(found) == (required if paths is None else set(paths))


def test_no_executions_are_taken_as_none(sandbox: Sandbox) -> None:
    assert created(execute(sandbox))["values"] == []
    assert created(post(sandbox, "executions", {}))["values"] == []


def test_a_number_with_more_decimals_than_a_decimal_has_is_refused(sandbox: Sandbox) -> None:
    text = b'{"requests":[{"id":{"scope":"S","code":"E1"},"averagePrice":%b}]}'
    fine = errors(post(sandbox, "executions", text % b"1.2345678901234567890123456789"))
    over = errors(post(sandbox, "executions", text % b"1.23456789012345678901234567891"))
    assert set(over) - set(fine) == {"requests[0].averagePrice"}
    assert over["requests[0].averagePrice"] == ["has more than 28 decimals"]
