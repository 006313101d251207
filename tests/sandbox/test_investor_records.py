"""Investor records in the sandbox: both modes, strict models, identifiers, updates, both dialects."""

import threading
from typing import Any

import pytest
from sandbox_api import (
    EXTERNAL,
    INTERNAL,
    LEI,
    PERSON,
    company,
    created,
    errors,
    get,
    listed,
    post,
    problem,
    record,
    scoped_record,
    upsert_records,
)

from connectors.sandbox.server import Sandbox


def test_a_new_record_comes_back_whole_under_its_request_key(sandbox: Sandbox) -> None:
    country = "InvestorRecord/Details/Country"
    since = {"key": country, "value": {"labelValue": "Wales"}, "effectiveFrom": "2016-01-01"}
    body = created(upsert_records(sandbox, {"k1": record("E1", description="", properties={country: since})}))
    value = body["values"]["k1"]
    version = value.pop("version")
    assert {k: v for k, v in body.items() if k not in ("values", "links")} == {"href": None, "failed": {}}
    assert body["links"][0]["relation"] == "RequestLogs"
    person = value["investor"].pop("person")
    unique = value["investor"].pop("entityUniqueId")
    assert value == {
        "href": f"{sandbox.url}/api/investorrecords/ExternalIdentifier/ExternalIRId/E1",
        "lusidInvestorRecordId": "LUID_00000001",
        "displayName": "Jane Doe",
        "description": "",
        "identifiers": listed(EXTERNAL, "E1"),
        "properties": {country: {**since, "effectiveFrom": "2016-01-01T00:00:00.0000000+00:00"}},
        "investor": {"investorType": "Person", "investorIdentifiers": listed(PERSON, "PE1")},
        "relationships": [],
        "links": [],
    }
    assert person["identifiers"] == listed(PERSON, "PE1")
    assert person["lusidPersonId"].startswith("LUID_")
    assert len(unique) == 32
    assert version["asAtVersionNumber"] == 1
    assert version["asAtDate"] == version["asAtCreated"] == version["effectiveFrom"]
    assert version["asAtDate"].endswith("0+00:00")


def test_partial_keeps_the_good_keys_and_names_the_bad_one(sandbox: Sandbox) -> None:
    wrong = record("E2", investor={"investorType": "Person", "investorIdentifiers": listed(LEI, "L")})
    body = created(upsert_records(sandbox, {"a": record("E1"), "b": wrong}))
    assert list(body["values"]) == ["a"]
    assert body["failed"] == {
        "b": {
            "id": "b",
            "type": "InvestorIdentifierNotValidFailure",
            "detail": f"an investor of type Person is not identified by {LEI}",
            "errorDetails": [],
        }
    }
    assert len(get(sandbox, "investorrecords").json()["values"]) == 1


def test_atomic_with_bad_keys_names_them_all_and_writes_nothing(sandbox: Sandbox) -> None:
    ghost = record("E2", investor={"investorType": "Ghost", "investorIdentifiers": listed(PERSON, "P")})
    mixed = record("E3", investor={"investorType": "Person", "investorIdentifiers": listed(LEI, "L")})
    answer = upsert_records(sandbox, {"a": record("E1"), "b": ghost, "c": mixed}, "Atomic")
    assert errors(answer, "BatchOperationAborted") == {
        "b.investor.investorType": ["'Ghost' is not an investor type: Person, LegalEntity"],
        "c.investor.investorIdentifiers": [f"an investor of type Person is not identified by {LEI}"],
    }
    assert answer.json()["code"] == 395
    assert get(sandbox, "investorrecords").json()["values"] == []


def test_atomic_with_good_keys_writes_them_all(sandbox: Sandbox) -> None:
    body = created(upsert_records(sandbox, {"a": record("E1"), "b": company("E2")}, "Atomic"))
    assert list(body["values"]) == ["a", "b"]
    assert body["values"]["b"]["investor"]["legalEntity"]["identifiers"] == listed(LEI, "LE2")


