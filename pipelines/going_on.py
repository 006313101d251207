"""A night that is begun again: which of its loads are done, and which one stopped and is gone on with.

Owns what makes an earlier run one of tonight's loads: same operation, target, settings and mapping, and the same files
with the same content. Only where one of them stopped, died or ended in an error does a night go on; else it is loaded
as any other, for LUSID may have changed since. A run into a sandbox in memory never counts: nothing of it is left.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson

from connectors.mapping_file import file_sha256
from connectors.source_files import Digests, find_sources
from connectors.targets import Target, lasts
from pipelines.load import Options, Progress
from pipelines.past_runs import PastRun, past_runs
from pipelines.reasons import Reason
from pipelines.report import OVER, Report, Verdict
from pipelines.resume import resume
from schemas.states import STATES, Duplicates, State

if TYPE_CHECKING:
    from pipelines.night_folder import NightExtract
    from pipelines.steps import Step


class Left:
    """What a night that stopped has left to do."""

    def __init__(self, steps: Sequence["Step"], options: Options, target: Target | None) -> None:
        """Looks for the runs of these steps, up to the one that can be gone on with; none where nothing stopped."""
        self._options = options
        self._runs: dict[str, PastRun] = {}
        known = self._known(target)
        if any(run.verdict not in OVER for run in known):
            self._runs = self._found(steps, known)
        self._target = target

    def has(self, step: "Step") -> bool:
        """Whether an earlier run did this step, or stopped in it."""
        return step.operation in self._runs

    def take_up(self, step: "Step", progress: Progress, *, followed: bool) -> Report:
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

    def held(self) -> dict[str, str]:
        """What had failed when the loads were begun, as their runs were told."""
        found: dict[str, str] = {}
        for run in self._runs.values():
            found |= orjson.loads(run.folder.hold.read_bytes()) if run.folder.hold.exists() else {}
        return found

    def _known(self, target: Target | None) -> list[PastRun]:
        """Earlier runs into this target under these settings, the newest first."""
        if target is None or not lasts(target.url):
            return []
        given = {name: getattr(self._options, name).value for name in ("mode", "dialect")}
        wanted = {**given, "target": target.url, "replays": None}
        return [
            run
            for run in past_runs(self._options.runs)
            if all(run.manifest.get(name, "") == value for name, value in wanted.items())
            and run.manifest["duplicates"] in (Duplicates.REFUSE, self._options.duplicates)
        ]

    def _found(self, steps: Sequence["Step"], known: Sequence[PastRun]) -> dict[str, PastRun]:
        found: dict[str, PastRun] = {}
        for step in steps:
            run = next((each for each in known if _is_of(each, step, found)), None)
            if run is not None and run.verdict not in OVER:
                return {**found, step.operation: run}
            if run is not None and run.finished:
                found[step.operation] = run
        return {}


def _is_of(run: PastRun, step: "Step", found: Mapping[str, PastRun]) -> bool:
    """Whether a run loaded a step's extract; rows that no file holds are its if it began after those before it."""
    if run.manifest["operation"] != step.operation:
        return False
    paths = [source["path"] for source in run.manifest["extracts"]]
    if step.given is not None:
        return same_extract(run.manifest, step.given)
    began = str(run.manifest["started"])
    return paths == [str(run.folder.frame.resolve())] and all(
        str(before.manifest["started"]) < began for before in found.values()
    )


def same_extract(manifest: Mapping[str, Any], extract: "NightExtract") -> bool:
    """Whether a run read these very files, with this content and this mapping."""
    read = [(source["path"], source["bytes"]) for source in manifest["extracts"]]
    sources = find_sources(extract.paths)
    if read != [(str(source.path.resolve()), source.size) for source in sources]:
        return False
    mapping = file_sha256(extract.mapping) if extract.mapping else None
    if (manifest["mapping"] or {}).get("sha256") != mapping:
        return False
    with closing(Digests(sources)) as digests:
        return [source.get("sha256") for source in manifest["extracts"]] == list(digests.wait())


def _report(run: PastRun) -> Report:
    """The report of a finished run, as its manifest has it."""
    found = run.manifest
    return Report(
        run_id=run.run_id,
        run_dir=run.folder.path,
        operation=found["operation"],
        mode=found["mode"],
        verdict=Verdict(found["verdict"]),
        rows_read=found["rows"]["read"],
        rows={state: found["rows"][state] for state in STATES},
        keys={state: found["keys"][state] for state in STATES},
        requests=found["requests"],
        retries=found["retries"],
        seconds=found["seconds"],
        reasons=tuple(Reason(**{**reason, "state": State(reason["state"])}) for reason in found["reasons"]),
        warnings=tuple(found["warnings"]),
    )
