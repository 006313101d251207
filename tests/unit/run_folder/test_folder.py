import os
import stat
from datetime import datetime, tzinfo
from pathlib import Path

import orjson
import pytest

from connectors.run_folder import folder as run_folder
from connectors.run_folder.folder import RunFolder, atomic_write
from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import Manifest


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(runs: Path, run_id: str, manifest: bytes = b"{}") -> RunFolder:
    folder = RunFolder(runs / run_id)
    folder.path.mkdir(parents=True)
    folder.manifest.write_bytes(manifest)
    return folder


def test_a_new_folder_is_its_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        folder = RunFolder.create(tmp_path / "deep" / "runs", "orders")
        folder.write_manifest(Manifest.read({"a": 1}))
        folder.open_scratch()
    finally:
        os.umask(before)
    assert [mode(folder.path), mode(folder.manifest), mode(folder.scratch)] == [0o700, 0o600, 0o700]
    assert [mode(folder.path.parent), mode(folder.path.parent.parent)] == [0o700, 0o700]
    assert folder.run_id == folder.path.name
    assert "-orders-" in folder.run_id
    assert folder.read_manifest().as_json() == {"a": 1}


def test_a_runs_folder_that_cannot_be_created_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        RunFolder.create(tmp_path / "file", "orders")
    assert caught.value.message == (
        f"the run folder {tmp_path / 'file'} cannot be written: File exists; choose another with --runs"
    )


def test_runs_are_found_by_id_beginning_and_path(tmp_path: Path) -> None:
    one, two = run(tmp_path, "20260101-a-1"), run(tmp_path, "20260102-a-2")
    (tmp_path / "20260103-no-manifest").mkdir()
    assert RunFolder.find(tmp_path, "20260101-a-1").path == one.path
    assert RunFolder.find(tmp_path, "20260101").path == one.path
    assert RunFolder.find(tmp_path / "elsewhere", str(two.path)).path == two.path


def test_an_id_that_is_the_beginning_of_another_is_itself(tmp_path: Path) -> None:
    run(tmp_path, "run-1")
    run(tmp_path, "run-12")
    assert RunFolder.find(tmp_path, "run-1").run_id == "run-1"


def test_no_run_or_several_are_reported_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as none:
        RunFolder.find(tmp_path, "x")
    run(tmp_path, "run-1")
    run(tmp_path, "run-2")
    with pytest.raises(ConfigError) as several:
        RunFolder.find(tmp_path, "run")
    assert none.value.message == f"there is no run x in {tmp_path}: `bulkload runs` lists them"
    assert several.value.message == "2 runs begin with run: run-1, run-2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not a run: it has no manifest.json"),
        (b"", "is not a run: it has no manifest.json"),
        (b"[1]", "is not a manifest"),
    ],
)
def test_a_manifest_that_is_none_is_said_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        run(tmp_path, "r", content).read_manifest()


def test_a_file_is_complete_or_as_it_was_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "orders")
    folder.write_manifest(Manifest.read({"a": 1}))

    def crash() -> None:
        with atomic_write(folder.manifest) as part:
            part.write_bytes(b"{half")
            assert orjson.loads(folder.manifest.read_bytes()) == {"a": 1}
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        crash()
    assert folder.read_manifest().as_json() == {"a": 1}
    assert sorted(p.name for p in folder.path.iterdir()) == ["manifest.json"]
    with atomic_write(folder.manifest) as part:
        assert mode(part) == 0o600
        part.write_bytes(b'{"a": 2}')
    assert folder.read_manifest().as_json() == {"a": 2}
    assert sorted(p.name for p in folder.path.iterdir()) == ["manifest.json"]


def test_what_a_crash_left_is_overwritten(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "orders")
    (folder.path / "manifest.json.part").write_bytes(b"x" * 10_000)
    folder.write_manifest(Manifest.read({"a": 1}))
    assert folder.read_manifest().as_json() == {"a": 1}


def test_a_folder_that_was_removed_is_one_error(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "gone")
    with pytest.raises(RunFolderError) as written:
        folder.write_manifest(Manifest.read({}))
    with pytest.raises(RunFolderError) as made:
        folder.open_scratch()
    assert written.value.message == f"{folder.manifest}: cannot be written: No such file or directory"
    assert made.value.message == f"{folder.scratch}: cannot be created: No such file or directory"


def test_the_scratch_folder_begins_empty_and_is_gone_at_the_end(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "orders")
    folder.open_scratch()
    (folder.scratch / "left").write_text("x")
    folder.open_scratch()
    assert list(folder.scratch.iterdir()) == []
    folder.clear_scratch()
    folder.clear_scratch()
    assert not folder.scratch.exists()


def test_two_runs_that_draw_one_name_get_two_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["0001", "0001", "0001", "0002"])
    monkeypatch.setattr("secrets.token_hex", lambda _: next(drawn))
    monkeypatch.setattr(run_folder, "datetime", Stopped)
    folders = [RunFolder.create(tmp_path, "orders") for _ in range(2)]
    assert [folder.run_id[-4:] for folder in folders] == ["0001", "0002"]


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Stopped":
        return cls(2026, 11, 21, tzinfo=tz)