@pytest.mark.parametrize("query", ["", "?successMode=partial", "?successMode=All"])
def test_the_mode_is_required_and_its_case_counts(sandbox: Sandbox, query: str) -> None:
    answer = post(sandbox, f"investorrecords/$batchUpsert{query}", {"a": record("E1")})
    assert list(errors(answer)) == ["successMode"]


def _property(value: object, key: str = "InvestorRecord/Details/Name", **more: object) -> dict[str, Any]:
    return {"properties": {key: {"key": key, "value": value, **more}}}


NAME = "a.properties.InvestorRecord/Details/Name"


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"displayName": ""}, ["a.displayName"]),
        ({"displayName": "x" * 513}, ["a.displayName"]),
        ({"displayName": 7}, ["a.displayName"]),
        ({"displayName": None}, ["a.displayName"]),
        ({"description": "x" * 513}, ["a.description"]),
        ({"identifiers": {}}, ["a.identifiers"]),
        ({"identifiers": listed("Person/S/C", "x")}, ["a.identifiers.Person/S/C", "a.identifiers.Person/S/C.key"]),
        (
            {"identifiers": {EXTERNAL: {"key": INTERNAL, "value": {"labelValue": "x"}}}},
            [f"a.identifiers.{EXTERNAL}.key"],
        ),
        ({"identifiers": {EXTERNAL: {"key": EXTERNAL, "value": {}}}}, [f"a.identifiers.{EXTERNAL}.value.labelValue"]),
        (
            {"identifiers": {EXTERNAL: {"key": EXTERNAL, "value": {"metricValue": {"value": 1}}}}},
            [f"a.identifiers.{EXTERNAL}.value.metricValue", f"a.identifiers.{EXTERNAL}.value.labelValue"],
        ),
        ({"identifiers": [1]}, ["a.identifiers"]),
        ({"scope": "S", "nick": 1}, ["a.scope", "a.nick"]),
        ({"investor": {}}, ["a.investor.investorType", "a.investor.investorIdentifiers"]),
        ({"investor": "Jane"}, ["a.investor"]),
        (
            {
                "investor": {
                    "investorType": "Person",
                    "investorIdentifiers": {**listed(PERSON, "1"), **listed(LEI, "2")},
                }
            },
            ["a.investor.investorIdentifiers"],
        ),
        (_property({"labelValue": "x" * 1025}), [f"{NAME}.value.labelValue"]),
        (_property({"labelValue": "x", "metricValue": {"value": 1}}), [f"{NAME}.value"]),
        (_property({"metricValue": {"value": "1"}}), [f"{NAME}.value.metricValue.value"]),
        (_property({"metricValue": {"value": True}}), [f"{NAME}.value.metricValue.value"]),
        (_property({"metricValue": {"value": 10**29}}), [f"{NAME}.value.metricValue.value"]),
        (_property({"labelValueSet": {"values": []}}), [f"{NAME}.value.labelValueSet.values"]),
        (_property({"labelValueSet": {"values": "a"}}), [f"{NAME}.value.labelValueSet.values"]),
        (_property({"labelValue": "x"}, effectiveFrom="2023-02-8"), [f"{NAME}.effectiveFrom"]),
        (_property({"labelValue": "x"}, effectiveUntil="2023-02-08T00:00:00"), [f"{NAME}.effectiveUntil"]),
        (
            {"properties": {f"InvestorRecord/S/C{n}": {"key": f"InvestorRecord/S/C{n}"} for n in range(101)}},
            ["a.properties"],
        ),
    ],
)
def test_an_invalid_body_is_a_400_in_either_mode(shared: Sandbox, change: dict[str, Any], paths: list[str]) -> None:
    for mode in ("Partial", "Atomic"):
        answer = upsert_records(shared, {"good": record("E0"), "a": {**record("E1"), **change}}, mode)
        assert sorted(errors(answer)) == sorted(paths)
    assert get(shared, "investorrecords").json()["values"] == []


