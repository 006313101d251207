"""Installed, not cloned: the wheel alone, in an environment of its own, has all that every command needs."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from installed import installed_once

import bulkload
from docs.followed import PAGES, followed
from docs.generate import README, normalised

ROOT = README.parent
COMMANDS = """
import sys
from pipelines.cli.main import run
def must(code, *words):
    found = run(list(words))
    assert found == code, (words, found)
must(0, "demo", "--direct")
sys.stdout.flush()
sys.stdout = open("more.txt", "w")
few = ["--investors", "20", "--accounts", "10", "--blocks", "10", "--orders", "30", "--no-bad-rows"]
must(0, "sample", "night", *few)
target = ["--target", "sandbox:kept.db", "--direct"]
must(0, "nightly", "night", *target)
must(0, "mapping", "night/investors.csv", "investor-records")
for command in ("operations", "columns orders", "template orders", "runs", "report latest"):
    must(0, *command.split())
must(0, "report", "latest", "--xlsx")
must(0, "sql", "SELECT count(*) FROM runs")
must(0, "purge", "--older-than", "90d")
must(0, "deploy", "--print")
must(2, "deploy")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_once(tmp_path_factory)


def run_in(installed: Path, folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        words, cwd=folder, env={**clean, **env}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.untraced
def test_every_command_finds_its_files_and_the_demo_prints_what_the_readme_shows(
    installed: Path, tmp_path: Path
) -> None:
    done = run_in(installed, tmp_path, str(installed / "venv/bin/python"), "-c", COMMANDS)
    assert done.returncode == 0, done.stderr
    (shown,) = re.findall(r"<!-- generated: demo -->\n```text\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert normalised(done.stdout) == shown
    assert done.stderr == (
        "bulkload: no Prefect server is named to deploy to: set PREFECT_API_URL, as `prefect server start` says, or "
        "choose a profile that has it\n"
    )
    declared = (tmp_path / "more.txt").read_text("utf-8").partition("name: lusid-bulkload\n")[2]
    assert [each["name"] for each in yaml.safe_load(declared)["deployments"]] == ["nightly", "trading-day", "backfill"]


@pytest.mark.untraced
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_followed_command_for_command(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Path
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    text = page.read_text("utf-8")
    assert followed(text, tmp_path, installed / "venv" / "bin") == text, "run `make docs`"


def test_the_command_says_which_folder_hides_it(installed: Path, tmp_path: Path) -> None:
    command = str(installed / "venv/bin/bulkload")
    assert run_in(installed, tmp_path, command, "--version").stdout.startswith("bulkload 0.1.0\n")
    team = tmp_path / "pipelines"
    team.mkdir()
    (team / "__init__.py").write_text("raise SystemExit('the team wants nobody to import this')")
    assert run_in(installed, tmp_path, command, "--version").returncode == 0, "a folder alone hides nothing"
    done = run_in(installed, tmp_path, command, "--version", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"bulkload: Python finds {team} before bulkload's own packages of these names: start it from another folder "
        "and without PYTHONPATH, or install it in an environment of its own (docs/install.md)\n"
    )


def test_nothing_hides_the_packages_here() -> None:
    assert bulkload.hidden_by(ROOT) == ""
