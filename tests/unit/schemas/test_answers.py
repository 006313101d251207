"""Refusals in LUSID's answers are read tolerantly, and their texts are bounded and on one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.answers import ERRORS_LIMIT, ErrorDetail, Problem, error_details
from schemas.texts import TEXT_LIMIT, server_text

PROBLEM = {
    "name": "InvalidParameterValue",
    "errorDetails": [],
    "code": 151,
    "type": "https://docs.lusid.com/#section/Error-Codes/151",
    "title": "One or more of the bits of input data provided were not valid",
    "status": 400,
    "detail": "Scope is needed",
    "instance": "https://x.lusid.com/app/insights/logs/0HM",
    "errors": {"requests[3].side": ["is needed", "is short"], "key.displayName": "is long"},
    "failed": {"k1": {"id": "other", "type": "PropertyFailure", "detail": "Not defined", "errorDetails": None}},
    "extensions": {},
}


def test_problem_details_are_read_member_by_member() -> None:
    problem = Problem.from_body(400, PROBLEM)

    assert problem == Problem(
        status=400,
        code=151,
        name="InvalidParameterValue",
        title="One or more of the bits of input data provided were not valid",
        detail="Scope is needed",
        instance="https://x.lusid.com/app/insights/logs/0HM",
        errors={"requests[3].side": ("is needed", "is short"), "key.displayName": ("is long",)},
        failed={"k1": ErrorDetail("PropertyFailure", "Not defined")},
    )
    assert (problem.reason, problem.kind) == ("Scope is needed", "InvalidParameterValue")


@pytest.mark.parametrize(
    ("body", "reason", "kind"),
    [
        ({"title": "Bad", "code": 132}, "Bad", "132"),
        ({"name": "Validation"}, "Validation", "Validation"),
        ({"errors": {"a": ["first", "second"]}}, "first", "HTTP400"),
        ({"code": "132"}, "HTTP 400", "HTTP400"),
        ({}, "HTTP 400", "HTTP400"),
        ("Bad\nGateway", "Bad\\nGateway", "HTTP400"),
        (None, "HTTP 400", "HTTP400"),
        ([{"detail": "x"}], "HTTP 400", "HTTP400"),
    ],
)
def test_the_most_informative_text_is_the_reason(body: object, reason: str, kind: str) -> None:
    problem = Problem.from_body(400, body)

    assert (problem.reason, problem.kind) == (reason, kind)


def test_the_details_of_a_failed_key_are_added_to_its_text() -> None:
    body = {"id": "1", "type": "IdFailure", "detail": "Bad id", "errorDetails": [{"a": "one", "b": "two"}, "x"]}

    assert ErrorDetail.from_body(body) == ErrorDetail("IdFailure", "Bad id; one; two")
    assert ErrorDetail.from_body("only text") == ErrorDetail(detail="only text")
    assert ErrorDetail.from_body({"errorDetails": [{"a": "one"}]}) == ErrorDetail(detail="one")


@pytest.mark.parametrize("body", [None, [], "x", 3])
def test_anything_but_a_map_is_read_as_an_empty_one(body: object) -> None:
    assert error_details(body) == {}
    assert Problem.from_body(400, {"errors": body, "failed": body}).errors == {}


def test_an_endless_errors_map_is_cut_off() -> None:
    body = {"errors": {f"requests[{n}]": "x" for n in range(ERRORS_LIMIT + 5)}}

    assert len(Problem.from_body(400, body).errors) == ERRORS_LIMIT


def test_numbers_are_shown_and_structures_are_not() -> None:
    deep: object = "end"
    for _ in range(5_000):
        deep = [deep]

    assert server_text(151) == "151"
    assert server_text(deep) == server_text({"a": 1}) == server_text(None) == ""
    assert Problem.from_body(400, {"detail": deep, "title": "Bad"}).reason == "Bad"


@given(st.text(max_size=2_000), st.integers(2, 60))
def test_a_text_is_one_bounded_printable_line(text: str, limit: int) -> None:
    for shown in (server_text(text), server_text("\u202e" * 600 + text)):
        assert len(shown) <= TEXT_LIMIT
        assert shown.isprintable()
    assert len(server_text(text, limit)) <= limit
    if text.isprintable() and len(text) <= limit:
        assert server_text(text, limit) == text
