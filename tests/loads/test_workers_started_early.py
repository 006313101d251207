"""Processes that are started before it is known what they prepare: a load takes them, and none is left behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import write_csv
from prepared_apart import ROWS, dry

from connectors.processes import OwnProcess
from pipelines.cli.main import run
from pipelines.prepare.processes import early, own_processes
from pipelines.prepare.processes.early import processes_for, started_early, waiting_process


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[OwnProcess]]:
    """All processes that were started, early ones first; none of them may still run at the end."""
    found: list[OwnProcess] = []

    class Watched(OwnProcess):
        def __init__(self, module: str) -> None:
            super().__init__(module)
            found.append(self)

    monkeypatch.setattr(early, "OwnProcess", Watched)
    monkeypatch.setattr(own_processes, "OwnProcess", Watched)
    yield found
    assert not any(each.is_running for each in found)


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "a.csv", ROWS["orders"])


def test_a_load_takes_the_processes_that_wait(tmp_path: Path, extract: Path, started: list[OwnProcess]) -> None:
    usual = dry(tmp_path, "orders", extract, 1)
    with started_early([str(extract)], 3):
        assert len(started) == 2
        assert dry(tmp_path, "orders", extract, 3) == usual
        assert waiting_process() is None
    assert len(started) == 2


def test_what_is_missing_is_started_and_who_died_is_replaced(
    tmp_path: Path, extract: Path, started: list[OwnProcess]
) -> None:
    usual = dry(tmp_path, "orders", extract, 1)
    with started_early([str(extract)], 2):
        os.kill(started[0]._process.pid, signal.SIGKILL)
        assert dry(tmp_path, "orders", extract, 3) == usual
    assert len(started) == 3


def test_who_is_not_taken_is_stopped_also_where_the_load_fails(extract: Path, started: list[OwnProcess]) -> None:
    with pytest.raises(KeyError), started_early([str(extract)], 3):
        raise KeyError
    assert len(started) == 2
    assert waiting_process() is None


def test_who_is_not_needed_is_stopped_once_all_is_prepared(
    tmp_path: Path, extract: Path, started: list[OwnProcess]
) -> None:
    usual = dry(tmp_path, "orders", extract, 1)
    with started_early([str(extract)], 3):
        assert dry(tmp_path, "orders", extract, 1) == usual
        assert [each.is_running for each in started] == [False, False]


def test_as_many_are_started_as_the_files_are_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[OwnProcess]
) -> None:
    monkeypatch.setattr(early, "cores", lambda: 2)
    monkeypatch.setattr(early, "WORTH_A_PROCESS", 100)
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_bytes(b"x" * 199)
    large.write_bytes(b"x" * 900)
    for given in ([str(small)], [str(tmp_path)], ["s3://there/large.csv"], ["no\0name"], [str(tmp_path / "none")]):
        with started_early(given, None):
            assert not started
    with started_early([str(small), str(large)], None):
        assert len(started) == 1
    assert [processes_for(None, weight, lambda: 2) for weight in (0, 199, 200, 10**9)] == [1, 1, 2, 2]


@pytest.mark.parametrize(("flags", "count"), [(["--workers", "3"], 2), ([], 0), (["--workers", "1"], 0)])
def test_the_command_starts_them(
    tmp_path: Path, extract: Path, started: list[OwnProcess], flags: list[str], count: int
) -> None:
    assert run(["load", "orders", str(extract), "--dry-run", "--runs", str(tmp_path / "runs"), *flags]) == 3
    assert len(started) == count


def test_a_process_ends_when_who_started_it_is_gone_before_it_has_a_task() -> None:
    process = OwnProcess(early.WORKER)
    process._asked.close()
    assert process.death() is None
    process.stop()
