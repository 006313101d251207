"""Going on with a run that stopped: what was settled stays settled, everything else is tried again.

The extract is read and validated anew: the same bytes make the same requests under the same numbers, so the journal
says of each whether it is done. What was sent and never settled is sent again where that is idempotent, and read
back first where it is not.
"""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from connectors.targets import Target
from pipelines.history.catalog import run_to_resume
from pipelines.history.replay_lock import rows_replayed
from pipelines.load import carry_out
from pipelines.loading.earlier import Earlier, options_of
from pipelines.loading.job import CarryOut, Job
from pipelines.operations.table import operation_named
from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.settings import RUNS
from schemas.verdicts import OVER


def resume(
    name: str,
    *,
    runs: Path = RUNS,
    target: str | Target | None = None,
    force: bool = False,
    followed: bool = False,
    progress: Progress | None = None,
    carry_out: CarryOut = carry_out,
) -> Report:
    """Finishes a run that stopped early, was interrupted, or died. Going on lifts its failure budget.

    Args:
        name: its id, the beginning of it, a path, or `latest`: the newest that can be gone on with.
        runs: where runs are kept.
        target: in place of the run's own; an open one is left open.
        force: go on though the mapping changed or bulkload makes other requests, where the keys are the same; what is
            settled stays as it was sent. A changed extract is refused all the same: the rows that were sent are no
            longer in it.
        followed: loads that depend on this one follow.
        progress: told what happens.
        carry_out: what carries out the rest of the load.

    Raises:
        ConfigError: there is no such run, it is finished, or what it was given has changed since; or it is a replay
            that sent nothing, and rows of it are in by now.
        RunFolderError: another process is working on it.
    """
    progress = progress or Progress()
    folder = run_to_resume(runs, name, progress.note)
    manifest = folder.read_manifest()
    if manifest.verdict in OVER:
        raise ConfigError(f"{folder.run_id} is finished ({manifest.verdict}): there is nothing to resume")
    options = replace(options_of(manifest, folder, target), max_failures=None, followed=followed or manifest.followed)
    operation = operation_named(manifest.operation)
    extracts = [folder.path / (file.kept or file.path) for file in manifest.extracts]
    with ExitStack() as stack:
        try:
            replayed = stack.enter_context(rows_replayed(manifest, folder, operation))
        except (ValueError, OSError):
            raise ConfigError(f"{folder.manifest} is damaged: the run cannot go on") from None
        earlier = Earlier(folder, [file.name for file in manifest.extracts], force)
        return carry_out(Job(operation, extracts, options, progress, earlier, replayed))
