"""What cannot be repeated blindly, behind a front that spoils answers: an answer is believed for what it proves."""

from collections.abc import Iterable

import pytest
from fronted_loads import BOUND, KINDS, Combination, carried_out, drawn, every_turn

from pipelines.operations.table import OPERATIONS

PARTS, EACH = 6, 85
"""Combinations that each change of the code is tried with: 510."""


def wrong(combinations: Iterable[Combination], *, lag_is_below: bool = True) -> list[object]:
    """What does not hold of how combinations end; each with the combination, to carry it out again.

    LUSID holds what the books call accepted, nothing twice, and nobody is in doubt where LUSID could be read.
    """
    found: list[object] = []
    for combination in combinations:
        ended = carried_out(combination)
        doubt = ended.unknown if lag_is_below and not combination.reads else []
        if ended.faults or ended.doubled or doubt:
            found.append((ended.faults, ended.doubled, doubt, combination))
    return found


def test_every_operation_that_may_not_be_repeated_is_here() -> None:
    assert KINDS.keys() - {"allocate"} == {name for name, each in OPERATIONS.items() if not each.idempotent}
    assert PARTS * EACH >= 500


@pytest.mark.untraced
@pytest.mark.parametrize("part", range(PARTS))
def test_lusid_holds_what_is_called_accepted_whatever_stands_in_front_of_it(part: int) -> None:
    combinations = list(drawn(part, EACH))
    assert len({turn.front for each in combinations for turn in each.turns}) == len({t.front for t in every_turn()})
    assert wrong(combinations) == []


@pytest.mark.untraced
def test_reads_that_lag_by_more_than_was_said_leave_doubt_and_nothing_worse() -> None:
    """Where LUSID refuses what it has: one that takes it twice, and shows neither, cannot be told from a deaf one."""
    combinations = [each for each in drawn(PARTS, 80, lags=[1.5 * BOUND, 3 * BOUND]) if each.strict]
    assert wrong(combinations, lag_is_below=False) == []


@pytest.mark.soak
@pytest.mark.parametrize("part", range(40))
def test_twenty_thousand_combinations(part: int) -> None:
    assert wrong(drawn(1000 + part, 500)) == []
    assert wrong((each for each in drawn(2000 + part, 50, lags=[2 * BOUND]) if each.strict), lag_is_below=False) == []
