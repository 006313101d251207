"""Marks a night as unfinished: a file beside the run folders, from before its first load until after its last.

A night that finds the marker of an earlier one continues that night, whatever ended it: a load that stopped, an extract
that was refused before it became a run, an interrupt between two loads, or a machine that went down.
"""

import hashlib
from pathlib import Path

import orjson

from connectors.run_folder.folder import make_runs_folder, write_json
from connectors.targets import Target, lasts
from schemas.errors import RunFolderError
from schemas.manifest import moment
from schemas.same_load import place_of


class NightMarker:
    """The marker of a night: one folder into one target.

    Attributes:
        since: when the night began, as an ISO 8601 text; earlier runs are not its own. None where it begins now.
    """

    def __init__(
        self, runs: Path, folder: Path, target: Target | None, *, again: bool, before: str | None = None
    ) -> None:
        """Finds the marker, or writes it.

        Args:
            runs: where runs are kept.
            folder: the night's.
            target: the night's; a dry run (None) and a sandbox in memory leave no marker.
            again: ignore the marker of an earlier night.
            before: when the night began that this one waited for; what that loaded is not loaded again.

        Raises:
            ConfigError, RunFolderError: the marker cannot be written.
        """
        self.since: str | None = None
        self._file: Path | None = None
        if target is None or not lasts(target.url):
            return
        night = f"{folder.resolve()}\n{place_of(target.url)}"
        self._file = runs / f"night-{hashlib.sha256(night.encode(errors='surrogateescape')).hexdigest()[:12]}.json"
        self.since = None if again else self._read()
        if self.since is None:
            make_runs_folder(runs)
            write_json(self._file, {"folder": str(folder), "target": target.url, "started": moment()})
            self.since = None if again else before

    def _read(self) -> str | None:
        """When the marked night began; None where there is no marker, or none that can be read."""
        assert self._file is not None  # noqa: S101  # for mypy
        try:
            started = orjson.loads(self._file.read_bytes())["started"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return started if isinstance(started, str) else None

    def remove(self) -> None:
        """Removes the marker, because every load is over, whatever the states of its rows."""
        if self._file is None:
            return
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self._file}: cannot be removed: {error.strerror}") from None
