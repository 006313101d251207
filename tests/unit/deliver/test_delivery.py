import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import investor, order, write_csv
from run_checks import check_books, failures, journal, outcomes, states
from sandbox_api import get
from scripted_lusid import MISSING, Call, Reply, done, refused, sandbox, scripted

from pipelines.deliver.doubts import TRIES
from pipelines.load import load
from pipelines.report.report import Report
from schemas.states import State, Verdict


def blocks(folder: Path, count: int, per_block: int = 1) -> Path:
    rows = [order(b, b * 10 + o) for b in range(count) for o in range(per_block)]
    return write_csv(folder / "orders.csv", rows)


def records(folder: Path, count: int) -> Path:
    return write_csv(folder / "investors.csv", [investor(n) for n in range(count)])


def key(number: int) -> str:
    return f"MyScope/B{number:04d}"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Report]:
    def go(target: object, operation: str, path: Path, **options: Any) -> Report:
        report = load(operation, path, target=target, runs=tmp_path / "runs", **options)
        check_books(report)
        return report

    return go


class Store:
    """A LUSID that keeps orders and can be read; a lie decides what becomes of each POST."""

    def __init__(self, lie: Callable[[Call, "Store"], Reply | None] = lambda *_: None) -> None:
        self.orders: dict[str, Any] = {}
        self.applied: Counter[str] = Counter()
        self._lie = lie

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            found = self.orders.get(call.path.removeprefix("/api/orders/"))
            return Reply(200, found) if found else MISSING
        told = self._lie(call, self)
        return told if told is not None else self.apply(call)

    def apply(self, call: Call) -> Reply:
        for request in call.body["requests"]:
            for each in request["orders"]:
                name = f"{each['id']['scope']}/{each['id']['code']}"
                self.orders[name] = each
                self.applied[name] += 1
        return done(call)


def each_first_time(lie: Reply, *, applied: bool) -> Callable[[Call, Store], Reply | None]:
    """The first POST meets the lie, after or before it was applied."""
    met: list[int] = []

    def first(call: Call, store: Store) -> Reply | None:
        if met:
            return None
        met.append(call.number)
        if applied:
            store.apply(call)
        return lie

    return first


LOST = [Reply(cut=True), Reply(201, b'{"values": [{"blo'), Reply(200, b"<html>"), Reply(504, b"late")]


@pytest.mark.parametrize("lie", LOST, ids=["cut", "truncated", "not-json", "504"])
@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not applied"])
def test_orders_whose_answer_was_lost_are_neither_doubled_nor_called_failed(
    run: Callable[..., Report], tmp_path: Path, lie: Reply, applied: bool
) -> None:
    store = Store(each_first_time(lie, applied=applied))
    with scripted(store) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 7, 2))
    assert report.verdict is Verdict.COMPLETE
    assert set(store.applied.values()) == {1}
    assert len(store.orders) == 14
    assert len(lusid.posted) == (1 if applied else 2)
    assert {line["code"] for line in outcomes(report.run_dir)} == ({"ReadBack"} if applied else {None})


def test_what_reading_back_finds_different_is_unknown_and_not_sent_again(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    def lie(call: Call, store: Store) -> Reply:
        store.apply(call)
        store.orders["MyScope/O0010"] = store.orders["MyScope/O0010"] | {"quantity": 1}
        return Reply(cut=True)

    with scripted(Store(lie)) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 3))
    assert states(report) == {key(0): "accepted", key(1): "unknown", key(2): "accepted"}
    assert len(lusid.posted) == 1
    (told,) = failures(report.run_dir)
    assert "LUSID holds it, but not as it was sent" in told["_message"]


def test_when_nothing_can_be_read_back_it_is_unknown_at_once_and_not_tried_for_each(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    with scripted(lambda _: Reply(cut=True), retries=2) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 50))
    assert set(states(report).values()) == {"unknown"}
    assert len([c for c in lusid.calls if c.method == "GET"]) == 3
    assert report.exit_code == 3


