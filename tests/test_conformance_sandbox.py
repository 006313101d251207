"""The sandbox is held to the official SDK: each release's own client drives it, good calls and bad.

One process for each SDK makes every call twice, through the blocking client with a bearer token and
through the asyncio client with a password, each against a sandbox of its own. The tests then look
at the answers.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from api_examples import ApiExample, api_example
from sdk_compare import differences
from sdk_env import run_in_sdk

from connectors.sandbox.server import Sandbox

STYLES = ("blocking", "asynchronous")

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]
every_client = pytest.mark.parametrize("style", STYLES)
every_dialect = pytest.mark.parametrize("dialect", ["2.1", "2.3"])
every_batch = pytest.mark.parametrize("name", ["investor-records", "investment-accounts"])

Document = dict[str, Any]

IR_KEY = "InvestorRecord/ExternalIdentifier/ExternalIRId"
LONG_QUANTITY = 1234567.123456789
BATCH_KEYS = ["firstExampleRequest", "secondExampleRequest"]


def documented(name: str, dialect: str) -> ApiExample:
    """A document's example; in dialect 2.3 its data in today's shapes."""
    example = api_example(name)
    if dialect == "2.1" or name == "createorders":
        return example
    body: Any = example.body
    return replace(example, body={key: todays(request) for key, request in body.items()})


def todays(request: Document) -> Document:
    """A record or account of 2.1 as 2.3 has it: with a scope, its references plain strings."""
    out = {**request, "scope": "MyScope"}
    if "investor" in request:
        kind, identifiers = request["investor"].values()
        out["investor"] = {"investorType": kind, "identifiers": plain(identifiers)}
    if "accountHolders" in request:
        types = {"Personal": "Individual", "JointMixed": "Joint"}
        out["accountType"] = types[request["accountType"]]
        out["accountHolders"] = [
            {**holder, "scope": "MyScope", "identifiers": plain(holder["identifiers"])}
            for holder in request["accountHolders"]
        ]
    return out


def plain(identifiers: Document) -> dict[str, str]:
    """The first identifier alone, as a plain string."""
    key, entry = next(iter(identifiers.items()))
    return {key: entry["value"]["labelValue"]}


def with_bad_one(example: ApiExample) -> ApiExample:
    """The example and one request more, well-formed, that the server has to refuse."""
    body: Any = example.body
    (identifier, *_) = body["firstExampleRequest"]["identifiers"]
    value = {"key": identifier, "value": {"labelValue": "new"}}
    bad = body["firstExampleRequest"] | {"identifiers": {identifier: value}}
    if "investor" in bad:
        bad["investor"] = bad["investor"] | {"investorType": "Robot"}
    else:
        bad["accountType"] = "Robotic"
    return replace(example, body={**body, "bad": bad})


def without_name(example: ApiExample) -> ApiExample:
    """The example with a request that does not fit the model."""
    body: Any = example.body
    nameless = body["secondExampleRequest"] | {"displayName": ""}
    return replace(example, body=body | {"secondExampleRequest": nameless})


def block_of(code: str, **changes: object) -> ApiExample:
    """The documented block under another code, with other orders."""
    example = api_example("createorders")
    body: Any = example.body
    (request,) = body["requests"]
    orders = [{"id": {"scope": "MyScope", "code": f"{code}-1"}, "quantity": LONG_QUANTITY}]
    block = request | {"blockId": {"scope": "MyScope", "code": code}, "orders": orders} | changes
    return replace(example, body={"requests": [block]})


def sent(example: ApiExample, **params: str) -> Document:
    """The call of an example, as its document makes it but for `params`."""
    api, method = example.call.split(".")
    is_container = "[" in example.model
    body = (
        {"value": example.body} if is_container else {"model": example.model, "body": example.text}
    )
    values = {name: {"value": value} for name, value in (example.params | params).items()}
    return {"api": api, "method": method, "arguments": {**values, example.parameter: body}}


def asked(call: str, **arguments: object) -> Document:
    """A call that reads."""
    api, method = call.split(".")
    values = {name: {"value": value} for name, value in arguments.items()}
    return {"api": api, "method": method, "arguments": values}


def addressed(dialect: str, value: str, kind: str) -> dict[str, str]:
    """The parameters that lead to a record or account in each dialect."""
    if dialect == "2.1":
        return {"id_type_scope": "ExternalIdentifier", "id_type_code": kind, "code": value}
    place = {"scope": "MyScope", "identifier_scope": "ExternalIdentifier"}
    return {"identifier_type": kind, "identifier_value": value, **place}


def batch_calls(name: str, dialect: str) -> Iterator[tuple[str, Document]]:
    example = documented(name, dialect)
    yield "placeholder mode", sent(example)
    yield "atomic, one bad", sent(with_bad_one(example), success_mode="Atomic")
    yield "partial, one bad", sent(with_bad_one(example), success_mode="Partial")
    yield "atomic", sent(example, success_mode="Atomic")
    yield "partial, malformed", sent(without_name(example), success_mode="Partial")


def record_calls(dialect: str) -> Iterator[tuple[str, Document]]:
    address = addressed(dialect, "IR_12345678", "ExternalIRId")
    nobody = addressed(dialect, "nobody", "ExternalIRId")
    yield from batch_calls("investor-records", dialect)
    yield "list", asked("InvestorRecordsApi.list_all_investor_records")
    yield "first page", asked("InvestorRecordsApi.list_all_investor_records", limit=1)
    yield "get", asked("InvestorRecordsApi.get_investor_record", **address)
    yield "get nobody", asked("InvestorRecordsApi.get_investor_record", **nobody)


def account_calls(dialect: str) -> Iterator[tuple[str, Document]]:
    address = addressed(dialect, "IA_12345678", "ExternalIAId")
    yield from batch_calls("investment-accounts", dialect)
    yield "get", asked("InvestmentAccountsApi.get_investment_account", **address)
    if dialect == "2.3":
        yield "list", asked("InvestmentAccountsApi.list_all_investment_accounts")


def order_calls(dialect: str) -> Iterator[tuple[str, Document]]:
    example = documented("createorders", dialect)
    yield "create", sent(example)
    yield "create again", sent(example)
    yield "long quantity", sent(block_of("BLOCK2"))
    yield "conflict", sent(block_of("BLOCK2", side="Sell"))
    yield "no orders' block", sent(replace(example, body={"requests": []}))
    yield "list orders", asked("OrdersApi.list_orders")
    yield "list blocks", asked("BlocksApi.list_blocks")
    yield "get order", asked("OrdersApi.get_order", scope="MyScope", code="ORDER00000123")
    yield "get block", asked("BlocksApi.get_block", scope="MyScope", code="BLOCK00000123")
    yield "get no block", asked("BlocksApi.get_block", scope="MyScope", code="nothing")


def all_calls(dialect: str) -> Iterator[tuple[tuple[str, str], Document]]:
    groups = {
        "investor-records": record_calls,
        "investment-accounts": account_calls,
        "createorders": order_calls,
    }
    for group, calls in groups.items():
        yield from (((group, name), call) for name, call in calls(dialect))


@cache
def answers(dialect: str) -> dict[str, dict[tuple[str, str], Document]]:
    """Every call's answer in one dialect, by client and then by group and name of the call."""
    calls = dict(all_calls(dialect))
    with Sandbox(dialect=dialect) as first, Sandbox(dialect=dialect) as second:
        token = {"FBN_LUSID_URL": first.url, "FBN_ACCESS_TOKEN": first.access_token}
        password = {
            "FBN_LUSID_URL": second.url,
            "FBN_TOKEN_URL": second.token_url,
            "FBN_USERNAME": "night",
            "FBN_PASSWORD": "shift",
            "FBN_CLIENT_ID": "client",
            "FBN_CLIENT_SECRET": "secret",
        }
        clients = [
            {"environ": token, "asynchronous": False, "calls": list(calls.values())},
            {"environ": password, "asynchronous": True, "calls": list(calls.values())},
            {
                "environ": token | {"FBN_ACCESS_TOKEN": "stolen"},
                "asynchronous": False,
                "calls": [calls["investor-records", "list"]],
            },
        ]
        done: Any = run_in_sdk(dialect, "drive.py", clients)
    blocking, asynchronous, (stolen,) = done
    return {
        "blocking": dict(zip(calls, blocking, strict=True)),
        "asynchronous": dict(zip(calls, asynchronous, strict=True)),
        "stolen token": {("investor-records", "list"): stolen},
    }


