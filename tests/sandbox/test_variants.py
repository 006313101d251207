"""What is deleted is gone, and a sandbox differs as it is told to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sandbox_api import (
    EXTERNAL,
    account,
    block,
    create_orders,
    created,
    done,
    get,
    holder,
    listed,
    order,
    post,
    problem,
    record,
    upsert_accounts,
    upsert_records,
    values_of,
)

from connectors.sandbox.server import Sandbox
from schemas.errors import ConfigError

COUNTRY = "InvestorRecord/Details/Country"
ONE = "investorrecords/ExternalIdentifier/ExternalIRId/R1"
KEPT = {COUNTRY: {"key": COUNTRY, "value": {"labelValue": "France"}}}


@contextmanager
def differing(said: str) -> Iterator[Sandbox]:
    with Sandbox(differs=said) as sandbox:
        yield sandbox


def delete(sandbox: Sandbox, path: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.access_token}"}
    return requests.delete(f"{sandbox.url}/api/{path}", headers=headers, timeout=10)


def upserted(sandbox: Sandbox, **members: Any) -> Any:
    return created(upsert_records(sandbox, {"k": record("R1", **members)}))["values"]["k"]


def test_what_is_deleted_is_gone_and_its_id_is_never_given_again() -> None:
    with Sandbox() as sandbox:
        first = upserted(sandbox)["lusidInvestorRecordId"]
        done(delete(sandbox, ONE))
        assert problem(get(sandbox, ONE), 404)["code"] == 460
        assert problem(delete(sandbox, ONE), 404)["code"] == 460
        assert values_of(sandbox, "investorrecords") == []
        assert upserted(sandbox)["lusidInvestorRecordId"] != first


def test_what_others_need_is_not_deleted() -> None:
    with Sandbox() as sandbox:
        upserted(sandbox)
        created(upsert_accounts(sandbox, {"a": account("A1", holders=[holder("R1")])}))
        assert problem(delete(sandbox, ONE))["code"] == 461
        created(create_orders(sandbox, block("B1", order("O1", 5), order("O2", 7))))
        assert problem(delete(sandbox, "blocks/S/B1"))["code"] == 461
        done(delete(sandbox, "orders/S/O1"))
        assert done(get(sandbox, "blocks/S/B1"))["quantity"] == 7
        done(delete(sandbox, "orders/S/O2"))
        done(delete(sandbox, "blocks/S/B1"))
        assert problem(delete(sandbox, "blocks/S/B1"), 404)["code"] == 460


def test_a_definition_is_deleted() -> None:
    body = {"domain": "Person", "scope": "S", "code": "C", "displayName": "C"}
    with Sandbox(known="none") as sandbox:
        path = "propertydefinitions/Person/S/C"
        created(post(sandbox, "propertydefinitions", {**body, "dataTypeId": {"scope": "system", "code": "string"}}))
        done(delete(sandbox, path))
        assert problem(get(sandbox, path), 404)["code"] == 121


@pytest.mark.parametrize(
    ("said", "left"), [("", {}), ("nulls=clear", {}), ("nulls=keep", KEPT), ("nulls=refuse", None)]
)
def test_nulls(said: str, left: object) -> None:
    with differing(said) as sandbox:
        upserted(sandbox, properties=KEPT)
        sent = record("R1", properties={COUNTRY: {"key": COUNTRY, "value": None}})
        answer = created(upsert_records(sandbox, {"k": sent}))
        assert (answer["values"]["k"]["properties"] if left is not None else answer["values"]) == (left or {})
        assert bool(answer["failed"]) == (left is None)


@pytest.mark.parametrize(("said", "stays"), [("", True), ("omitted=go", False)])
def test_what_is_left_out(said: str, stays: bool) -> None:
    with differing(said) as sandbox:
        upserted(sandbox, description="said", properties=KEPT)
        after = upserted(sandbox)
        assert (after.get("description"), after["properties"]) == (("said", KEPT) if stays else (None, {}))


@pytest.mark.parametrize(("said", "left"), [("", ["H2"]), ("lists=merge", ["H1", "H2"])])
def test_a_list_that_is_given(said: str, left: list[str]) -> None:
    with differing(said) as sandbox:
        upserted(sandbox)
        for key in ("H1", "H2"):
            body = {"a": account("A1", "JointPersonal", [holder("R1", key)])}
            value = created(upsert_accounts(sandbox, body))["values"]["a"]
        assert [each["key"] for each in value["accountHolders"]] == left


@pytest.mark.parametrize(("said", "number"), [("", 1), ("unchanged=version", 2)])
def test_the_version_of_what_is_the_same(said: str, number: int) -> None:
    with differing(said) as sandbox:
        upserted(sandbox)
        assert upserted(sandbox)["version"]["asAtVersionNumber"] == number
        assert upserted(sandbox, description="new")["version"]["asAtVersionNumber"] == number + 1


@pytest.mark.parametrize(("said", "count"), [("", 2), ("identifiers=caseless", 1)])
def test_identifiers_in_another_case(said: str, count: int) -> None:
    with differing(said) as sandbox:
        for value in ("R1", "r1"):
            created(upsert_records(sandbox, {"k": record(value)}))
        assert len(values_of(sandbox, "investorrecords")) == count


@pytest.mark.parametrize(("said", "refused"), [("", False), ("identifiers=all", True)])
def test_one_identifier_of_several(said: str, refused: bool) -> None:
    with differing(said) as sandbox:
        upserted(sandbox)
        internal = "InvestorRecord/InternalIdentifier/InternalIRId"
        sent = record("R1", identifiers={**listed(EXTERNAL, "R1"), **listed(internal, "I1")})
        assert bool(created(upsert_records(sandbox, {"k": sent}))["failed"]) == refused


def test_keys_in_lower_case() -> None:
    with differing("keys=lower") as sandbox:
        assert list(created(upsert_records(sandbox, {"Key": record("R1")}))["values"]) == ["key"]


@pytest.mark.parametrize(
    ("said", "status", "left"),
    [("", 400, 0), ("atomic=422", 422, 0), ("atomic=failed", 201, 0), ("atomic=partly", 400, 1)],
)
def test_a_refused_atomic_call(said: str, status: int, left: int) -> None:
    bad = record("R2", investor={"investorType": "Alien", "investorIdentifiers": listed("Person/A/B", "P")})
    with differing(said) as sandbox:
        answer = upsert_records(sandbox, {"good": record("R1"), "bad": bad}, "Atomic")
        assert answer.status_code == status
        assert list(answer.json()["failed" if status == 201 else "errors"]) == (
            ["bad"] if status == 201 else ["bad.investor.investorType"]
        )
        assert len(values_of(sandbox, "investorrecords")) == left


def test_refusals_that_name_nothing() -> None:
    with differing("errors=none") as sandbox:
        refused = problem(upsert_records(sandbox, {"k": {}}))
        assert "errors" not in refused
        assert "displayName" not in refused["detail"]


@pytest.mark.parametrize(("said", "own"), [("", True), ("requests=other", False)])
def test_the_request_that_made_a_version(said: str, own: bool) -> None:
    with differing(said) as sandbox:
        answer = upsert_records(sandbox, {"k": record("R1")})
        made_by = answer.json()["values"]["k"]["version"]["requestIdCreated"]
        assert (made_by == answer.headers["lusid-meta-requestId"]) == own


def test_long_filters_are_refused() -> None:
    with differing("filters=40") as sandbox:
        done(get(sandbox, "orders", filter="id.code eq 'A'"))
        problem(get(sandbox, "orders", filter=f"id.code eq '{'A' * 40}'"))


def test_reads_that_lag_behind() -> None:
    with differing("lag=0.5") as sandbox:
        upserted(sandbox)
        problem(get(sandbox, ONE), 404)
        assert values_of(sandbox, "investorrecords") == []
        time.sleep(0.6)
        assert done(get(sandbox, ONE))["displayName"] == "Jane Doe"
        upserted(sandbox, name="Joan Doe")
        assert done(get(sandbox, ONE))["displayName"] == "Jane Doe"
        time.sleep(0.6)
        assert done(get(sandbox, ONE))["displayName"] == "Joan Doe"


def test_calls_that_are_forbidden_and_broken() -> None:
    with differing("forbidden=DELETE,broken=persons") as sandbox:
        upserted(sandbox)
        assert problem(delete(sandbox, ONE), 403)["code"] == 186
        problem(get(sandbox, "persons"), 500)
        done(get(sandbox, ONE))


@pytest.mark.parametrize(
    ("said", "why"), [("nuls=keep", "has no 'nuls'"), ("nulls=x", "takes clear, keep, refuse"), ("lag=x", "a number")]
)
def test_a_variant_that_there_is_not(said: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        Sandbox(differs=said)
