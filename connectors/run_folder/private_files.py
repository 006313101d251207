"""Files that hold personal data while a run works: private to their owner, without a name, and several read as one."""

import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from schemas.errors import RunFolderError

_BUFFER = 1 << 20


def open_private(path: Path, *, named: bool = False) -> BinaryIO:
    """A new file, private to its owner and open for writing and reading.

    Its name is removed at once: it holds personal data, and a process that is killed must not leave it behind.

    Args:
        path: its name.
        named: keep that, for processes that cannot be given open files; then it goes with its folder.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    with writing(path):
        opened = open(path, "w+b", buffering=_BUFFER, opener=_private)  # noqa: SIM115 - Path's has no opener
        if not named:
            with suppress(OSError):  # some systems cannot unlink an open file: there `close` removes it
                path.unlink()
        return opened


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def writing(path: Path | None) -> AbstractContextManager[None]:
    """Raises RunFolderError where a file of the run, or a scratch file without a name, cannot be written."""
    return _in_one_line(path, "written")


def reading(path: Path | None) -> AbstractContextManager[None]:
    """Raises RunFolderError where a scratch file cannot be read."""
    return _in_one_line(path, "read")


@contextmanager
def _in_one_line(path: Path | None, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # Arrow's have no `strerror`
        said = f"{path or 'the scratch files'}: cannot be {what}: {error.strerror or error}"
        raise RunFolderError(said) from None


class Joined:
    """Files read as one: those that were adopted, and behind them one's own.

    Attributes:
        own: one's own file.
        begins: the bytes before each file.
    """

    def __init__(self, place: Path | BinaryIO) -> None:
        self.path = place if isinstance(place, Path) else None
        self.own = open_private(place) if isinstance(place, Path) else place
        self._files, self.begins = [self.own], [0]

    def adopt(self, file: BinaryIO, size: int) -> None:
        """Puts a file of `size` bytes before one's own, which is still empty."""
        self._files.insert(-1, file)
        self.begins.append(self.begins[-1] + size)

    def pread(self, size: int, offset: int) -> bytes:
        """Up to `size` bytes from an offset on; fewer where all ends."""
        if len(self._files) == 1:
            return os.pread(self.own.fileno(), size, offset)
        place, parts = bisect_right(self.begins, offset) - 1, list[bytes]()
        while size > 0 and place < len(self._files):
            last = place + 1 == len(self._files)
            here = size if last else min(size, self.begins[place + 1] - offset)
            parts.append(os.pread(self._files[place].fileno(), here, offset - self.begins[place]))
            size, offset, place = size - here, offset + here, place + 1
        return b"".join(parts)

    def names(self) -> list[str]:
        """The names of the files."""
        return [file.name for file in self._files]

    def close(self) -> None:
        """Closes the files, and removes one's own."""
        for file in self._files:
            with suppress(OSError):  # what a full disk did not take is no longer needed
                file.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
