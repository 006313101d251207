"""Whether LUSID itself gives an answer: only its own whole words say that nothing was applied."""

from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from connectors.lusid.call import is_lusids_own

WHOLE: dict[str, Any] = {
    "name": "PropertyAlreadyExists",
    "errorDetails": [],
    "code": 124,
    "type": "https://docs.lusid.com/#section/Error-Codes/124",
    "title": "Property Already Exists",
    "status": 400,
    "detail": "",
    "instance": "https://demo.lusid.com/app/insights/logs/0HLT:1",
    "extensions": {},
}
SIGNED = CaseInsensitiveDict({"LUSID-Meta-RequestId": "0HLT:1"})
PLAIN: CaseInsensitiveDict[str] = CaseInsensitiveDict()


def test_the_whole_problem_details_are_lusids_own() -> None:
    assert is_lusids_own(400, PLAIN, WHOLE, signs=False)
    assert is_lusids_own(400, SIGNED, WHOLE, signs=True)
    without = {name: value for name, value in WHOLE.items() if name not in ("errorDetails", "extensions")}
    assert is_lusids_own(400, PLAIN, without, signs=False)


def test_a_target_that_signs_always_signs() -> None:
    assert not is_lusids_own(400, PLAIN, WHOLE, signs=True)
    assert not is_lusids_own(201, PLAIN, {"values": []}, signs=True)
    assert not is_lusids_own(201, CaseInsensitiveDict({"lusid-meta-requestId": ""}), {}, signs=True)
    assert is_lusids_own(201, SIGNED, {"values": []}, signs=True)
    assert is_lusids_own(201, PLAIN, {"values": []}, signs=False)


@pytest.mark.parametrize("missing", ["name", "code", "type", "title", "status", "detail", "instance"])
def test_a_part_of_them_is_anybodys(missing: str) -> None:
    part = {name: value for name, value in WHOLE.items() if name != missing}
    assert not is_lusids_own(400, SIGNED, part, signs=True)
    assert not is_lusids_own(400, SIGNED, {**part, missing: None}, signs=True)


@pytest.mark.parametrize(
    "body",
    [
        None,
        "<html>",
        [WHOLE],
        {},
        {"code": 1, "message": "no"},
        {"errors": {"requests[0].id": ["is so"]}},
        {"name": "Refused"},
        {**WHOLE, "status": 503},
        {**WHOLE, "code": "124"},
        {**WHOLE, "code": True},
        {**WHOLE, "name": ""},
        {**WHOLE, "instance": ""},
    ],
)
def test_what_others_say_is_not_lusids(body: object) -> None:
    assert not is_lusids_own(400, SIGNED, body, signs=True)
    assert not is_lusids_own(400, PLAIN, body, signs=False)
