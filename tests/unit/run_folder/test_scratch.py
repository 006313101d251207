"""Scratch files: byte strings by number, notes by offset, and how they meet a full disk."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.run_folder import scratch as scratch_files
from connectors.run_folder.notes import NoteFile
from connectors.run_folder.scratch import EntryFile, open_private
from schemas.errors import RunFolderError


@contextmanager
def scratch() -> Iterator[Path]:
    """A path for a file that must be gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "scratch.tmp"
        assert list(Path(folder).iterdir()) == []


@given(st.lists(st.lists(st.binary(max_size=20), max_size=6), max_size=6), st.data())
def test_entries_come_back_as_they_were_added_one_by_one_and_in_stretches(
    added: list[list[bytes]], data: st.DataObject
) -> None:
    entries = [entry for piece in added for entry in piece]
    with scratch() as path, closing(EntryFile(path)) as file:
        for piece in added:
            file.extend(piece)
        file.finish()
        assert len(file) == len(entries)
        assert file.ends.tolist() == [sum(map(len, entries[:i])) for i in range(len(entries) + 1)]
        assert [file.read(i) for i in range(len(entries))] == entries
        first = data.draw(st.integers(0, len(entries)))
        count = data.draw(st.integers(0, len(entries) - first))
        assert file.split(first, count) == entries[first : first + count]
        assert file.read(first, count) == b"".join(entries[first : first + count])


@given(st.lists(st.text(max_size=5), min_size=1), st.data(), st.sampled_from([0, 3, 1 << 12]))
def test_entries_are_picked_in_any_order(texts: list[str], data: st.DataObject, between: int) -> None:
    numbers = data.draw(st.lists(st.integers(0, len(texts) - 1), unique=True))
    if data.draw(st.booleans()):
        numbers.sort()
    with (
        scratch() as path,
        closing(EntryFile(path)) as file,
        mock.patch.object(scratch_files, "_MOST_BETWEEN", between),
    ):
        file.extend([text.encode() for text in texts])
        file.finish()
        assert file.texts(np.array(numbers, np.int64)) == [texts[number] for number in numbers]
        assert file.together(np.array(numbers, np.int64)) == "".join(texts[number] for number in numbers).encode()


notes = st.tuples(st.text(max_size=5), st.text(max_size=20))


@pytest.mark.untraced
@given(st.lists(notes, max_size=20), st.data())
def test_notes_come_back_in_any_order_also_while_more_are_added(
    added: list[tuple[str, str]], data: st.DataObject
) -> None:
    with scratch() as path, closing(NoteFile(path)) as file:
        offsets: list[int] = []
        for note in added:
            offsets.append(file.add(*note))
            asked = data.draw(st.integers(0, len(offsets) - 1))
            assert file.read(offsets[asked]) == added[asked]
        assert [file.read(offset) for offset in offsets] == added
        assert len(set(offsets)) == len(set(added))


def test_repeated_notes_take_no_room_and_beyond_a_bound_are_written_again(tmp_path: Path) -> None:
    with closing(NoteFile(tmp_path / "notes.tmp")) as file:
        assert len({file.add("Missing", "display_name: is missing") for _ in range(3)}) == 1
        for number in range(10_000):
            file.add("Missing", str(number))
        late = [file.add("Missing", "late") for _ in range(2)]
        assert late[0] != late[1]
        assert [file.read(offset) for offset in late] == [("Missing", "late")] * 2


def test_notes_are_read_a_stretch_at_a_time_however_many_and_however_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    pread = os.pread

    def counted(handle: int, size: int, offset: int) -> bytes:
        reads.append(size)
        return pread(handle, size, offset)

    monkeypatch.setattr(os, "pread", counted)
    with closing(NoteFile(tmp_path / "notes.tmp")) as file:
        notes = [("MissingCells", f"line {number}: 1 of 4 cells") for number in range(20_000)]
        notes += [("Long", "\udce9" * 200_000), ("Short", "\ud800 é\n")]
        offsets = [file.add(*note) for note in notes]
        assert [file.read(offset) for offset in offsets] == notes
    assert 5 < len(reads) < 20


def test_scratch_files_have_no_name_are_for_their_owner_only_and_forget_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "entries.tmp"
    with open_private(path) as opened:
        assert not path.exists()
        assert os.fstat(opened.fileno()).st_mode & 0o777 == 0o600
    path.write_bytes(b"of a run before")
    with open_private(path) as opened:
        assert opened.read() == b""


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "entries.tmp"
    with pytest.raises(RunFolderError) as caught:
        EntryFile(path)
    assert caught.value.message == f"{path}: cannot be written: No such file or directory"


def fill_the_disk(handle: int) -> None:
    """From now on the disk is full for everything that is written through a file handle."""
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, handle)
    os.close(full)


LARGE = 1 << 21


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        (EntryFile, lambda f: f.extend([b"x" * LARGE])),
        (EntryFile, lambda f: (f.extend([b"x"]), f.finish())),
        (NoteFile, lambda f: f.add("Missing", "x" * LARGE)),
        (NoteFile, lambda f: f.read([f.add("Missing", str(number)) for number in range(10_001)][-1])),
    ],
    ids=["entries", "the last entries", "notes", "the last notes"],
)
def test_a_full_disk_is_one_clear_line_and_the_file_can_still_be_removed(
    tmp_path: Path, kind: type[EntryFile | NoteFile], use: Callable[[EntryFile | NoteFile], object]
) -> None:
    path = tmp_path / "scratch.tmp"
    file = kind(path)
    fill_the_disk(file._file.fileno())
    with pytest.raises(RunFolderError) as caught:
        use(file)
    assert caught.value.message == f"{path}: cannot be written: No space left on device"
    file.close()
    assert not path.exists()
