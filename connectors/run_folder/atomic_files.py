"""Atomic file writes: a file is complete or absent, whatever dies while it is written, and private to its owner."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import RunFolderError


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file atomically.

    Raises:
        RunFolderError: it cannot be written.
    """
    with atomic_write(path) as part:
        part.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to; when the block succeeds, it is synced to disk and renamed to `path`.

    Raises:
        RunFolderError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        os.close(handle)
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # Arrow's errors carry no errno
        raise RunFolderError(f"{path}: cannot be written: {why}") from None
    finally:
        with suppress(OSError):  # the folder itself may have been removed
            part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or the entries of a folder, are on disk; raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
