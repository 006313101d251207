"""What a feed holds after loads in any order: no request as accepted that was not, no older date for a newer."""

from collections.abc import Mapping
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.feeds.decision import Decision, Wanted, decided
from pipelines.feeds.fingerprints import NEVER, Fingerprints
from pipelines.feeds.merging import OF_CODE, Became, Load, became, merged
from pipelines.feeds.place import HASH
from pipelines.feeds.state import NO_DAY, FeedState, day_of
from schemas.states import STATES, State

DAY = date(2026, 11, 1)


def hashed(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def prints_of(requests: Mapping[str, str], loose: tuple[str, ...] = ()) -> Fingerprints:
    """Of requests by key, none of them effective-dated."""
    keys, hashes = (np.array([*map(hashed, texts)], HASH) for texts in (requests.keys(), requests.values()))
    never = np.full(len(keys), NEVER, np.int64)
    return Fingerprints(keys, hashes, hashes, never, -never, np.array([*map(hashed, loose)], HASH))


def held(state: FeedState, key: str) -> tuple[bytes, int] | None:
    """The request and the day of a key."""
    (place,), (known,) = state.found(np.array([hashed(key)], HASH))
    return (bytes(state.requests[place]), int(state.dates[place])) if known else None


def loaded(state: FeedState, day: date, requests: Mapping[str, tuple[str, Became]], **wanted: bool) -> FeedState:
    """The state after a load of which LUSID makes what is said, and its decision was kept."""
    prints = prints_of({key: text for key, (text, _) in requests.items()})
    decision = decided(state, prints, state.found(prints.keys), Wanted(day, **wanted))
    outcomes = np.array([outcome for _, outcome in requests.values()], np.uint8)
    outcomes[decision.unchanged] = Became.SAME
    for places in decision.outdated.values():
        outcomes[places] = Became.KEPT
    forced = wanted.get("even_if_newer", False)
    return merged(state, Load(prints, outcomes, decision.overtaken, day, forced=forced, is_whole=True))


def test_every_state_says_what_it_means_for_a_feed() -> None:
    assert {state for state in STATES if became(state) is Became.ACCEPTED} == {State.ACCEPTED}
    assert {state for state in STATES if became(state) is Became.DOUBTFUL} == {State.UNKNOWN}
    assert len(OF_CODE) == len(STATES)


Hashed = st.tuples(st.sampled_from([b"\0" * 8, b"\0" * 7 + b"\1", b"\x7f" * 8, b"\xff" * 8]), st.integers(0, 3)).map(
    lambda halves: halves[0] + bytes([*[halves[1]] * 7, 1])
)


@given(st.sets(Hashed), st.lists(Hashed))
def test_keys_are_found_by_all_of_their_hashes(held: set[bytes], wanted: list[bytes]) -> None:
    keys = np.array(sorted(held), HASH)
    state = FeedState(keys, keys, keys)
    places, known = state.found(np.array(wanted, HASH))
    assert known.tolist() == [key in held for key in wanted]
    assert [keys[place] for place in places[known]] == [key for key in wanted if key in held]


Held = tuple[str | None, int]
"""The request that was last accepted, None where the last state was another, and the day."""


def after(
    before: Held | None, text: str, outcome: Became, day: int, *, changed_only: bool, forced: bool
) -> Held | None:
    """What a key holds after a load, said as plainly as it can be."""
    request, of = before or (None, -1)
    if of > day and not forced:
        return before
    if changed_only and request == text:
        return text, max(of, day)
    if outcome is Became.ACCEPTED:
        return text, day
    if outcome is Became.DOUBTFUL:
        return None, max(of, day)
    return (None, of) if before else None


Outcomes = st.sampled_from([Became.ACCEPTED, Became.ACCEPTED, Became.REFUSED, Became.DOUBTFUL])
Requests = st.dictionaries(st.sampled_from("ABC"), st.tuples(st.sampled_from("xy"), Outcomes), max_size=3)
Loads = st.lists(st.tuples(st.integers(0, 3), Requests, st.booleans(), st.booleans()), max_size=6)


@given(Loads)
def test_a_feed_agrees_with_a_model_that_keeps_everything(
    loads: list[tuple[int, dict[str, tuple[str, Became]], bool, bool]],
) -> None:
    state = FeedState()
    model: dict[str, Held] = {}
    for offset, requests, changed_only, forced in loads:
        day = DAY + timedelta(days=offset)
        state = loaded(state, day, requests, changed_only=changed_only, even_if_newer=forced)
        for key, (text, outcome) in requests.items():
            entry = after(model.get(key), text, outcome, offset, changed_only=changed_only, forced=forced)
            model |= {key: entry} if entry else {}
        for key in "ABC":
            wanted = model.get(key)
            want = wanted and (hashed(wanted[0]) if wanted[0] else b"", day_of(DAY + timedelta(days=wanted[1])))
            assert held(state, key) == want, key


def test_a_key_is_gone_once_and_comes_back() -> None:
    both = {"A": ("x", Became.ACCEPTED), "B": ("x", Became.ACCEPTED)}
    one = {"A": ("x", Became.ACCEPTED)}
    state = loaded(FeedState(), DAY, both)
    later = [DAY + timedelta(days=n) for n in range(1, 5)]

    def vanished(at: FeedState, day: date, requests: Mapping[str, tuple[str, Became]]) -> int:
        prints = prints_of({key: text for key, (text, _) in requests.items()})
        return len(decided(at, prints, at.found(prints.keys), Wanted(day)).vanished)

    assert vanished(state, later[0], one) == 1
    assert vanished(state, DAY - timedelta(days=1), one) == 0, "an extract of before tells nothing"
    state = loaded(state, later[0], one)
    assert vanished(state, later[1], one) == 0
    state = loaded(state, later[1], both)
    assert set(state.gone.tolist()) == {NO_DAY}
    assert vanished(state, later[2], one) == 1


def test_a_row_that_makes_no_request_has_its_key_sent_again_and_is_not_gone() -> None:
    state = loaded(FeedState(), DAY, {"A": ("x", Became.ACCEPTED)})
    prints = prints_of({}, loose=("A",))
    decision = decided(state, prints, state.found(prints.keys), Wanted(DAY))
    assert len(decision.vanished) == 0
    state = merged(state, Load(prints, np.zeros(0, np.uint8), decision.overtaken, DAY, forced=False, is_whole=True))
    assert held(state, "A") == (b"", day_of(DAY))


def dated(undated: str, *moments: int) -> Fingerprints:
    """One request of key A with effective-dated properties of these moments."""
    plain = prints_of({"A": f"{undated}{moments}"})
    rest = np.array([hashed(undated)], HASH)
    first, last = (np.array([of(moments)], np.int64) for of in (min, max))
    return Fingerprints(plain.keys, plain.requests, rest, first, last, plain.loose)


@pytest.mark.parametrize(
    ("undated", "moments", "is_sent"),
    [("same", (1, 2), True), ("other", (1, 2), False), ("same", (2, 5), False), ("same", (6,), False)],
)
def test_an_older_date_goes_where_all_it_changes_is_effective_dated_before_what_is_there(
    undated: str, moments: tuple[int, ...], is_sent: bool
) -> None:
    accepted = np.array([Became.ACCEPTED], np.uint8)
    none = np.zeros(1, bool)
    state = merged(FeedState(), Load(dated("same", 5, 9), accepted, none, DAY, forced=False, is_whole=True))
    before = held(state, "A")
    prints, day = dated(undated, *moments), DAY - timedelta(days=9)
    decision: Decision = decided(state, prints, state.found(prints.keys), Wanted(day))
    assert bool(decision.outdated) is not is_sent
    state = merged(state, Load(prints, accepted, decision.overtaken, day, forced=False, is_whole=True))
    assert held(state, "A") == before, "what is there is still the later one"
    assert int(state.first_from[0]) == (1 if is_sent else 5)


def test_a_state_is_read_as_it_was_written_and_holds_no_text_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "state.parquet"
    state = loaded(FeedState(), DAY, {f"K{n}": ("x", Became.ACCEPTED) for n in range(300)}).saying(run="r")
    state.write(path)
    again = FeedState.read(path)
    assert again.about["run"] == "r"
    for name in ("keys", "requests", "undated", "first_from", "dates", "gone"):
        assert np.array_equal(getattr(again, name), getattr(state, name)), name
    assert b"K299" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert FeedState.read(path.with_name("none.parquet")).keys.size == 0
    pq.write_table(pq.read_table(path).drop_columns("keys"), path)
    with pytest.raises(Exception, match="is damaged"):
        FeedState.read(path)