def test_a_refusal_after_a_lost_answer_is_looked_at_again(run: Callable[..., Report], tmp_path: Path) -> None:
    """The first call is applied late: not there when read back, there when it is sent again."""

    class Late(Store):
        def __call__(self, call: Call) -> Reply:
            if call.method == "GET" and len([c for c in lusid.calls if c.method == "POST"]) < 2:
                return MISSING
            return super().__call__(call)

    def lie(call: Call, store: Store) -> Reply:
        if len(lusid.posted) == 1:
            store.apply(call)
            return Reply(cut=True)
        return refused({f"requests[{n}].id": ["exists with differing fields"] for n in range(len(call.keys))})

    with scripted(Late(lie)) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 3))
    assert report.verdict is Verdict.COMPLETE
    assert [line["code"] for line in outcomes(report.run_dir)] == ["ReadBack"] * 3


@pytest.mark.parametrize("read", [Reply(503), refused(), Reply(200, {"values": []}), Reply(200, {"id": 1})])
def test_a_refusal_after_a_lost_answer_that_nobody_can_read_back_is_unknown(
    run: Callable[..., Report], tmp_path: Path, read: Reply
) -> None:
    def rule(call: Call) -> Reply:
        posts = len(lusid.posted)
        if call.method == "GET":
            return MISSING if posts < 2 else read
        return Reply(cut=True) if posts == 1 else refused({"requests[0].id": ["exists with differing fields"]})

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 1))
    assert states(report) == {key(0): "unknown"}
    assert "exists with differing fields" in failures(report.run_dir)[0]["_message"]


OURS, ANOTHERS = {"requestIdCreated": "REQ-1"}, {"requestIdCreated": "REQ-0"}
OLDER, YOUNGER = {"asAtCreated": "2020-01-01T00:00:00.0000000+00:00"}, {"asAtCreated": "2999-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("version", "head_came", "alike", "state"),
    [
        ({}, True, False, "unknown"),
        (OLDER, False, False, "failed"),
        (OLDER, False, True, "failed"),
        (YOUNGER, False, False, "unknown"),
        (YOUNGER, False, True, "accepted"),
        (ANOTHERS, False, False, "unknown"),
        (ANOTHERS, True, False, "failed"),
        (OURS, True, False, "accepted"),
        (OURS, False, False, "unknown"),
    ],
)
def test_a_refusal_that_an_earlier_attempt_may_have_caused_is_failed_only_where_the_version_says_otherwise(
    run: Callable[..., Report], tmp_path: Path, version: dict[str, str], head_came: bool, alike: bool, state: str
) -> None:
    """The first attempt's answer is lost, with its head or after it, and the second is refused: it is there."""

    def rule(call: Call) -> Reply:
        if "metadata" in call.path:
            return Reply(200, {})
        if call.method == "POST":
            lost = Reply(201, b"{") if head_came else Reply(cut=True)
            return lost if len(lusid.posted) == 1 else refused({"requests[0].id": ["exists otherwise"]})
        (sent,) = lusid.posted[0].body["requests"][0]["orders"]
        found = sent | {"version": version} | ({} if alike else {"quantity": 7})
        return MISSING if len(lusid.posted) < 2 else Reply(200, found)

    with scripted(rule) as (lusid, target):
        target.client.check()
        lusid.answers = itertools.count(1)
        report = run(target, "orders", blocks(tmp_path, 1))
    assert states(report) == {key(0): state}
    if state != "accepted":
        assert "exists otherwise" in failures(report.run_dir)[0]["_message"]


@pytest.mark.parametrize(
    ("version", "posts", "state"), [(OLDER, 2, "failed"), (ANOTHERS, 1, "unknown"), ({}, 1, "unknown")]
)
def test_what_lusid_holds_otherwise_lets_a_lost_call_go_again_only_where_it_is_older_than_the_run(
    run: Callable[..., Report], tmp_path: Path, version: dict[str, str], posts: int, state: str
) -> None:
    """That an id in a version is the one of an answer's head is inferred: no order is sent again on its word."""

    def rule(call: Call) -> Reply:
        if "metadata" in call.path:
            return Reply(200, {})
        if call.method == "POST":
            return Reply(201, b"{") if len(lusid.posted) == 1 else refused({"requests[0].id": ["exists otherwise"]})
        (sent,) = lusid.posted[0].body["requests"][0]["orders"]
        return Reply(200, sent | {"version": version, "quantity": 7})

    with scripted(rule) as (lusid, target):
        target.client.check()
        lusid.answers = itertools.count(1)
        report = run(target, "orders", blocks(tmp_path, 1))
    assert states(report) == {key(0): state}
    assert len(lusid.posted) == posts


