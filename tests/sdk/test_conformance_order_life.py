"""The life of an order in the sandbox, held to the official SDK: every call of each release, good and bad.

One process for each SDK makes the calls of `order_life_calls`; 2.x twice, through the blocking client and through the
asyncio client, each against a sandbox of its own. The tests then look at the answers.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from api_examples import api_example
from order_life_calls import UNALLOCATED, legacy_life, my, oldest_life, order_life, preparation
from sandbox_api import manage
from sandbox_calls import Document
from sdk_compare import differences
from sdk_env import NEWEST, located, run_in_sdk

from connectors.sandbox.server import Sandbox

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]

Calls = Callable[[], Iterator[tuple[str, Document]]]
LIVES: dict[str, tuple[str, Calls]] = {
    "2.1": ("2.1", lambda: order_life("2.1")),
    "2.3": ("2.3", lambda: order_life("2.3")),
    NEWEST: ("2.3", lambda: order_life("2.3")),
    "preview-1.1": ("legacy", legacy_life),
    "preview-1.0": ("legacy", oldest_life),
}
REFUSED = {
    "move refused": 400,
    "place nowhere": 400,
    "execute nothing": 400,
    "allocate, placeholder": 400,
    "allocate too much": 400,
    "book nothing": 400,
    "get no placement": 404,
    "get no execution": 404,
    "get no allocation": 404,
}
"""The calls that a server must refuse, and how."""


@dataclass(frozen=True)
class Life:
    """The answer to every call with one SDK, by client and by name of the call."""

    sdk: str
    answers: dict[str, dict[str, Document]]

    def returned(self, name: str) -> Iterator[Document]:
        """What the SDK made of an answer, through each client."""
        for client, answers in self.answers.items():
            found = answers[name]
            assert found.get("returned", "null") != "null", (client, found)
            yield json.loads(found["returned"])

    def problems(self, name: str) -> Iterator[Document]:
        """The problem details of a refusal as the SDK's model has them, through each client."""
        for client, answers in self.answers.items():
            assert "problem" in answers[name], (client, answers[name])
            yield json.loads(answers[name]["problem"])


@pytest.fixture(scope="module", params=LIVES)
def life(request: pytest.FixtureRequest) -> Life:
    sdk: str = request.param
    dialect, calls = LIVES[sdk]
    named = dict(calls())
    clients = ["blocking"] if dialect == "legacy" else ["blocking", "asynchronous"]
    with ExitStack() as stack:
        payload = []
        for client in clients:
            sandbox = stack.enter_context(Sandbox(dialect=dialect))
            if dialect == "legacy":
                _prepare(sandbox)
            environ = {**located(sdk, sandbox.url), "FBN_ACCESS_TOKEN": sandbox.access_token}
            is_asynchronous = client == "asynchronous"
            payload.append({"environ": environ, "asynchronous": is_asynchronous, "calls": list(named.values())})
        done: Any = run_in_sdk(sdk, "drive.py", payload)
    answers = {client: dict(zip(named, each, strict=True)) for client, each in zip(clients, done, strict=True)}
    return Life(sdk, answers)


def _prepare(sandbox: Sandbox) -> None:
    for path, body in preparation():
        answer = manage(sandbox, path, body)
        assert answer.ok, answer.text


every_2x = pytest.mark.parametrize("life", ["2.1", "2.3", NEWEST], indirect=True)
with_booking = pytest.mark.parametrize("life", ["2.1", "2.3", NEWEST, "preview-1.1"], indirect=True)


def _key(code: str) -> str:
    return f"Scope:MyScope Code:{code}"


def test_good_calls_are_answered_and_bad_ones_raise_an_api_exception(life: Life) -> None:
    for client, answers in life.answers.items():
        raised = {name: each.get("status", each) for name, each in answers.items() if "exception" in each}
        assert raised == {name: status for name, status in REFUSED.items() if name in answers}, client


def test_answers_deserialise_without_loss(life: Life) -> None:
    for answers in life.answers.values():
        kept = {name: each for name, each in answers.items() if "returned" in each}
        lost = {name: differences(each["body"], each["returned"]) for name, each in kept.items()}
        assert lost == {name: [] for name in kept}


def test_refusals_are_problem_details_that_the_sdk_reads(life: Life) -> None:
    for name in REFUSED:
        if name not in life.answers["blocking"]:
            continue
        for details in life.problems(name):
            assert details["status"] == REFUSED[name]
            assert isinstance(details["code"], int)
            assert details["name"]
            assert details["title"]
            assert details["detail"]
            assert bool(details.get("errors")) == (details["status"] == 400)


def test_both_clients_are_answered_alike(life: Life) -> None:
    statuses = [{name: each.get("status") for name, each in answers.items()} for answers in life.answers.values()]
    assert statuses[0] == statuses[-1]


@every_2x
def test_the_documented_move_leaves_a_block_and_makes_one(life: Life) -> None:
    for body in life.returned("move"):
        (moved,) = body["values"]
        assert moved["sourceBlockId"] == my("SOURCE")
        assert moved["destinationBlock"]["id"] == my("BLOCK00000123")
        assert moved["destinationBlock"]["orderIds"] == [moved["order"]["id"]] == [my("ORDER00000123")]
    for problem in life.problems("move refused"):
        assert list(problem["errors"]) == ["requests[1].destinationBlockId", "requests[2].orderId"]


