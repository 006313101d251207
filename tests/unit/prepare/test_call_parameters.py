"""Rows that say different things of their call go in different calls."""

import numpy as np

from pipelines.prepare.row_book import PLAIN, ParametersOfCalls
from schemas.requests.allocations import CallParameters


def wides(*said: str) -> ParametersOfCalls:
    made = ParametersOfCalls(lambda row: CallParameters((("p", row["p"]),)) if row["p"] else PLAIN)
    for ordinal, text in enumerate(said):
        if text != "refused":
            made.add(ordinal, {"p": text})
    return made


def parted(made: ParametersOfCalls, requests: list[int], first_row: list[int]) -> list[list[int]]:
    return [part.tolist() for part in made.parted(np.array(requests), np.array(first_row))]


def test_rows_that_say_nothing_share_their_calls() -> None:
    assert parted(wides("", ""), [0, 1], [0, 1]) == [[0, 1]]
    silent = ParametersOfCalls(None)
    silent.add(0, {"p": "x"})
    assert (silent.needed, silent.of(0), parted(silent, [0], [0])) == (False, PLAIN, [[0]])


def test_requests_are_parted_by_what_their_first_rows_say_each_part_ascending() -> None:
    made = wides("x", "refused", "y", "", "x")
    assert made.needed
    assert parted(made, [0, 1, 2, 3], [0, 2, 3, 4]) == [[2], [0, 3], [1]]
    assert [made.of(n).params for n in (0, 1, 2, 4, 9)] == [(("p", "x"),), (), (("p", "y"),), (("p", "x"),), ()]
