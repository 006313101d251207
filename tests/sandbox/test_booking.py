"""booktransactions in the sandbox: fields mapped from allocations, booked once, marked on request."""

from pathlib import Path
from typing import Any

import pytest
from sandbox_api import (
    FIGI,
    Body,
    allocate,
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
    problem,
    rid,
    values_of,
)

from connectors.sandbox.server import Sandbox

TRANSACTIONS = "transactionportfolios/S/P/transactions"


def _allocations(sandbox: Sandbox, *orders: Body, quantity: object, **more: Any) -> list[Body]:
    executed(sandbox, *orders, quantity=quantity, **more)
    done(allocate(sandbox, "P1"))
    return values_of(sandbox, "allocations")


def _book(sandbox: Sandbox, allocations: list[Body], body: Body | None = None, **parameters: str) -> Body:
    ids = [each["id"] for each in allocations]
    return done(manage(sandbox, "booktransactions", {"allocationIds": ids, **(body or {})}, **parameters))


def _key(resource_id: Body) -> str:
    return f"Scope:{resource_id['scope']} Code:{resource_id['code']}"


def test_a_transaction_is_made_of_its_allocation(sandbox: Sandbox) -> None:
    more = {"settlementDate": "2024-03-05", "settlementCurrency": "GBP", "settlementCurrencyFxRate": 0.8}
    (allocation,) = _allocations(sandbox, order("O1", 1000), quantity=1000, **more)
    properties = listed("Transaction/S/Strategy", "growth")
    gone = {"Transaction/S/None": {"key": "Transaction/S/None", "value": None}}

    answer = _book(
        sandbox,
        [allocation],
        {"transactionProperties": {**properties, **gone}},
        applyFeesAndCommission="True",
    )

    key = _key(allocation["id"])
    assert list(answer) == ["values", "failed"]
    assert (list(answer["values"]), answer["failed"]) == ([key], {})
    booked = answer["values"][key]
    assert values_of(sandbox, TRANSACTIONS) == [booked]
    assert booked.pop("transactionId").startswith("TXN-")
    assert booked.pop("entryDateTime").endswith("+00:00")
    assert booked == {
        "type": "Buy",
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        "instrumentScope": "default",
        "instrumentUid": allocation["lusidInstrumentId"],
        "transactionDate": "2024-03-01T11:00:00.0000000+00:00",
        "settlementDate": "2024-03-05T00:00:00.0000000+00:00",
        "units": 1000,
        "transactionPrice": {"price": 88.8, "type": "Price"},
        "totalConsideration": {"amount": 71040, "currency": "GBP"},
        "exchangeRate": 0.8,
        "transactionCurrency": "USD",
        "properties": properties,
        "counterpartyId": "Broker",
        "source": "",
        "transactionStatus": "Active",
        "orderId": rid("O1"),
        "allocationId": allocation["id"],
    }


def test_in_one_currency_the_rate_does_not_count(sandbox: Sandbox) -> None:
    (allocation,) = _allocations(sandbox, order("O1", 1000), quantity=1000, settlementCurrencyFxRate=3)
    (booked,) = _book(sandbox, [allocation])["values"].values()
    assert booked["totalConsideration"] == {"amount": 88800, "currency": "USD"}
    assert booked["settlementDate"] == booked["transactionDate"]


def test_booking_twice_gives_the_same_transactions(sandbox: Sandbox) -> None:
    allocations = _allocations(sandbox, order("O1", 30), order("O2", 70), quantity=40)
    first = _book(sandbox, allocations, {"transactionProperties": listed("Transaction/S/A", "first")})

    again = _book(sandbox, allocations * 2, {"transactionProperties": listed("Transaction/S/A", "second")})

    assert again == first
    assert values_of(sandbox, TRANSACTIONS) == list(first["values"].values())
    assert [each["units"] for each in first["values"].values()] == [12, 28]


def test_an_unknown_allocation_fails_alone(sandbox: Sandbox) -> None:
    (allocation,) = _allocations(sandbox, order("O1", 30), quantity=30)

    answer = _book(sandbox, [{"id": rid("A9")}, allocation])

    key = "Scope:S Code:A9"
    assert list(answer["values"]) == [_key(allocation["id"])]
    assert answer["failed"] == {
        key: {
            "id": key,
            "type": "AllocationNotFoundFailure",
            "detail": "no allocation has the id S/A9",
            "errorDetails": [],
        }
    }


def test_marking_marks_allocations_and_the_orders_that_are_fully_booked(sandbox: Sandbox) -> None:
    first, second = _allocations(sandbox, order("O1", 12), order("O2", 70), quantity=41)
    _book(sandbox, [first, second])
    assert {each["state"] for each in values_of(sandbox, "allocations")} == {"New"}

    _book(sandbox, [first, second], markOrdersAndAllocationsAsBooked="true")

    assert [(each["quantity"], each["state"]) for each in values_of(sandbox, "allocations")] == [
        (first["quantity"], "Booked"),
        (second["quantity"], "Booked"),
    ]
    assert {each["state"] for each in values_of(sandbox, "orders")} == {"New"}
    _fill_the_rest(sandbox)
    rest = [each for each in values_of(sandbox, "allocations") if each["state"] == "New"]
    _book(sandbox, rest[:1], markOrdersAndAllocationsAsBooked="true")
    assert [each["state"] for each in values_of(sandbox, "orders")] == ["Booked", "New"]
    _book(sandbox, rest, markOrdersAndAllocationsAsBooked="true")
    assert [each["state"] for each in values_of(sandbox, "orders")] == ["Booked", "Booked"]
    assert get(sandbox, "orders/S/O1").json()["version"]["asAtVersionNumber"] == 2
    assert get(sandbox, "blocks/S/B1").json()["quantity"] == 82


