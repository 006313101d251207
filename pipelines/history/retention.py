"""Removing runs that are old enough to go, and the personal data in them."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.run_folder.folder import RUN_ID, RunFolder
from connectors.run_folder.journal import Journal
from schemas.errors import ConfigError, RunFolderError

_AGE = re.compile(r"(\d{1,5})([dh])")


def purge(runs: Path, older_than: str, note: Callable[[str], None] = lambda _: None) -> list[str]:
    """Removes runs that began longer ago than `older_than` (`90d`, `12h`); gives their ids.

    So it does with what a process that died at once left of a run, for that may hold personal data too. A run that a
    process works on stays, as does one that cannot be removed: an error, once the others are gone.

    Args:
        note: told of each folder that may be a run and does not say when it began: it stays.

    Raises:
        ConfigError: the age cannot be read.
        RunFolderError: a run cannot be removed.
    """
    match = _AGE.fullmatch(older_than)
    if match is None:
        raise ConfigError(f"--older-than takes days or hours such as 90d or 12h, not {older_than}")
    limit = datetime.now(UTC) - timedelta(**{{"d": "days", "h": "hours"}[match[2]]: int(match[1])})
    removed: list[str] = []
    errors: list[str] = []
    for path in sorted(path for path in runs.glob("*") if path.is_dir()):
        folder = RunFolder(path)
        when = _began(folder)
        if when is None and os.path.lexists(folder.manifest):
            note(f"{path} stays: its manifest cannot be read; remove it yourself if it is an old run")
        if when is not None and when < limit:
            try:
                _remove(folder)
                removed.append(folder.run_id)
            except RunFolderError as error:
                errors.append(error.message)
    if errors:
        others = f" ({len(removed)} {'other was' if len(removed) == 1 else 'others were'} removed)" if removed else ""
        raise RunFolderError("; ".join(errors) + others)
    return removed


def _began(folder: RunFolder) -> datetime | None:
    """When a run began, by its manifest or else by its name; None where neither says so in our words."""
    try:
        return datetime.fromisoformat(folder.read_manifest().started).astimezone(UTC)
    except (ConfigError, ValueError):
        match = RUN_ID.fullmatch(folder.run_id)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if match else None


def _remove(folder: RunFolder) -> None:
    with closing(Journal(folder.journal)):  # locked: nobody works on it
        try:
            shutil.rmtree(folder.path)
        except OSError as error:
            raise RunFolderError(f"{folder.path}: cannot be removed: {error.strerror}") from None
