"""What the end of a run amounts to: green, amber or red, by its verdict and by its share of rejects."""

import pytest

from schemas.errors import ConfigError
from schemas.states import STATES, State, Verdict
from schemas.verdicts import REJECTED, Colour, RedAt, colour_of, worst_of

GREEN, AMBER, RED = Colour.GREEN, Colour.AMBER, Colour.RED


def colour(read: int, red_at: str | None = None, verdict: Verdict = Verdict.REJECTS, **rows: int) -> Colour | None:
    return colour_of(verdict, {"read": read, **rows}, RedAt.parse(red_at) if red_at else None)


def test_the_states_that_count_towards_red_are_the_rejects_alone() -> None:
    assert set(REJECTED) == {State.INVALID, State.STALE, State.FAILED, State.ROLLED_BACK, State.UNKNOWN}
    for state in STATES:
        expected = RED if state in REJECTED else AMBER
        assert colour(100, None, Verdict.REJECTS, **{state.value: 5}) is expected, state


@pytest.mark.parametrize(
    ("read", "failed", "red_at", "expected"),
    [
        (100, 4, None, AMBER),
        (100, 5, None, RED),
        (1000, 49, None, AMBER),
        (9, 9, None, AMBER),  # of fewer than ten rows one alone would be a large share
        (10, 1, None, RED),
        (100, 5, "5.1%", AMBER),
        (100, 1, "0%", RED),
        (100, 99, "100%", AMBER),
    ],
)
def test_rejects_are_red_from_their_share_of_an_extract_on(
    read: int, failed: int, red_at: str | None, expected: Colour
) -> None:
    assert colour(read, red_at, failed=failed) is expected


def test_one_unknown_row_is_red_whatever_the_share() -> None:
    assert colour(100_000, "100%", unknown=1) is RED
    assert colour(2, unknown=1) is RED


def test_each_verdict_has_its_colour() -> None:
    found = {verdict: colour(100, verdict=verdict) for verdict in Verdict}
    assert found.pop(Verdict.UNFINISHED) is None
    assert {v for v, c in found.items() if c is GREEN} == {Verdict.COMPLETE, Verdict.DRY_RUN}
    assert {v for v, c in found.items() if c is AMBER} == {Verdict.ALERTS, Verdict.FAILED_BY_ALERTS, Verdict.REJECTS}
    assert len({each.mark for each in Colour}) == 3
    assert (worst_of([GREEN, None, AMBER]), worst_of([]), worst_of([RED, GREEN])) == (AMBER, GREEN, RED)


@pytest.mark.parametrize("text", ["5", "101%", "-1%", "five", "5 %%", ""])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--red-at takes a percentage up to 100%, not "):
        RedAt.parse(text)
