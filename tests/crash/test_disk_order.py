"""What is on disk before what: writes, syncs, renames and the arrival of requests, recorded in the order they happen.

A machine that stops keeps only what was synced. Recorded are the calls of `os` in this process and, in their midst,
what a loopback LUSID is asked; nothing of the loader is named but the files of the contract.
"""

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from builders import IR_ID, investor, read_csv, write_csv
from run_checks import FILES, check_books
from scripted_lusid import Call, Reply, ScriptedLusid, done

from pipelines.load import load
from pipelines.resume import resume
from schemas.errors import RunFolderError

COUNT = 12
CONCURRENCY = 3


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        what: `write`, `sync begins`, `sync`, `rename`, `made` or `asked`.
        where: the file or folder; of a rename, the name it gets.
        content: of a write the bytes, of a rename the file's, of a question the keys.
    """

    what: str
    where: str
    content: Any = b""


class Recorder:
    """Hears `os` and a LUSID; its events are in one order over all threads.

    Attributes:
        events: what happened so far.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self._lock = threading.Lock()
        self._os = {name: getattr(os, name) for name in ("write", "fsync", "replace", "rename", "mkdir")}
        for name in self._os:
            monkeypatch.setattr(os, name, getattr(self, name))

    def note(self, what: str, where: object, content: Any = b"") -> None:
        with self._lock:
            self.events.append(Event(what, str(where), content))

    def write(self, handle: int, data: bytes) -> int:
        written: int = self._os["write"](handle, data)
        self.note("write", _path(handle), data)
        return written

    def fsync(self, handle: int) -> None:
        self.note("sync begins", _path(handle))
        self._os["fsync"](handle)
        self.note("sync", _path(handle), _content(_path(handle)))

    def replace(self, source: Path, target: Path) -> None:
        self.note("rename", target, _content(Path(source)))
        self._os["replace"](source, target)

    def rename(self, source: Path, target: Path) -> None:
        self.replace(source, target)

    def mkdir(self, path: Path, *more: Any, **named: Any) -> None:
        self._os["mkdir"](path, *more, **named)
        self.note("made", path)

    def asked(self, call: Call) -> Reply:
        """The rule of a LUSID that does all it is asked."""
        if call.method == "GET":
            return Reply(200, {})
        self.note("asked", call.path, call.keys)
        return done(call)


def _path(handle: int) -> Path:
    return Path(f"/proc/self/fd/{handle}").readlink()


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


@pytest.fixture
def lusid(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedLusid]:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")
    with ScriptedLusid(recorder.asked) as opened:
        yield opened


def on_disk(events: list[Event], name: str) -> list[dict[str, Any]]:
    """The lines of the file of this name that a sync has put on disk, that began after they were written."""
    written: list[bytes] = []
    reached: list[int] = []
    safe = 0
    for event in events:
        if Path(event.where).name != name:
            continue
        if event.what == "write":
            written.append(event.content)
        elif event.what == "sync begins":
            reached.append(len(written))
        elif event.what == "sync":
            safe = max(safe, reached.pop())
    return [json.loads(line) for line in b"".join(written[:safe]).splitlines()]


def requests_of(lines: list[dict[str, Any]], member: str) -> set[int]:
    """The requests that lines say were sent, or accepted."""
    return {r for line in lines for first, count in line.get(member, ()) for r in range(first, first + count)}


def check_renames(events: list[Event], folder: Path) -> None:
    """What is renamed is on disk as it is; then the folder is synced, before anything else is written or asked."""
    renames = [at for at, event in enumerate(events) if event.what == "rename"]
    assert {Path(events[at].where).name for at in renames} >= FILES - {"journal.jsonl"}
    for at in renames:
        part = f"{events[at].where}.part"
        synced = [event for event in events[:at] if (event.what, event.where) == ("sync", part)]
        assert synced, f"{part} was renamed and never synced"
        assert synced[-1].content == events[at].content, f"{part} was written again after its sync"
        after = [event.what for event in events[at + 1 :] if event.where != str(folder)]
        upto = events[at + 1 : at + 3]
        assert [(event.what, event.where) for event in upto] == [("sync begins", str(folder)), ("sync", str(folder))], (
            f"{events[at].where}: its folder was not synced before {after[:1]}"
        )


def check_verdict(events: list[Event], expected: set[int]) -> None:
    """Every settlement is on disk before the manifest says how the run ended."""
    said = [
        at
        for at, event in enumerate(events)
        if event.what == "rename" and event.where.endswith("manifest.json") and b'"verdict"' in event.content
    ]
    assert requests_of(on_disk(events[: said[0]], "journal.jsonl"), "accepted") == expected


