"""What was lost is read back in few calls, and a night of lost answers ends with nothing in doubt."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from builders import Row, order, write_csv
from fronted_loads import BOUND, Patient, World, world
from fronted_lusid import TOKEN, Clock, Turn
from pydantic import SecretStr
from reconcile import order_ids
from run_checks import check_books, outcomes, states

from connectors.lusid.settings import LusidSettings
from connectors.sandbox.server import Sandbox
from connectors.targets import Target
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report
from schemas.settings import LoadSettings

LONG = "a-code-of-64-characters-which-is-as-long-as-one-may-be-in-a-path"


def blocks(count: int = 100, *, long: bool = False, per_block: int = 1) -> list[Row]:
    rows = [order(n, per_block * n + m, {"type": "Market"}) for n in range(count) for m in range(per_block)]
    cut = [{**row, "order_code": f"{row['order_code']}-{LONG}"[:64]} for row in rows]
    return cut if long else rows


def lost(world: World, rows: list[Row], front: str = "nothing at all", *, applied: bool) -> tuple[Report, int]:
    """A load of one call whose first answer is lost: its report, and the reads it took."""
    world.lusid.turns.append(Turn(front, applied))
    before = world.lusid.count("GET")
    return world.load("orders", rows, batch_size=100), world.lusid.count("GET") - before


@pytest.mark.parametrize("rows", [blocks(), blocks(long=True), blocks(per_block=3)], ids=["one", "long", "three"])
@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_call_of_a_hundred_blocks_is_settled_in_five_reads(rows: list[Row], applied: bool) -> None:
    with world() as there:
        report, reads = lost(there, rows, applied=applied)
        assert set(states(report).values()) == {"accepted"}
        assert {line["code"] for line in outcomes(report.run_dir)} == ({"ReadBack"} if applied else {None})
    assert reads <= (3 if applied else 5)
    assert set(there.lusid.applied.values()) == {1}


@pytest.mark.parametrize("applied", [True, False])
def test_codes_that_no_path_takes_are_read_back_in_lists_alone(applied: bool) -> None:
    rows = [{**row, "order_code": f"A/{n}@desk#1;^&?+*.", "block_code": f"B/{n}"} for n, row in enumerate(blocks(2))]
    with world() as there:
        report, _ = lost(there, rows, applied=applied)
        assert set(states(report).values()) == {"accepted"}
        assert {line["code"] for line in outcomes(report.run_dir)} == ({"ReadBack"} if applied else {None})
    assert set(there.lusid.applied.values()) == {1}


@pytest.mark.parametrize("longest", [3000, 1500, 800])
@pytest.mark.parametrize("applied", [True, False])
def test_where_no_long_filter_passes_shorter_ones_do(longest: int, applied: bool) -> None:
    with world(longest=longest) as there:
        report, reads = lost(there, blocks(long=True), applied=applied)
        assert set(states(report).values()) == {"accepted"}
        assert reads < 70
        _, again = lost(there, [{**row, "block_code": f"X{row['block_code']}"} for row in blocks()], applied=True)
    assert again < 8, "what was learnt is for one run only"


def test_where_no_filter_passes_at_all_each_order_is_read_by_itself() -> None:
    with world(longest=140) as there:
        report, reads = lost(there, blocks(20), applied=True)
        assert set(states(report).values()) == {"accepted"}
    assert 20 <= reads <= 25


def test_a_list_on_several_pages_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.deliver.list_reading.LARGEST_PAGE", "30")
    with world() as there:
        report, reads = lost(there, blocks(), applied=True)
        assert set(states(report).values()) == {"accepted"}
    assert 4 <= reads <= 5


def test_a_list_that_shows_less_than_there_is_is_not_believed() -> None:
    """Lists are empty, whatever is there; each order can be read."""
    with world() as there:
        real = there.lusid._ask

        def blind(seen: Any, body: bytes) -> Any:
            answered = real(seen, body)
            if not seen.line.startswith("GET") or "filter=" not in seen.line:
                return answered
            return type(answered)(200, answered.headers, b'{"values": [], "nextPage": null}')

        there.lusid._ask = blind  # type: ignore[method-assign]  # as a LUSID that lists wrongly
        report, _ = lost(there, blocks(10), applied=True)
        assert set(states(report).values()) == {"accepted"}
    assert set(there.lusid.applied.values()) == {1}


def test_what_was_refused_before_is_looked_for_before_a_replay_sends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An older version called failed what an earlier attempt had done; readers saw it late."""
    with world() as there:
        rows = blocks(6)
        there.lusid.strict = True
        there.load("orders", rows[:3], batch_size=100)
        report = there.load("orders", rows, batch_size=100)
        assert Counter(states(report).values()) == {"accepted": 3, "failed": 3}
        posts = there.lusid.count("POST")
        monkeypatch.setenv("FBN_ACCESS_TOKEN", TOKEN)
        again = replay(report.run_id, runs=there.folder / "runs", target=there.lusid.url)
        check_books(again)
        assert set(states(again).values()) == {"accepted"}
        assert there.lusid.count("POST") == posts
    assert set(there.lusid.applied.values()) == {1}


