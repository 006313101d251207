"""The standard streams, made to last: whatever becomes of who listens, a load goes on and keeps its exit code.

A reader that has gone, a full disk behind `>`, a stream that was closed from the start: none may end a night's load.
"""

import errno
import io
import os
import sys
from typing import TextIO

_SILENT = (errno.EPIPE, errno.EBADF)
"""Nobody listens, and means to: `| head`, `>&-`."""

_STDERR = 2


class _Lasting(io.FileIO):
    """A file descriptor whose writes never fail; the first that cannot be done is remembered."""

    failed: OSError | None = None

    def write(self, data: object) -> int:
        """Writes what it can; what it cannot is dropped."""
        view = memoryview(data)  # type: ignore[arg-type]  # a buffer, as FileIO has it
        if self.failed is None:
            try:
                return super().write(view)
            except OSError as error:
                self.failed = error
        return view.nbytes


def make_streams_last() -> None:
    """Replaces stdout and stderr: they are always there, never fail, and escape what their encoding does not have."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number, so that no file of a run does
    sys.stdout = _lasting(1, sys.stdout)
    sys.stderr = _lasting(_STDERR, sys.stderr)


def what_was_lost(stream: TextIO) -> str | None:
    """Why not all that was said on a stream reached it; None where it did, or nobody wanted to hear it."""
    stream.flush()
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    failed = raw.failed if isinstance(raw, _Lasting) else None
    return os.strerror(failed.errno or 0) if failed is not None and failed.errno not in _SILENT else None


def _lasting(number: int, stream: TextIO | None) -> TextIO:
    """A stream like the one there was, None if it was closed."""
    buffer = io.BufferedWriter(_Lasting(number, "w", closefd=False))
    encoding = stream.encoding if stream is not None else "utf-8"
    at_once = number == _STDERR or buffer.raw.isatty() or getattr(stream, "write_through", False)
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=at_once)
