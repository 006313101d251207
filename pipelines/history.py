"""What earlier runs are on disk: which finished what, and which are old enough to go."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.journal import Journal
from connectors.run_folder import RUN_ID, RunFolder
from connectors.targets import lasts
from pipelines.report import FINISHED
from schemas.errors import ConfigError, RunFolderError

_AGE = re.compile(r"(\d{1,5})([dh])")


def manifests(runs: Path) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    """Every run with its manifest, the oldest first; folders that are no runs are passed over."""
    for path in sorted(runs.glob("*/manifest.json")):
        folder = RunFolder(path.parent)
        try:
            yield folder, folder.read_manifest()
        except ConfigError:
            continue


def refuse_finished(runs: Path, manifest: Mapping[str, Any]) -> None:
    """Raises ConfigError when a run has finished this extract, by content, for this operation and target."""
    if not lasts(manifest["target"]):
        return
    for folder, earlier in manifests(runs):
        if (
            earlier.get("verdict") in FINISHED
            and earlier.get("operation") == manifest["operation"]
            and earlier.get("target") == manifest["target"]
            and hashes(earlier) == hashes(manifest)
        ):
            raise ConfigError(f"--once: {folder.run_id} has already loaded this extract ({earlier['verdict']})")


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
        return datetime.fromisoformat(folder.read_manifest()["started"]).astimezone(UTC)
    except (ConfigError, KeyError, TypeError, ValueError):
        match = RUN_ID.fullmatch(folder.run_id)
    return datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) if match else None


def _remove(folder: RunFolder) -> None:
    with closing(Journal(folder.journal)):  # locked: nobody works on it
        try:
            shutil.rmtree(folder.path)
        except OSError as error:
            raise RunFolderError(f"{folder.path}: cannot be removed: {error.strerror}") from None


def paths(manifest: Mapping[str, Any]) -> list[str]:
    """The files of a run's extract."""
    return sorted(source["path"] for source in manifest.get("extracts", ()))


def hashes(manifest: Mapping[str, Any]) -> list[str]:
    """The content of a run's extract; an empty text for each file that was not read to its end."""
    return sorted(source.get("sha256") or "" for source in manifest.get("extracts", ()))
