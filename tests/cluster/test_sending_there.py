"""A load that is sent from a Dask cluster: what LUSID holds and what the run says is what one process leaves."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from builders import account, investor, rows_for, write_csv
from dask_cluster import TOKEN, Workers, far, what_travels
from reconcile import documents, order_ids
from remote_places import BUCKET, s3
from run_checks import check_folder, check_journal
from scripted_lusid import Call, Reply, ScriptedLusid, nothing_there, refused

from connectors.run_folder import journal
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal_lines import journal_lines
from connectors.sandbox.server import Sandbox
from pipelines.deliver.cluster import remote
from pipelines.deliver.cluster.session import numbers
from pipelines.deliver.parts import ranges
from pipelines.load import load
from pipelines.options import Progress
from pipelines.report.report import Report
from pipelines.report.unfinished import UnfinishedRun
from pipelines.resume import resume
from schemas.states import State, Verdict

KINDS = {"investor-records": "investorrecords", "investment-accounts": "investmentaccounts", "orders": "orders"}
ROWS = {
    "investor-records": rows_for("investor-records", 150),
    "orders": rows_for("orders", 150),
    "investment-accounts": [
        *(account(n, 1) for n in range(120)),
        *(account(n, 2) for n in range(0, 120, 3)),  # the second holder stands far from the first
        account(9, 3, {"display_name": "Otherwise"}),
    ],
}
FAULTS = "slow=0.93,slow-seconds=0.2,429=0.02,503=0.02,cut-before=0.01,cut-after=0.02,retry-after=0,seed=11"
OF_ITS_CALLS = ["request", "request_id", "lusid_id", "change"]
"""Columns of outcomes.parquet that two loads need not have in common: what was sent twice is no longer new to LUSID."""


def outcomes(report: Report) -> Any:
    """What became of each key, but for how that was found out."""
    lines = pq.read_table(report.run_dir / "outcomes.parquet").drop(OF_ITS_CALLS).to_pylist()
    return [{**line, "code": None, "message": None} if line["code"] == "ReadBack" else line for line in lines]


def killed_when(cluster: Workers, ready: Callable[[], bool], killed: list[str]) -> threading.Thread:
    """Kills a worker that is sending, as soon as it is time, and notes it."""

    def wait() -> None:
        while not (ready() and (busy := cluster.busy("deliver_there"))):
            time.sleep(0.005)
        killed.append(random.choice(sorted(busy)))
        cluster.kill(killed[-1])

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def calls(runs: Path, what: bytes = b'"sent"') -> int:
    """Calls that were begun, or settled, as the parts of the journal say."""
    return sum(part.read_bytes().count(what) for part in runs.glob("*/journal-*.jsonl"))


@pytest.mark.parametrize(
    ("operation", "workers"),
    [pytest.param("investor-records", None, marks=pytest.mark.soak), ("orders", 2), ("investment-accounts", 2)],
)
def test_what_a_killed_worker_was_sending_another_one_makes_good(
    tmp_path: Path, cluster: Workers, operation: str, workers: int | None
) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS[operation])
    with Sandbox(token=TOKEN) as sandbox:
        usual = load(operation, path, runs=tmp_path / "usual", target=sandbox.url, workers=1)
    database = tmp_path / "kept.db"
    report = one_killed(cluster, operation, path, database, workers=workers)
    assert outcomes(report) == outcomes(usual)
    assert report.rows == usual.rows
    assert len(documents(database, KINDS[operation])) == usual.keys[State.ACCEPTED]
    check_folder(report.run_dir)
    check_journal(report.run_dir)
    assert {path.name for path in report.run_dir.iterdir()} == {path.name for path in usual.run_dir.iterdir()}


def one_killed(cluster: Workers, operation: str, path: Path, database: Path, **more: Any) -> Report:
    """Loads on three workers, of which one is killed while it sends."""
    cluster.start(3 - sum(each.is_running for each in cluster.processes))
    runs, killed = database.parent / "runs", list[str]()
    with Sandbox(database=database, token=TOKEN, faults="slow=1,slow-seconds=0.05") as sandbox:
        killer = killed_when(cluster, lambda: calls(runs) >= 8, killed)
        report = load(operation, path, runs=runs, target=sandbox.url, **far(cluster, **more))
        killer.join()
    assert len(killed) == 1
    return report


@pytest.mark.soak
def test_a_run_that_lost_a_worker_is_archived_whole(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS["orders"])
    with s3() as bucket:
        bucket.known(monkeypatch)
        report = one_killed(cluster, "orders", path, tmp_path / "kept.db", workers=2, archive=f"s3://{BUCKET}/done")
        kept = {name.rpartition("/")[2]: each for name, each in bucket.objects().items() if report.run_id in name}
    assert report.rows[State.ACCEPTED] == 150
    assert kept == {each.name: each.read_bytes() for each in report.run_dir.iterdir()}


def test_nothing_of_a_row_and_no_secret_travels(tmp_path: Path, cluster: Workers) -> None:
    rows = [investor(n) for n in range(20)]
    path = write_csv(tmp_path / "a.csv", rows)
    with Sandbox(token=TOKEN) as sandbox, what_travels() as travelled:
        report = load("investor-records", path, runs=tmp_path / "runs", target=sandbox.url, **far(cluster))
    assert report.verdict is Verdict.COMPLETE
    assert b"deliver_there" in travelled()
    assert TOKEN.encode() not in travelled()
    for cell in {str(cell) for row in rows for cell in row.values() if len(str(cell)) > 3}:
        assert cell.encode() not in travelled()


def test_a_refusal_is_judged_there_as_here(tmp_path: Path, cluster: Workers) -> None:
    """Culprits are found, and the budget is one for all workers."""
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(200)])

    def answer(call: Call) -> Reply:
        return nothing_there(call) if call.method == "GET" else refused()

    with ScriptedLusid(answer) as lusid:
        options = far(cluster, batch_size=1, concurrency=2, max_failures=6)
        report = load("investor-records", path, runs=tmp_path / "runs", target=lusid.url, **options)
    assert report.verdict is Verdict.STOPPED
    assert 6 < report.rows[State.FAILED] <= 8
    assert report.rows[State.NOT_SENT] == 200 - report.rows[State.FAILED]
    check_folder(report.run_dir)


def test_what_a_worker_settled_before_it_died_in_its_turn_is_not_sent_again(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, runs, killed = write_csv(tmp_path / "a.csv", rows_for("orders", 150)), tmp_path / "runs", list[str]()
    asked, turns = remote.Remote._asked, [(0, 0)]

    def noted(self: remote.Remote, worker: Any, part: Sequence[int]) -> Any:
        turns.append((len(part), calls(runs, b'"settled"')))
        return asked(self, worker, part)

    def is_in_a_turn() -> bool:
        requests, settled = turns[-1]
        return requests >= 25 and calls(runs, b'"settled"') > settled

    monkeypatch.setattr(remote.Remote, "_asked", noted)
    monkeypatch.setattr(remote, "_TURN", 1.0)
    cluster.start(3 - sum(each.is_running for each in cluster.processes))
    with Sandbox(token=TOKEN, faults="slow=1,slow-seconds=0.05") as sandbox:
        killer = killed_when(cluster, is_in_a_turn, killed)
        report = load("orders", path, runs=runs, target=sandbox.url, **far(cluster, workers=2, concurrency=1))
        killer.join()
    assert report.rows[State.ACCEPTED] == 150
    settled, again = set[int](), set[int]()
    for _, line in journal_lines(report.run_dir / "journal.jsonl"):
        again |= settled.intersection(numbers(line.get("sent", ())))
        settled.update(numbers(line.get("accepted", ())))
    assert again == set()


def test_what_another_worker_sent_stays_in_doubt_until_a_turn_comes_to_it(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker that was given it may die, too: the next one must know that it is to be read back."""
    path, seen = write_csv(tmp_path / "a.csv", rows_for("orders", 150)), list[tuple[set[int], set[int]]]()
    asked = remote.Remote._asked

    def after_a_death(self: remote.Remote, worker: Any, part: Sequence[int]) -> Any:
        is_first = not seen and len(part) > 5  # several calls
        if is_first:
            self._ledger.doubt(ranges(part))
        told = asked(self, worker, part)
        if is_first:
            seen.append((set(numbers(told.left)), {n for n, flag in zip(part, told.in_doubt, strict=True) if flag}))
        return told

    monkeypatch.setattr(remote.Remote, "_asked", after_a_death)
    monkeypatch.setattr(remote, "_TURN", 1.0)
    with Sandbox(token=TOKEN) as sandbox:
        options = far(cluster, workers=2, concurrency=1, read_lag=0.6)
        report = load("orders", path, runs=tmp_path / "runs", target=sandbox.url, **options)
    assert report.rows[State.ACCEPTED] == 150
    ((left, in_doubt),) = seen
    assert left
    assert left == in_doubt


