"""The runs as `bulkload runs` lists them: which are wanted, and how each is, in a line and for scripts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path

from pipelines.history.catalog import PastRun, past_runs, replays_of
from pipelines.history.resolution import Resolution, resolutions
from pipelines.report.summary import is_unfinished
from pipelines.report.unfinished import UnfinishedRun
from schemas.errors import RunFolderError
from schemas.history_documents import PastRunDocument
from schemas.states import STATES, State, Status, Verdict
from schemas.texts import many


@dataclass(frozen=True)
class Wanted:
    """Which runs to list: those that meet everything that is given.

    Attributes:
        since: when the first of them began, or later.
        limit: how many of them, the newest.
    """

    since: datetime | None = None
    operation: str | None = None
    status: Status | None = None
    limit: int | None = None

    def takes(self, run: PastRun) -> bool:
        """Whether a run is to be listed, if there are not too many."""
        began = run.manifest.started
        return (
            (self.since is None or began >= self.since.isoformat(timespec="milliseconds"))
            and (self.operation is None or run.manifest.operation == self.operation)
            and (self.status is None or run.status is self.status)
        )


@dataclass(frozen=True)
class ListedRun:
    """One line of the list.

    Attributes:
        replays: its replays, newest first.
        resolution: what became of the rows that it did not get in; None where that is not known.
    """

    run: PastRun
    replays: list[PastRun]
    resolution: Resolution | None

    @cached_property
    def unfinished(self) -> UnfinishedRun | None:
        """What its journal knows where its books are not closed and the journal can be read."""
        run = self.run
        if not is_unfinished(run.manifest) or not run.folder.journal.exists():
            return None
        try:
            return UnfinishedRun.of(run.folder, run.manifest)
        except (RunFolderError, OSError):
            return None

    @property
    def line(self) -> str:
        """When it began, how it ended, where, and how many rows are in, to correct, to resume and resolved."""
        manifest = self.run.manifest
        when = manifest.started[:16].replace("T", " ")
        dry = "dry run, " if self.run.dry and manifest.verdict is not Verdict.DRY_RUN else ""
        into = f" into {manifest.target}" if manifest.target else ""
        counts = ""
        if manifest.rows:
            counts = f": {', '.join(self._counts())}"
        elif self.unfinished:
            counts = f": {self.unfinished.headline}; {self.unfinished.progress}"
        replays = f"; replays {manifest.replays}" if manifest.replays else ""
        colour = f"{self.run.colour.mark} {self.run.colour}, " if self.run.colour else ""
        return f"{when} UTC  {colour}{dry}{manifest.verdict}{into}{counts}{replays}"

    def _counts(self) -> Iterator[str]:
        run, rows = self.run, self.run.manifest.rows or {}
        yield f"{rows['read']:,} read"
        yield f"{rows[State.NOT_SENT]:,} valid" if run.dry else f"{rows[State.ACCEPTED]:,} accepted"
        yield f"{run.not_accepted - self._to_resume:,} to correct"
        if run.status is Status.STOPPED:
            yield f"{self._to_resume:,} to resume"
        if self.resolution is None:
            yield "not known what its replays resolved"
        elif self.resolution.resolved or self.resolution.pending:
            yield f"{self.resolution.resolved:,} resolved by replays"
        if self.resolution and self.resolution.pending:
            yield f"{self.resolution.pending:,} in a replay that has not finished"

    @property
    def _to_resume(self) -> int:
        """Rows that a resumed run settles."""
        rows = self.run.manifest.rows
        if not rows or self.run.status is not Status.STOPPED:
            return 0
        return sum(rows[state] for state in STATES if state.traits.again)

    def document(self) -> PastRunDocument:
        """The run in the document of `bulkload runs --json`."""
        run, manifest, resolution = self.run, self.run.manifest, self.resolution
        closed = manifest.rows is not None
        return PastRunDocument(
            run_id=run.run_id,
            run_dir=str(run.folder.path),
            operation=manifest.operation,
            mode=manifest.mode,
            dialect=manifest.dialect,
            target=manifest.target,
            status=run.status,
            verdict=run.verdict,
            colour=run.colour,
            dry_run=run.dry,
            started=manifest.started or None,
            finished=manifest.finished or None,
            rows=manifest.rows and {name: manifest.rows[name] for name in ("read", *STATES)},
            to_correct=run.not_accepted - self._to_resume if closed else None,
            to_resume=self._to_resume if closed else None,
            resolved=resolution.resolved if resolution else None,
            pending=resolution.pending if resolution else None,
            replays=manifest.replays,
            replayed_by=[again.run_id for again in self.replays],
            progress=self.unfinished.progress_document() if self.unfinished else None,
        )


def listed_runs(runs: Path, wanted: Wanted) -> list[ListedRun]:
    """The wanted runs of a folder, newest first."""
    known = past_runs(runs)
    shown = list(islice(filter(wanted.takes, known), wanted.limit))
    found = resolutions(runs, shown, known)
    return [ListedRun(run, replays_of(run.run_id, known), found.get(run.run_id)) for run in shown]


def replay_line(run: PastRun) -> str:
    """The line of a replay below the run that it replays."""
    rows = run.manifest.rows
    if not rows:
        return f"replayed by {run.run_id}: {run.verdict}"
    resolved = f"{rows['read'] - run.not_accepted:,} of {many(rows['read'], 'row', 'rows')} resolved"
    return f"replayed by {run.run_id}: {resolved}"