def test_intent_is_on_disk_before_a_request_leaves_and_settlement_before_another_takes_its_place(
    tmp_path: Path, recorder: Recorder, lusid: ScriptedLusid, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "extract.csv", [investor(n) for n in range(COUNT)])
    number = {row[IR_ID]: n for n, row in enumerate(read_csv(path))}
    report = load(
        "investor-records", path, target=lusid.url, runs=tmp_path / "runs", batch_size=1, concurrency=CONCURRENCY
    )
    monkeypatch.undo()
    check_books(report)
    asked = [at for at, event in enumerate(recorder.events) if event.what == "asked"]
    assert len(asked) == COUNT
    for before, at in enumerate(asked):
        requests = {number[key] for key in recorder.events[at].content}
        lines = on_disk(recorder.events[:at], "journal.jsonl")
        assert requests <= requests_of(lines, "sent")
        assert len(requests_of(lines, "accepted")) > before - CONCURRENCY
    check_renames(recorder.events, report.run_dir)
    check_verdict(recorder.events, set(range(COUNT)))


def test_what_a_killed_process_wrote_and_did_not_sync_is_on_disk_before_the_verdict(
    tmp_path: Path, recorder: Recorder, lusid: ScriptedLusid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies between writing its last settlement and syncing it: there is nothing left to send, and none to write."""

    class KilledError(BaseException):
        pass

    def die(handle: int) -> None:
        if b'"accepted"' in recorder.events[-1].content:
            raise KilledError
        recorder.fsync(handle)

    path = write_csv(tmp_path / "extract.csv", [investor(1), investor(2)])
    with monkeypatch.context() as dying:
        dying.setattr(os, "fsync", die)
        with pytest.raises(KilledError):
            load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")
    report = resume("latest", runs=tmp_path / "runs")
    assert (len(lusid.posted), report.exit_code) == (1, 0)
    check_verdict(recorder.events, {0, 1})


@pytest.mark.parametrize("batch_size", [1, 2], ids=["another call follows", "none does"])
def test_while_the_journal_cannot_be_synced_nothing_is_sent_and_no_books_are_closed(
    tmp_path: Path, recorder: Recorder, lusid: ScriptedLusid, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    """The journal's, from the settlement of the first call on, which LUSID has answered by then."""

    def fail(handle: int) -> None:
        if _path(handle).name == "journal.jsonl" and any(event.what == "asked" for event in recorder.events):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        recorder.fsync(handle)

    path = write_csv(tmp_path / "extract.csv", [investor(1), investor(2)])
    options: Any = {"target": lusid.url, "batch_size": batch_size, "concurrency": 1}
    with monkeypatch.context() as failing:
        failing.setattr(os, "fsync", fail)
        with pytest.raises(RunFolderError, match=r"journal\.jsonl: cannot be written: Input/output error"):
            load("investor-records", path, runs=tmp_path / "runs", **options)
    assert len(lusid.posted) == 1
    assert resume("latest", runs=tmp_path / "runs").exit_code == 0


def frame() -> pd.DataFrame:
    return pd.DataFrame([investor(n) for n in range(3)])


def file_in(folder: Path) -> Path:
    return write_csv(folder / "extract.csv", [investor(n) for n in range(3)])


@pytest.mark.parametrize("extract", [file_in, lambda _: frame()], ids=["file", "frame"])
def test_all_that_resuming_needs_is_on_disk_before_the_first_request(
    tmp_path: Path, recorder: Recorder, lusid: ScriptedLusid, extract: Callable[[Path], Any]
) -> None:
    """The folders down to the run's, each in the one above, and the files in it."""
    report = load("investor-records", extract(tmp_path), target=lusid.url, runs=tmp_path / "new" / "runs")
    first = [event.what for event in recorder.events].index("asked")
    before = recorder.events[:first]
    for path in (tmp_path / "new", tmp_path / "new" / "runs", report.run_dir):
        made = before.index(Event("made", str(path)))
        assert Event("sync", str(path.parent)) in before[made:], f"{path} may be gone after a crash"
    synced = {Path(event.where).name.removesuffix(".part"): event.content for event in before if event.what == "sync"}
    frame_file = report.run_dir / "extract.parquet"
    assert "journal.jsonl" in synced
    assert not frame_file.exists() or synced[frame_file.name] == frame_file.read_bytes()
    assert Event("sync", str(report.run_dir)) in before