def answer(dialect: str, style: str, group: str, name: str) -> Document:
    """What the SDK made of an answer, as the document it would write."""
    found = answers(dialect)[style][group, name]
    assert found.get("returned", "null") != "null", found
    document: Document = json.loads(found["returned"])
    return document


def problem(dialect: str, style: str, group: str, name: str) -> Document:
    """The problem details of a refusal, as the SDK's own exception and model give them."""
    found = answers(dialect)[style][group, name]
    assert "status" in found, found
    document: Document = json.loads(found["problem"])
    return {"exception": found["exception"], **document}


REFUSED = {
    "placeholder mode",
    "atomic, one bad",
    "partial, malformed",
    "get nobody",
    "conflict",
    "no orders' block",
    "get no block",
}


@every_dialect
@every_client
def test_good_calls_are_answered_and_bad_ones_raise_an_api_exception(
    dialect: str, style: str
) -> None:
    found = answers(dialect)[style]

    raised = {key for key, each in found.items() if "exception" in each}
    assert raised == {key for key in found if key[1] in REFUSED}
    assert [each for each in found.values() if "message" in each] == []


@every_dialect
@every_client
def test_answers_deserialise_without_loss(dialect: str, style: str) -> None:
    lost = {
        key: differences(each["body"], each["returned"])
        for key, each in answers(dialect)[style].items()
        if "returned" in each
    }

    assert lost == {key: [] for key in lost}


