"""Standard streams that survive a closed reader or a full disk.

A load continues, and keeps its exit code, when the reader of a pipe has gone, when the disk behind `>` is full, or when
a stream was closed from the start.
"""

import errno
import io
import os
import sys
from typing import TextIO

_SILENT = (errno.EPIPE, errno.EBADF)
"""The reader left on purpose, as in `| head` or `>&-`."""

_STDERR = 2


class _Lasting(io.FileIO):
    """A file descriptor whose writes never raise; the first failure is remembered."""

    failed: OSError | None = None

    def write(self, data: object) -> int:
        """Writes the data; once a write has failed, drops it."""
        view = memoryview(data)  # type: ignore[arg-type]  # a buffer, as FileIO has it
        if self.failed is None:
            try:
                return super().write(view)
            except OSError as error:
                self.failed = error
        return view.nbytes


def make_streams_last() -> None:
    """Replaces stdout and stderr by streams that never fail and escape characters their encoding lacks."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, so that no file of a run does
    sys.stdout = _lasting(1, sys.stdout)
    sys.stderr = _lasting(_STDERR, sys.stderr)


def what_was_lost(stream: TextIO) -> str | None:
    """Why some output of a stream was lost; None where none was, or its reader left on purpose."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    failed = raw.failed if isinstance(raw, _Lasting) else None
    return os.strerror(failed.errno or 0) if failed is not None and failed.errno not in _SILENT else None


def _lasting(number: int, stream: TextIO | None) -> TextIO:
    """A lasting stream for a descriptor, with the encoding of the stream there was (None if it was closed)."""
    buffer = io.BufferedWriter(_Lasting(number, "w", closefd=False))
    encoding = stream.encoding if stream is not None else "utf-8"
    at_once = number == _STDERR or buffer.raw.isatty() or getattr(stream, "write_through", False)
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=at_once)
