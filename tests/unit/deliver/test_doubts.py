from datetime import UTC, datetime, timedelta

import pytest

from pipelines.deliver.doubts import CLOCKS, TRIES, Doubt, is_older, says_it_is_there, too_large
from pipelines.operations.evidence import Origin
from schemas.answers import Problem
from schemas.errors import AuthError, PerhapsAppliedError, RejectedError

BEGAN = datetime(2024, 3, 1, 12, tzinfo=UTC)
OLD, YOUNG = BEGAN - CLOCKS - timedelta(seconds=1), BEGAN - timedelta(seconds=1)


def doubt(*ids: str | None) -> Doubt:
    return Doubt(0.0, "lost", list(ids))


@pytest.mark.parametrize(
    ("origins", "ids", "ours", "anothers"),
    [
        ([], ["A"], False, False),
        ([Origin(None, None)], ["A"], False, False),
        ([Origin("A", None)], ["A"], True, False),
        ([Origin("A", YOUNG), Origin("B", YOUNG)], ["A", "B"], True, False),
        ([Origin("A", None)], [None, "A"], True, False),
        ([Origin("A", None), Origin("X", None)], ["A"], False, False),
        ([Origin("X", None)], ["A"], False, True),
        ([Origin("X", None)], ["A", None], False, False),
        ([Origin("X", OLD)], ["A", None], False, True),
        ([Origin(None, OLD)], [None], False, True),
        ([Origin(None, YOUNG)], [None], False, False),
        ([Origin("X", OLD), Origin("X", YOUNG)], [None], False, False),
    ],
)
def test_versions_tell_whose_it_is_where_they_can(
    origins: list[Origin], ids: list[str | None], ours: bool, anothers: bool
) -> None:
    """An attempt whose answer's head did not come may have had any id."""
    found = doubt(*ids)
    assert (found.is_ours(origins), found.is_anothers(origins, BEGAN)) == (ours, anothers)


def test_without_lusids_own_time_nothing_is_known_to_be_older() -> None:
    assert not doubt(None).is_anothers([Origin(None, OLD)], None)


def test_older_is_what_was_all_there_before() -> None:
    assert is_older([Origin("X", OLD), Origin(None, OLD)], BEGAN)
    for origins in ([], [Origin("X", None)], [Origin("X", YOUNG)], [Origin("X", OLD), Origin("X", YOUNG)]):
        assert not is_older(origins, BEGAN)
    assert not is_older([Origin("X", OLD)], None)


def test_a_doubt_counts_its_attempts_and_keeps_the_last_reason() -> None:
    found = doubt()
    for number in range(TRIES):
        assert not found.is_used_up
        found.lost(PerhapsAppliedError(f"lost {number}", str(number)), 10.0 * number, alone=False)
    assert found.is_used_up
    assert (found.why, found.since, found.ids[-1]) == ("lost 5", 50.0, "5")


TOO_LARGE = RejectedError("too large", 413, Problem(413, detail="Request Entity Too Large"))


def test_a_request_is_too_large_when_it_was_twice_in_a_row_alone() -> None:
    found = doubt()
    for alone, large in ((True, False), (False, False), (True, False), (True, True)):
        found.lost(PerhapsAppliedError("413", None, TOO_LARGE), 0.0, alone=alone)
        assert (found.too_large is not None) is large
    found.lost(PerhapsAppliedError("cut"), 0.0, alone=True)
    assert found.too_large is None


def test_only_what_is_said_of_size_is_too_large() -> None:
    assert too_large(PerhapsAppliedError("x", None, TOO_LARGE)) is TOO_LARGE.problem
    assert too_large(PerhapsAppliedError("x", None, RejectedError("no", 400))) is None
    assert too_large(PerhapsAppliedError("x", None, AuthError("out"))) is None
    assert too_large(PerhapsAppliedError("x")) is None


@pytest.mark.parametrize(
    ("code", "message", "there"),
    [
        ("ResourceConflict", "differs", True),
        ("OrderCancelledFailure", "not so", True),
        ("X", "order S/O1 exists with differing fields", True),
        ("X", "has been booked", True),
        ("X", "requests[0].orders[0].id: no", True),
        ("EntityWithIdAlreadyExists", "", True),
        ("OrderNotFoundFailure", "no order has the id S/O1", False),
        ("X", "the block does not exist", False),
        ("ValidationError", "quantity: must be a number", False),
        ("OrderExecutedFailure", "order S/O1 is in block S/B1, which has been executed", False),
    ],
)
def test_a_refusal_may_mean_that_it_is_there(code: str, message: str, there: bool) -> None:
    assert says_it_is_there(code, message) is there
