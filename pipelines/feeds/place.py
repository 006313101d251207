"""Where a feed's state is kept, and the key of its hashes."""

import os
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.run_folder.folder import sync
from schemas.errors import ConfigError, RunFolderError
from schemas.option_types.business_dates import FEED_NAME

FOLDER = "feeds"
HASH = "S16"
"""A hash as numpy keeps it; one of zeros stands for none."""

_KEY_BYTES = 32

Hashes = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class FeedPlace:
    """The folder of what a feed holds of one operation in one target.

    Attributes:
        folder: `runs/feeds/<feed>/<operation>-<dialect>-<hash of the target>`.
        feed: its name.
        about: feed, dialect and target, for which one load is under way at a time.
    """

    folder: Path
    feed: str
    about: tuple[str, ...]

    @classmethod
    def of(cls, runs: Path, feed: str, operation: str, dialect: str, target: str) -> "FeedPlace":
        """The place of a feed.

        Args:
            runs: where runs are kept.
            feed: its name.
            operation, dialect: of the load.
            target: in comparable form.
        """
        assert re.fullmatch(FEED_NAME, feed), feed  # noqa: S101  # the options saw to it
        short = sha256(target.encode()).hexdigest()[:12]
        return cls.at(runs / FOLDER / feed / f"{operation}-{dialect}-{short}")

    @classmethod
    def at(cls, folder: Path) -> "FeedPlace":
        """The place whose folder this is."""
        _, dialect, target = folder.name.rsplit("-", 2)
        return cls(folder, folder.parent.name, (folder.parent.name, dialect, target))

    @property
    def runs(self) -> Path:
        """Where the runs are kept."""
        return self.folder.parents[2]

    @property
    def state(self) -> Path:
        """What the feed last had accepted."""
        return self.folder / "state.parquet"

    @property
    def pending(self) -> Path:
        """What a run that is under way, or was killed, is about to send."""
        return self.folder / "pending.parquet"

    def make(self) -> None:
        """Creates the folder, for its owner only; raises RunFolderError where it cannot be."""
        try:
            for each in (self.folder.parent.parent, self.folder.parent, self.folder):
                if not each.is_dir():
                    each.mkdir(mode=0o700, exist_ok=True)
                    sync(each.parent)
        except OSError as error:
            raise RunFolderError(f"{self.folder}: cannot be created: {error.strerror}") from None


class Hasher:
    """Makes keyed hashes: who has a feed's state and not the key cannot test a guess against it.

    BLAKE2b with a key is a message authentication code by itself (RFC 7693, 2.9).

    Attributes:
        name: tells one key from another, and says nothing of it.
    """

    def __init__(self, key: bytes) -> None:
        self._base = blake2b(digest_size=16, key=key)
        self.name = self(b"the name of this key").hex()

    def __call__(self, text: bytes) -> bytes:
        """The hash of a text, 16 bytes."""
        made = self._base.copy()
        made.update(text)
        return made.digest()

    def all(self, texts: Iterable[bytes | memoryview]) -> Hashes:
        """The hashes of texts, in their order."""
        hashes, copy = bytearray(), self._base.copy
        for text in texts:
            made = copy()  # not by `__call__`: calls would take a tenth of the time
            made.update(text)
            hashes += made.digest()
        return np.frombuffer(hashes, HASH)


def hasher_of(runs: Path) -> Hasher:
    """The hasher of a runs folder; its key is made where there is none.

    Raises:
        ConfigError: the key is damaged.
        RunFolderError: it can be neither read nor made.
    """
    path = runs / FOLDER / "key"
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be read or made: {error.strerror}") from None
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{path} is damaged: restore it, or remove {path.parent} to begin all feeds anew")
    return Hasher(key)


def _make_key(path: Path) -> None:
    """Makes the key, whole or not at all, and never in place of one that another process has made meanwhile."""
    part = path.with_name(f"key.{secrets.token_hex(4)}.part")
    try:
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, secrets.token_bytes(_KEY_BYTES))
            os.fsync(handle)
        finally:
            os.close(handle)
        with suppress(FileExistsError):
            os.link(part, path)
        sync(path.parent)
    finally:
        part.unlink(missing_ok=True)
