"""Locks between processes that share a runs folder: a file beside the run folders, locked for as long as it is needed.

The lock is the kernel's, so it ends with its process, whatever ends that. The file says who holds it.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from connectors.run_folder.folder import make_runs_folder
from schemas.errors import ConfigError, RunFolderError

LOOK_AGAIN_SECONDS = 0.1
_MOST_BYTES = 1000


class LockedError(ConfigError):
    """Another process holds the lock; the message is what that says of itself."""


def lock_path(runs: Path, kind: str, *things: str) -> Path:
    """The file of the lock on some things, such as a night's folder and target."""
    told = "\n".join(things).encode(errors="surrogateescape")
    return runs / f"{kind}-{sha256(told).hexdigest()[:12]}.lock"


@contextmanager
def locked(
    path: Path, holder: str, wait: float = 0.0, note: Callable[[str], None] = lambda _: None
) -> Iterator[str | None]:
    """Holds a lock while the block lasts; yields who held it when this had to wait, None where it was free.

    Args:
        path: the lock's file, see `lock_path`.
        holder: what to say of who holds it now.
        wait: seconds to wait for another process; 0 does not wait.
        note: told that this waits.

    Raises:
        LockedError: another process holds it for longer than that.
        ConfigError, RunFolderError: the folder cannot be written.
    """
    make_runs_folder(path.parent)
    until = time.monotonic() + wait
    before: str | None = None
    while (handle := _taken(path)) is None:
        before, waited = _said(path) or before or "another process", before is not None
        if time.monotonic() >= until:
            raise LockedError(before)
        if not waited:
            note(f"{before} is under way: waiting for it, {wait:g} s at most")
        time.sleep(LOOK_AGAIN_SECONDS)
    try:
        os.pwrite(handle, holder.encode(errors="replace"), 0)
        yield before
    finally:
        with suppress(OSError):  # the folder may be gone
            path.unlink(missing_ok=True)
        os.close(handle)


def _taken(path: Path) -> int | None:
    """The lock file, locked by us; None where it is another's, also when that has just removed the file."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be written: {error.strerror}") from None
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(path.stat(), os.fstat(handle)):
            os.ftruncate(handle, 0)
            return handle
    os.close(handle)
    return None


def _said(path: Path) -> str:
    try:
        return path.read_bytes()[:_MOST_BYTES].decode(errors="replace")
    except OSError:
        return ""
