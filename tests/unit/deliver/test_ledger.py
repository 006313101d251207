from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.run_folder.journal import Journal
from connectors.run_folder.journal_lines import checksummed
from pipelines.deliver.ledger import Ledger, Outcome, Took
from pipelines.deliver.parts import picked, ranges, runs_of
from schemas.errors import ConfigError
from schemas.states import PENDING, State, code_of


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.jsonl")
    yield opened
    opened.close()


def states(ledger: Ledger) -> list[State | None]:
    by_code = {code_of(state): state for state in State}
    return [by_code.get(code) for code in ledger.states]


def lines(journal: Journal) -> list[dict[str, Any]]:
    return [record for _, record in journal.lines()]


@given(st.sets(st.integers(0, 60), min_size=1))
def test_numbers_and_their_ranges_are_the_same(numbers: set[int]) -> None:
    ordered = sorted(numbers)
    pairs = ranges(ordered)
    assert [n for first, count in pairs for n in range(first, first + count)] == ordered
    assert all(a + c < b for (a, c), (b, _) in pairwise(pairs))
    assert list(map(list, runs_of(np.array(ordered)))) == pairs


@given(st.sets(st.integers(0, 30), min_size=1), st.sets(st.integers(0, 30)))
def test_of_any_requests_the_open_ones_and_the_values_are_found(asked: set[int], settled: set[int]) -> None:
    part = sorted(asked)
    with TemporaryDirectory() as folder, closing(Journal(Path(folder, "journal.jsonl"))) as journal:
        ledger = Ledger(journal, 31)
        ledger.settle(1, None, [], sorted(settled))
        assert list(ledger.open_among(part)) == [n for n in part if n not in settled]
    assert picked(100 + np.arange(31), part).tolist() == [100 + n for n in part]


def test_a_call_is_journaled_before_it_is_sent_and_settled_after(journal: Journal) -> None:
    ledger = Ledger(journal, 4)
    assert ledger.begin([0, 1, 3]) == 1
    assert lines(journal) == [{"call": 1, "sent": [[0, 2], [3, 1]]}]
    assert states(ledger) == [None] * 4
    ledger.settle(1, "REQ", [Outcome(3, State.FAILED, "X", "no")], [0, 1], ["L0", None])
    assert lines(journal)[1] == {
        "call": 1,
        "request_id": "REQ",
        "settled": [[3, "failed", "X", "no"]],
        "accepted": [[0, 2]],
        "ids": ["L0", None],
    }
    assert states(ledger) == [State.ACCEPTED, State.ACCEPTED, None, State.FAILED]
    assert list(ledger.settled_at) == [len(checksummed(lines(journal)[0]))] * 2 + [-1, ledger.settled_at[0]]
    assert ledger.open_requests().tolist() == [2]


def test_lines_say_when_they_were_written_and_what_an_answer_took(journal: Journal) -> None:
    clock = iter((5, 40, 41))
    ledger = Ledger(journal, 2, since=lambda: next(clock))
    ledger.begin([0])
    ledger.settle(1, None, [], [0], took=Took(0.0204, 2))
    ledger.leave_out([1], [])
    told = [{name: line.get(name) for name in ("at", "took", "attempts")} for line in lines(journal)]
    assert told == [
        {"at": 5, "took": None, "attempts": None},
        {"at": 40, "took": 20, "attempts": 2},
        {"at": 41, "took": None, "attempts": None},
    ]


def test_ids_that_nobody_gave_are_not_written(journal: Journal) -> None:
    ledger = Ledger(journal, 2)
    ledger.settle(1, None, [], [0, 1], [None, None])
    assert lines(journal)[0]["ids"] is None


