"""The states, as the files and the reports spell them."""

from schemas.states import GOOD, STATES, Duplicates, Mode, State


def test_the_states_are_those_of_the_reports_in_their_order() -> None:
    assert [str(s) for s in STATES] == [
        "accepted",
        "invalid",
        "duplicate",
        "held",
        "failed",
        "rolled_back",
        "unknown",
        "not_sent",
    ]


def test_only_accepted_rows_and_their_copies_need_nothing_from_anyone() -> None:
    assert {State.ACCEPTED, State.DUPLICATE} == GOOD


def test_modes_and_policies_are_spelled_as_the_command_line_takes_them() -> None:
    assert [str(m) for m in Mode] == ["Partial", "Atomic"]
    assert [str(d) for d in Duplicates] == ["refuse", "first", "last"]
