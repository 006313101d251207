"""Cutting requests into calls."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.deliver.sender import cut

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


def test_limits_are_met_to_the_byte_and_the_item() -> None:
    assert cuts([30, 20, 51, 1, 49, 1], 3, 50) == [[0, 1], [2], [3, 4], [5]]
    assert cuts([1] * 7, 3, 50) == [[0, 1, 2], [3, 4, 5], [6]]
    assert cuts([], 3, 50) == []


def test_sums_beyond_32_bits_are_exact() -> None:
    half = 1 << 31
    assert cuts([half, half, half], 10, 2 * half) == [[0, 1], [2]]
    assert cuts([half, half + 1, half], 10, 2 * half) == [[0], [1], [2]]