@every_dialect
@every_client
def test_refusals_are_problem_details_that_the_sdk_reads(dialect: str, style: str) -> None:
    for (_, name), each in answers(dialect)[style].items():
        if name in REFUSED:
            details = json.loads(each["problem"])
            status = 404 if name.startswith("get") else 400
            kind = "NotFoundException" if status == 404 else "BadRequestException"
            assert (each["status"], each["exception"]) == (status, kind)
            assert details["status"] == status
            assert isinstance(details["code"], int)
            assert details["name"]
            assert details["title"]
            assert details["detail"]
            assert bool(details.get("errors")) == (status == 400)


@every_dialect
def test_both_clients_are_answered_alike(dialect: str) -> None:
    blocking, asynchronous = (answers(dialect)[style] for style in STYLES)

    assert {key: each["status"] for key, each in blocking.items()} == {
        key: each["status"] for key, each in asynchronous.items()
    }


@every_dialect
@every_client
@every_batch
def test_a_partial_batch_keeps_the_good_and_names_the_bad(
    dialect: str, style: str, name: str
) -> None:
    body = answer(dialect, style, name, "partial, one bad")

    assert list(body["values"]) == BATCH_KEYS
    assert list(body["failed"]) == ["bad"]
    assert body["failed"]["bad"]["type"].endswith("Failure")
    assert "Robot" in body["failed"]["bad"]["detail"]


@every_dialect
@every_client
@every_batch
def test_an_atomic_batch_with_a_bad_one_names_it_and_keeps_nothing(
    dialect: str, style: str, name: str
) -> None:
    refusal = problem(dialect, style, name, "atomic, one bad")
    kept = answer(dialect, style, name, "partial, one bad")["values"]

    assert [path.split(".")[0] for path in refusal["errors"]] == ["bad"]
    versions = {entity["version"]["asAtVersionNumber"] for entity in kept.values()}
    assert versions == {1}


@every_dialect
@every_client
@every_batch
def test_what_was_sent_is_what_the_sdk_reads_back(dialect: str, style: str, name: str) -> None:
    example: Any = documented(name, dialect).body
    values = answer(dialect, style, name, "atomic")["values"]

    assert list(values) == BATCH_KEYS
    for key, request in example.items():
        same = ("displayName", "description", "accountType", "scope", "identifiers", "properties")
        asked_for = {member: request[member] for member in same if member in request}
        given = {member: values[key][member] for member in asked_for}
        assert differences(json.dumps(asked_for), json.dumps(given)) == []
    got = answer(dialect, style, name, "get")
    first = values["firstExampleRequest"]
    assert {**got, "links": None} == {**first, "links": None}


@every_dialect
@every_client
def test_lists_hold_what_was_kept_and_page(dialect: str, style: str) -> None:
    kept = answer(dialect, style, "investor-records", "atomic")["values"]
    listed = answer(dialect, style, "investor-records", "list")
    page = answer(dialect, style, "investor-records", "first page")

    names = [record["displayName"] for record in kept.values()]
    assert [record["displayName"] for record in listed["values"]] == names
    assert [record["displayName"] for record in page["values"]] == names[:1]
    assert listed["nextPage"] is None
    assert page["nextPage"]


@every_dialect
@every_client
def test_orders_and_blocks_come_back_as_documented(dialect: str, style: str) -> None:
    created = answer(dialect, style, "createorders", "create")["values"]
    again = answer(dialect, style, "createorders", "create again")["values"]

    (pair,) = created
    assert pair["block"]["quantity"] == 250
    assert pair["block"]["orderIds"] == [order["id"] for order in pair["orders"]]
    assert [order["quantity"] for order in pair["orders"]] == [100, 150]
    assert {order["state"] for order in pair["orders"]} == {"New"}
    assert [order["id"] for order in again[0]["orders"]] == pair["block"]["orderIds"]
    assert answer(dialect, style, "createorders", "get order")["quantity"] == 100
    assert answer(dialect, style, "createorders", "get block")["quantity"] == 250


@every_dialect
@every_client
def test_a_quantity_of_many_digits_is_kept_exactly(dialect: str, style: str) -> None:
    orders = answer(dialect, style, "createorders", "list orders")["values"]
    blocks = answer(dialect, style, "createorders", "list blocks")["values"]

    assert [order["quantity"] for order in orders] == [100, 150, LONG_QUANTITY]
    assert [block["quantity"] for block in blocks] == [250, LONG_QUANTITY]


@every_dialect
@every_client
def test_a_conflicting_block_is_refused_and_the_entry_named(dialect: str, style: str) -> None:
    refusal = problem(dialect, style, "createorders", "conflict")

    assert list(refusal["errors"]) == ["requests[0].side"]


@every_dialect
def test_a_token_that_was_never_issued_is_refused(dialect: str) -> None:
    refusal = problem(dialect, "stolen token", "investor-records", "list")

    assert (refusal["exception"], refusal["status"]) == ("UnauthorizedException", 401)