def test_a_true_conflict_after_a_lost_answer_is_failed(run: Callable[..., Report], tmp_path: Path) -> None:
    def lie(call: Call, store: Store) -> Reply | None:
        return Reply(cut=True) if len(lusid.posted) == 1 else refused({"requests[1].side": ["differs"]})

    def rule(call: Call) -> Reply:
        return store(call) if call.method == "GET" or len(lusid.posted) < 3 else store.apply(call)

    store = Store(lie)
    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 3))
    assert states(report) == {key(0): "accepted", key(1): "failed", key(2): "accepted"}


def test_an_upsert_whose_answer_was_lost_is_sent_again(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        return Reply(cut=True) if call.number == 1 else done(call)

    with scripted(rule) as (lusid, target):
        report = run(target, "investor-records", records(tmp_path, 5))
    assert report.verdict is Verdict.COMPLETE
    assert [call.method for call in lusid.calls] == ["POST", "POST"]
    assert report.retries == 1


def test_an_order_that_is_never_found_is_unknown_after_so_many_tries(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    with scripted(lambda call: MISSING if call.method == "GET" else Reply(cut=True)) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 2))
    assert set(states(report).values()) == {"unknown"}
    assert len(lusid.posted) == TRIES
    assert report.exit_code == 3


def test_losses_in_a_row_open_the_breaker_and_the_rest_is_not_sent(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        if call.method == "GET":
            return MISSING
        return done(call) if len(lusid.posted) <= 2 else Reply(cut=True)

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 60), batch_size=5, concurrency=1)
    assert (report.verdict, report.exit_code) == (Verdict.STOPPED, 4)
    assert Counter(states(report).values()) == {"accepted": 10, "unknown": 15, "not_sent": 35}
    assert len(lusid.posted) == 2 + 3 * TRIES
    assert "calls in a row came to nothing" in failures(report.run_dir)[-1]["_message"]


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_locked_out_stops_at_once_and_what_is_settled_stays(
    run: Callable[..., Report], tmp_path: Path, status: int
) -> None:
    def rule(call: Call) -> Reply:
        return done(call) if call.number <= 3 else refused(status=status)

    with scripted(rule) as (lusid, target):
        report = run(target, "investor-records", records(tmp_path, 50), batch_size=5, concurrency=1)
    assert (report.verdict, report.exit_code) == (Verdict.STOPPED, 4)
    assert Counter(states(report).values()) == {"accepted": 15, "not_sent": 35}
    assert len(lusid.calls) <= 5
    assert report.warnings[0] in failures(report.run_dir)[0]["_message"]


def test_an_answer_that_breaks_http_is_lost(run: Callable[..., Report], tmp_path: Path) -> None:
    def lie(call: Call, store: Store) -> Reply:
        store.apply(call)
        return Reply(201, {}, headers=(("Content-Length", "5, 6"),))

    with scripted(Store(lie)) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 4), batch_size=2, concurrency=1)
    assert list(states(report).values()) == ["accepted"] * 4
    assert len(lusid.posted) == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda call: {"values": []}, "does not mention this key"),
        (lambda call: {"values": "all of them"}, "does not have the documented shape"),
    ],
)
def test_what_an_answer_does_not_tell_is_read_back(
    run: Callable[..., Report], tmp_path: Path, answer: Callable[[Call], Any], said: str
) -> None:
    def odd(call: Call, store: Store) -> Reply:
        store.apply(call)
        del store.orders["MyScope/O0010"]
        return Reply(201, answer(call))

    with scripted(Store(odd)) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 3))
    assert states(report) == {key(0): "accepted", key(1): "unknown", key(2): "accepted"}
    assert len(lusid.posted) == 1
    (failure,) = failures(report.run_dir)
    assert failure["_message"] == f"LUSID's answer {said}; not found when read back"