@pytest.mark.parametrize("operation", ["orders", pytest.param("investor-records", marks=pytest.mark.soak)])
def test_quick_calls_share_a_turn_of_a_worker_and_what_it_does_not_come_to_goes_later(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    path, turns = write_csv(tmp_path / "a.csv", rows_for(operation, 400)), list[list[int]]()
    asked = remote.Remote._asked

    def noted(self: remote.Remote, worker: Any, part: Sequence[int]) -> Any:
        turns.append(list(part))
        return asked(self, worker, part)

    monkeypatch.setattr(remote.Remote, "_asked", noted)
    database, faults = tmp_path / "kept.db", "429=0.02,503=0.01,cut-after=0.01,retry-after=0,seed=5"
    with Sandbox(database=database, token=TOKEN, faults=faults) as sandbox:
        report = load(
            operation, path, runs=tmp_path / "runs", target=sandbox.url, **far(cluster, batch_size=1, concurrency=2)
        )
    calls = [line for _, line in journal_lines(report.run_dir / "journal.jsonl") if "sent" in line]
    assert report.verdict is Verdict.COMPLETE
    assert len(calls) >= report.keys[State.ACCEPTED] == len(documents(database, KINDS[operation]))
    assert all(line["sent"][0][1] == 1 for line in calls)
    assert len(turns) < len(calls) / 3
    assert max(Counter(number for turn in turns for number in turn).values()) > 1, "no turn ended before its end"
    check_folder(report.run_dir)
    check_journal(report.run_dir)


def test_an_interrupt_settles_what_is_in_flight_and_the_run_is_resumed_here(tmp_path: Path, cluster: Workers) -> None:
    path = write_csv(tmp_path / "a.csv", rows_for("orders", 100))
    database = tmp_path / "kept.db"

    class Interrupting(Progress):
        def sending(self, settled: int, total: int) -> None:
            if settled >= 20:
                signal.raise_signal(signal.SIGINT)

    with Sandbox(database=database, token=TOKEN) as sandbox, one_signal():
        progress = Interrupting()
        runs, options = tmp_path / "runs", far(cluster)
        report = load("orders", path, runs=runs, target=sandbox.url, progress=progress, **options)
        assert report.verdict is Verdict.STOPPED
        assert 20 <= report.rows[State.ACCEPTED] < 100
        assert report.rows[State.UNKNOWN] == 0
        assert [*report.run_dir.glob("journal-*")] == []
        report = resume("latest", runs=runs, target=sandbox.url, crew={"engine": "local"})
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 100)
    assert len(order_ids(database)) == 100


