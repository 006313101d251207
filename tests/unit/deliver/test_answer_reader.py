import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.deliver.answer_reader import Reading, read_answer
from pipelines.deliver.ledger import Outcome
from pipelines.operations.table import operation_named
from schemas.states import Mode, State

RECORDS = operation_named("investor-records")
ORDERS = operation_named("orders")
KEYS = ["A", "B", "C"]
PART = [10, 11, 12]


def read(body: Any, mode: Mode = Mode.PARTIAL) -> Reading:
    return read_answer(body, RECORDS, PART, KEYS, mode)


def states(reading: Reading) -> dict[int, State]:
    return {**dict.fromkeys(reading.accepted, State.ACCEPTED), **{o.request: o.state for o in reading.outcomes}}


def values(*keys: str) -> dict[str, Any]:
    return {key: {"lusidInvestorRecordId": f"LUID_{key}"} for key in keys}


def blocks(*names: str) -> list[Any]:
    return [{"block": {"id": dict(zip(("scope", "code"), name.split("/"), strict=True))}} for name in names]


@given(st.permutations(KEYS), st.permutations(KEYS))
def test_values_in_any_order_settle_each_key_with_its_own_id(order: list[str], failing: list[str]) -> None:
    reading = read({"values": values(*order), "failed": {}})
    assert list(reading.accepted) == PART
    assert list(reading.ids) == ["LUID_A", "LUID_B", "LUID_C"]
    bad = failing[0]
    body = {"values": values(*(k for k in order if k != bad)), "failed": {bad: {"type": "XFailure", "detail": bad}}}
    reading = read(body)
    number = PART[KEYS.index(bad)]
    assert reading.outcomes == [Outcome(number, State.FAILED, "XFailure", bad)]
    assert dict(zip(reading.accepted, reading.ids, strict=True)) == {
        n: f"LUID_{k}" for n, k in zip(PART, KEYS, strict=True) if k != bad
    }


@given(st.integers(1, 60), st.randoms(use_true_random=False))
def test_a_list_of_blocks_is_matched_by_block_id_in_any_order(count: int, lot: random.Random) -> None:
    keys = [f"S/B{i}" for i in range(count)]
    shuffled = lot.sample(keys, count)
    missing = shuffled.pop() if count > 1 else None
    reading = read_answer({"values": blocks(*shuffled)}, ORDERS, range(count), keys, Mode.PARTIAL)
    text = "LUSID's answer does not mention this key"
    assert list(reading.accepted) == [i for i, k in enumerate(keys) if k != missing]
    assert reading.outcomes == [Outcome(i, State.UNKNOWN, "Protocol", text) for i, k in enumerate(keys) if k == missing]


def test_a_key_that_is_not_mentioned_is_unknown_and_a_stranger_is_named() -> None:
    reading = read({"values": values("A", "C", "Zed"), "failed": {"Y\n": {"detail": "no"}}})
    assert states(reading) == {10: State.ACCEPTED, 12: State.ACCEPTED, 11: State.UNKNOWN}
    assert reading.strangers == ["Zed", "Y\\n"]
    assert list(reading.ids) == ["LUID_A", "LUID_C"]


def test_a_block_without_an_id_is_a_stranger_that_is_told_as_such() -> None:
    body = {"values": [*blocks("S/B0"), {"block": {}}]}
    assert read_answer(body, ORDERS, range(1), ["S/B0"], Mode.PARTIAL).strangers == ["(without a key)"]


@pytest.mark.parametrize("failed", [None, {}, [], [1, 2], "text", 7, True, [{"A": {}}]])
def test_failed_of_a_wrong_type_takes_nothing_from_what_is_done(failed: Any) -> None:
    assert states(read({"values": values(*KEYS), "failed": failed})) == dict.fromkeys(PART, State.ACCEPTED)


@pytest.mark.parametrize("failed", [None, {}, [], "text"])
@pytest.mark.parametrize("mode", list(Mode))
def test_without_values_nothing_is_known(failed: Any, mode: Mode) -> None:
    assert states(read({"values": None, "failed": failed}, mode)) == dict.fromkeys(PART, State.UNKNOWN)
    assert states(read({"failed": failed}, mode)) == dict.fromkeys(PART, State.UNKNOWN)


@pytest.mark.parametrize("body", [None, [], [{"A": 1}], "A", 3, {"values": []}, {"values": "A"}, {"values": 1}])
def test_another_shape_leaves_every_key_unknown(body: Any) -> None:
    text = "LUSID's answer does not have the documented shape"
    assert read(body).outcomes == [Outcome(r, State.UNKNOWN, "Protocol", text) for r in PART]


@pytest.mark.parametrize(
    "body",
    [
        {"values": {}},
        {"values": None},
        {"values": [None, 1, "S/B0", {}, {"block": 1}, {"block": {"id": 3}}, {"block": {"id": {"scope": "S"}}}]},
        {"values": [{"block": {"id": {"scope": ["S"], "code": 5}}}]},
        {"values": [{"block": {"id": {"scope": "S/B0"}}}, {"block": {"id": {"scope": "S", "code": None}}}]},
        {"values": orjson.loads('[{"block":{"id":{"scope":' + "[" * 1015 + "]" * 1015 + ',"code":"B0"}}}]')},
    ],
)
def test_a_list_answer_of_odd_entries_settles_nothing(body: Any) -> None:
    reading = read_answer(body, ORDERS, [7], ["S/B0"], Mode.PARTIAL)
    assert states(reading) == {7: State.UNKNOWN}


