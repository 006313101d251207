"""The states, as the files and the reports spell them."""

import json
import pickle
import re

import pytest

from schemas.states import GOOD, STATES, Duplicates, Mode, State, good_in


def test_the_texts_of_runs_that_are_on_disk_are_states_in_their_order() -> None:
    known = ["accepted", "invalid", "duplicate", "held", "failed", "rolled_back", "unknown", "not_sent"]
    assert [s for s in STATES if s in known] == known == [json.loads(json.dumps(State(text))) for text in known]
    assert pickle.loads(pickle.dumps(State.HELD)) is State.HELD


def test_accepted_rows_and_their_copies_need_nothing_from_anyone() -> None:
    assert {State.ACCEPTED, State.DUPLICATE} <= GOOD
    assert {State.INVALID, State.HELD, State.FAILED, State.ROLLED_BACK, State.UNKNOWN, State.NOT_SENT}.isdisjoint(GOOD)
    assert good_in(dry_run=True) == GOOD | {State.NOT_SENT} != good_in(dry_run=False)


def test_what_a_resumed_run_and_a_refusal_are_about() -> None:
    assert [s for s in STATES if s.traits.unfinished] == [State.NOT_SENT]
    assert [s for s in STATES if s.traits.in_doubt] == [State.UNKNOWN]
    assert {State.FAILED, State.ROLLED_BACK} <= {s for s in STATES if s.traits.refused}


@pytest.mark.parametrize("state", STATES)
def test_a_state_says_everything_and_nothing_that_would_drop_rows(state: State) -> None:
    traits = state.traits
    assert all(text and "|" not in text and "\n" not in text for text in (traits.meaning, traits.then))
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in (traits.colours.light, traits.colours.dark))
    assert not State[traits.siblings].traits.good, "a request's other rows would be missing in silence"
    assert not (traits.good and (traits.counted or traits.again or traits.correctable))
    assert state.isascii(), "Prefect's artifacts and the page's style name it"


def test_no_two_states_look_alike() -> None:
    assert len({(s.traits.colours.light, s.traits.colours.dark) for s in STATES}) == len(STATES)


def test_modes_and_policies_are_spelled_as_the_command_line_takes_them() -> None:
    assert [str(m) for m in Mode] == ["Partial", "Atomic"]
    assert [str(d) for d in Duplicates] == ["refuse", "first", "last"]
