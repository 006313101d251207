"""The book: every row's place, state and reason."""

from array import array
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.extracts.extract import Extract, Position, Source
from pipelines.prepare.row_book import Book, ReadBatch
from schemas.states import PENDING, STATES, State, code_of


class Sources:
    """As much of an extract as a book looks at."""

    def __init__(self, count: int) -> None:
        self.sources = [Source(f"{i}.csv", Path(f"{i}.csv"), 0, (0, 0)) for i in range(count)]


@contextmanager
def book_of(files: int) -> Iterator[Book]:
    with TemporaryDirectory() as folder:
        book = Book(cast("Extract", Sources(files)), Path(folder) / "notes.tmp")
        with closing(book.notes):
            yield book


@pytest.fixture
def one_file() -> Iterator[Book]:
    with book_of(1) as book:
        yield book


@given(st.lists(st.lists(st.integers(1, 9), max_size=4), min_size=1, max_size=4))
def test_every_row_has_the_file_and_the_number_it_was_read_under(files: list[list[int]]) -> None:
    with book_of(len(files)) as book:
        expected: list[tuple[str, int]] = []
        for source, batches in enumerate(files):
            first = 1
            for size in batches:
                assert book.add_batch(size, source, first, Position(source, first, (0, 0))) == len(expected)
                expected += [(f"{source}.csv", row) for row in range(first, first + size)]
                first += size
        assert [book.place(ordinal) for ordinal in range(len(book))] == expected
        texts = [f"row {row}" if len(files) == 1 else f"{name} row {row}" for name, row in expected]
        assert [book.where(ordinal) for ordinal in range(len(book))] == texts


def test_a_row_is_open_until_it_is_settled_and_keeps_its_reason(one_file: Book) -> None:
    one_file.add_batch(3, 0, 1, Position(0, 1, (0, 0)))
    assert [one_file.is_open(o) for o in range(3)] == [True] * 3
    assert [one_file.state(o) for o in range(3)] == [None] * 3
    one_file.settle(1, State.INVALID, "Missing", "display_name: is missing")
    one_file.settle(2, State.HELD)
    assert [one_file.is_open(o) for o in range(3)] == [True, False, False]
    assert [one_file.state(o) for o in range(3)] == [None, State.INVALID, State.HELD]
    assert [one_file.note(o) for o in range(3)] == [("", ""), ("Missing", "display_name: is missing"), ("", "")]
    assert one_file.counts() == {s: int(s in {State.INVALID, State.HELD}) for s in STATES}


def test_states_have_codes_of_their_own_none_of_which_means_open() -> None:
    codes = [code_of(state) for state in STATES]
    assert sorted(codes) == list(range(len(STATES)))
    assert PENDING not in codes


def test_rows_know_their_requests(one_file: Book) -> None:
    one_file.add_batch(5, 0, 1, Position(0, 1, (0, 0)))
    one_file.assign(np.array([1, 4]), np.array([0, 1]))
    assert one_file.requests.tolist() == [-1, 0, -1, -1, 1]
    one_file.assign(np.array([2]), np.array([7]))
    assert one_file.requests.tolist() == [-1, 0, 7, -1, 1]


def test_batches_that_hold_a_wanted_row_are_found_in_reading_order(one_file: Book) -> None:
    places = [Position(0, first, (first, 0)) for first in (1, 3, 6)]
    for place, size in zip(places, (2, 3, 1), strict=True):
        one_file.add_batch(size, 0, place.row, place)
    assert one_file.batches == [
        ReadBatch(0, 2, 0, 1, places[0]),
        ReadBatch(2, 3, 0, 3, places[1]),
        ReadBatch(5, 1, 0, 6, places[2]),
    ]

    def starts(*wanted: int) -> list[int]:
        mask = np.zeros(6, bool)
        mask[list(wanted)] = True
        return [batch.start for batch in one_file.batches_with(mask)]

    assert (starts(), starts(1), starts(4, 5), starts(0, 2, 5)) == ([], [0], [2, 5], [0, 2, 5])


def test_a_row_takes_thirteen_bytes(one_file: Book) -> None:
    one_file.add_batch(1, 0, 1, Position(0, 1, (0, 0)))
    held = [value for value in vars(one_file).values() if isinstance(value, array)]
    assert sum(a.itemsize for a in held) + len(one_file.states) == 13
