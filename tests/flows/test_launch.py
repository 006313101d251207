"""One rule for all loading commands: when they go through Prefect, and that it makes no other difference."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import account, investor, order, write_csv
from keeping_lusid import Keeping
from prefect_harness import Seen
from scripted_lusid import Reply, ScriptedLusid

from pipelines.cli import main as cli
from schemas.errors import ConfigError

pytestmark = pytest.mark.prefect

ROOT = Path(__file__).resolve().parents[2]
Capture = pytest.CaptureFixture[str]

REFUSED = {"display_name": "Refused"}
NAMELESS = {"display_name": ""}
PLACES = {
    "load": "pipelines.flows.launch.carry_out",
    **{name: f"pipelines.nights.{name}.{name}" for name in ("nightly", "trading_day", "backfill")},
    **{name: f"pipelines.{name}.{name}" for name in ("resume", "replay")},
}
COMMANDS = {
    "load": ["load", "orders", "orders.csv"],
    "nightly": ["nightly", "night"],
    "trading_day": ["trading-day", "day"],
    "backfill": ["backfill", "{date}", "2026-01-05", "2026-01-06"],
    "resume": ["resume", "latest"],
    "replay": ["replay", "latest"],
}
PROFILES = 'active = "work"\n[profiles.work]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Callable[[list[str]], str]:
    """Which way a command line takes; nothing is loaded."""

    def ending(way: str) -> Callable[..., None]:
        def end(*_: object, **__: object) -> None:
            raise ConfigError(way)

        return end

    importlib.import_module("pipelines.flows.flows")  # later, it would keep what is put in place here
    monkeypatch.setattr("pipelines.flows.launch.through_prefect", ending("through Prefect"))
    for place in PLACES.values():
        monkeypatch.setattr(place, ending("in the process"))

    def run(command: list[str]) -> str:
        assert cli.run(command) == 2
        return capsys.readouterr().err.removeprefix("bulkload: ").rstrip()

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_prefect_is_used_where_a_server_is_named_or_it_is_asked_for(
    name: str, taken: Callable[[list[str]], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = COMMANDS[name]
    assert taken(command) == "in the process"
    assert taken([*command, "--prefect"]) == "through Prefect"
    (tmp_path / "profiles.toml").write_text(PROFILES)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    assert taken(command) == "through Prefect"
    monkeypatch.setenv("PREFECT_API_URL", "")
    assert taken(command) == "in the process"
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert taken(command) == "through Prefect"
    assert taken([*command, "--direct"]) == "in the process"


def test_a_command_that_does_not_use_prefect_or_a_frame_does_not_import_them(tmp_path: Path) -> None:
    code = (
        "import json, sys; from pipelines.cli import main\n"
        "first, *more = json.loads(sys.argv[1])\n"
        "codes = [main.run(first)]\n"
        "frames = 'pandas' in sys.modules or 'pipelines.nights.nightly' in sys.modules\n"
        "codes += map(main.run, more)\n"
        "print(codes, 'prefect' in sys.modules, frames, file=sys.stderr)"
    )
    day = tmp_path / "20260105"
    day.mkdir()
    write_csv(day / "investors.csv", [investor(1), investor(2, NAMELESS)])
    runs = ["--runs", str(tmp_path / "runs")]
    target = ["--target", f"sandbox:{tmp_path / 'kept.db'}"]
    lines = [
        ["load", "investor-records", str(day), *runs, *target, "--max-failures", "0"],
        ["resume", "latest", *runs],
        ["replay", "latest", *runs],
        ["nightly", str(day), *runs, "--dry-run"],
        ["trading-day", str(ROOT / "data" / "day"), *runs, "--dry-run"],
        ["backfill", f"{tmp_path}/{{date:%Y%m%d}}", "2026-01-05", "2026-01-05", *runs, "--dry-run"],
    ]
    environ = {**os.environ, "PREFECT_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code, json.dumps(lines)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "[4, 3, 3, 3, 0, 3] False False"


class Wire(ScriptedLusid):
    """Keeps what it is sent, byte for byte."""

    def __init__(self) -> None:
        super().__init__(Keeping())
        self.bytes: list[tuple[str, str, bytes]] = []

    def answer(self, method: str, target: str, content: bytes) -> Reply:
        self.bytes.append((method, target, content))
        return super().answer(method, target, content)

    def empty(self) -> None:
        """Forgets everything."""
        self.rule, self.bytes = Keeping(), []


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    lusid = Wire()
    with lusid:
        yield lusid


LOAD = ["load", "investor-records", "night/investors.csv"]
CASES: list[tuple[list[list[str]], int, int]] = [
    ([[*LOAD]], 3, 1),
    ([[*LOAD, "--max-failures", "0"]], 4, 1),
    ([["load", "investor-records", "nowhere.csv"]], 2, 0),
    ([["nightly", "night"]], 3, 3),
    ([["trading-day", "night"]], 0, 1),
    ([["backfill", "{date:%Y%m%d}", "2026-01-05", "2026-01-06"]], 0, 2),
    ([[*LOAD, "--max-failures", "0"], ["resume", "latest"]], 3, 1),
    ([[*LOAD, "--max-failures", "0"], ["nightly", "night"]], 3, 3),
    ([[*LOAD], ["replay", "latest"]], 3, 1),
    ([[*LOAD], ["replay", "latest", "corrected.csv"]], 2, 0),
    ([["resume", "latest"]], 2, 0),
]
"""Commands, of which the last goes one way and the other, its exit code, and the loads that it carries out."""


def write_extracts(folder: Path) -> None:
    (folder / "night").mkdir()
    write_csv(folder / "night" / "investors.csv", [investor(1), investor(2, REFUSED), investor(3, NAMELESS)])
    write_csv(folder / "night" / "accounts.csv", [account(n, n) for n in (1, 2, 3)])
    write_csv(folder / "night" / "orders.csv", [order(1, 1), order(2, 2)])
    for day in (5, 6):
        (folder / f"2026010{day}").mkdir()
        write_csv(folder / f"2026010{day}" / "investors.csv", [investor(day)])


def without_ids(document: Any) -> Any:
    """A document without what is another's in each run."""
    if isinstance(document, list):
        return [without_ids(each) for each in document]
    if isinstance(document, str):
        return re.sub(r"\S*Z-\S+", "RUN", document)
    if not isinstance(document, dict):
        return document
    own = {"run_id", "run_dir", "seconds", "replays"}
    return {name: without_ids(value) for name, value in document.items() if name not in own}


