"""A load goes where somebody said, or nowhere; and everything that it leaves behind says where it went."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from builders import investor, order, write_csv

from pipelines.cli import main as cli
from pipelines.cli.main import run

Capture = pytest.CaptureFixture[str]
COMMANDS: dict[str, tuple[str, ...]] = {
    "load": ("load", "investor-records", "investors.csv"),
    "nightly": ("nightly", "tonight"),
    "trading-day": ("trading-day", "today"),
    "backfill": ("backfill", "nights/{date:%Y%m%d}", "2026-11-19", "2026-11-20"),
    "resume": ("resume", "latest"),
    "replay": ("replay", "latest"),
}
"""Every command that sends."""

NEED_NONE = {
    "runs",
    "open",
    "sql",
    "report",
    "verify",
    "plan",
    "preflight",
    "purge",
    "audit",
    "forget",
    "operations",
    "columns",
    "mapping",
    "template",
    "sample",
    "sandbox",
    "demo",
    "deploy",
    "doctor",
}
"""Commands that load nothing (`verify` and `preflight` read), and `demo`, which brings its own sandbox."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with an extract, a night, a trading day and two nights of the past."""
    monkeypatch.chdir(tmp_path)
    for folder in (".", "tonight", "nights/20261119", "nights/20261120"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        write_csv(Path(folder) / "investors.csv", [investor(1), investor(2) | {"display_name": ""}])
    Path("today").mkdir()
    write_csv(Path("today/orders.csv"), [order(1, 1)])
    return tmp_path


def begun(command: str, capsys: Capture) -> None:
    """A run for `resume` or `replay`, into a sandbox that is kept."""
    if command in ("resume", "replay"):
        budget = ["--max-failures", "0"] if command == "resume" else []
        run([*COMMANDS["load"], "--target", "sandbox:kept.db", *budget])
        capsys.readouterr()


def test_the_list_of_commands_is_complete() -> None:
    assert {*COMMANDS, *NEED_NONE} == {*typer.main.get_command(cli.app).commands}  # type: ignore[attr-defined]  # it is a group


READS = {
    **{name: (name, "investor-records", "investors.csv") for name in ("preflight", "plan")},
    "doctor": ("doctor", "--scope", "Scratch"),
}
"""Commands that load nothing, and ask where somebody said."""


@pytest.mark.parametrize("command", [*READS, *(name for name in COMMANDS if name not in ("resume", "replay"))])
def test_without_a_target_no_load_begins_and_no_extract_is_opened(command: str, place: Path, capsys: Capture) -> None:
    for file in [*place.rglob("*.csv")]:
        file.write_bytes(b"\x00")  # what opens it says so
    assert run({**COMMANDS, **READS}[command]) == 2
    *notes, error = capsys.readouterr().err.splitlines()
    assert error.startswith("bulkload: no LUSID is named: set FBN_LUSID_URL to ")
    assert error.endswith("to rehearse on this machine, pass --target sandbox")
    assert all(note.endswith("holds no extract of this name, so none is loaded") for note in notes)
    assert not (place / "runs").exists()


def test_a_dry_run_needs_no_target_and_its_replay_does(place: Path, capsys: Capture) -> None:
    assert run([*COMMANDS["load"], "--dry-run"]) == 3
    (failures,) = place.glob("runs/*/failures.csv")
    failures.write_bytes(b"\x00")
    assert run(["replay", failures.parent.name]) == 2
    assert "no LUSID is named" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_everything_a_load_says_and_writes_names_its_target(command: str, place: Path, capsys: Capture) -> None:
    target = "sandbox:kept.db"
    begun(command, capsys)
    before = set(place.glob("runs/*/manifest.json"))
    flags = [] if command in ("resume", "replay") else ["--target", target]
    run([*COMMANDS[command], *flags])
    said = capsys.readouterr().out
    manifests = [*place.glob("runs/*/manifest.json")]
    made = [path for path in manifests if path not in before] or manifests
    assert said.count(f" mode into {target}, ") == len(made)
    for manifest in made:
        assert json.loads(manifest.read_bytes())["target"] == target
        assert f" mode into {target} · " in manifest.with_name("report.html").read_text()
        assert run(["report", manifest.parent.name]) == 0
        assert f" mode into {target}, " in capsys.readouterr().out
        assert run(["report", manifest.parent.name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["target"] == target
    assert run(["runs"]) == 0
    assert capsys.readouterr().out.count(f" into {target}") == len(manifests)
    assert run(["runs", "--json"]) == 0
    assert {each["target"] for each in json.loads(capsys.readouterr().out)} == {target}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_document_of_a_load_names_its_target(command: str, place: Path, capsys: Capture) -> None:
    target = "sandbox:kept.db"
    begun(command, capsys)
    flags = [] if command in ("resume", "replay") else ["--target", target]
    run([*COMMANDS[command], *flags, "--json"])
    assert [*targets(json.loads(capsys.readouterr().out))] == [target]


def targets(document: dict[str, Any]) -> set[str]:
    """The targets of a document, and of each run in it."""
    runs = [run for night in document.get("nights", [document]) for run in night.get("runs", [night])]
    assert runs
    return {each["target"] for each in [document, *document.get("nights", []), *runs]}
