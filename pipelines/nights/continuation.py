"""A night that is begun again: which of its loads are done, and which one stopped and is gone on with.

Owns what makes an earlier run one of tonight's loads: begun since the night was, same operation, target, settings and
mapping, and the same files with the same content. A load whose files changed meanwhile is no longer that load.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing

import orjson

from connectors.extracts.mapping_file import file_sha256
from connectors.extracts.source_files import Digests, find_sources
from connectors.targets import Target
from pipelines.history.catalog import PastRun, past_runs
from pipelines.nights.folder import NightExtract
from pipelines.nights.step import Step
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.manifest import Manifest
from schemas.states import STATES, Duplicates
from schemas.verdicts import OVER


class Left:
    """What a night that stopped has left to do."""

    def __init__(self, steps: Sequence[Step], options: Options, target: Target | None, since: str | None) -> None:
        """Looks for the runs of these steps.

        Args:
            since: when the night was begun that goes on; None where none does.
        """
        self._options, self._target = options, target
        self._runs = self._found(steps, self._known(target, since)) if target and since else {}

    def has(self, step: Step) -> bool:
        """Whether an earlier run did this step, or stopped in it."""
        return step.operation in self._runs

    def take_up(self, step: Step, progress: Progress, *, followed: bool) -> Report:
        """The report of the run that did a step; one that stopped is gone on with first.

        Raises:
            FatalError: as `resume` raises it.
        """
        run = self._runs[step.operation]
        if run.finished:
            progress.note(f"{step.operation}: {run.run_id} has loaded this extract, so it is not loaded again")
            return _report(run)
        progress.note(f"{step.operation}: going on with {run.run_id} ({run.verdict})")
        return resume(run.run_id, runs=self._options.runs, target=self._target, followed=followed, progress=progress)

    def _known(self, target: Target, since: str) -> list[PastRun]:
        """The night's runs into this target under these settings, the newest first."""
        given = {name: getattr(self._options, name) for name in ("mode", "dialect")}
        wanted = {**given, "target": target.url, "replays": None}
        return [
            run
            for run in past_runs(self._options.runs)
            if all(getattr(run.manifest, name) == value for name, value in wanted.items())
            and run.manifest.duplicates in (Duplicates.REFUSE, self._options.duplicates)
            and run.manifest.started >= since
        ]

    def _found(self, steps: Sequence[Step], known: Sequence[PastRun]) -> dict[str, PastRun]:
        found: dict[str, PastRun] = {}
        anew = False
        for step in steps:
            if anew and step.given is None:  # it follows from a load that is another now
                continue
            run = next((each for each in known if _is_of(each, step, found)), None)
            if run is not None and (run.finished or run.verdict not in OVER):
                found[step.operation] = run
            else:
                anew = anew or step.given is not None
        return found


def _is_of(run: PastRun, step: Step, found: Mapping[str, PastRun]) -> bool:
    """Whether a run loaded a step's extract; rows that no file holds are its if it began after those before it."""
    if run.manifest.operation != step.operation:
        return False
    paths = [file.path for file in run.manifest.extracts]
    if step.given is not None:
        return same_extract(run.manifest, step.given)
    began = run.manifest.started
    return paths == [str(run.folder.frame.resolve())] and all(
        before.manifest.started < began for before in found.values()
    )


def same_extract(manifest: Manifest, extract: NightExtract) -> bool:
    """Whether a run read these very files, with this content and this mapping."""
    read = [(file.path, file.bytes) for file in manifest.extracts]
    sources = find_sources(extract.paths)
    if read != [(str(source.path.resolve()), source.size) for source in sources]:
        return False
    mapping = file_sha256(extract.mapping) if extract.mapping else None
    if (manifest.mapping and manifest.mapping.sha256) != mapping:
        return False
    with closing(Digests(sources)) as digests:
        return [file.sha256 for file in manifest.extracts] == list(digests.wait())


def _report(run: PastRun) -> Report:
    """The report of a finished run, as its manifest has it."""
    found = run.manifest
    assert found.rows is not None  # noqa: S101  # the books of what is finished are closed
    failed = orjson.loads(run.folder.failed.read_bytes()) if run.folder.failed.exists() else {}
    return Report(
        run_id=run.run_id,
        run_dir=run.folder.path,
        operation=found.operation,
        mode=found.mode,
        verdict=found.verdict,
        rows_read=found.rows["read"],
        rows={state: found.rows[state] for state in STATES},
        keys={state: found.keys[state] for state in STATES},
        requests=found.requests,
        retries=found.retries,
        seconds=found.seconds,
        reasons=found.reasons,
        warnings=found.warnings,
        failed_refs=failed.get("refs", {}),
        refs_unknown=failed.get("unknown"),
    )
