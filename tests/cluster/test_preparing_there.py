"""A load whose rows are prepared on a Dask cluster: its files are those of a load that one process prepares."""

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from builders import investor, write_csv
from dask_cluster import Workers, what_travels
from prepared_apart import ROWS, dry
from scripted_lusid import Call, Reply, ScriptedLusid, done, nothing_there, refused

from connectors.cluster import opening
from connectors.cluster.opening import open_cluster
from pipelines.load import load
from pipelines.prepare.processes.dask_tasks import prepare_there
from pipelines.resume import resume
from schemas.errors import ConfigError, RunFolderError, UnreachableError
from schemas.states import State, Verdict

OTHERS = [pytest.param(name, marks=pytest.mark.soak) for name in ROWS if name != "investment-accounts"]
"""The other tests of this room prepare some of them there, too."""


@pytest.mark.parametrize("operation", ["investment-accounts", *OTHERS])
def test_a_cluster_changes_nothing(tmp_path: Path, cluster: Workers, operation: str) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS[operation])
    usual = dry(tmp_path, operation, path, 1)
    with what_travels() as travelled:
        assert dry(tmp_path, operation, path, 2, engine="dask", scheduler=cluster.address) == usual
    assert b"prepare_there" in travelled()
    for cell in {str(cell) for row in ROWS[operation] for cell in row.values() if len(str(cell)) > 3}:
        assert cell.encode() not in travelled()
    assert [*tmp_path.glob("runs/*/scratch")] == []


@pytest.mark.soak
def test_what_a_killed_worker_was_preparing_another_one_prepares(tmp_path: Path, cluster: Workers) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS["investment-accounts"])
    usual = dry(tmp_path, "investment-accounts", path, 1)
    cluster.start(1)
    killed: list[str] = []

    def kill_one() -> None:
        while not (busy := cluster.busy("prepare_there")) or not [*tmp_path.glob("runs/*/scratch/portion-*.tmp")]:
            time.sleep(0.01)
        killed.append(min(busy))
        cluster.kill(killed[0])

    killer = threading.Thread(target=kill_one)
    killer.start()
    found = dry(tmp_path, "investment-accounts", path, 2, engine="dask", scheduler=cluster.address)
    killer.join()
    assert found == usual
    assert len(killed) == 1
    assert killed[0] not in cluster.pids()


def test_without_a_scheduler_one_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "s3cret-token")
    path = write_csv(tmp_path / "a.csv", ROWS["orders"])
    usual = dry(tmp_path, "orders", path, 1)
    with what_travels() as travelled:
        assert dry(tmp_path, "orders", path, 2, engine="dask") == usual
    assert b"prepare_there" in travelled()
    assert b"s3cret-token" not in travelled()


def test_a_worker_that_does_not_share_the_folder_is_told_of_in_one_line(tmp_path: Path, cluster: Workers) -> None:
    with open_cluster(cluster.address, None, 1, print) as opened:
        call = opened.call(prepare_there, str(tmp_path / "elsewhere" / "portion-0.task"), "topic")
        with pytest.raises(
            RunFolderError, match=r"cannot read and write .*elsewhere: --runs must be a folder that all"
        ):
            call.result(30)


def test_no_scheduler_is_one_line_and_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "_SECONDS", 0.2)
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with pytest.raises(UnreachableError, match=r"tcp://127.0.0.1:9: no Dask scheduler answers there"):
        dry(tmp_path, "investor-records", path, 2, engine="dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ConfigError, match="scheduler names a Dask cluster, and engine is local: add engine=dask"):
        dry(tmp_path, "investor-records", path, 2, scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "runs").exists()


def test_without_dask_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    assert dry(tmp_path, "investor-records", path, 2)
    with pytest.raises(ConfigError, match=r"what it needs: pip install 'lusid-bulkload.dask.'"):
        dry(tmp_path, "investor-records", path, 2, engine="dask")


def test_dask_is_imported_by_nobody_who_does_not_ask_for_it() -> None:
    code = (
        "import sys, pipelines.load, pipelines.cli.main; sys.exit({'dask', 'distributed'} & set(sys.modules) != set())"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_of_a_cluster_is_resumed_without_it(
    tmp_path: Path, cluster: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    path, locked = write_csv(tmp_path / "a.csv", [investor(n) for n in range(30)]), [True]

    def answer(call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        return refused(status=403) if locked else done(call)

    with ScriptedLusid(answer) as lusid:
        given: dict[str, Any] = {"target": lusid.url, "engine": "dask", "scheduler": cluster.address}
        stopped = load("investor-records", path, runs=tmp_path / "runs", **given)
        assert stopped.verdict is Verdict.STOPPED
        locked.clear()
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(ConfigError, match=r"pip install"):
            resume("latest", runs=tmp_path / "runs")
        report = resume("latest", runs=tmp_path / "runs", crew={"engine": "local"})
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 30)
