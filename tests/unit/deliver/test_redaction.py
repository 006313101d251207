"""What LUSID quotes of a request's personal values is named instead; what it says else stays word for word."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from pipelines.deliver.redaction import Personal, mask_error
from schemas.answers import ErrorDetail, Problem
from schemas.errors import AuthError, PerhapsAppliedError, RejectedError, ThrottledError
from schemas.texts import server_text

NAME = 'Zoë "Quux" & Söhne\nGmbH'
RECORD: dict[str, Any] = {
    "displayName": NAME,
    "description": "A description that is longer than any text " + "x" * 480,
    "investorType": "Person",
    "identifiers": {"InvestorRecord/A/B": {"key": "InvestorRecord/A/B", "value": {"labelValue": "IR-0001"}}},
    "properties": {
        "InvestorRecord/Details/Country": {"key": "InvestorRecord/Details/Country", "value": {"labelValue": "Oz"}},
        "InvestorRecord/Details/Worth": {"key": "W", "value": {"metricValue": {"value": 1234567.10, "unit": "EUR"}}},
        "InvestorRecord/Details/Likes": {"key": "L", "value": {"labelValueSet": {"values": ["fine wine", "x"]}}},
    },
}
BODY = json.dumps({"key-1": RECORD}).replace("1234567.1", "1234567.10").encode()


def masked(text: str, body: Any = BODY) -> str:
    return Personal(body).masked(text)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (f"Investor {NAME} is not allowed", "Investor <displayName> is not allowed"),
        (server_text(f"Investor {NAME} is not allowed"), "Investor <displayName> is not allowed"),
        (f"Investor {NAME.upper()}!", "Investor <displayName>!"),
        (f"{NAME} and {quote(NAME)}", "<displayName> and <displayName>"),
        (f"you sent {json.dumps({'displayName': NAME})}", 'you sent {"displayName": "<displayName>"}'),
        ("no Country OZ, nor fine wine for 1234567.10", "no Country <Country>, nor <Likes> for <Worth>"),
        ("key-1 IR-0001 of a Person in EUR: Ozone, x", "key-1 IR-0001 of a Person in EUR: Ozone, x"),
        (f"you sent {RECORD['description'][:90]}", "you sent <description>"),
        (server_text(f"you sent {RECORD['description']}"), "you sent <description>…"),
        ("100% of a\\b &amp; nothing else", "100% of a\\b &amp; nothing else"),
    ],
)
def test_a_value_is_replaced_by_the_name_of_its_member(said: str, told: str) -> None:
    assert masked(said) == told


@pytest.mark.parametrize(
    "body",
    [
        {"requests": [{"properties": RECORD["properties"], "side": "Buy"}, {}]},
        {"allocationIds": ["A"], "transactionProperties": RECORD["properties"]},
        {"requests": [{"orders": [{"id": {"scope": "S", "code": "C"}, "properties": RECORD["properties"]}]}]},
        {"requests": [{"properties": {**RECORD["properties"], "D/D/Tier": {"key": "D/D/Tier", "value": None}}}]},
    ],
)
def test_properties_are_found_in_every_shape_of_a_call(body: Any) -> None:
    assert masked("Oz S C Buy", json.dumps(body).encode()) == "<Country> S C Buy"


@pytest.mark.parametrize("body", [b'["a","b"]', b'{"k":{"quantity":7}}'])
def test_a_call_without_personal_values_leaves_every_text_alone(body: bytes) -> None:
    assert masked("a b 7", body) == "a b 7"


def test_what_undoes_escapes_to_find_a_value_lets_no_control_character_through() -> None:
    """A terminal obeys them, and a line end makes two lines of one."""
    body = json.dumps({"k": {"displayName": "Zoë Roe"}}).encode()
    assert masked(r"bad \u001b[31m\n name Zo\u00eb Roe", body) == r"bad \x1b[31m\n name <displayName>"


@pytest.mark.parametrize("key", ["Lone Pine Properties", "properties", "displayName", "description", "blockProperties"])
def test_a_key_may_be_called_like_a_member_of_a_request(key: str) -> None:
    """Once an investor called so stood in a call with a refused one, the run died, and died again when resumed."""
    request = {"identifiers": {"A/B/Properties": {"key": "A/B/Properties", "value": {"labelValue": key}}}}
    body = {key: {**request, "displayName": "Jane Roe", "properties": {"I/D/Country": {"value": {"labelValue": "Oz"}}}}}
    assert masked(f"{key}: Jane Roe in Oz", json.dumps(body).encode()) == f"{key}: <displayName> in <Country>"


def test_a_refusal_is_masked_in_each_of_its_texts_and_keeps_its_paths() -> None:
    problem = Problem(
        status=400,
        code=151,
        name="Oz",
        title="Oz",
        detail="in Oz",
        instance="https://x/logs/Oz",
        errors={"key-1.displayName": ("Oz", "no")},
        failed={"key-1": ErrorDetail("Oz", "of Oz")},
    )
    refused = RejectedError("Oz", 400, problem)
    mask_error(refused, BODY)
    assert refused.problem == Problem(
        status=400,
        code=151,
        name="<Country>",
        title="<Country>",
        detail="in <Country>",
        instance="https://x/logs/Oz",
        errors={"key-1.displayName": ("<Country>", "no")},
        failed={"key-1": ErrorDetail("<Country>", "of <Country>")},
    )
    assert str(refused) == refused.message == "LUSID refuses the request: in <Country> (HTTP 400)"


def test_of_other_errors_only_those_that_quote_lusid_are_masked() -> None:
    errors = AuthError("not for Oz"), ThrottledError("Oz")
    for error in errors:
        mask_error(error, BODY)
    assert [str(error) for error in errors] == ["not for <Country>", "Oz"]


def test_what_somebody_said_in_lusids_place_is_masked_too() -> None:
    refused = RejectedError("no", 400, Problem(400, detail=f"no {NAME}", name="X"))
    lost = PerhapsAppliedError(f"answered 400: no {NAME}", None, refused)
    mask_error(lost, BODY)
    assert lost.message == "answered 400: no <displayName>"
    assert lost.refusal is refused
    assert refused.problem.detail == "no <displayName>"
