"""Reasons: every row is counted, however many reasons there are, in bounded memory."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.account import reasons
from pipelines.account.reasons import EXAMPLES, OTHER, Reasons, RowReason
from schemas.states import State

CODES = 3
RULES = 2

ROWS = st.lists(
    st.tuples(
        st.builds(
            RowReason,
            st.sampled_from([State.INVALID, State.FAILED, State.UNKNOWN]),
            st.sampled_from("ABCDEFG"),
            st.sampled_from(["missing", "too long", "unclear", "wrong", "K is wrong", "L is wrong"]),
        ),
        st.sampled_from(["K", "L", ""]),
        st.booleans(),
    ),
    max_size=60,
)


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasons, "MOST_CODES", CODES)
    monkeypatch.setattr(reasons, "MOST_RULES", RULES)


@given(rows=ROWS)
def test_the_rows_and_keys_of_the_reasons_add_up(rows: list[tuple[RowReason, str, bool]]) -> None:
    found = Reasons()
    for number, (why, key, is_key) in enumerate(rows):
        found.count(why, key, f"row {number}", is_key=is_key)
    ranked = found.ranked()
    read, keys = Counter[State](), Counter[State]()
    for reason in ranked:
        read[reason.state] += reason.rows
        keys[reason.state] += reason.keys or 0
        assert 0 < len(reason.examples) == min(reason.rows, EXAMPLES)
    assert read == Counter(why.state for why, _, _ in rows)
    assert keys == Counter(why.state for why, _, is_key in rows if is_key)
    assert [reason.rows for reason in ranked] == sorted((reason.rows for reason in ranked), reverse=True)
    for state in State:
        codes = Counter(reason.code for reason in ranked if reason.state is state)
        assert len(codes) <= CODES + 1
        assert max(codes.values(), default=0) <= RULES + 1


def test_a_flood_of_one_code_hides_no_other_code_and_no_rule_of_it() -> None:
    found = Reasons()
    for number in range(1000):
        found.count(RowReason(State.FAILED, "Flood", f"rule {'x' * number}"), "K", "row 1")
    for message in ("late", "late", "later"):
        found.count(RowReason(State.FAILED, "Late", message), "L", "row 2")
    assert [(r.code, r.rule, r.rows) for r in found.ranked()] == [
        ("Flood", OTHER, 998),
        ("Late", "late", 2),
        ("Flood", "rule ", 1),
        ("Flood", "rule x", 1),
        ("Late", "later", 1),
    ]