def test_a_replay_that_cannot_look_for_what_was_sent_sends_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with world() as there:
        rows = blocks(3)
        there.lusid.strict = True
        there.load("orders", rows, batch_size=100)
        report = there.load("orders", rows, batch_size=100, patience=0)
        posts = there.lusid.count("POST")
        monkeypatch.setenv("FBN_ACCESS_TOKEN", TOKEN)
        monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.0)
        there.lusid.reads.extend([Turn("nothing at all", applied=False)] * 40)
        again = replay(report.run_id, runs=there.folder / "runs", target=there.lusid.url)
        check_books(again)
        assert set(states(again).values()) == {"not_sent"}
        assert there.lusid.count("POST") == posts


def test_nothing_goes_again_before_it_was_absent_for_as_long_as_reads_may_lag() -> None:
    with world(lag=BOUND - 0.5) as there:
        report, _ = lost(there, blocks(5), applied=True)
        assert set(states(report).values()) == {"accepted"}
        assert BOUND <= there.lusid.clock() < BOUND + 1
        began = there.lusid.clock()
        rows = [{**row, "block_code": f"X{n}", "order_code": f"X{n}"} for n, row in enumerate(blocks(5))]
        report, _ = lost(there, rows, applied=False)
        assert set(states(report).values()) == {"accepted"}
        assert there.lusid.clock() - began >= BOUND
    assert set(there.lusid.applied.values()) == {1}


def test_calls_that_a_gateway_finds_too_large_are_few_and_each_is_read_back_before_it_goes_again() -> None:
    rows = blocks(1200)
    with world(too_large=lambda keys: len(keys) > 30) as there:
        report = there.load("orders", rows, batch_size=100)
        assert set(states(report).values()) == {"accepted"}
    assert there.lusid.refused_for_size <= 10
    assert set(there.lusid.applied.values()) == {1}
    assert len(there.lusid.applied) == 1200


def test_one_block_that_a_gateway_finds_too_large_fails_alone_and_teaches_no_size() -> None:
    rows = blocks(400)
    with world(too_large=lambda keys: "MyScope/B0137" in keys) as there:
        report = there.load("orders", rows, batch_size=100)
        found = states(report)
    assert {key for key, state in found.items() if state != "accepted"} == {"MyScope/B0137"}
    assert found["MyScope/B0137"] == "failed"
    assert there.lusid.count("POST") <= 30
    assert set(there.lusid.applied.values()) == {1}


FAULTS = ("cut-before", "cut-after", "cut-during", "truncated", "not-json")


@contextmanager
def losing(folder: Path, seed: int, *, waits: bool) -> Iterator[tuple[Sandbox, Target, Any]]:
    """A sandbox that loses 35 % of its answers, and a client whose waiting takes time or none."""
    faults = ",".join(f"{fault}=0.07" for fault in FAULTS) + f",seed={seed},reads=true"
    clock = Clock()
    timing: dict[str, Any] = {} if waits else {"sleep": clock.sleep, "clock": clock}
    with Sandbox(database=folder / "sandbox.db", faults=faults) as sandbox:
        settings = LusidSettings(lusid_url=sandbox.url, access_token=SecretStr(sandbox.access_token), total_seconds=1e6)
        with Patient(settings, **timing) as client:
            client.follow(LoadSettings(patience=300))
            yield sandbox, Target(client, sandbox.url), clock


def bad_night(folder: Path, seed: int, *, waits: bool) -> None:
    path = write_csv(folder / "orders.csv", [order(n, n) for n in range(2000)])
    with losing(folder, seed, waits=waits) as (sandbox, target, clock):
        began = time.monotonic()
        report = load("orders", path, target=target, runs=folder / "runs")
        seconds = time.monotonic() - began + clock()
        reads = sum(method == "GET" for method, _, _ in sandbox.calls)
    check_books(report)
    assert set(states(report).values()) == {"accepted"}
    assert len(order_ids(folder / "sandbox.db")) == 2000
    assert sum(sandbox.faults_met.values()) > 3
    assert reads <= 400
    assert seconds <= 60


@pytest.mark.untraced
@pytest.mark.parametrize("seed", range(3))
def test_a_night_that_loses_a_third_of_its_answers_ends_soon_with_nothing_in_doubt(tmp_path: Path, seed: int) -> None:
    bad_night(tmp_path, seed, waits=False)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_nights_that_lose_a_third_of_their_answers_in_real_time(tmp_path: Path, seed: int) -> None:
    bad_night(tmp_path, 100 + seed, waits=True)
