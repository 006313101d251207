"""Small files that are read before a load begins: credentials and mappings. Nothing waits for a pipe."""

import errno
import os
import stat
from pathlib import Path


def read_start_up_file(path: Path, most: int = -1) -> bytes:
    """The content of a regular file.

    Args:
        path: the file; a link to it will do.
        most: bytes that are read; -1 for all.

    Raises:
        OSError: it cannot be read, or is a pipe, a device or a socket.
    """
    with open(path, "rb", opener=_not_waiting) as file:  # Path.open takes no opener
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return file.read(most)


def _not_waiting(path: str, how: int) -> int:
    return os.open(path, how | os.O_NONBLOCK)