def test_a_refusal_in_nobodys_words_is_no_proof_that_nothing_was_done(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    """A proxy's page, after LUSID did it; the second block it never saw."""

    def proxy(call: Call, store: Store) -> Reply | None:
        if store.applied:
            return None
        call.body["requests"].pop()
        store.apply(call)
        return Reply(400, b"<html>Bad Gateway's bad request</html>")

    store = Store(proxy)
    with scripted(store) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 2))
    assert set(states(report).values()) == {"accepted"}
    assert set(store.applied.values()) == {1}
    assert [call.keys for call in lusid.posted] == [[key(0)], [key(1)]]


GATES = [302, 401, 403, 404, 407]


@pytest.mark.parametrize("status", GATES)
@pytest.mark.parametrize("applied", [True, False])
def test_what_would_stop_the_run_if_lusid_said_it_is_a_lost_answer_where_another_does(
    run: Callable[..., Report], tmp_path: Path, status: int, applied: bool
) -> None:
    store = Store(each_first_time(Reply(status, b"<html>who are you?</html>"), applied=applied))
    with scripted(store) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 6), batch_size=2, concurrency=1)
    assert report.verdict is Verdict.COMPLETE
    assert set(store.applied.values()) == {1}
    assert len(lusid.posted) == (3 if applied else 4)


@pytest.mark.parametrize("status", GATES)
def test_a_gate_that_stays_shut_stops_the_run_soon(run: Callable[..., Report], tmp_path: Path, status: int) -> None:
    store = Store(lambda *_: Reply(status, {"message": "no"}))
    with scripted(store) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 40), batch_size=2, concurrency=1)
    assert report.exit_code == 4
    assert len(lusid.posted) == 3
    assert Counter(states(report).values()) == {"unknown": 6, "not_sent": 34}


def test_what_arrives_late_is_not_sent_again(run: Callable[..., Report], tmp_path: Path) -> None:
    """The connection is cut at once, and LUSID takes its time: the first look is too early."""
    late: list[Call] = []

    def slow(call: Call, _: Store) -> Reply:
        late.append(call)
        return Reply(cut=True)

    store = Store(slow)

    def rule(call: Call) -> Reply:
        answer = store(call)
        if call.method == "GET" and late:
            store.apply(late.pop())
        return answer

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 1))
    assert states(report) == {key(0): "accepted"}
    assert len(lusid.posted) == 1


def test_an_answer_settles_its_other_keys_though_reading_one_back_is_refused(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    """The first call's answer is lost; the second refuses one key, and then LUSID locks us out."""

    def rule(call: Call) -> Reply:
        if call.method == "GET":
            found = {"id": {"scope": "S", "code": call.path.rpartition("/")[2]}, "state": "New"}
            return Reply(200, found) if len(lusid.posted) == 1 else refused(status=403)
        if len(lusid.posted) == 1:
            return Reply(cut=True)
        first, *others = call.keys
        return Reply(
            200, {"values": {k: {} for k in others}, "failed": {first: {"type": "XFailure", "detail": "is so"}}}
        )

    with scripted(rule) as (lusid, target):
        rows = [{"order_scope": "S", "order_code": f"O{n}"} for n in range(3)]
        report = run(target, "cancel-orders", write_csv(tmp_path / "a.csv", rows))
    assert list(states(report).values()) == ["unknown", "accepted", "accepted"]
    assert report.exit_code == 4


def test_what_lusid_refused_is_not_in_doubt_when_the_run_stops_before_the_rest_goes_again(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    """Of two senders one is refused for a culprit, and the other is locked out before the innocent rest is sent."""
    both, locked_out = threading.Barrier(2), threading.Event()

    def rule(call: Call) -> Reply:
        if call.method == "GET":
            return MISSING
        both.wait(10)
        if key(0) in call.keys:
            locked_out.wait(10)
            time.sleep(0.3)
            return refused({"requests[0].orders[0].quantity": ["not so many"]})
        locked_out.set()
        return refused(status=403)

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 6), batch_size=3, concurrency=2)
    assert list(states(report).values()) == ["failed"] + ["not_sent"] * 5
    assert (report.exit_code, len(lusid.posted)) == (4, 2)


