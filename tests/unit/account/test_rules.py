"""Rules: two messages that differ in what they say of one row are one, and two rules stay two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.account.rules import rule_of
from schemas.states import State


@pytest.mark.parametrize(
    ("code", "message", "rule"),
    [
        ("Missing", "display_name: is missing", "display_name: is missing"),
        ("NotAllowed", "kind2: takes one of 'P 1', 'E 2'", "kind2: takes one of 'P 1', 'E 2'"),
        (
            "DuplicateKey",
            "row 3 has the same key but other cells: keep one, or pass --duplicates",
            "another row has the same key but other cells: keep one, or pass --duplicates",
        ),
        (
            "DuplicateKey",
            "/in/a.csv row 3, /in/b.csv.gz row 5 and 2 more have the same key but other cells",
            "another row has the same key but other cells",
        ),
        ("SharedMember", "row 3 and row 5 have the same order_code", "another row has the same order_code"),
        (
            "Disagreement",
            "side differs: row 5; type differs: row 7",
            "side differs: another row; type differs: another row",
        ),
        ("SameRequest", "row 31 of the same account is invalid", "another row of the same account is invalid"),
        ("MissingCells", "line 12: 2 of 7 cells", "2 of 7 cells"),
        ("TooLarge", "makes a request of 90 bytes, more than the 80", "makes a request of … bytes, more than the 80"),
    ],
)
def test_a_message_of_ours_loses_the_rows_it_names_and_nothing_else(code: str, message: str, rule: str) -> None:
    assert rule_of(State.INVALID, code, message, "IR_1") == rule


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("Key IR_1 is unknown", "Key … is unknown"),
        ("The value 'Mc'Dee' is not in 'Property/Firm/Rating'", "The value '…' is not in 'Property/Firm/Rating'"),
        ("it's refused, and it's final", "it's refused, and it's final"),
        ("requests[3].side: must be Buy", "requests[…].side: must be Buy"),
        ("HTTP 503 after 4 attempts", "HTTP 503 after … attempts"),
        ("InvestorRecord/Firm/Id=Jo is not there", "InvestorRecord/Firm/Id=… is not there"),
        ("no 2f1c9a3e-0c51-4d7e-8e11-8b1f9e3a0d55 at 2026-11-29T02:00:00Z", "no … at …"),
    ],
)
def test_a_message_of_lusid_loses_keys_ids_and_values(message: str, rule: str) -> None:
    assert rule_of(State.FAILED, "X", message, "IR_1") == rule


def test_a_parent_is_no_reason() -> None:
    texts = [f"InvestorRecord/Firm/Id={name} is failed (row {n})" for n, name in enumerate(("Ann Lee", "Bo"))]
    assert len({rule_of(State.HELD, "ParentFailed", text, "IA_1") for text in texts}) == 1


def test_why_a_run_stopped_is_said_in_full() -> None:
    why = "the run stopped first: 12 rows failed, more than 1% of 1,000"
    assert rule_of(State.NOT_SENT, "NotSent", why, "1") == why


KEYS = st.one_of(
    st.text(min_size=1, max_size=30),
    st.builds("{}/{}".format, st.from_regex(r"[A-Za-z-]{1,12}", fullmatch=True), st.uuids()),
    st.builds("Scope:{} Code:{}".format, st.from_regex(r"[A-Z]{3,9}", fullmatch=True), st.integers(0, 10**9)),
)


@given(a=KEYS, b=KEYS, template=st.sampled_from(["{} is there already", "The key '{}' clashes", 'cannot find "{}".']))
def test_the_same_rule_about_two_keys_is_one(a: str, b: str, template: str) -> None:
    def rule(key: str) -> str:
        return rule_of(State.FAILED, "X", template.format(key), key)

    assert rule(a) == rule(b)


@given(message=st.text(max_size=200), key=st.text(max_size=20), state=st.sampled_from(State), code=st.text(max_size=9))
def test_any_text_has_a_rule(message: str, key: str, state: State, code: str) -> None:
    assert rule_of(state, code, message, key) == rule_of(state, code, message, key)
