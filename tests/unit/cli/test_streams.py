"""Whatever becomes of stdout and stderr, a load runs to its end, leaves its run whole and ends with its own code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import investor, write_csv

from connectors.run_folder.folder import RunFolder
from pipelines.cli.main import run
from schemas.errors import ConfigError

ROOT = Path(__file__).parents[3]
WAYS = (">&- 2>/dev/full", "--json >/dev/full", "2>&- | true")
BYTES = os.fsdecode(b"inv\xe9.csv")


def shell(script: str, cwd: Path) -> subprocess.Popen[str]:
    """A process of its own, in a folder of its own; `$B` is bulkload."""
    own = {"B": f"{sys.executable} -m pipelines.cli.main", "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    return subprocess.Popen(
        ["bash", "-o", "pipefail", "-c", script],
        cwd=cwd,
        env=own,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_load_keeps_its_exit_code_when_its_streams_fail(tmp_path: Path) -> None:
    write_csv(tmp_path / "i.csv", [investor(1), investor(2, {"investor_type": "Persn"})])
    line = "$B load investor-records i.csv --dry-run --runs"
    running = {way: shell(f"{line} runs{n} {way}", tmp_path) for n, way in enumerate(WAYS)}
    said = {way: (*process.communicate(timeout=60), process.returncode) for way, process in running.items()}
    told = "bulkload: not all of the output could be written: No space left on device\n"
    assert said == {way: ("", told if "json" in way else "", 3) for way in WAYS}
    assert len(list(tmp_path.glob("runs*/*/manifest.json"))) == len(WAYS)


@pytest.mark.parametrize(
    ("given", "runs", "says"),
    [
        ("folder", "runs", "inv\\udce9.csv: its path is not UTF-8, and no run could name it: rename it"),
        (
            "i.csv",
            f"runs/{BYTES}",
            "runs/inv\\udce9.csv is not utf-8 text: rename it, or set LC_ALL to a locale it is in",
        ),
    ],
)
def test_names_that_no_file_can_hold_are_refused_before_a_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    runs: str,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "i.csv", [investor(1)])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / BYTES).write_bytes((tmp_path / "i.csv").read_bytes())
    assert run(["load", "investor-records", given, "--dry-run", "--target", "sandbox", "--runs", runs]) == 2
    assert capsys.readouterr().err == f"bulkload: {says}\n"
    assert not (tmp_path / "runs").exists()
    with pytest.raises(ConfigError, match="is not UTF-8; choose another"):
        RunFolder.create(tmp_path / BYTES, "orders")


def test_a_load_needs_no_working_folder(tmp_path: Path) -> None:
    write_csv(tmp_path / "i.csv", [investor(1)])
    (tmp_path / "gone").mkdir()
    line = f"$B load investor-records {tmp_path}/i.csv --dry-run --target sandbox --runs {tmp_path}/runs"
    with shell(f"rmdir ../gone; {line}", tmp_path / "gone") as process:
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
