from typing import Any

import pytest
from shelf import Shelf

from pipelines.evidence import Evidence, Finding, IfShown, Instant, examine, holds
from schemas.errors import AuthError, LoadError, PerhapsAppliedError, RejectedError


def look(*paths: str, **found: Any) -> Finding:
    return examine([Evidence(path, {"quantity": 5}) for path in paths], Shelf(**found))


def test_all_there_and_alike_is_applied_and_none_there_is_absent() -> None:
    assert look("a", "b", a={"quantity": 5, "x": 1}, b={"quantity": 5.0}) is Finding.APPLIED
    assert look("a", "b") is Finding.ABSENT


@pytest.mark.parametrize(
    "found",
    [
        {"a": {"quantity": 5}},
        {"a": {"quantity": 5}, "b": {"quantity": 6}},
        {"a": {"quantity": 6}, "b": {"quantity": 6}},
        {"a": {}, "b": []},
        {"a": RejectedError("bad", 400), "b": RejectedError("bad", 400)},
    ],
)
def test_anything_else_is_unclear(found: dict[str, Any]) -> None:
    assert look("a", "b", **found) is Finding.UNCLEAR


def test_no_evidence_at_all_is_unclear() -> None:
    assert look() is Finding.UNCLEAR


@pytest.mark.parametrize("error", [PerhapsAppliedError("lost"), AuthError("out")])
def test_who_does_not_answer_is_not_taken_for_an_answer(error: LoadError) -> None:
    with pytest.raises(type(error)):
        look("a", a=error)


@pytest.mark.parametrize(
    ("actual", "wanted", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({}, {"a": None}, True),
        (None, {}, False),
        ([1, 2], [1, 2], True),
        ([2, 1], [1, 2], False),
        ([1], [1, 2], False),
        ("12", [1, 2], False),
        (100, 100.0, True),
        (0.1, 0.1, True),
        (1e2, 100, True),
        ("100", 100, False),
        (True, 1, False),
        (None, 1, False),
        ("A", "A", True),
        ("A", "a", False),
        (None, IfShown("A"), True),
        ("A", IfShown("A"), True),
        ("B", IfShown("A"), False),
        ("2024-03-01T10:00:00Z", Instant("2024-03-01T10:00:00.0000000+00:00"), True),
        ("2024-03-01T11:00:00+01:00", Instant("2024-03-01T10:00:00.0000000+00:00"), True),
        ("2024-03-01T10:00:01Z", Instant("2024-03-01T10:00:00.0000000+00:00"), False),
        ("2024-03-01", Instant("2024-03-01T00:00:00.0000000+00:00"), False),
        (None, Instant("2024-03-01T10:00:00.0000000+00:00"), False),
        (20240301, Instant("2024-03-01T10:00:00.0000000+00:00"), False),
        ("soon", Instant("2024-03-01T10:00:00.0000000+00:00"), False),
        ({"a": {"b": [{"c": 1.50}]}}, {"a": {"b": [{"c": 1.5}]}}, True),
    ],
)
def test_an_answer_holds_what_was_sent_or_does_not(actual: Any, wanted: Any, expected: bool) -> None:
    assert holds(actual, wanted) is expected