def test_one_answer_reports_every_mistake_in_every_key(sandbox: Sandbox) -> None:
    body = {"a": {**record("E1"), "displayName": ""}, "b": {"displayName": 1}, "c": []}
    answer = upsert_records(sandbox, body)
    assert list(errors(answer)) == ["a.displayName", "b.displayName", "b.identifiers", "c"]
    assert answer.json()["detail"].endswith("; and 1 more")


def test_explicit_nulls_count_as_absent(sandbox: Sandbox) -> None:
    value = {"labelValue": "x", "metricValue": None, "labelValueSet": None}
    entry = {"effectiveFrom": None, "effectiveUntil": None, "referenceData": None}
    identifiers = {EXTERNAL: {"key": EXTERNAL, "value": value, **entry}}
    sent = {"displayName": "J", "identifiers": identifiers, "investor": None, "properties": None, "description": None}
    value_back = created(upsert_records(sandbox, {"a": sent}))["values"]["a"]
    assert value_back["identifiers"] == listed(EXTERNAL, "x")
    assert "investor" not in value_back
    assert "description" not in value_back


def test_numbers_keep_every_digit(sandbox: Sandbox) -> None:
    exact = b"1234567890123456789.0123456789"
    key = "InvestorRecord/Details/NetWorth"
    text = b'{"a":{"displayName":"x","identifiers":{"%b":{"key":"%b","value":{"labelValue":"E"}}},'
    text += b'"properties":{"%b":{"key":"%b","value":{"metricValue":{"value":%b,"unit":"GBP"}}}}}}'
    body = text % (EXTERNAL.encode(), EXTERNAL.encode(), key.encode(), key.encode(), exact)
    answer = post(sandbox, "investorrecords/$batchUpsert?successMode=Atomic", body)
    assert b'"metricValue":{"value":%b,' % exact in answer.content
    assert b'"metricValue":{"value":%b,' % exact in get(sandbox, "investorrecords").content


def test_an_update_keeps_omitted_members_and_replaces_given_ones(sandbox: Sandbox) -> None:
    name, city, club = (f"InvestorRecord/Details/{code}" for code in ("Name", "City", "Club"))
    first = record("E1", description="old", properties={**listed(name, "n"), **listed(city, "c"), **listed(club, "k")})
    created(upsert_records(sandbox, {"a": first}))
    second = {
        "displayName": "New name",
        "identifiers": {**listed(EXTERNAL, "E1"), **listed(INTERNAL, "I1")},
        "properties": {**listed(city, "d"), club: {"key": club, "value": None}},
    }
    value = created(upsert_records(sandbox, {"b": second}))["values"]["b"]
    assert value["displayName"] == "New name"
    assert value["description"] == "old"
    assert value["properties"] == {**listed(name, "n"), **listed(city, "d")}
    assert value["identifiers"] == second["identifiers"]
    assert value["investor"]["investorType"] == "Person"
    assert value["version"]["asAtVersionNumber"] == 2
    assert value["version"]["asAtCreated"] < value["version"]["asAtModified"]
    assert get(sandbox, "investorrecords/InternalIdentifier/InternalIRId/I1").json() == value
    assert len(get(sandbox, "investorrecords").json()["values"]) == 1


def test_a_replaced_identifier_value_is_free_again(sandbox: Sandbox) -> None:
    both = {**listed(EXTERNAL, "E1"), **listed(INTERNAL, "I1")}
    created(upsert_records(sandbox, {"a": {**record("E1"), "identifiers": both}}))
    moved = {**listed(EXTERNAL, "E1"), **listed(INTERNAL, "I2")}
    created(upsert_records(sandbox, {"a": {**record("E1"), "identifiers": moved}}))
    problem(get(sandbox, "investorrecords/InternalIdentifier/InternalIRId/I1"), 404)
    other = {**record("E2"), "identifiers": {**listed(EXTERNAL, "E2"), **listed(INTERNAL, "I1")}}
    value = created(upsert_records(sandbox, {"b": other}))["values"]["b"]
    assert value["lusidInvestorRecordId"] == "LUID_00000002"


