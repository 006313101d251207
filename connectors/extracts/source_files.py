"""Finds the files of an extract, opens them, and notices when one changes under the reader.

Owns paths, patterns, directories, sizes and hashes. Must not know what is inside a file.

A file is known by its size, modification time and inode, taken when the extract is opened. Files are not held
open between passes (a directory may have thousands): each opening checks that it is still the same file, so a file
that is replaced or appended to stops the run and is never read half old and half new.
"""

import glob
import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import BinaryIO

from connectors.extracts.partitions import BELOW, is_partition, partitions_of
from schemas.errors import ExtractError
from schemas.texts import is_text

COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")
"""Endings of names that say how a file is compressed."""

SUFFIXES = (*(text + packed for text in (".csv", ".tsv") for packed in ("", *COMPRESSED)), ".parquet")
"""What the names of an extract's files end in."""

_TABLES = {"a Delta": "_delta_log", "an Iceberg": "metadata/*.metadata.json", "a Hudi": ".hoodie"}
"""Kinds of tables, each with what its folder holds."""

_HASH_BLOCK = 1 << 20
_SHOWN = 300
"""Characters of a name that cannot be one."""


@dataclass(frozen=True)
class Source:
    """One file of an extract.

    Attributes:
        name: as the user gave it, or its name in the directory that was given; in a dataset of several folders that
            directory's name and the path below it, `//` between.
        path: where it is.
        size: bytes on disk.
        stamp: modification time in nanoseconds and inode, when the extract was opened.
        origin: the URL of what it is a copy of; empty where it is none.
    """

    name: str
    path: Path
    size: int
    stamp: tuple[int, int]
    origin: str = ""

    def __reduce__(self) -> tuple[object, ...]:
        """Whoever unpickles it may stand in another folder."""
        return Source, (self.name, self.path.absolute(), self.size, self.stamp, self.origin)

    @property
    def place(self) -> str:
        """Where it is found again: its URL, or its path."""
        return self.origin or str(self.path.resolve())

    @property
    def is_parquet(self) -> bool:
        """Whether the name says Parquet."""
        return self.path.name.lower().endswith(".parquet")

    @property
    def partitions(self) -> dict[str, str]:
        """The columns that the names of its dataset's folders give it, each with its text."""
        return partitions_of(self.name)

    @property
    def compression(self) -> str:
        """The ending of its name that says how it is compressed; empty where it is not."""
        suffix = self.path.suffix.lower()
        return suffix if suffix in COMPRESSED else ""

    def open(self) -> BinaryIO:
        """Opens the file for reading, unbuffered.

        Raises:
            ExtractError: it cannot be opened, or is not the file it was.
        """
        try:
            handle = self.path.open("rb", buffering=0)
        except OSError as error:
            raise ExtractError(f"{self.name}: cannot be read: {error.strerror}") from error
        try:
            self._check(os.fstat(handle.fileno()))
        except ExtractError:
            handle.close()
            raise
        return handle

    def check_unchanged(self) -> None:
        """Compares the file on disk with what it was when the extract was opened.

        Raises:
            ExtractError: its size, modification time or inode differ, or it is gone.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            raise ExtractError(f"{self.name}: cannot be read any more: {error.strerror}") from error
        self._check(found)

    def _check(self, found: os.stat_result) -> None:
        if (found.st_size, found.st_mtime_ns, found.st_ino) != (self.size, *self.stamp):
            raise ExtractError(
                f"{self.name}: the file changed while it was being loaded: "
                "run again when whatever writes it has finished"
            )


def find_sources(paths: Sequence[str | Path]) -> list[Source]:
    """The files that paths stand for, in the order given; within a pattern or a directory sorted by name.

    Args:
        paths: files, glob patterns (`**` included) or directories. Of a directory its CSV and Parquet files are
            taken, and those of folders in it that are named for a column (`country=FR`), those whose names begin with
            `.` or `_` left out.

    Returns:
        At least one source; their names are unique.

    Raises:
        ExtractError: nothing matches, a file is named twice, cannot be read, or is neither file nor directory.
    """
    return unique([source for path in paths for source in _expand(str(path))])


def unique(found: Sequence[Source]) -> list[Source]:
    """The same, each with a name of its own.

    Raises:
        ExtractError: there is none, or a file is there twice.
    """
    if not found:
        raise ExtractError("no extract was given: name a file, a pattern or a directory")
    for path, count in Counter(source.place for source in found).items():
        if count > 1:
            raise ExtractError(f"{path}: the file is part of the extract {count} times: name it once")
    names = Counter(source.name for source in found)
    return [s if names[s.name] == 1 else replace(s, name=s.origin or str(s.path)) for s in found]


def _expand(given: str) -> Iterator[Source]:
    """The files one argument stands for."""
    if not given:
        raise ExtractError("the name of an extract is empty: is a shell variable unset?")
    if "\0" in given:
        raise ExtractError(f"{given!r}: a name cannot hold a NUL character")
    path = Path(given)
    try:
        found: os.stat_result | None = path.stat()
    except OSError:
        found = None
    if found is not None and stat.S_ISDIR(found.st_mode):
        yield from _in_directory(path)
    elif found is not None or not glob.has_magic(given):
        yield source_of(path, given)
    else:
        yield from _matching(given)


def _in_directory(path: Path) -> Iterator[Source]:
    check_no_table(path)
    folders, files = _listed(path)
    partitions = [folder for folder in folders if is_partition(folder.name)]
    if partitions and files:
        raise ExtractError(
            f"{path}: holds {files[0].name} beside folders such as {partitions[0].name}, whose names are columns: name "
            "the files or the folders"
        )
    if partitions:
        found = [file for folder in partitions for file in _below(folder)]
        yield from (source_of(file, f"{path.name}{BELOW}{file.relative_to(path).as_posix()}") for file in found)
    else:
        yield from (source_of(file, file.name) for file in files)
    if not files and not (partitions and found):
        raise ExtractError(f"{path}: the directory holds no extract: none of {', '.join(SUFFIXES)}")


def _below(folder: Path) -> Iterator[Path]:
    """The files of a folder that is named for a column, and of such folders in it."""
    folders, files = _listed(folder)
    if stray := next((each for each in folders if not is_partition(each.name)), None):
        raise ExtractError(f"{stray}: is a folder among those whose names are columns: move it away, or rename it")
    yield from files
    for each in folders:
        yield from _below(each)


def _listed(path: Path) -> tuple[list[Path], list[Path]]:
    """The folders of a directory, and its files that an extract may be of, both by name."""
    try:
        entries = sorted(entry for entry in path.iterdir() if is_shown(entry.name))
    except OSError as error:
        raise ExtractError(f"{path}: the directory cannot be read: {error.strerror}") from error
    folders = [entry for entry in entries if entry.is_dir()]
    return folders, [e for e in entries if e.name.lower().endswith(SUFFIXES) and e not in folders]


def check_no_table(folder: Path) -> None:
    """Refuses the folder of a table whose files hold rows that were deleted or replaced since.

    Raises:
        ExtractError: names the kind of table, and what to do.
    """
    kind = next((kind for kind, sign in _TABLES.items() if any(folder.glob(sign))), None)
    if kind is not None:
        raise ExtractError(
            f"{folder}: is the folder of {kind} table, whose files alone do not tell which rows are in it now: export "
            "the table's current rows as Parquet or CSV, or hand them over as a data frame"
        )


def _matching(pattern: str) -> Iterator[Source]:
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob also matches hidden files
    keep_all = Path(pattern).name.startswith("_")
    files = sorted(n for n in names if not Path(n).is_dir() and (keep_all or is_shown(Path(n).name)))
    if not files:
        raise ExtractError(f"{pattern}: no file matches the pattern")
    for folder in dict.fromkeys(Path(name).parent for name in files):
        check_no_table(folder)
    yield from (source_of(Path(name), name) for name in files)


def is_shown(name: str) -> bool:
    """Whether a name is neither hidden nor a by-product such as `_SUCCESS`."""
    return not name.startswith((".", "_"))


def source_of(path: Path, name: str) -> Source:
    """A file as it is now.

    Raises:
        ExtractError: it is not there, no regular file, or cannot be read.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise ExtractError(f"{name}: there is no such file") from error
    except OSError as error:
        raise ExtractError(f"{_short(name)}: cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise ExtractError(f"{name}: is not a regular file: write the extract to a file first")
    if not is_text(str(path.resolve())):
        raise ExtractError(f"{name}: its path is not UTF-8, and no run could name it: rename it")
    return Source(name, path, found.st_size, (found.st_mtime_ns, found.st_ino))


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."


class Digests:
    """Hashes files in a thread of its own; hashlib lets the interpreter go while it works."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._stop = Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="sha256")
        self._result: Future[list[str]] | None = None

    def start(self) -> Future[list[str]]:
        """Begins hashing, unless it has begun."""
        if self._result is None:
            self._result = self._pool.submit(lambda: [_sha256(source, self._stop.is_set) for source in self._sources])
        return self._result

    def wait(self) -> list[str]:
        """SHA-256 of each file's bytes on disk, as hex, in the order of the sources.

        Raises:
            ExtractError: a file changed or cannot be read any more.
        """
        return self.start().result()

    def close(self) -> None:
        """Stops hashing, finished or not."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _sha256(source: Source, stopped: Callable[[], bool]) -> str:
    digest = hashlib.sha256()
    with source.open() as handle:
        while not stopped() and (block := handle.read(_HASH_BLOCK)):
            digest.update(block)
    return digest.hexdigest()
