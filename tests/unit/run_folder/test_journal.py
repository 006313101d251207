import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.run_folder.journal import Journal
from connectors.run_folder.journal_lines import checksummed
from schemas.errors import RunFolderError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@contextmanager
def opened(path: Path) -> Iterator[Journal]:
    journal = Journal(path)
    try:
        yield journal
    finally:
        journal.close()


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file of this process grows beyond `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_lines_come_back_with_the_offsets_they_were_given(path: Path) -> None:
    records = [{"call": 1, "sent": [[0, 3]]}, {"call": 1, "text": "ü\n"}]
    with opened(path) as journal:
        offsets = [journal.append(record) for record in records]
        assert list(journal.lines()) == list(zip(offsets, records, strict=True))
        assert [journal.read(offset) for offset in offsets] == records
    assert path.stat().st_mode & 0o777 == 0o600
    with opened(path) as journal:
        assert [record for _, record in journal.lines()] == records


def test_a_line_is_on_disk_when_append_returns(path: Path) -> None:
    with opened(path) as journal:
        journal.append({"call": 1})
        assert path.read_bytes() == b'{"call":1,"crc":"34d63830"}\n'


@given(cut=st.integers(0, 80))
def test_a_torn_last_line_is_dropped_wherever_it_was_torn(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal.jsonl"
    lines = [checksummed({"call": 1, "sent": [[0, 1]]}), checksummed({"call": 1, "settled": []})]
    whole = b"".join(lines)
    path.write_bytes(whole[: len(whole) - cut])
    kept = [line for i, line in enumerate(lines) if sum(map(len, lines[: i + 1])) <= len(whole) - cut]
    with opened(path) as journal:
        assert len(list(journal.lines())) == len(kept)
        offset = journal.append({"call": 2})
        assert journal.read(offset) == {"call": 2}
    assert path.read_bytes() == b"".join(kept) + checksummed({"call": 2})


def test_a_tail_of_zeros_from_a_power_cut_is_dropped(path: Path) -> None:
    path.write_bytes(checksummed({"call": 1}) + b"\0" * 4096)
    with opened(path) as journal:
        assert [record for _, record in journal.lines()] == [{"call": 1}]


def test_a_damaged_line_in_the_middle_is_named_in_one_line(path: Path) -> None:
    path.write_bytes(checksummed({"call": 1}) + b'{"call":\x00\n' + checksummed({"call": 2}))
    with opened(path) as journal, pytest.raises(RunFolderError) as caught:
        list(journal.lines())
    assert caught.value.message == f"{path}: line 2 is damaged: the run cannot be resumed"


@given(bit=st.integers(0, 8 * 50 - 1))
@example(bit=8 * 23 + 1)  # 100 becomes 300: fifty requests that were never sent would count as done
def test_a_bit_that_the_disk_flipped_is_damage_and_never_another_number(
    tmp_path_factory: pytest.TempPathFactory, bit: int
) -> None:
    path = tmp_path_factory.mktemp("turned") / "journal.jsonl"
    before = checksummed({"call": 1, "accepted": [[100, 50]]})
    turned = bytearray(before)
    turned[bit // 8] ^= 1 << bit % 8
    path.write_bytes(turned + checksummed({"call": 2}))
    with opened(path) as journal:
        with pytest.raises(RunFolderError, match="line 1 is damaged"):
            list(journal.lines())
        with pytest.raises(RunFolderError, match="the line at byte 0 is damaged"):
            journal.read(0)


def test_a_second_process_is_refused_in_one_line_and_may_go_on_afterwards(path: Path) -> None:
    code = f"from pathlib import Path; from connectors.run_folder.journal import Journal; Journal(Path({str(path)!r}))"
    with opened(path):
        tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
        with pytest.raises(RunFolderError) as caught:
            Journal(path)
    assert caught.value.message == f"{path.parent}: another process is working on this run"
    assert "HeldError: " + caught.value.message in tried.stderr
    with opened(path) as journal:
        journal.append({"call": 1})


def test_a_full_disk_is_one_error_and_leaves_no_half_line_for_others_to_append_to(path: Path) -> None:
    with opened(path) as journal:
        journal.append({"call": 1})
        with at_most(80):
            with pytest.raises(RunFolderError, match="cannot be written: No space left on device"):
                journal.append({"call": 2, "text": "x" * 100})
            offset = journal.append({"call": 3})
        assert journal.read(offset) == {"call": 3}
        assert [record for _, record in journal.lines()] == [{"call": 1}, {"call": 3}]


def test_after_a_sync_that_failed_no_later_one_is_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with opened(path) as journal:
        with monkeypatch.context() as once:
            once.setattr(os, "fsync", fails)
            with pytest.raises(RunFolderError, match="Input/output error"):
                journal.append({"call": 1})
        with pytest.raises(RunFolderError, match="Input/output error"):
            journal.append({"call": 2})


def test_a_journal_that_cannot_be_opened_leaves_nothing_open(path: Path) -> None:
    path.mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(RunFolderError, match="Is a directory"):
        Journal(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_cannot_take_a_byte_is_one_error(path: Path) -> None:
    with opened(path) as journal, at_most(0), pytest.raises(RunFolderError, match="cannot be written"):
        journal.append({"call": 1})


def test_a_folder_that_is_not_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError) as caught:
        Journal(tmp_path / "gone" / "journal.jsonl")
    assert caught.value.message.endswith("journal.jsonl: cannot be written: No such file or directory")


def test_lines_of_many_threads_stay_whole(path: Path) -> None:
    with opened(path) as journal:
        offsets: dict[int, int] = {}

        def write(first: int) -> None:
            for number in range(first, first + 25):
                offsets[number] = journal.append({"call": number, "text": "y" * (number % 50)})

        threads = [threading.Thread(target=write, args=(n * 25,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(record["call"] for _, record in journal.lines()) == list(range(200))
        assert all(journal.read(offset)["call"] == number for number, offset in offsets.items())
