"""What LUSID did with a key, from the version in its answer."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.deliver.changes import call_began, changes_of

DATE = datetime(2026, 3, 1, 3, 0, 10, tzinfo=UTC)
BEGAN = "2026-03-01T03:00:05"


def version(number: Any, modified: Any) -> dict[str, Any]:
    return {"version": {"asAtVersionNumber": number, "asAtModified": modified}}


@pytest.mark.parametrize(
    ("value", "letter"),
    [
        (version(1, "2026-03-01T03:00:08.1234567+00:00"), "c"),
        (version(7, "2026-03-01T03:00:05.0000000+00:00"), "u"),
        (version(7, "2026-03-01T03:00:04.9999999+00:00"), "s"),
        (version(1, "2025-03-01T03:00:08Z"), "s"),
        ({"block": version(1, "2026-03-01T03:00:08Z"), "orders": []}, "c"),
        (version("1", "2026-03-01T03:00:08Z"), "-"),
        (version(1, "2026-03-01T05:00:08+02:00"), "-"),
        (version(1, None), "-"),
        ({"version": None, "block": "x"}, "-"),
        ([], "-"),
    ],
)
def test_a_version_tells_what_became_of_a_key(value: Any, letter: str) -> None:
    told = version(1, "2026-03-01T03:00:08Z")
    assert changes_of({"a": value, "b": told}, ["b", "a"], BEGAN) == f"c{letter}"
    assert changes_of({"a": value, "b": told}, ["b", "a"], None) == ""


def test_where_nothing_is_told_nothing_is_kept() -> None:
    assert changes_of({"a": {}}, ["a", "absent"], BEGAN) == ""


def test_a_call_began_before_its_answer_by_lusids_clock() -> None:
    assert call_began(DATE, 2.5) == BEGAN
    assert call_began(None, 2.5) is None