@contextmanager
def one_signal() -> Iterator[None]:
    """Further signals do not end this process."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "_exit", lambda _: None)
        yield


def test_a_run_whose_load_was_killed_is_seen_whole_and_resumed(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if it was killed: workers are left as they are, and nothing is taken in."""
    path, runs, database = write_csv(tmp_path / "a.csv", rows_for("orders", 60)), tmp_path / "runs", tmp_path / "k.db"

    class KilledError(Exception):
        pass

    class Dying(Progress):
        def sending(self, settled: int, total: int) -> None:
            if settled >= 20:
                raise KilledError

    with Sandbox(database=database, token=TOKEN) as sandbox:
        with pytest.raises(KilledError):
            load("orders", path, runs=runs, target=sandbox.url, progress=Dying(), **far(cluster))
        (manifest,) = runs.glob("*/manifest.json")
        folder = RunFolder(manifest.parent)
        assert [*folder.path.glob("journal-*.jsonl")] != []
        seen = UnfinishedRun.of(folder, folder.read_manifest())
        assert sum(seen.settled.values()) + seen.in_doubt >= 20
        numbers = [record["call"] for _, record in journal_lines(folder.journal) if "sent" in record]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        report = resume(folder.run_id, runs=runs, target=sandbox.url)
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 60)
    assert len(order_ids(database)) == 60
    check_journal(report.run_dir)


