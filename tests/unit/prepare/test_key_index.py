"""Finding rows of one key, held against a dictionary."""

from collections.abc import Callable

import numpy as np
from hashing import HASHES, hashed_by
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.prepare.key_index import KeyIndex
from pipelines.prepare.spans import RowsOf, in_order

Keys = list[tuple[int, str]]

keyed_rows = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from(["a", "b", "c", "ab", "A", "\uff41", "é", "abc", "", " a"])),
    max_size=25,
)
"""(distance from the row before, key): rows without a key leave gaps between ordinals."""


def placed(rows: Keys) -> Keys:
    """(ordinal, key), ordinals ascending."""
    total = -1
    return [((total := total + step), key) for step, key in rows]


def found(rows: Keys) -> list[list[int]]:
    index = KeyIndex()
    for ordinal, key in rows:
        index.extend(ordinal, [key])
    return list(index.groups(dict(rows).__getitem__))


def expected(rows: Keys) -> list[list[int]]:
    groups: dict[str, list[int]] = {}
    for ordinal, key in rows:
        if key:  # an empty one is none
            groups.setdefault(key, []).append(ordinal)
    return [group for group in groups.values() if len(group) > 1]


@given(keyed_rows, st.sampled_from(HASHES))
@example([(1, key) for key in "zzxxyy"], ord)
def test_groups_are_those_of_a_dictionary_in_the_order_of_their_first_rows_whatever_the_hash(
    rows: Keys, hash_of: Callable[[str], int] | None
) -> None:
    rows = placed(rows)
    with hashed_by(hash_of):
        assert found(rows) == expected(rows)


@given(st.lists(st.sampled_from(["a", "b", "ab", "A", ""]), max_size=25), st.integers(0, 25), st.sampled_from(HASHES))
def test_rows_that_come_in_pieces_are_the_same_and_those_without_a_key_are_in_no_group(
    keys: list[str], cut: int, hash_of: Callable[[str], int] | None
) -> None:
    index = KeyIndex()
    with hashed_by(hash_of):
        index.extend(0, keys[:cut])
        index.extend(len(keys[:cut]), keys[cut:])
        assert list(index.groups(keys.__getitem__)) == expected(list(enumerate(keys)))


def test_no_rows_have_no_groups() -> None:
    assert found([]) == []


def test_keys_are_read_again_only_where_hashes_meet() -> None:
    rows = placed([(1, "a"), (1, "b"), (1, "a"), (1, "c")])
    index, read = KeyIndex(), []
    for ordinal, key in rows:
        index.extend(ordinal, [key])

    def key_of(ordinal: int) -> str:
        read.append(ordinal)
        return dict(rows)[ordinal]

    assert list(index.groups(key_of)) == [[0, 2]]
    assert read == [0, 2]


def test_keys_whose_hashes_differ_in_their_last_bits_alone_are_not_read() -> None:
    index = KeyIndex()
    with hashed_by(lambda key: sum(map(ord, key))):
        index.extend(0, ["a", "b", "c", "d"])
        assert list(index.groups(lambda ordinal: 1 / 0)) == []


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "ab", "A", ""]), max_size=8), max_size=4),
    st.booleans(),
    st.sampled_from(HASHES),
)
def test_indices_of_portions_are_one_whether_or_not_all_rows_have_keys(
    portions: list[list[str]], filled: bool, hash_of: Callable[[str], int] | None
) -> None:
    if filled:
        portions = [[key or "c" for key in keys] for keys in portions]
    rows = [key for keys in portions for key in keys]
    whole, index, start = KeyIndex(), KeyIndex(), 0
    with hashed_by(hash_of):
        whole.extend(0, rows)
        for keys in portions:
            part = KeyIndex()
            part.extend(0, keys)
            index.adopt(start, part)
            start += len(keys)
    assert list(index.groups(rows.__getitem__)) == expected(list(enumerate(rows)))
    for ours, theirs in zip(index.hashed(), whole.hashed(), strict=True):
        assert ours.tolist() == theirs.tolist()
    assert sorted(index.hashed().ordinals.tolist()) == [place for place, key in enumerate(rows) if key]


@given(st.lists(st.integers(0, 1 << 30), max_size=30))
def test_numbers_are_put_in_order_as_numpy_does(numbers: list[int]) -> None:
    assert in_order(np.array(numbers, np.int64)).tolist() == np.argsort(np.array(numbers), kind="stable").tolist()


@given(st.lists(st.integers(-1, 4), max_size=30))
def test_rows_of_requests_are_found(numbers: list[int]) -> None:
    found = RowsOf(np.array(numbers, np.int32), 5)
    for request in range(5) if found.many else ():
        assert found(request) == [row for row, number in enumerate(numbers) if number == request]
