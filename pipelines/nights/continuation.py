"""Continues a night that stopped: finds which of its loads are done, and which one to resume.

Decides whether an earlier run is one of the night's loads: it began after the night did, with the same operation,
target, settings and mapping, from the same files with the same content. Changed files make it a new load.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

import orjson

from connectors.extracts.mapping_file import file_sha256
from connectors.extracts.source_files import Digests, find_sources
from connectors.targets import Target
from pipelines.history.catalog import PastRun, past_runs
from pipelines.loading.spec import CarryOut
from pipelines.nights.folder import NightExtract
from pipelines.nights.step import Step
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.same_load import Aspect, Load, is_same, place_of
from schemas.states import OVER, STATES, Duplicates


class Continuation:
    """The runs that a night left when it stopped."""

    def __init__(self, steps: Sequence[Step], options: Options, target: Target | None, since: str | None) -> None:
        """Finds the runs of a night's steps.

        Args:
            steps: the night's.
            options: the night's.
            target: the night's; None in a dry run, which continues nothing.
            since: when the night that is continued began; None where none is.
        """
        self._options, self._target = options, target
        self._runs = self._found(steps, self._known(target, since)) if target and since else {}

    def has(self, step: Step) -> bool:
        """Whether an earlier run finished this step or stopped in it."""
        return step.operation in self._runs

    def resume(self, step: Step, progress: Progress, carry_out: CarryOut, *, followed: bool) -> Report:
        """The report of the run of a step, which is resumed first if it stopped.

        Args:
            step: one that an earlier run finished or stopped in.
            progress: receives notes and progress.
            carry_out: carries out the rest of a load that stopped.
            followed: loads that depend on this one follow.

        Raises:
            FatalError: as `resume` raises it.
        """
        run = self._runs[step.operation]
        if run.finished:
            progress.note(f"{step.operation}: {run.run_id} has loaded this extract, so it is not loaded again")
            return _report(run)
        progress.note(f"{step.operation}: resuming {run.run_id} ({run.verdict})")
        runs, target = self._options.runs, self._target
        limits = self._options.guards
        return resume(
            run.run_id,
            runs=runs,
            target=target,
            followed=followed,
            limits=limits,
            progress=progress,
            carry_out=carry_out,
        )

    def _known(self, target: Target, since: str) -> list[PastRun]:
        """The runs since the night began into this target, newest first."""
        load = {
            Aspect.DIALECT: self._options.dialect,
            Aspect.TARGET: place_of(target.url),
            Aspect.REPLAYS: None,
        }
        return [
            run
            for run in past_runs(self._options.runs)
            if is_same(run.manifest, load) and run.manifest.started >= since
        ]

    def _has_settings(self, run: PastRun, step: Step) -> bool:
        mode = step.settings.get("mode", self._options.mode)
        duplicates = step.settings.get("duplicates", self._options.duplicates)
        return run.manifest.mode == mode and run.manifest.duplicates in (Duplicates.REFUSE, duplicates)

    def _found(self, steps: Sequence[Step], known: Sequence[PastRun]) -> dict[str, PastRun]:
        found: dict[str, PastRun] = {}
        anew = False
        for step in steps:
            if anew and step.given is None:  # it is derived from a load that is a new one now
                continue
            run = next((each for each in known if self._has_settings(each, step) and _is_of(each, step, found)), None)
            if run is not None and (run.finished or run.verdict not in OVER):
                found[step.operation] = run
            else:
                anew = anew or step.given is not None
        return found


def _is_of(run: PastRun, step: Step, found: Mapping[str, PastRun]) -> bool:
    """Whether a run loaded a step's extract; derived rows are the step's if the run began after those before it."""
    if step.given is not None:
        return is_same(run.manifest, load_of_extract(step.given))
    load = {Aspect.OPERATION: step.operation, Aspect.PATHS: [str(run.folder.frame.resolve())]}
    began = run.manifest.started
    return is_same(run.manifest, load) and all(before.manifest.started < began for before in found.values())


def load_of_extract(extract: NightExtract) -> Load:
    """The load of these files, with this content and this mapping."""
    sources = find_sources(extract.paths)

    def content() -> list[str]:
        with closing(Digests(sources)) as digests:
            return list(digests.wait())

    return {
        Aspect.OPERATION: extract.operation,
        Aspect.FILES: [(str(source.path.resolve()), source.size) for source in sources],
        Aspect.MAPPING: file_sha256(extract.mapping) if extract.mapping else None,
        Aspect.CONTENT: content,
    }


def _report(run: PastRun) -> Report:
    """The report of a finished run, from its manifest."""
    found = run.manifest
    assert found.rows is not None  # noqa: S101  # the books of a finished run are closed
    failed = orjson.loads(run.folder.failed.read_bytes()) if run.folder.failed.exists() else {}
    return Report(
        run_id=run.run_id,
        run_dir=run.folder.path,
        operation=found.operation,
        mode=found.mode,
        target=found.target,
        verdict=found.verdict,
        rows_read=found.rows["read"],
        rows={state: found.rows[state] for state in STATES},
        keys={state: found.keys[state] for state in STATES},
        requests=found.requests,
        retries=found.retries,
        seconds=found.seconds,
        reasons=found.reasons,
        changes=found.changes,
        alerts=found.alerts,
        warnings=found.warnings,
        red_at=found.settings.red_at,
        failed_refs=failed.get("refs", {}),
        refs_unknown=failed.get("unknown"),
    )
