"""Which runs there are, how each ended, and which one a name means. Reads manifests only: no cell, no secret."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from connectors.run_folder.folder import RunFolder
from connectors.targets import lasts
from pipelines.report.summary import many
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.same_load import Trait, is_same, load_of
from schemas.states import GOOD
from schemas.verdicts import FINISHED, OVER, Verdict

LATEST = "latest"

Note = Callable[[str], None]


@dataclass(frozen=True)
class PastRun:
    """One run, from its manifest."""

    folder: RunFolder
    manifest: Manifest

    @property
    def run_id(self) -> str:
        """The name of its folder."""
        return self.folder.run_id

    @property
    def verdict(self) -> Verdict:
        """How it ended; `unfinished` while it works, or when it was killed."""
        return self.manifest.verdict

    @property
    def finished(self) -> bool:
        """Whether it sent everything it had."""
        return self.verdict in FINISHED

    @cached_property
    def not_in(self) -> int:
        """Rows that it read and did not get in; 0 where its books were never closed."""
        rows = self.manifest.rows
        return rows["read"] - sum(rows[state] for state in GOOD) if rows else 0

    @property
    def line(self) -> str:
        """Its line in `bulkload runs`: when it began, how it ended, how many rows were read and accepted."""
        when = self.manifest.started[:16].replace("T", " ")
        rows, replays = self.manifest.rows, self.manifest.replays
        counts = f": {rows['read']:,} read, {rows['accepted']:,} accepted, {self.not_in:,} to correct" if rows else ""
        return f"{when} UTC  {self.verdict}{counts}{f'; replays {replays}' if replays else ''}"

    @property
    def replay_line(self) -> str:
        """The line of a replay below the run that it replays."""
        rows = self.manifest.rows
        if not rows:
            return f"replayed by {self.run_id}: {self.verdict}"
        return (
            f"replayed by {self.run_id}: {rows['read'] - self.not_in:,} of {many(rows['read'], 'row', 'rows')} resolved"
        )

    def as_json(self) -> dict[str, Any]:
        """The run in the document of `bulkload runs --json`."""
        members = ("operation", "mode", "dialect", "target", "started", "finished", "rows", "replays")
        manifest = self.manifest.as_json()
        found = {name: manifest.get(name) for name in members}
        return {"run_id": self.run_id, "run_dir": str(self.folder.path), "verdict": self.verdict, **found}

    def does_again(self, earlier: "PastRun") -> bool:
        """Whether this run finished the very load that an earlier one did not: same extract, same place.

        An extract that the earlier one did not read to its end is known by its path.
        """
        extract = Trait.CONTENT_IN_ANY_ORDER if earlier.manifest.begun else Trait.PATHS
        load = load_of(earlier.manifest, Trait.OPERATION, Trait.TARGET, Trait.REPLAYS, extract)
        return self.finished and is_same(self.manifest, load)


def past_runs(runs: Path) -> list[PastRun]:
    """The runs in a folder, the newest first; what is no run is passed over."""
    found: list[PastRun] = []
    for path in runs.glob("*/manifest.json"):
        with suppress(ConfigError):
            folder = RunFolder(path.parent)
            found.append(PastRun(folder, folder.read_manifest()))
    return sorted(found, key=lambda r: (r.manifest.started, r.run_id), reverse=True)


def replays_of(run_id: str, runs: list[PastRun]) -> list[PastRun]:
    """The runs that sent the failures of one again, the newest first."""
    return [run for run in runs if run.manifest.replays == run_id]


def find_run(runs: Path, name: str) -> RunFolder:
    """The folder of a run by its id, the beginning of it, a path, or `latest`: the first in `bulkload runs`.

    Raises:
        ConfigError: there is no such run, or several begin like that.
    """
    return RunFolder.find(runs, name) if name != LATEST else _newest(runs)[0].folder


def run_to_resume(runs: Path, name: str, note: Note) -> RunFolder:
    """The folder of the run to go on with; `latest` is the newest that stopped, died or ended in an error.

    One whose extract another run finished since is done, and passed over.

    Raises:
        ConfigError: there is no such run.
    """
    if name != LATEST:
        return RunFolder.find(runs, name)
    known = _newest(runs)
    for place, run in enumerate(known):
        if run.verdict not in OVER and not any(later.does_again(run) for later in known[:place]):
            note(f"resuming {run.run_id} ({run.verdict})")
            return run.folder
    raise ConfigError(f"there is nothing to resume in {runs}: {known[0].run_id} is the newest run ({known[0].verdict})")


def run_to_replay(runs: Path, name: str, note: Note) -> RunFolder:
    """The folder of the run to replay; `latest` is the newest that finished and has rows to send again.

    One whose rows a later replay took up as a whole is passed over: what is left of them is that one's.

    Raises:
        ConfigError: there is no such run.
    """
    if name != LATEST:
        return RunFolder.find(runs, name)
    known = _newest(runs)
    for run in known:
        later = (again for again in replays_of(run.run_id, known) if again.finished)
        all_taken = any(rows and rows["read"] >= run.not_in for rows in (again.manifest.rows for again in later))
        if run.finished and run.not_in and not all_taken:
            note(f"replaying {run.run_id} (rows not accepted: {run.not_in:,})")
            return run.folder
    raise ConfigError(f"there is nothing to replay in {runs}: no finished run has rows that are still to be sent")


def _newest(runs: Path) -> list[PastRun]:
    """The runs, the newest first; at least one."""
    known = past_runs(runs)
    if not known:
        raise ConfigError(f"there is no run {LATEST} in {runs}: `bulkload runs` lists them")
    return known


def refuse_finished(runs: Path, manifest: Manifest) -> None:
    """Raises ConfigError when a run has finished this extract, by content, for this operation and target."""
    if not lasts(manifest.target):
        return
    load = load_of(manifest, Trait.OPERATION, Trait.TARGET, Trait.CONTENT_IN_ANY_ORDER)
    for run in reversed(past_runs(runs)):
        if run.finished and is_same(run.manifest, load):
            raise ConfigError(f"--once: {run.run_id} has already loaded this extract ({run.verdict})")