@pytest.mark.parametrize(
    ("entry", "state", "code", "message"),
    [
        ({"type": "XFailure", "detail": "no"}, State.FAILED, "XFailure", "no"),
        ({"type": "XFailure", "detail": "left unchanged"}, State.FAILED, "XFailure", "left unchanged"),
        ({"type": "Info", "detail": "Left unchanged without error"}, State.ACCEPTED, "Unchanged", None),
        ({"type": "ValidationError", "detail": "Left unchanged without error"}, State.FAILED, "ValidationError", None),
        ({"type": "Validation", "detail": "bad side; the order is unchanged"}, State.FAILED, "Validation", None),
        ({}, State.FAILED, "Failed", "LUSID gives no reason"),
        (None, State.FAILED, "Failed", "LUSID gives no reason"),
        ("plain words", State.FAILED, "Failed", "plain words"),
        ([["deep"]], State.FAILED, "Failed", "LUSID gives no reason"),
        ({"type": 5, "detail": {"a": 1}}, State.FAILED, "5", "LUSID gives no reason"),
        ({"detail": "d", "errorDetails": [{"x": "more"}, 3]}, State.FAILED, "Failed", "d; more"),
    ],
)
def test_an_entry_of_failed_is_read_for_what_it_says(entry: Any, state: State, code: str, message: str | None) -> None:
    (outcome,) = read({"values": values("A", "B"), "failed": {"C": entry}}).outcomes
    assert outcome == Outcome(12, state, code, entry["detail"] if message is None else message)


def test_a_key_that_is_done_and_failed_is_done_where_it_is_unchanged_and_unknown_else() -> None:
    failed = {"A": {"detail": "is unchanged"}, "B": {"type": "XFailure", "detail": "no"}}
    reading = read({"values": values(*KEYS), "failed": failed})
    assert states(reading) == {10: State.ACCEPTED, 11: State.UNKNOWN, 12: State.ACCEPTED}
    text = "LUSID's answer lists this key as done and as failed: no"
    assert reading.outcomes[1] == Outcome(11, State.UNKNOWN, "Protocol", text)


@pytest.mark.parametrize(
    "failed",
    [
        {"B": {"type": "", "detail": "left unchanged without error"}},
        {"b": {"type": "XFailure", "detail": "no"}},
        {"Z": None},
    ],
)
@pytest.mark.parametrize("values", [{}, {"A": {}}])
def test_in_atomic_mode_nobody_is_rolled_back_where_no_key_of_the_call_was_refused(
    failed: dict[str, Any], values: dict[str, Any]
) -> None:
    assert State.ROLLED_BACK not in states(read({"values": values, "failed": failed}, Mode.ATOMIC)).values()


def test_in_atomic_mode_nobody_is_rolled_back_where_another_key_is_done() -> None:
    reading = read({"values": {"A": {}}, "failed": {"B": {"type": "XFailure", "detail": "no"}}}, Mode.ATOMIC)
    assert states(reading)[PART[2]] is State.UNKNOWN


def test_in_atomic_mode_who_is_not_mentioned_beside_a_failure_was_rolled_back() -> None:
    reading = read({"values": {}, "failed": {"B": {"type": "XFailure", "detail": "no"}}}, Mode.ATOMIC)
    assert states(reading) == {10: State.ROLLED_BACK, 11: State.FAILED, 12: State.ROLLED_BACK}
    assert states(read({"values": {}, "failed": {}}, Mode.ATOMIC)) == dict.fromkeys(PART, State.UNKNOWN)


@pytest.mark.parametrize(
    ("value", "expected"),
    [({"lusidInvestorRecordId": 5}, None), (None, None), ([], None), ({"lusidInvestorRecordId": "x\0"}, "x\\x00")],
)
def test_an_id_is_a_text_or_nothing(value: Any, expected: str | None) -> None:
    reading = read({"values": {**values("B", "C"), "A": value}})
    assert list(reading.ids) == [expected, "LUID_B", "LUID_C"]
    assert list(reading.accepted) == PART


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["A", "XFailure", "unchanged", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*KEYS, "values", "failed", "block", "id", "detail", "type"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"values": JSON, "failed": JSON}), st.sampled_from(list(Mode)), st.booleans())
def test_whatever_the_answer_every_request_gets_one_state_and_none_is_accepted_unnamed(
    body: Any, mode: Mode, keyed: bool
) -> None:
    reading = read_answer(body, RECORDS if keyed else ORDERS, PART, KEYS, mode)
    assert sorted([*reading.accepted, *(o.request for o in reading.outcomes)]) == PART
    named = body.get("values") if isinstance(body, dict) else None
    failed = body.get("failed") if isinstance(body, dict) else None
    mentioned = [*(named if isinstance(named, dict) else ()), *(failed if isinstance(failed, dict) else ())]
    assert all(KEYS[PART.index(r)] in mentioned for r, s in states(reading).items() if s is State.ACCEPTED)