def test_an_atomic_call_that_lusid_finds_too_large_is_cut_and_that_is_said(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    def rule(call: Call) -> Reply:
        return done(call) if len(call.keys) <= 3 else Reply(413)

    with scripted(rule) as (_, target):
        report = run(target, "investor-records", records(tmp_path, 10), mode="Atomic")
    assert report.exit_code == 0
    assert report.warnings == ("LUSID takes no more than 2 of these requests in a call: each such call was Atomic",)


def test_a_call_that_never_got_through_is_not_sent(run: Callable[..., Report], tmp_path: Path) -> None:
    with scripted(lambda _: refused(status=429)) as (_, target):
        report = run(target, "orders", blocks(tmp_path, 4), batch_size=2, concurrency=1)
    assert set(states(report).values()) == {"not_sent"}
    assert {line["_code"] for line in failures(report.run_dir)} == {"Throttled"}
    assert report.exit_code == 4


def test_doubt_outlives_a_call_that_never_got_through(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        if call.method == "GET":
            return MISSING
        return Reply(cut=True) if len(lusid.posted) == 1 else Reply(503)

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 1))
    assert states(report) == {key(0): "unknown"}


def test_named_culprits_are_taken_out_and_the_rest_is_sent_again(run: Callable[..., Report], tmp_path: Path) -> None:
    bad = {key(3): "quantity", key(7): "side"}

    def rule(call: Call) -> Reply:
        faults = {f"requests[{i}].{bad[k]}": ["is wrong"] for i, k in enumerate(call.keys) if k in bad}
        return refused(faults) if faults else done(call)

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 20))
    assert {k for k, s in states(report).items() if s == "failed"} == set(bad)
    assert [(f["_key"], f["_message"], f["_request_id"]) for f in failures(report.run_dir)] == [
        (key(3), "quantity: is wrong", "R-1"),
        (key(7), "side: is wrong", "R-1"),
    ]
    assert report.requests == len(lusid.posted) == 2


@pytest.mark.parametrize("mode", ["Partial", "Atomic"])
def test_a_vague_refusal_is_bisected_in_partial_mode_only(
    run: Callable[..., Report], tmp_path: Path, mode: str
) -> None:
    def rule(call: Call) -> Reply:
        return refused() if key(13) in call.keys else done(call)

    with scripted(rule) as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 40), batch_size=20, mode=mode)
    counts = Counter(states(report).values())
    assert counts == ({"accepted": 39, "failed": 1} if mode == "Partial" else {"accepted": 20, "failed": 20})
    assert report.requests == len(lusid.posted) == (2 + 2 * 5 if mode == "Partial" else 2)


