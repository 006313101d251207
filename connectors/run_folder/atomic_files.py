"""Files that are there whole or not at all, whatever dies while they are written; readable by their owner only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import RunFolderError


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file whole.

    Raises:
        RunFolderError: it cannot be written.
    """
    with whole(path) as part:
        part.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path to write; when the block ends well it is synced and renamed to `path`.

    Raises:
        RunFolderError: it cannot be written.
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
        why = os.strerror(error.errno) if error.errno else str(error)  # Arrow has words of its own
        raise RunFolderError(f"{path}: cannot be written: {why}") from None
    finally:
        with suppress(OSError):  # the folder itself may be gone
            part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or what a folder lists, is on disk; raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
