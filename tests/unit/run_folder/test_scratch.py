"""Scratch files: byte strings by number, notes by offset, and how they meet a full disk."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.run_folder import packed
from connectors.run_folder import scratch as scratch_files
from connectors.run_folder.notes import NoteFile
from connectors.run_folder.private_files import open_private
from connectors.run_folder.scratch import EntryFile
from schemas.errors import RunFolderError


@contextmanager
def scratch() -> Iterator[Path]:
    """A path for a file that must be gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "scratch.tmp"
        assert list(Path(folder).iterdir()) == []


texts = st.binary(max_size=20) | st.builds(bytes.__mul__, st.binary(min_size=1, max_size=3), st.integers(20, 200))
"""Bytes, some of which take little room when they are packed."""
pieces = st.lists(st.lists(texts, max_size=6), max_size=6)
blocks = st.sampled_from([1, 8, 30, 100, 1 << 17])
"""Bytes that are packed together, at most."""


def packing(block: int) -> AbstractContextManager[object]:
    """Packs blocks of this size."""
    return mock.patch.object(packed, "_BLOCK", block)


def fill(file: EntryFile, added: list[list[bytes]]) -> None:
    for number, piece in enumerate(added):
        if number % 2:
            file.extend(piece)
        else:
            ends = np.cumsum([0, *map(len, piece)], dtype=np.int32)
            file.add(np.frombuffer(b"".join(piece), np.uint8), ends)


@given(pieces, blocks, st.sets(st.integers(0, 5)), st.data())
def test_entries_come_back_as_they_were_added_one_by_one_and_in_stretches(
    added: list[list[bytes]], block: int, finished: set[int], data: st.DataObject
) -> None:
    entries = [entry for piece in added for entry in piece]
    with scratch() as path, closing(EntryFile(path)) as file, packing(block):
        for number, piece in enumerate(added):
            fill(file, [piece])
            if number in finished:
                file.finish()
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


@given(st.lists(pieces, max_size=4), pieces, blocks, st.booleans())
def test_files_that_are_adopted_are_read_before_ones_own_also_where_another_process_opens_them(
    given: list[list[list[bytes]]], own: list[list[bytes]], block: int, early: bool
) -> None:
    entries = [entry for added in (*given, own) for piece in added for entry in piece]
    with scratch() as path, packing(block), tempfile.TemporaryDirectory() as folder:
        whole = EntryFile(open_private(Path(folder) / "whole", named=True))
        with closing(whole):
            for number, added in enumerate(given):
                part = open_private(Path(folder) / str(number), named=True)
                filled = EntryFile(part)
                for piece in added:
                    fill(filled, [piece])
                    if early:
                        filled.finish()
                filled.finish()
                whole.adopt(part, filled.ends)
            fill(whole, own)
            whole.finish()
            with closing(EntryFile.reopened(whole.kept())) as again:
                for file in (whole, again):
                    assert [file.read(i) for i in range(len(entries))] == entries
                    assert file.read(0, len(entries)) == b"".join(entries)
                assert again.digest() == whole.digest()
            begins = whole.kept().begins
            sizes = [sum(len(entry) for piece in added for entry in piece) for added in given]
            assert begins == [sum(sizes[:place]) for place in range(len(given) + 1)]
        assert not path.exists()


def test_what_repeats_takes_little_room(tmp_path: Path) -> None:
    with closing(EntryFile(open_private(tmp_path / "entries.tmp", named=True))) as file:
        for numbers in range(1_000), range(100_000):
            file.extend([b'{"identifiers":{"value":{"labelValue":"%d"}}}' % number for number in numbers])
        file.finish()
        assert (tmp_path / "entries.tmp").stat().st_size < file.ends[-1] / 4
        assert file.read(1_000 + 54_321) == b'{"identifiers":{"value":{"labelValue":"54321"}}}'


def test_a_scratch_file_that_was_cut_short_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "entries.tmp"
    with closing(EntryFile(open_private(path, named=True))) as file:
        file.extend([os.urandom(LARGE)])
        file.finish()
        os.truncate(path, LARGE // 2)
        with pytest.raises(RunFolderError, match=r"^the scratch files: cannot be read: "):
            file.read(0)


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
        (EntryFile, lambda f: f.extend([os.urandom(LARGE)])),
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
    fill_the_disk((file._packed.own if isinstance(file, EntryFile) else file._file).fileno())
    with pytest.raises(RunFolderError) as caught:
        use(file)
    assert caught.value.message == f"{path}: cannot be written: No space left on device"
    file.close()
    assert not path.exists()