def _fill_the_rest(sandbox: Sandbox) -> None:
    created(execute(sandbox, execution("E2", "P1", 41)))
    done(allocate(sandbox, "P1"))


def test_a_portfolios_transactions_page_and_filter(sandbox: Sandbox) -> None:
    orders = [order(f"O{n}", 10, portfolioId=rid("Q" if n == 3 else "P")) for n in range(5)]
    _book(sandbox, _allocations(sandbox, *orders, quantity=50))

    first = done(get(sandbox, TRANSACTIONS, limit=3))
    second = done(get(sandbox, TRANSACTIONS, limit=3, page=first["nextPage"]))

    everyone = [each["orderId"]["code"] for each in (*first["values"], *second["values"])]
    assert everyone == ["O0", "O1", "O2", "O4"]
    assert (second["nextPage"], first["version"]["asAtVersionNumber"]) == (None, 1)
    (found,) = values_of(sandbox, TRANSACTIONS, filter="orderId.code eq 'O4' and type eq 'Buy'")
    assert found == second["values"][0]
    assert values_of(sandbox, "transactionportfolios/S/NOBODY/transactions") == []
    assert list(errors(get(sandbox, TRANSACTIONS, fromTransactionDate="2024-01-01"))) == ["fromTransactionDate"]
    assert list(errors(get(sandbox, "transactionportfolios/S/a%20b/transactions"))) == ["code"]


@pytest.mark.parametrize(
    ("body", "parameters", "paths"),
    [
        ({}, {}, ["allocationIds"]),
        ([rid("A")], {}, ["$"]),
        ({"allocationIds": []}, {}, ["allocationIds"]),
        ({"allocationIds": [rid("A")] * 5001}, {}, ["allocationIds"]),
        ({"allocationIds": [rid("A")], "fxInstrumentType": "None"}, {}, ["fxInstrumentType"]),
        ({"allocationIds": [rid("A")]}, {"applyFeesAndCommission": "yes"}, ["applyFeesAndCommission"]),
        (
            {"allocationIds": [rid("A")]},
            {"markOrdersAndAllocationsAsBooked": "1"},
            ["markOrdersAndAllocationsAsBooked"],
        ),
        (
            {"allocationIds": [rid("A")], "transactionProperties": listed("Order/S/A", "x")},
            {},
            ["transactionProperties.Order/S/A", "transactionProperties.Order/S/A.key"],
        ),
    ],
)
def test_an_invalid_body_or_parameter_is_a_400(
    shared: Sandbox, body: Any, parameters: dict[str, str], paths: list[str]
) -> None:
    assert list(errors(manage(shared, "booktransactions", body, **parameters))) == paths


def test_in_2_3_no_fx_orders_are_made_whatever_instrument_is_asked_for() -> None:
    with Sandbox(dialect="2.3") as sandbox:
        allocations = _allocations(sandbox, order("O1", 30), quantity=30)
        assert _book(sandbox, allocations, {"fxInstrumentType": "FxSpot"})["fxOrders"] == []
        body = {"allocationIds": [rid("A")], "fxInstrumentType": "Forward"}
        said = {"fxInstrumentType": ["must be one of None, FxForward, FxSpot"]}
        assert errors(manage(sandbox, "booktransactions", body)) == said


def test_the_legacy_dialect_takes_a_bare_list() -> None:
    with Sandbox(dialect="legacy") as sandbox:
        (allocation,) = _allocations(sandbox, order("O1", 30), quantity=30)
        answer = done(manage(sandbox, "booktransactions", [allocation["id"]]))
        assert list(answer["values"]) == [_key(allocation["id"])]
        assert list(errors(manage(sandbox, "booktransactions", {"allocationIds": [rid("A")]}))) == ["$"]


def test_booked_transactions_outlive_the_process(tmp_path: Path) -> None:
    with Sandbox(database=tmp_path / "db") as sandbox:
        allocations = _allocations(sandbox, order("O1", 30), quantity=30)
        booked = list(_book(sandbox, allocations)["values"].values())
    with Sandbox(database=tmp_path / "db") as sandbox:
        assert list(_book(sandbox, allocations)["values"].values()) == booked
        assert values_of(sandbox, TRANSACTIONS) == booked


def test_quantities_and_prices_of_many_digits_multiply_exactly(sandbox: Sandbox) -> None:
    price = {"amount": 0.1234567890123456, "currency": "USD"}
    (allocation,) = _allocations(sandbox, order("O1", 123456789.123), quantity=123456789.123, price=price)
    answer = manage(sandbox, "booktransactions", {"allocationIds": [allocation["id"]]})
    assert b'"amount":15241578.7668998541827969088,' in answer.content


def test_a_single_transaction_has_no_address_of_its_own(shared: Sandbox) -> None:
    problem(get(shared, f"{TRANSACTIONS}/TXN-1"), 404)
