"""Removes feeds that have not been loaded for long."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from connectors.run_folder.locks import LockedError, lock_path, locked
from pipelines.feeds.place import FOLDER, FeedPlace
from schemas.errors import RunFolderError


def purge_feeds(runs: Path, limit: datetime, note: Callable[[str], None]) -> None:
    """Removes what feeds hold that have not been loaded since, and with the last of them the key of their hashes.

    Args:
        runs: where runs are kept.
        limit: when a feed must have been loaded to stay.
        note: told of each feed that is removed, or stays because a load of it is under way.

    Raises:
        RunFolderError: one cannot be removed.
    """
    for place in _places(runs):
        written = max((path.stat().st_mtime for path in place.folder.iterdir()), default=0.0)
        if datetime.fromtimestamp(written, UTC) >= limit:
            continue
        try:
            with locked(lock_path(runs, "feed", *place.about), "bulkload purge"):
                _remove(place.folder)
            note(f"feed {place.feed}: what it held of {place.folder.name} was removed")
        except LockedError as error:
            note(f"feed {place.feed} stays: {error.message} is loading it")
    home = runs / FOLDER
    for folder in [*home.glob("*/"), home]:
        if folder == home and not any(path.is_dir() for path in home.glob("*")):
            (home / "key").unlink(missing_ok=True)
        with suppress(OSError):  # it is not empty, or not there
            folder.rmdir()


def _places(runs: Path) -> Iterator[FeedPlace]:
    for folder in sorted((runs / FOLDER).glob("*/*/")):
        if not folder.is_symlink() and folder.is_dir():
            yield FeedPlace.at(folder)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise RunFolderError(f"{folder}: cannot be removed: {error.strerror}") from None
