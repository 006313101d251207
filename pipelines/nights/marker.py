"""The mark of a night that is not over: a file beside the run folders, from before its first load until after its last.

A night that finds the mark of an earlier one goes on with that, whatever ended it: a load that stopped, one whose
extract was refused before it was a run, an interrupt between two loads, or the machine. Owns the mark and nothing else.
"""

import hashlib
from pathlib import Path

import orjson

from connectors.run_folder.atomic_files import write_json
from connectors.run_folder.folder import make_runs_folder
from connectors.targets import Target, lasts
from schemas.errors import RunFolderError
from schemas.manifest import moment
from schemas.same_load import place_of


class OpenNight:
    """A night of one folder into one target.

    Attributes:
        since: when it was begun; runs before that are none of its own. None where it is begun now.
    """

    def __init__(self, runs: Path, folder: Path, target: Target | None, *, again: bool) -> None:
        """Finds the mark, or makes it.

        Args:
            target: None in a dry run, which leaves no mark; nor does one into a sandbox in memory.
            again: an earlier night's mark does not count.

        Raises:
            ConfigError, RunFolderError: the mark cannot be made.
        """
        self.since: str | None = None
        self._mark: Path | None = None
        if target is None or not lasts(target.url):
            return
        told = f"{folder.resolve()}\n{place_of(target.url)}"
        self._mark = runs / f"night-{hashlib.sha256(told.encode(errors='surrogateescape')).hexdigest()[:12]}.json"
        self.since = None if again else self._read()
        if self.since is None:
            make_runs_folder(runs)
            write_json(self._mark, {"folder": str(folder), "target": target.url, "started": moment()})

    def _read(self) -> str | None:
        """When the night of the mark was begun; None where there is none, or none that can be read."""
        assert self._mark is not None  # noqa: S101  # for mypy
        try:
            started = orjson.loads(self._mark.read_bytes())["started"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return started if isinstance(started, str) else None

    def over(self) -> None:
        """Takes the mark away: each load is over, whatever became of its rows."""
        if self._mark is None:
            return
        try:
            self._mark.unlink(missing_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self._mark}: cannot be removed: {error.strerror}") from None
