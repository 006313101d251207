"""The help of every command: no line is cut off, and the example at its end runs."""

import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import typer

from connectors.sandbox.server import Sandbox
from pipelines.cli import main as cli
from pipelines.history.catalog import past_runs

Capture = pytest.CaptureFixture[str]
Group = typer.main.get_command(cli.app)
COMMANDS = tuple(Group.commands)  # type: ignore[attr-defined]  # it is a group
SOME_ROWS_ARE_WRONG = ("load", "nightly", "trading-day", "backfill", "resume", "replay", "plan", "doctor")
"""Commands that load or plan the sample, in which a few rows are wrong on purpose, and so end in 3; the doctor, because
the sandbox here takes persons to exist that nobody made."""


def help_of(command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.run([command, "--help"] if command else ["--help"]) == 0
    return capsys.readouterr().out


def example_of(command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    last = help_of(command, capsys, monkeypatch).rstrip().splitlines()[-1]
    found = re.fullmatch(r" +Example: bulkload (.+)", last)
    assert found is not None, last
    return shlex.split(found[1])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    few = {"investors": 400, "accounts": 100, "blocks": 40, "orders": 150}
    assert cli.run(["sample", str(folder), *(f"--{name}={rows}" for name, rows in few.items())]) == 0
    return folder


@pytest.fixture
def place(tmp_path: Path, sample: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an extract, a night, a trading day and two nights of the past; LUSID is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FBN_LUSID_URL", sandbox.url)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
    shutil.copy(sample / "investors.csv", tmp_path)
    for name in ("tonight", "nights/20261119", "nights/20261120"):
        shutil.copytree(sample, tmp_path / name)
    (tmp_path / "today").mkdir()
    shutil.copy(sample / "orders.csv", tmp_path / "today")
    return tmp_path


def load_until_the_budget_is_spent() -> None:
    assert cli.run(["load", "investor-records", "investors.csv", "--max-failures", "1"]) == 4


def load_and_correct_nothing() -> None:
    assert cli.run(["load", "investor-records", "investors.csv"]) == 3
    (run,) = past_runs(Path("runs"))
    shutil.copy(run.folder.failures, "corrected.csv")


BEFORE: dict[str, Callable[[], None]] = {
    "resume": load_until_the_budget_is_spent,
    "replay": load_and_correct_nothing,
    "report": load_and_correct_nothing,
    "verify": load_and_correct_nothing,
    "runs": load_and_correct_nothing,
    "open": load_and_correct_nothing,
    "sql": load_and_correct_nothing,
    "audit": load_and_correct_nothing,
    "forget": load_and_correct_nothing,
}


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_no_line_of_help_is_cut_off_at_80_columns(
    command: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = help_of(command, capsys, monkeypatch).splitlines()
    assert [line for line in lines if len(line) > 80 or re.search(r"\w\.\.\.$|…", line)] == []


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("sandbox", "deploy")])
def test_the_example_in_the_help_of_a_command_runs(
    command: str, place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = example_of(command, capsys, monkeypatch)
    assert arguments[0] == command
    BEFORE.get(command, lambda: None)()
    assert cli.run(arguments) == (3 if command in SOME_ROWS_ARE_WRONG else 0), capsys.readouterr().err


def test_the_example_of_the_sandbox_serves_until_it_is_interrupted(
    place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [sys.executable, "-m", "pipelines.cli.main", *example_of("sandbox", capsys, monkeypatch)]
    with subprocess.Popen(arguments, cwd=place, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        texts = list(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        (url,) = [text.strip().partition("=")[2] for text in texts if text.startswith("export FBN_LUSID_URL=")]
        assert requests.get(url, timeout=20).status_code == 404
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_the_example_of_deploy_registers_the_deployments(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"Changes": lambda *_: None, "Notify": lambda *_: None}
    server = SimpleNamespace(deploy=lambda file, *_: [file.name], PREFECT_YAML=Path("nightly"), **given)
    monkeypatch.setitem(sys.modules, "pipelines.flows.deploy", server)
    assert cli.run(example_of("deploy", capsys, monkeypatch)) == 0
    assert capsys.readouterr().out == "nightly\n"