@every_2x
def test_the_documented_placement_is_placed_and_updated(life: Life) -> None:
    example: Any = api_example("placeblocks").body
    for body in life.returned("place"):
        (made,) = body["values"]
        sent = example["requests"][0]
        assert differences(json.dumps(sent), json.dumps({name: made[name] for name in sent})) == []
    for body in life.returned("update"):
        assert body["values"]["request1"]["version"]["asAtVersionNumber"] == 2
        assert body["failed"] == {}
    for body in life.returned("update nobody"):
        assert (list(body["failed"]), body["values"]["m"]["quantity"]) == (["k"], 2.5)
    for body in life.returned("place nothing"):
        assert body["values"] == []
    for problem in life.problems("place nowhere"):
        assert list(problem["errors"]) == ["requests[0].blockIds"]


@pytest.mark.parametrize("life", ["2.3", NEWEST], indirect=True)
def test_today_types_and_prices_change_below_a_market_block(life: Life) -> None:
    for body in life.returned("update type"):
        placement = body["values"]["k"]
        prices = {"amount": 7.25, "currency": "GBP"}, {"amount": 7, "currency": "GBP"}
        assert (placement["type"], placement["limitPrice"], placement["stopPrice"]) == ("StopLimit", *prices)
    for body in life.returned("update to market"):
        placement = body["values"]["k"]
        assert (placement["type"], placement["limitPrice"], placement["stopPrice"]) == ("Market", None, None)
    for body in life.returned("update refused"):
        assert body["failed"]["k"]["type"] == "PlacementTypeNotValidFailure"


@every_2x
def test_the_documented_cancellations_cancel_what_can_be(life: Life) -> None:
    for body in life.returned("cancel orders"):
        states = {key: value["orderState"]["state"] for key, value in body["values"].items()}
        assert (states, body["failed"]) == ({"request1": "Cancelled", "request2": "Cancelled"}, {})
    for body in life.returned("cancel executed order"):
        failures = {key: each["type"] for key, each in body["failed"].items()}
        assert failures == {"k": "OrderExecutedFailure", "n": "OrderNotFoundFailure"}
    for body in life.returned("cancel placements"):
        assert body["failed"]["request1"]["type"] == "PlacementExecutedFailure"
        assert body["values"]["request2"]["placementState"]["state"] == "Cancelled"
        assert body["values"]["request2"]["cancelledChildPlacements"] == [my("KID")]


def test_the_documented_allocation_names_the_placements_that_succeeded(life: Life) -> None:
    for name in ("allocate", "allocate again"):
        for body in life.returned(name):
            assert body["values"] == [my("PLAC00000123"), my("PLAC00000456")]
            assert body["failed"] == {}
    for body in life.returned("allocate some"):
        assert body["values"] == [my("PLAC00000456")]
        empty, nobody = _key(UNALLOCATED), _key("nobody")
        failures = {key: (each["id"], each["type"], each["detail"]) for key, each in body["failed"].items()}
        assert failures == {
            empty: (empty, "EmptyPortfolioIdFailure", "Empty PortfolioId on Order"),
            nobody: (nobody, "PlacementNotFoundFailure", "no placement has the id MyScope/nobody"),
        }
    for problem in life.problems("allocate, placeholder"):
        assert list(problem["errors"]) == ["allocationAlgorithm"]


def test_what_was_allocated_is_listed(life: Life) -> None:
    for body in life.returned("list allocations"):
        allocated = [(each["allocatedOrderId"]["code"], each["quantity"]) for each in body["values"]]
        automatic, by_hand = allocated[:4], allocated[4:]
        assert automatic == [("ORDER00000123", 40), ("A", 4), ("B", 3), ("C", 3)]
        assert by_hand == [("ORDER00000124", 1000), ("ORDER00000124", 5.5)]
    for body in life.returned("first page of placements"):
        assert [each["id"] for each in body["values"]] == [my("PLAC00000123")]
        assert body["nextPage"]


@with_booking
def test_the_documented_booking_books_once(life: Life) -> None:
    for first, again in zip(life.returned("book"), life.returned("book again"), strict=True):
        assert list(first["values"]) == [_key("ALLOC00000123"), _key("ALLOC00000456")]
        assert first["failed"] == {}
        assert again == first
        total = first["values"][_key("ALLOC00000123")]["totalConsideration"]
        assert total == {"amount": 88800, "currency": "USD"}
    for body in life.returned("list transactions"):
        assert sum(Decimal(str(each["units"])) for each in body["values"]) == Decimal("1005.5")
        assert {each["orderId"]["code"] for each in body["values"]} == {"ORDER00000124"}


@every_2x
def test_marking_keeps_the_transaction_and_names_the_unknown(life: Life) -> None:
    for body in life.returned("book and mark"):
        assert list(body["values"]) == [_key("ALLOC00000123")]
        assert list(body["failed"]) == [_key("nobody")]
    for body in life.returned("get allocation"):
        assert body["state"] == "Booked"
