"""Cutting requests into calls."""

from itertools import pairwise
from typing import Any, cast
from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.deliver.sender import Portion, cut, in_calls

LIMIT = 50


def cuts(sizes: list[int], max_items: int, max_bytes: int) -> list[list[int]]:
    """The numbers of the requests in each call."""
    return [list(range(first, end)) for first, end in cut(np.array(sizes, np.int64), max_items, max_bytes)]


@given(st.lists(st.integers(1, LIMIT), max_size=60), st.integers(1, 12), st.integers(LIMIT, 4 * LIMIT))
def test_every_request_goes_out_once_in_order_in_calls_within_both_limits(
    sizes: list[int], max_items: int, max_bytes: int
) -> None:
    calls = cuts(sizes, max_items, max_bytes)
    assert [request for call in calls for request in call] == list(range(len(sizes)))
    assert all(1 <= len(call) <= max_items for call in calls)
    assert all(sum(sizes[request] for request in call) <= max_bytes for call in calls)


@given(st.lists(st.integers(1, LIMIT), max_size=60), st.integers(1, 12), st.integers(LIMIT, 4 * LIMIT))
def test_no_call_is_cut_before_it_is_full(sizes: list[int], max_items: int, max_bytes: int) -> None:
    calls = cuts(sizes, max_items, max_bytes)
    for call, following in pairwise(calls):
        weight = sum(sizes[request] for request in [*call, following[0]])
        assert len(call) == max_items or weight > max_bytes


@given(st.lists(st.integers(1, 3 * LIMIT), max_size=40), st.integers(1, 12))
def test_a_request_that_is_too_large_alone_goes_alone(sizes: list[int], max_items: int) -> None:
    calls = cuts(sizes, max_items, LIMIT)
    assert [request for call in calls for request in call] == list(range(len(sizes)))
    for call in calls:
        assert len(call) == 1 or sum(sizes[request] for request in call) <= LIMIT


class Sized:
    """Requests of so many bytes, all of which may share calls."""

    first_row = np.zeros(0, np.int64)

    def __init__(self, sizes: list[int]) -> None:
        self._sizes, self.wides = np.array(sizes, np.int64), self

    def parted(self, numbers: Any, _: Any) -> list[Any]:
        return [numbers]

    def sizes_of(self, numbers: Any) -> Any:
        return self._sizes[numbers]


@given(
    st.lists(st.integers(1, 2 * LIMIT), max_size=60),
    st.integers(1, 12),
    st.integers(LIMIT, 4 * LIMIT),
    st.integers(1, 20),
)
def test_calls_are_the_same_however_many_requests_are_looked_at_together(
    sizes: list[int], max_items: int, max_bytes: int, at_once: int
) -> None:
    with patch("pipelines.deliver.sender._AT_ONCE", at_once):
        found = in_calls(cast("Any", Sized(sizes)), np.arange(len(sizes)), Portion(max_items, max_bytes))
    assert [call.tolist() for call in found] == cuts(sizes, max_items, max_bytes)


def test_limits_are_met_to_the_byte_and_the_item() -> None:
    assert cuts([30, 20, 51, 1, 49, 1], 3, 50) == [[0, 1], [2], [3, 4], [5]]
    assert cuts([1] * 7, 3, 50) == [[0, 1, 2], [3, 4, 5], [6]]
    assert cuts([], 3, 50) == []


def test_sums_beyond_32_bits_are_exact() -> None:
    half = 1 << 31
    assert cuts([half, half, half], 10, 2 * half) == [[0, 1], [2]]
    assert cuts([half, half + 1, half], 10, 2 * half) == [[0], [1], [2]]