def test_what_a_worker_holds_that_only_seems_dead_no_other_sends(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler has lost it, and it sends on: its part of the journal is locked."""
    monkeypatch.setattr(journal, "_LET_GO_SECONDS", 0.3)
    path, runs, database = write_csv(tmp_path / "a.csv", rows_for("orders", 40)), tmp_path / "runs", tmp_path / "k.db"
    living = remote.Remote._look

    def look(self: remote.Remote) -> Any:
        found = living(self)
        return [each for each in found if each != self._workers[0].address] if calls(runs) > 2 else found

    with Sandbox(database=database, token=TOKEN, faults="slow=1,slow-seconds=1") as sandbox:
        with monkeypatch.context() as lost:
            lost.setattr(remote.Remote, "_look", look)
            report = load("orders", path, runs=runs, target=sandbox.url, **far(cluster))
        assert report.verdict is Verdict.STOPPED
        assert "another process is working on this run" in report.warnings[0]
        assert len(order_ids(database)) == report.rows[State.ACCEPTED]
        report = resume("latest", runs=runs, target=sandbox.url, crew={"engine": "local"})
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 40)
    assert len(order_ids(database)) == 40


@pytest.mark.soak
@pytest.mark.parametrize("operation", ["orders", "investor-records"])
def test_workers_that_are_killed_at_random_lose_nothing_and_double_nothing(
    tmp_path: Path, cluster: Workers, operation: str
) -> None:
    """Ten kills each, by a server that also loses answers; another worker is started for each that dies."""
    draw, database, runs = random.Random(15), tmp_path / "kept.db", tmp_path / "runs"
    path = write_csv(tmp_path / "a.csv", rows_for(operation, 6_000))
    killed, over = list[str](), threading.Event()

    def kill() -> None:
        while not over.wait(0.5 + draw.random()) and len(killed) < 10:
            if calls(runs) and (busy := cluster.busy("deliver_there")):
                killed.append(draw.choice(sorted(busy)))
                cluster.kill(killed[-1])
                cluster.start(1)

    killer = threading.Thread(target=kill, daemon=True)
    with Sandbox(database=database, token=TOKEN, faults=FAULTS) as sandbox:
        killer.start()
        options = far(cluster, batch_size=10, patience=30, concurrency=6)
        report = load(operation, path, runs=runs, target=sandbox.url, **options)
        over.set()
        killer.join()
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 6_000)
    assert len(killed) == 10
    assert len(documents(database, KINDS[operation])) == 6_000
    check_folder(report.run_dir)
    check_journal(report.run_dir)