def test_identifiers_of_two_different_records_fail_the_key(sandbox: Sandbox) -> None:
    other = {**record("E2"), "identifiers": listed(INTERNAL, "I2")}
    created(upsert_records(sandbox, {"a": record("E1"), "b": other}))
    both = {**record("E1"), "identifiers": {**listed(EXTERNAL, "E1"), **listed(INTERNAL, "I2")}}
    failed = created(upsert_records(sandbox, {"c": both}))["failed"]["c"]
    assert failed["type"] == "InvestorRecordIdentifierAlreadyInUseFailure"
    assert list(errors(upsert_records(sandbox, {"c": both}, "Atomic"), "BatchOperationAborted")) == ["c.identifiers"]


def test_two_keys_of_one_request_for_one_record_update_in_order(sandbox: Sandbox) -> None:
    values = created(upsert_records(sandbox, {"a": record("E1", "One"), "b": record("E1", "Two")}))["values"]
    assert values["a"]["lusidInvestorRecordId"] == values["b"]["lusidInvestorRecordId"]
    assert get(sandbox, "investorrecords").json()["values"][0]["displayName"] == "Two"


def test_sixteen_senders_at_once_lose_nothing(sandbox: Sandbox) -> None:
    def send(sender: int) -> None:
        for batch in range(3):
            created(upsert_records(sandbox, {f"{sender}-{n}": record(f"E{sender}-{batch}-{n}") for n in range(20)}))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    values = get(sandbox, "investorrecords").json()["values"]
    assert len({value["identifiers"][EXTERNAL]["value"]["labelValue"] for value in values}) == 16 * 3 * 20
    assert len({value["lusidInvestorRecordId"] for value in values}) == 16 * 3 * 20
    assert sandbox.requests_served == 16 * 3


def test_dialect_2_3_has_scopes_and_plain_identifiers(sandbox_23: Sandbox) -> None:
    body = {"a": scoped_record("E1"), "b": scoped_record("E1", scope="Other"), "n": scoped_record("E2", "Nominee")}
    values = created(upsert_records(sandbox_23, body))["values"]
    assert values["a"]["scope"] == "Desk"
    assert values["a"]["investor"]["identifiers"] == {PERSON: "PE1"}
    assert values["a"]["lusidInvestorRecordId"] != values["b"]["lusidInvestorRecordId"]
    assert values["n"]["investor"]["investorType"] == "Nominee"
    one = get(sandbox_23, "investorrecords/ExternalIRId/E1", scope="Other", identifierScope="ExternalIdentifier")
    assert one.json() == values["b"]
    assert one.json()["href"] == one.url


def test_a_request_in_the_other_dialect_is_refused_with_its_members_named(
    sandbox: Sandbox, sandbox_23: Sandbox
) -> None:
    assert errors(upsert_records(sandbox_23, {"a": record("E1")})) == {
        "a.investor.investorIdentifiers": ["investorIdentifiers is not a member of this request"],
        "a.investor.identifiers": ["The identifiers field is required."],
        "a.scope": ["The scope field is required."],
    }
    assert list(errors(upsert_records(sandbox, {"a": scoped_record("E1")}))) == [
        "a.investor.identifiers",
        "a.investor.investorIdentifiers",
        "a.scope",
    ]
    with_scope = {**scoped_record("E1"), "scope": "bad scope"}
    assert list(errors(upsert_records(sandbox_23, {"a": with_scope}))) == ["a.scope"]
    problem(get(sandbox_23, "investorrecords/ExternalIdentifier/ExternalIRId/E1"), 404)


def test_a_single_record_is_asked_for_with_checked_parameters(sandbox: Sandbox, sandbox_23: Sandbox) -> None:
    problem(get(sandbox, "investorrecords/ExternalIdentifier/ExternalIRId/none"), 404)
    assert list(errors(get(sandbox, f"investorrecords/bad%20scope/ExternalIRId/{'x' * 65}"))) == [
        "idTypeScope",
        "value",
    ]
    assert list(errors(get(sandbox_23, "investorrecords/ExternalIRId/E1"))) == ["scope", "idTypeScope"]
