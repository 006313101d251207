"""A load whose rows several processes prepare: its files are those of a load that one process prepares."""

import gzip
import os
import signal
from pathlib import Path

import pytest
from builders import investor, order, write_csv
from portions import in_portions
from prepared_apart import ROWS, dry

from connectors.processes import OwnProcess
from pipelines.load import load
from pipelines.options import Progress
from pipelines.prepare.processes import own_processes
from schemas.errors import ExtractError, RunFolderError
from schemas.rows.columns import Row


@pytest.mark.parametrize("operation", ROWS)
def test_processes_of_its_own_change_nothing(tmp_path: Path, operation: str) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS[operation])
    assert dry(tmp_path, operation, path, 2) == dry(tmp_path, operation, path, 1)


@pytest.mark.parametrize("operation", ROWS)
@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_portions_of_several_files_change_nothing(tmp_path: Path, operation: str, count: int) -> None:
    rows, folder = ROWS[operation], tmp_path / "night"
    folder.mkdir()
    for name, some in (("a", rows[:200]), ("b", rows[200:201]), ("c", rows[201:])):
        write_csv(folder / f"{name}.csv", some)
    usual = dry(tmp_path, operation, folder, 1)
    with in_portions(count):
        assert dry(tmp_path, operation, folder, 1) == usual


def test_what_is_noticed_in_any_portion_is_said(tmp_path: Path) -> None:
    odd: Row = {"limit_price": "1.5", "limit_currency": "UDS", "date": "2024-01-02T03:04:05.123456789Z"}
    idle: Row = {"limit_price": "", "limit_currency": "USD", "date": ""}
    rows = [order(n, n, odd | {"order_code": f"O/{n}"} if n % 7 else idle) for n in range(60)]
    usual = dry(tmp_path, "orders", write_csv(tmp_path / "a.csv", rows), 1)
    for told in ("is no currency of ISO 4217", "finer than 100 ns", "the code has more than", "in which limit_price"):
        assert any(told in warning for warning in usual[-1])
    with in_portions(3):
        assert dry(tmp_path, "orders", tmp_path / "a.csv", 1) == usual


def test_every_process_understands_the_rows_as_the_first_one_does(tmp_path: Path) -> None:
    """Strict rules, words for no value, and what is held, reach them all."""
    rows = [
        order(n, n, {"order_code": f"O/{n}" if n % 3 else f"O-{n}", "date": "" if n % 5 else "-"}) for n in range(60)
    ]
    path = write_csv(tmp_path / "a.csv", rows)
    given = {"strict": True, "null": "-"}
    usual = dry(tmp_path, "orders", path, 1, **given)
    assert usual != dry(tmp_path, "orders", path, 1)
    with in_portions(3):
        assert dry(tmp_path, "orders", path, 1, **given) == usual


def test_a_process_that_dies_is_replaced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS["investor-records"])
    usual = dry(tmp_path, "investor-records", path, 1)
    started: list[int] = []

    class Dying(OwnProcess):
        def __init__(self, module: str) -> None:
            super().__init__(module)
            started.append(self._process.pid)
            if len(started) == 2:
                os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(own_processes, "OwnProcess", Dying)
    assert dry(tmp_path, "investor-records", path, 3) == usual
    assert len(started) == 3


def test_a_process_that_dies_twice_ends_the_load_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS["orders"])

    class Dead(OwnProcess):
        def __init__(self, _module: str) -> None:
            super().__init__("no.such.module")

    monkeypatch.setattr(own_processes, "OwnProcess", Dead)
    with pytest.raises(RunFolderError) as caught:
        dry(tmp_path, "orders", path, 2)
    assert caught.value.message == (
        "a process that prepares rows died twice (exit code 1), perhaps for want of memory: nothing was sent; "
        "load with --workers 1"
    )
    (run,) = [each for each in (tmp_path / "runs").iterdir() if each.is_dir() and (each / "manifest.json").exists()]
    assert not (run / "scratch").exists()


def test_what_ends_a_process_is_said_as_if_it_had_ended_the_load(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS["orders"])

    class Appending(Progress):
        def begins(self, *_: object) -> None:
            with path.open("a") as file:
                file.write("x,y\n")

    with pytest.raises(ExtractError) as caught:
        load("orders", path, runs=tmp_path / "runs", dry_run=True, workers=2, progress=Appending())
    assert caught.value.message.startswith(f"{path}: the file changed while it was being loaded")


def test_who_stops_the_load_stops_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path / "a.csv", ROWS["investor-records"])
    stopped: list[int | None] = []

    class Watched(OwnProcess):
        def stop(self) -> None:
            super().stop()
            stopped.append(self._process.returncode)

    class Stopping(Progress):
        def reading(self, _rows: int) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(own_processes, "OwnProcess", Watched)
    with pytest.raises(KeyboardInterrupt):
        load("investor-records", path, runs=tmp_path / "runs", dry_run=True, workers=3, progress=Stopping())
    assert len(stopped) == 2
    assert None not in stopped


def test_rows_that_any_process_has_read_are_told(tmp_path: Path) -> None:
    told: list[int] = []

    class Counting(Progress):
        def reading(self, rows: int) -> None:
            told.append(rows)

    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(50)])
    load("investor-records", path, runs=tmp_path / "runs", dry_run=True, workers=3, progress=Counting())
    assert told == sorted(told)
    assert told[-1] == 50


def test_a_file_that_cannot_be_cut_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are started before it is known whether the file can be cut."""
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(write_csv(tmp_path / "a.csv", ROWS["orders"]).read_bytes()))
    started: list[OwnProcess] = []

    class Watched(OwnProcess):
        def __init__(self, module: str) -> None:
            super().__init__(module)
            started.append(self)

    usual = dry(tmp_path, "orders", path, 1)
    monkeypatch.setattr(own_processes, "OwnProcess", Watched)
    assert dry(tmp_path, "orders", path, 3) == usual
    assert [each.is_running for each in started] == [False, False]


def test_a_file_that_cannot_be_cut_where_it_seemed_is_prepared_by_one_process(tmp_path: Path) -> None:
    """A stray quote makes the guess wrong: line feeds inside quotes seem to end records."""
    rows = [investor(n, {"display_name": f"Investor {n}\nof\nmany"}) for n in range(40)]
    path = write_csv(tmp_path / "a.csv", rows)
    text = path.read_text()
    path.write_text(text.replace("Investor 0", 'Investor 0"', 1))
    usual = dry(tmp_path, "investor-records", path, 1)
    with in_portions(4):
        assert dry(tmp_path, "investor-records", path, 1) == usual


def test_processes_are_given_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "s3cret")
    process = OwnProcess("nothing.of.ours")
    environ = Path(f"/proc/{process._process.pid}/environ").read_bytes() if Path("/proc").is_dir() else b""
    process.stop()
    assert b"s3cret" not in environ
    assert tmp_path.is_dir()