@pytest.mark.parametrize(("commands", "code", "loads"), CASES, ids=[" ".join(c[-1]) for c, _, _ in CASES])
def test_through_prefect_or_not_the_same_call_does_and_says_the_same(
    commands: list[list[str]],
    code: int,
    loads: int,
    wire: Wire,
    watch: Callable[[Callable[[], Any]], tuple[Any, Seen]],
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    write_extracts(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(command: list[str]) -> int:
        target = ["--target", wire.url] if command[0] not in ("resume", "replay") else []
        return cli.run([*command, "--runs", "runs", "--json", *target])

    def prepared() -> None:
        """What the last command finds."""
        wire.empty()
        shutil.rmtree("runs", ignore_errors=True)
        for command in commands[:-1]:
            run(command)
        capsys.readouterr()

    def outcome() -> tuple[int, Any, str, list[tuple[str, str, bytes]]]:
        code = run(commands[-1])
        said = capsys.readouterr()
        return code, without_ids(json.loads(said.out)), re.sub(r"\S*Z-\S+", "RUN", said.err), wire.bytes

    prepared()
    direct = outcome()
    prepared()
    monkeypatch.setenv("PREFECT_API_URL", server)
    through_prefect, seen = watch(outcome)
    assert direct[0] == code
    assert through_prefect == direct
    steps = ("prepare", "send", "close the books of")
    assert seen.tasks(3 * loads) == (dict.fromkeys(steps, loads) if loads else {})