def test_a_call_too_large_is_halved_and_the_smaller_size_kept(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        return refused(status=413) if len(call.body) > 5 else done(call)

    with scripted(rule) as (lusid, target):
        report = run(target, "investor-records", records(tmp_path, 60), batch_size=20, concurrency=1)
    assert report.verdict is Verdict.COMPLETE
    sizes = [len(call.body) for call in lusid.posted]
    assert sizes[:3] == [20, 10, 5]
    assert sizes.count(20) == 1


def test_one_request_that_is_too_large_alone_fails_alone(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        return refused(status=413) if "IR_0003" in call.body else done(call)

    with scripted(rule) as (_, target):
        report = run(target, "investor-records", records(tmp_path, 8))
    assert {k for k, s in states(report).items() if s == "failed"} == {"IR_0003"}


def test_keys_we_never_sent_are_a_warning(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        answer = done(call)
        strangers: dict[str, Any] = {f"X{i}": {} for i in range(300)}
        return Reply(body={**answer.body, "values": {**answer.body["values"], **strangers}})

    with scripted(rule) as (_, target):
        report = run(target, "investor-records", records(tmp_path, 20), batch_size=5)
    assert report.verdict is Verdict.COMPLETE
    assert report.warnings == ("LUSID answered for keys that were never sent: X0, X1, X2, X3, X4",)


def nested(depth: int) -> bytes:
    return b'{"values":{"IR_0000":' + b"[" * depth + b"]" * depth + b'},"failed":{}}'


HOSTILE: dict[str, Reply] = {
    "huge": Reply(body=b'{"values":{},"failed":{"IR_0000":{"detail":"' + b"x" * (50 << 20) + b'"}}}'),
    "larger than we read": Reply(body=b'{"values":"' + b"x" * (65 << 20) + b'"}'),
    "many strangers": Reply(body=b'{"values":{' + b",".join(b'"S%d":{}' % i for i in range(500_000)) + b"}}"),
    "deep": Reply(body=nested(1000)),
    "too deep": Reply(body=nested(100_000)),
    "deep refusal": Reply(400, b'{"errors":' + b"[" * 1000 + b"]" * 1000 + b',"detail":[{"a":[]}],"code":"x"}'),
    "huge refusal": Reply(400, {"errors": {f"{'k' * 200}{i}": ["m" * 200] for i in range(30_000)}, "name": 3}),
    "list": Reply(body=[[], [[]]]),
    "number": Reply(body=1e300),
    "wrong types": Reply(body={"values": {"IR_0000": "text"}, "failed": {"IR_0001": 5, "IR_0002": []}}),
    "empty": Reply(body=b""),
    "bom": Reply(body=b'\xef\xbb\xbf{"values":{}}'),
    "not utf-8": Reply(body=b'{"values":{"\xff":1}}'),
    "lone surrogate": Reply(body=b'{"values":{},"failed":{"IR_0000":{"detail":"\\ud800"}}}'),
}


@pytest.mark.untraced
@pytest.mark.parametrize("reply", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_answer_neither_crashes_nor_hangs_nor_corrupts(
    run: Callable[..., Report], tmp_path: Path, reply: Reply
) -> None:
    def rule(call: Call) -> Reply:
        return reply if call.method == "POST" else MISSING

    with scripted(rule, retries=0) as (_, target):
        report = run(target, "investor-records", records(tmp_path, 3))
    assert "accepted" not in {s for k, s in states(report).items() if k != "IR_0000"}
    assert all(len(line["_message"]) < 2000 for line in failures(report.run_dir))
    assert (report.run_dir / "journal.jsonl").stat().st_size < 100_000


def test_two_calls_never_hold_the_same_key_at_once(run: Callable[..., Report], tmp_path: Path) -> None:
    flying: Counter[str] = Counter()
    lock = threading.Lock()
    most: list[int] = []

    def rule(call: Call) -> Reply:
        if call.method == "GET":
            return MISSING
        with lock:
            flying.update(call.keys)
            most.append(max(flying.values()))
        answer = refused() if "MyScope/B0011" in call.keys else done(call)
        with lock:
            flying.subtract(call.keys)
        return answer

    with scripted(rule) as (_, target):
        run(target, "orders", blocks(tmp_path, 60), batch_size=6, concurrency=16)
    assert max(most) == 1


FAULTS: Sequence[str] = ["cut-after", "cut-before", "cut-during", "truncated", "not-json", "504", "html"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_sandbox_holds_each_order_once_whatever_answer_is_lost(
    run: Callable[..., Report], tmp_path: Path, fault: str
) -> None:
    with sandbox(f"script={fault};ok;{fault}") as (lusid, target):
        report = run(target, "orders", blocks(tmp_path, 9, 2), batch_size=3, concurrency=1)
        listed = get(lusid, "orders").json()["values"]
        quantities = {b["id"]["code"]: b["quantity"] for b in get(lusid, "blocks").json()["values"]}
    assert report.verdict is Verdict.COMPLETE
    assert len(listed) == report.rows[State.ACCEPTED] == 18
    assert quantities == {f"B{n:04d}": 200 for n in range(9)}


def test_intent_is_on_disk_before_a_call_arrives_and_its_settlement_before_the_next(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    seen: list[list[dict[str, Any]]] = []

    def rule(call: Call) -> Reply:
        (folder,) = (tmp_path / "runs").iterdir()
        seen.append(journal(folder))
        return done(call)

    with scripted(rule) as (_, target):
        run(target, "investor-records", records(tmp_path, 6), batch_size=2, concurrency=1)
    times = ("at", "took", "attempts")
    assert [[name for name in line if name not in times][:2] for line in seen[2]] == [
        ["plan", "digest"],
        ["call", "sent"],
        ["call", "request_id"],
        ["call", "sent"],
        ["call", "request_id"],
        ["call", "sent"],
    ]
    assert [len(lines) for lines in seen] == [2, 4, 6]
    assert seen[2][4]["accepted"] == [[2, 2]]
