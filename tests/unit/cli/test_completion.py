"""Tab at a prompt: bash, zsh and fish themselves complete commands, flags, operations and runs."""

import os
import pty
import select
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.cli import main as cli
from pipelines.operations.table import OPERATIONS

ROOT = Path(__file__).parents[3]
RUN = "20261121T020000Z-orders-7f3a"
OLDER = "20261120T020000Z-orders-7f3a"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the command on its path, two runs and what is no run."""
    command = tmp_path / "bin" / "bulkload"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines.cli.main "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    for name in (RUN, OLDER, "$(touch evil)", "feeds"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    return tmp_path


SET_UP = {
    "bash": 'PS1="rea""dy> "; eval "$(bulkload --show-completion)"',
    "zsh": 'PS1="rea""dy> "; autoload -Uz compinit; compinit -u -D; eval "$(bulkload --show-completion)"',
}
LINES = {
    "bulkload res": "bulkload resume",
    "bulkload load ord": "bulkload load orders",
    "bulkload report 20261121": f"bulkload report {RUN}",
}


def on_a_terminal(shell: list[str], home: Path, setup: str) -> str:
    """What a shell has shown once each of LINES was typed, with Tab after it, and completed."""
    main, other = pty.openpty()
    path = f"{home}/bin:{os.environ['PATH']}"
    env = {"HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    with subprocess.Popen(
        shell, cwd=home, env=env, stdin=other, stdout=other, stderr=other, start_new_session=True
    ) as process:
        os.close(other)
        try:
            os.write(main, f"{setup}\n".encode())
            shown = shown_until(main, "ready> ")
            for line, completed in LINES.items():
                os.write(main, f"{line}\t".encode())
                shown += shown_until(main, completed.removeprefix(line))
                os.write(main, b"\x15")
        finally:
            process.kill()
            os.close(main)
    return shown


def shown_until(descriptor: int, text: str) -> str:
    """What a terminal shows until a text has come."""
    found, until = "", time.monotonic() + 20
    while text not in found:
        ready, _, _ = select.select([descriptor], [], [], until - time.monotonic())
        assert ready, found
        found += os.read(descriptor, 4096).decode(errors="replace")
    return found


@pytest.mark.untraced
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_on_a_terminal_completes_commands_operations_and_runs(shell: str, home: Path) -> None:
    if (path := shutil.which(shell)) is None:
        pytest.skip(f"there is no {shell} on this machine")
    flags = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[shell]
    shown = on_a_terminal([path, *flags], home, SET_UP[shell])
    assert "not found" not in shown
    assert not (home / "evil").exists()


@pytest.mark.untraced
def test_fish_completes_too(home: Path) -> None:
    if (path := shutil.which("fish")) is None:
        pytest.skip("there is no fish on this machine")
    script = "bulkload --show-completion | source; complete -C 'bulkload report 20261121'"
    env = {"HOME": str(home), "PATH": f"{home}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [path, "-c", script], cwd=home, env=env, capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.splitlines() == [RUN]


def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    monkeypatch.setenv("_BULKLOAD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(["bulkload", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit, match="0"):
        cli.run([])
    return capsys.readouterr().out.splitlines()


def test_what_is_offered(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(home)
    assert offered(monkeypatch, capsys, "columns", "o") == [name for name in OPERATIONS if name.startswith("o")]
    assert offered(monkeypatch, capsys, "runs", "--verdict", "k") == ["killed"]
    assert offered(monkeypatch, capsys, "resume", "2") == [RUN, OLDER]
    assert offered(monkeypatch, capsys, "resume", "l") == ["latest"]
    assert offered(monkeypatch, capsys, "resume", "--runs", "elsewhere", "") == ["latest"]
    assert offered(monkeypatch, capsys, "resume", "") == ["latest", RUN, OLDER]
