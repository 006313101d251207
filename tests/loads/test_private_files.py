"""What a load leaves is its owner's alone, whatever the umask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import investor, write_csv

from pipelines.load import load
from pipelines.replay import replay


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("no_umask")
def test_every_file_of_a_load_is_its_owners_alone(tmp_path: Path) -> None:
    place = tmp_path / "place"
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2, {"investor_type": "Robot"})])
    target = f"sandbox:{tmp_path / 'kept.db'}"
    report = load("investor-records", path, target=target, runs=place / "runs")
    replay(report.run_id, runs=place / "runs")
    made = [place, *place.rglob("*"), *tmp_path.glob("kept.db*")]
    assert {path.name for path in made} >= {"runs", "journal.jsonl", "failures.csv", "corrected.csv", "kept.db"}
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in made}
    assert {path: mode for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
