"""The size that LUSID takes is learnt from calls that are too large, but not of one request, and tried again later."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from pipelines.deliver.limits import FIRST_TRIAL, CallSize


def sent(size: CallSize, count: int, takes: Callable[[list[int]], bool], batch: int) -> tuple[list[int], list[int]]:
    """Sends so many requests in batches as a delivery does; gives the size of each call, and of those too large."""
    calls: list[int] = []
    refused: list[int] = []
    for first in range(0, count, batch):
        part = list(range(first, min(first + batch, count)))
        while part:
            now = part[: size.most or len(part)]
            calls.append(len(now))
            if takes(now):
                size.accepted(len(now))
            else:
                refused.append(len(now))
                size.refused(now)
                if len(now) > 1:
                    continue
            part = part[len(now) :]
    return calls, refused


def test_nothing_is_known_at_first() -> None:
    assert (CallSize().most, CallSize().least) == (None, None)


def test_a_size_that_was_refused_holds_at_once_for_what_is_not_sent_yet() -> None:
    size = CallSize()
    calls, refused = sent(size, 60, lambda part: len(part) <= 5, batch=20)
    assert refused[:2] == [20, 10]
    assert calls.count(20) == 1
    assert size.least == 5


def test_calls_that_are_too_large_stay_few() -> None:
    for takes in (5, 30, 70):
        calls, refused = sent(CallSize(), 20_000, lambda part, takes=takes: len(part) <= takes, batch=100)  # type: ignore[misc]
        assert len(refused) <= 20, takes
        assert len(calls) < 2.3 * 20_000 / takes


@pytest.mark.parametrize("giants", [{137}, {3, 250, 251}])
def test_one_request_that_is_too_large_by_itself_teaches_no_size(giants: set[int]) -> None:
    size = CallSize()
    calls, _ = sent(size, 400, lambda part: giants.isdisjoint(part), batch=100)
    assert size.most is None
    assert len(calls) <= 4 + len(giants) * 2 * 7


def test_what_another_call_taught_stays_though_one_of_a_giant_taught_more() -> None:
    size = CallSize()
    size.refused(range(100, 200))
    size.refused(range(20))
    size.refused(range(10))
    assert size.most == 5
    size.refused([3])
    after = size.most
    assert after == 50


def test_a_size_that_was_learnt_grows_back_by_trying() -> None:
    size = CallSize()
    size.refused(range(16))
    assert size.most == 8
    for _ in range(FIRST_TRIAL):
        size.accepted(7)
    assert size.most == 8, "smaller calls tell nothing"
    for _ in range(FIRST_TRIAL):
        size.accepted(8)
    grown: tuple[int | None, int | None] = (size.most, size.least)
    assert grown == (None, 8)


def test_each_trial_in_vain_makes_the_next_one_rarer() -> None:
    size = CallSize()
    trials = []
    size.refused(range(16))
    for call in range(200):
        if size.most == 8:
            size.accepted(8)
        else:
            trials.append(call)
            size.refused(range(16))
    waits = [later - earlier for earlier, later in pairwise(trials)]
    assert waits == [2 * FIRST_TRIAL + 1, 4 * FIRST_TRIAL + 1, 8 * FIRST_TRIAL + 1]
