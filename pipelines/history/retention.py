"""Removes old runs, and the personal data in them."""

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from connectors.run_folder.folder import RUN_ID, RunFolder
from connectors.run_folder.journal import Journal
from pipelines.feeds.retention import purge_feeds
from pipelines.history.ages import moment_ago
from pipelines.history.nights.records import purge_pages
from schemas.errors import ConfigError, RunFolderError


def purge(
    runs: Path,
    older_than: str,
    note: Callable[[str], None] = lambda _: None,
    *,
    damaged: bool = False,
    any_owner: bool = False,
) -> list[str]:
    """Removes this user's runs that began longer ago than `older_than`, feeds not loaded since, and pages of nights.

    A run that a process is working on stays, and so does one that cannot be removed; both are an error once the others
    are gone. No link is followed.

    Args:
        runs: where runs are kept.
        older_than: an age in days or hours, such as `90d` or `12h`.
        note: told of each folder that looks like a run and stays.
        damaged: also remove folders with a damaged manifest or none, if anything says when they began.
        any_owner: also remove other users' runs.

    Raises:
        ConfigError: the age cannot be read.
        RunFolderError: a run cannot be removed.
    """
    limit = moment_ago(older_than)
    if limit is None:
        raise ConfigError(f"--older-than takes days or hours such as 90d or 12h, not {older_than}")
    removed: list[str] = []
    errors: list[str] = []
    for path in sorted(path for path in runs.glob("*") if path.is_dir()):
        folder = RunFolder(path)
        when = _began(folder)
        if when is None and os.path.lexists(folder.manifest):
            note(f"{path} stays: its manifest cannot be read; remove it yourself if it is an old run")
        if when is not None and when < limit:
            if why := _kept(folder, damaged=damaged, any_owner=any_owner):
                note(f"{path} stays: {why}")
                continue
            try:
                _remove(folder)
                removed.append(folder.run_id)
            except RunFolderError as error:
                errors.append(error.message)
    purge_feeds(runs, limit, note)
    purge_pages(runs, limit, note, any_owner=any_owner)
    if errors:
        others = f" ({len(removed):,} {'other was' if len(removed) == 1 else 'others were'} removed)" if removed else ""
        raise RunFolderError("; ".join(errors) + others)
    return removed


def _began(folder: RunFolder) -> datetime | None:
    """When a run began, from its manifest or else from its name; None where neither says."""
    try:
        return datetime.fromisoformat(folder.read_manifest().started).astimezone(UTC)
    except (ConfigError, ValueError):
        match = RUN_ID.fullmatch(folder.run_id)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if match else None


def _kept(folder: RunFolder, *, damaged: bool, any_owner: bool) -> str:
    """Why an old folder is not removed; empty where it is."""
    if folder.path.is_symlink() or folder.manifest.is_symlink():
        return "it is a link, or its manifest is"
    if not any_owner and folder.path.lstat().st_uid != os.geteuid():
        return "another user owns it; --any-owner removes it anyway"
    return "" if damaged or _is_whole(folder) else "its manifest is damaged or missing; --damaged removes it anyway"


def _is_whole(folder: RunFolder) -> bool:
    try:
        return not folder.read_manifest().damaged
    except ConfigError:
        return False


def _remove(folder: RunFolder) -> None:
    with closing(Journal(folder.journal)):  # locked, so no process is working on it
        try:
            shutil.rmtree(folder.path)
        except OSError as error:
            raise RunFolderError(f"{folder.path}: cannot be removed: {error.strerror}") from None
