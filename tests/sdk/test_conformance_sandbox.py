"""The sandbox is held to the official SDK: each release's own client drives it, good calls and bad.

One process for each SDK makes every call twice, through the blocking client with a bearer token and
through the asyncio client with a password, each against a sandbox of its own. The tests then look
at the answers.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from sandbox_calls import AMOUNT_ORDER, LIST, LONG_QUANTITY, Document, all_calls, documented
from sdk_compare import differences
from sdk_env import NEWEST, located, run_in_sdk

from connectors.sandbox.server import Sandbox

STYLES = ("blocking", "asynchronous")

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]
every_client = pytest.mark.parametrize("style", STYLES)
every_batch = pytest.mark.parametrize("name", ["investor-records", "investment-accounts"])

BATCH_KEYS = ["firstExampleRequest", "secondExampleRequest"]


@dataclass(frozen=True)
class Driven:
    """The answer to every call in one dialect, by client, and then by group and name of the call."""

    dialect: str
    answers: dict[str, dict[tuple[str, str], Document]]

    def returned(self, client: str, group: str, name: str) -> Document:
        """What the SDK made of an answer."""
        found = self.answers[client][group, name]
        assert found.get("returned", "null") != "null", found
        document: Document = json.loads(found["returned"])
        return document

    def problem(self, client: str, group: str, name: str) -> Document:
        """The problem details of a refusal, as the SDK's own model has them."""
        found = self.answers[client][group, name]
        assert "problem" in found, found
        document: Document = json.loads(found["problem"])
        return document


@pytest.fixture(scope="module", params=["2.1", "2.3", NEWEST])
def driven(request: pytest.FixtureRequest) -> Driven:
    sdk: str = request.param
    dialect = "2.3" if sdk == NEWEST else sdk
    calls = dict(all_calls(dialect))
    with Sandbox(dialect=dialect) as first, Sandbox(dialect=dialect) as second:
        token = {**located(sdk, first.url), "FBN_ACCESS_TOKEN": first.access_token}
        password = {
            **located(sdk, second.url),
            "FBN_TOKEN_URL": second.token_url,
            "FBN_USERNAME": "night",
            "FBN_PASSWORD": "shift",
            "FBN_CLIENT_ID": "client",
            "FBN_CLIENT_SECRET": "secret",
        }
        stolen = token | {"FBN_ACCESS_TOKEN": "stolen"}
        clients = {
            "blocking": (token, calls),
            "asynchronous": (password, calls),
            "blocking, stolen token": (stolen, {LIST: calls[LIST]}),
            "asynchronous, stolen token": (stolen, {LIST: calls[LIST]}),
        }
        payload = [
            {
                "environ": environ,
                "asynchronous": client.startswith("asynchronous"),
                "calls": list(its_calls.values()),
            }
            for client, (environ, its_calls) in clients.items()
        ]
        done: Any = run_in_sdk(sdk, "drive.py", payload)
    answers = {
        client: dict(zip(its_calls, its_answers, strict=True))
        for (client, (_, its_calls)), its_answers in zip(clients.items(), done, strict=True)
    }
    return Driven(dialect, answers)


REFUSED = {
    "placeholder mode",
    "atomic, one bad",
    "partial, malformed",
    "get nobody",
    "conflict",
    "no orders' block",
    "get no block",
}


@every_client
def test_good_calls_are_answered_and_bad_ones_raise_an_api_exception(driven: Driven, style: str) -> None:
    found = driven.answers[style]

    raised = {key for key, each in found.items() if "exception" in each}
    assert raised == {key for key in found if key[1] in {*REFUSED, "shape of 2.1"}}


@every_client
def test_answers_deserialise_without_loss(driven: Driven, style: str) -> None:
    lost = {
        key: differences(each["body"], each["returned"])
        for key, each in driven.answers[style].items()
        if "returned" in each
    }

    assert lost == {key: [] for key in lost}


@every_client
def test_refusals_are_problem_details_that_the_sdk_reads(driven: Driven, style: str) -> None:
    for (_, name), each in driven.answers[style].items():
        if name in REFUSED:
            details = json.loads(each["problem"])
            status = 404 if name.startswith("get") else 400
            assert each["status"] == status
            assert details["status"] == status
            assert isinstance(details["code"], int)
            assert details["name"]
            assert details["title"]
            assert details["detail"]
            assert bool(details.get("errors")) == (status == 400)


def test_both_clients_are_answered_alike(driven: Driven) -> None:
    blocking, asynchronous = (driven.answers[style] for style in STYLES)

    assert {key: each.get("status") for key, each in blocking.items()} == {
        key: each.get("status") for key, each in asynchronous.items()
    }


@every_client
@every_batch
def test_a_partial_batch_keeps_the_good_and_names_the_bad(driven: Driven, style: str, name: str) -> None:
    body = driven.returned(style, name, "partial, one bad")

    assert list(body["values"]) == BATCH_KEYS
    assert list(body["failed"]) == ["bad"]
    assert body["failed"]["bad"]["type"].endswith("Failure")
    assert "Robot" in body["failed"]["bad"]["detail"]


