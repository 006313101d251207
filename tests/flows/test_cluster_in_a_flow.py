"""A load on a Dask cluster, as a flow run: the same tasks as without one, and Prefect keeps nothing of Dask's."""

from pathlib import Path
from typing import Any

import pytest
from builders import investor, write_csv
from run_checks import check_folder

from connectors.cluster.cluster import Call, Cluster
from connectors.sandbox.server import Sandbox
from pipelines.flows.launch import launch_load
from pipelines.options import Options, Progress
from schemas.option_types.choices import Engine
from schemas.states import State, Verdict

pytestmark = pytest.mark.prefect

TOKEN = "kestrel-0417"


def test_a_flow_prepares_and_sends_on_a_cluster_inside_of_its_tasks(
    watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_csv(tmp_path / "i.csv", [investor(n) for n in range(30)])
    called, call = set[str](), Cluster.call

    def noted(self: Cluster, function: Any, *args: object, worker: str | None = None) -> Call:
        called.add(function.__name__)
        return call(self, function, *args, worker=worker)

    monkeypatch.setenv("FBN_ACCESS_TOKEN", TOKEN)
    monkeypatch.setattr(Cluster, "call", noted)
    with Sandbox(token=TOKEN) as sandbox:
        options = Options(target=sandbox.url, runs=tmp_path / "runs", engine=Engine.DASK, workers=2, batch_size=5)
        report, seen = watch(lambda: launch_load("investor-records", [str(file)], options, Progress(), prefect=True))
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 30)
    assert called == {"prepare_there", "deliver_there", "end_there"}
    assert set(seen.tasks(3)) == {"prepare", "send", "close the books of"}
    assert seen.state[:2] == ("COMPLETED", "Completed")
    assert (seen.run.parameters["options"]["engine"], seen.run.parameters["options"]["workers"]) == ("dask", 2)
    check_folder(report.run_dir)
