"""Lists runs, says how each ended, and finds the one that a name means. Reads manifests only: no cell, no secret."""

from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import is_in_use
from connectors.targets import lasts
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.same_load import Aspect, is_same, load_of
from schemas.states import FINISHED, OVER, Status, Verdict, good_in
from schemas.verdicts import Colour, colour_of

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
        """How it ended; `unfinished` while it is working, or when it was killed."""
        return self.manifest.verdict

    @property
    def finished(self) -> bool:
        """Whether it sent everything it had to send."""
        return self.verdict in FINISHED

    @property
    def dry(self) -> bool:
        """Whether it was to send nothing."""
        return self.manifest.settings.dry_run

    @property
    def status(self) -> Status:
        """How it is now."""
        if self.verdict is Verdict.UNFINISHED:
            return Status.UNDER_WAY if is_in_use(self.folder.journal) else Status.KILLED
        if self.dry and self.verdict in OVER - {Verdict.UNBALANCED}:
            return Status.DRY_RUN
        return Status(self.verdict.replace(" ", "-"))

    @property
    def colour(self) -> Colour | None:
        """What its end amounts to; None while it is under way, and where it was killed."""
        return colour_of(self.verdict, self.manifest.rows, self.manifest.settings.red_at)

    @cached_property
    def not_accepted(self) -> int:
        """Rows that it read and that need something from someone; 0 where its books were never closed.

        Rows of a person who was forgotten need nothing any more: nobody can correct them.
        """
        rows, gone = self.manifest.rows, sum(each.rows for each in self.manifest.forgotten)
        return rows["read"] - sum(rows[state] for state in good_in(dry_run=self.dry)) - gone if rows else 0

    def finishes(self, earlier: "PastRun") -> bool:
        """Whether this run finished the load of an earlier one: the same operation, target and extract.

        An extract that the earlier run did not read to its end is compared by path.
        """
        extract = Aspect.CONTENT_IN_ANY_ORDER if earlier.manifest.begun else Aspect.PATHS
        load = load_of(earlier.manifest, Aspect.OPERATION, Aspect.TARGET, Aspect.REPLAYS, extract)
        return self.finished and is_same(self.manifest, load)


def past_runs(runs: Path, passed_over: Container[Path] = ()) -> list[PastRun]:
    """The runs in a folder but those passed over, newest first; anything else in it is ignored."""
    found: list[PastRun] = []
    for path in runs.glob("*/manifest.json"):
        if path.parent in passed_over:
            continue
        with suppress(ConfigError):
            folder = RunFolder(path.parent)
            found.append(PastRun(folder, folder.read_manifest()))
    return sorted(found, key=lambda r: (r.manifest.started, r.run_id), reverse=True)


def replays_of(run_id: str, runs: list[PastRun]) -> list[PastRun]:
    """The replays of a run, newest first."""
    return [run for run in runs if run.manifest.replays == run_id]


def find_run(runs: Path, name: str) -> RunFolder:
    """Finds a run by id, the beginning of one, a path, or `latest`, which is the first that `bulkload runs` lists.

    Raises:
        ConfigError: there is no such run, or several ids begin like that.
    """
    return RunFolder.find(runs, name) if name != LATEST else _newest(runs)[0].folder


def run_to_resume(runs: Path, name: str, note: Note) -> RunFolder:
    """Finds the run to resume; `latest` is the newest that stopped, died or ended in an error.

    `latest` passes over a run whose load a later run has finished.

    Args:
        runs: where runs are kept.
        name: as for `find_run`.
        note: told which run `latest` is.

    Raises:
        ConfigError: there is no such run.
    """
    if name != LATEST:
        return RunFolder.find(runs, name)
    known = _newest(runs)
    for place, run in enumerate(known):
        if run.verdict not in OVER and not any(later.finishes(run) for later in known[:place]):
            note(f"resuming {run.run_id} ({run.verdict})")
            return run.folder
    raise ConfigError(f"there is nothing to resume in {runs}: {known[0].run_id} is the newest run ({known[0].verdict})")


def run_to_replay(runs: Path, name: str, note: Note) -> RunFolder:
    """Finds the run to replay; `latest` is the newest that finished and has rows to send again.

    `latest` passes over a run whose rows a later replay covered in full: what is still to be sent is in that replay.

    Args:
        runs: where runs are kept.
        name: as for `find_run`.
        note: told which run `latest` is.

    Raises:
        ConfigError: there is no such run.
    """
    if name != LATEST:
        return RunFolder.find(runs, name)
    known = _newest(runs)
    for run in known:
        later = (again for again in replays_of(run.run_id, known) if again.finished)
        all_taken = any(rows and rows["read"] >= run.not_accepted for rows in (again.manifest.rows for again in later))
        if run.finished and run.not_accepted and not all_taken:
            note(f"replaying {run.run_id} (rows not accepted: {run.not_accepted:,})")
            return run.folder
    raise ConfigError(f"there is nothing to replay in {runs}: no finished run has rows that are still to be sent")


def _newest(runs: Path) -> list[PastRun]:
    """The runs, newest first; raises ConfigError where there is none."""
    known = past_runs(runs)
    if not known:
        raise ConfigError(f"there is no run {LATEST} in {runs}: `bulkload runs` lists them")
    return known


def loading_now(runs: Path, manifest: Manifest) -> str | None:
    """The id of another run that a process is loading the same extract with, to the same target; None without one."""
    load = load_of(manifest, Aspect.OPERATION, Aspect.TARGET, Aspect.CONTENT_IN_ANY_ORDER)
    others = (run for run in past_runs(runs) if run.run_id != manifest.run_id and is_same(run.manifest, load))
    return next((run.run_id for run in others if is_in_use(run.folder.journal)), None)


def refuse_finished(runs: Path, manifest: Manifest) -> None:
    """Raises ConfigError if an earlier run has finished an extract of this content for this operation and target."""
    if not lasts(manifest.target):
        return
    load = load_of(manifest, Aspect.OPERATION, Aspect.TARGET, Aspect.CONTENT_IN_ANY_ORDER)
    for run in reversed(past_runs(runs)):
        if run.finished and is_same(run.manifest, load):
            raise ConfigError(f"--once: {run.run_id} has already loaded this extract ({run.verdict})")