@every_client
@every_batch
def test_an_atomic_batch_with_a_bad_one_names_it_and_keeps_nothing(driven: Driven, style: str, name: str) -> None:
    refusal = driven.problem(style, name, "atomic, one bad")
    kept = driven.returned(style, name, "partial, one bad")["values"]

    assert [path.split(".")[0] for path in refusal["errors"]] == ["bad"]
    versions = {entity["version"]["asAtVersionNumber"] for entity in kept.values()}
    assert versions == {1}


@every_client
@every_batch
def test_what_was_sent_is_what_the_sdk_reads_back(driven: Driven, style: str, name: str) -> None:
    example: Any = documented(name, driven.dialect).body
    values = driven.returned(style, name, "atomic")["values"]

    assert list(values) == BATCH_KEYS
    for key, request in example.items():
        same = ("displayName", "description", "accountType", "scope", "identifiers", "properties")
        asked_for = {member: request[member] for member in same if member in request}
        given = {member: values[key][member] for member in asked_for}
        assert differences(json.dumps(asked_for), json.dumps(given)) == []


@every_client
def test_a_single_get_answers_what_the_upsert_answered(driven: Driven, style: str) -> None:
    upserted = driven.returned(style, "investor-records", "atomic")["values"]
    got = driven.returned(style, "investor-records", "get")

    assert {**got, "links": None} == {**upserted["firstExampleRequest"], "links": None}


@every_client
def test_an_account_lists_its_holders_records_and_portfolios(driven: Driven, style: str) -> None:
    account = driven.returned(style, "investment-accounts", "get")
    record = driven.returned(style, "investor-records", "get")

    addresses: dict[str, Document] = {
        "2.1": {"code": "PORT1"},
        "2.3": {"identifiers": {"Portfolio/default/Code": "PORT1"}},
    }
    (holder,) = account["accountHolders"]
    (portfolio,) = account["investmentPortfolios"]
    assert holder["key"] == "AccountHolder1"
    assert holder["investorRecord"]["lusidInvestorRecordId"] == record["lusidInvestorRecordId"]
    address = {"key": "Main", "scope": "MyScope", **addresses[driven.dialect]}
    assert portfolio | address == portfolio


@every_client
def test_lists_hold_what_was_kept_and_page(driven: Driven, style: str) -> None:
    kept = driven.returned(style, "investor-records", "atomic")["values"]
    listed = driven.returned(style, "investor-records", "list")
    page = driven.returned(style, "investor-records", "first page")

    names = [record["displayName"] for record in kept.values()]
    assert [record["displayName"] for record in listed["values"]] == names
    assert [record["displayName"] for record in page["values"]] == names[:1]
    assert listed["nextPage"] is None
    assert page["nextPage"]


@every_client
def test_orders_and_blocks_come_back_as_documented(driven: Driven, style: str) -> None:
    created = driven.returned(style, "createorders", "create")["values"]
    again = driven.returned(style, "createorders", "create again")["values"]

    (pair,) = created
    assert pair["block"]["quantity"] == 250
    assert pair["block"]["orderIds"] == [order["id"] for order in pair["orders"]]
    assert [order["quantity"] for order in pair["orders"]] == [100, 150]
    assert {order["state"] for order in pair["orders"]} == {"New"}
    assert [order["id"] for order in again[0]["orders"]] == pair["block"]["orderIds"]
    assert driven.returned(style, "createorders", "get order")["quantity"] == 100
    assert driven.returned(style, "createorders", "get block")["quantity"] == 250


@every_client
def test_a_quantity_of_many_digits_is_kept_exactly(driven: Driven, style: str) -> None:
    orders = driven.returned(style, "createorders", "list orders")["values"]
    blocks = driven.returned(style, "createorders", "list blocks")["values"]

    assert [order["quantity"] for order in orders][:3] == [100, 150, LONG_QUANTITY]
    assert [block["quantity"] for block in blocks][:2] == [250, LONG_QUANTITY]


@every_client
def test_a_conflicting_block_is_refused_and_the_entry_named(driven: Driven, style: str) -> None:
    refusal = driven.problem(style, "createorders", "conflict")

    assert list(refusal["errors"]) == ["requests[0].side"]


@every_client
def test_a_token_that_was_never_issued_is_refused(driven: Driven, style: str) -> None:
    refusal = driven.answers[f"{style}, stolen token"][LIST]

    assert refusal["status"] == 401
    assert json.loads(refusal["problem"])["status"] == 401


@pytest.mark.parametrize("driven", ["2.3", NEWEST], indirect=True)
@every_client
def test_todays_orders_may_carry_an_amount_and_records_need_a_scope(driven: Driven, style: str) -> None:
    (pair,) = driven.returned(style, "createorders", "amount")["values"]
    refused = driven.answers[style]["investor-records", "shape of 2.1"]

    assert pair["orders"][0]["amount"] == AMOUNT_ORDER["amount"]
    assert pair["orders"][0]["quantity"] is None
    assert refused["exception"] == "ValidationError"
    assert "scope" in refused["message"]