def test_nothing_is_noted_that_could_not_be_journaled(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(journal, 1)

    def refuse(_: object) -> int:
        raise OSError("no disk")

    monkeypatch.setattr(journal, "write", refuse)
    with pytest.raises(OSError, match="no disk"):
        ledger.settle(1, None, [], [0], ["L"])
    assert list(ledger.states) == [PENDING]


def test_a_plan_is_written_once_and_another_one_is_refused(journal: Journal) -> None:
    assert not Ledger(journal, 3).planned
    Ledger(journal, 3).plan("abc", "k")
    Ledger(journal, 3).plan("abc", "k")
    assert Ledger(journal, 3).planned
    assert lines(journal) == [{"plan": 3, "digest": "abc", "keys": "k"}]
    for count, digest, keys in ((3, "abd", "k"), (4, "abc", "k"), (3, "abc", "l")):
        with pytest.raises(ConfigError) as caught:
            Ledger(journal, count).plan(digest, keys)
        assert caught.value.message == (
            "the run cannot be resumed: the same extract no longer makes the same requests; "
            "--force resumes it anyway if the keys are still the same"
        )


def test_force_takes_other_requests_of_the_same_keys_and_no_other_keys(journal: Journal) -> None:
    Ledger(journal, 3).plan("abc", "k")
    Ledger(journal, 3).plan("abd", "k", force=True)
    for count, keys in ((4, "k"), (3, "l")):
        with pytest.raises(ConfigError) as caught:
            Ledger(journal, count).plan("abc", keys, force=True)
        assert caught.value.message == "the run cannot be resumed: the same extract no longer makes the same keys"


def test_what_was_sent_and_never_settled_is_in_doubt(journal: Journal) -> None:
    before = Ledger(journal, 8)
    before.plan("abc", "k")
    before.begin([0, 1, 2])
    before.settle(1, "REQ", [Outcome(1, State.FAILED, "X", "no")], [0, 2], ["L0", "L2"])
    before.begin([3, 4, 5, 6])
    before.settle(2, None, [Outcome(3, State.UNKNOWN, "P", "lost"), Outcome(4, State.NOT_SENT, "N", "down")])
    after = Ledger(journal, 8)
    after.plan("abc", "k")
    assert after.restore() == {3, 5, 6}
    assert states(after) == [State.ACCEPTED, State.FAILED, State.ACCEPTED, *[None] * 5]
    assert after.open_requests().tolist() == [3, 4, 5, 6, 7]
    assert list(after.settled_at[:3]) == list(before.settled_at[:3])
    assert list(after.settled_at[3:]) == [-1] * 5
    assert after.begin([3]) == 3


def test_a_request_that_was_unknown_and_then_settled_is_settled(journal: Journal) -> None:
    before = Ledger(journal, 2)
    before.begin([0, 1])
    before.settle(1, None, [Outcome(0, State.UNKNOWN, "P", "lost"), Outcome(1, State.UNKNOWN, "P", "lost")])
    before.settle(0, None, [Outcome(1, State.ACCEPTED, "ReadBack", "there")])
    before.settle(0, None, [], [0], ["L0"])
    after = Ledger(journal, 2)
    assert after.restore() == set()
    assert states(after) == [State.ACCEPTED, State.ACCEPTED]
    assert list(after.settled_at) == list(before.settled_at)


EVENTS = st.lists(
    st.tuples(st.sets(st.integers(0, 9), min_size=1), st.dictionaries(st.integers(0, 9), st.sampled_from(list(State)))),
    max_size=8,
)


@settings(max_examples=40)
@given(EVENTS)
def test_a_restored_ledger_agrees_with_the_one_that_wrote_it(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[set[int], dict[int, State]]]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("ledger") / "journal.jsonl")
    before, sent = Ledger(journal, 10), set[int]()
    for part, outcome in events:
        sent |= part
        call = before.begin(sorted(part))
        settled = {r: s for r, s in outcome.items() if r in part}
        accepted = sorted(r for r, s in settled.items() if s is State.ACCEPTED)
        outcomes = [Outcome(r, s, "C", "m") for r, s in settled.items() if s is not State.ACCEPTED]
        before.settle(call, None, outcomes, accepted, [f"L{r}" for r in accepted])
    after = Ledger(journal, 10)
    doubtful = after.restore()
    journal.close()
    again = {State.UNKNOWN, State.NOT_SENT}
    assert states(after) == [None if s in again else s for s in states(before)]
    assert doubtful >= {r for r in sent if states(before)[r] in (None, State.UNKNOWN)}
    assert doubtful <= sent
    assert after.calls == before.calls
