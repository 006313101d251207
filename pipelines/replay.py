"""Sending again what a run did not get in, from its failures.csv as it is or corrected. Nothing else is sent.

The state each row had decides how careful to be: what was unknown is read back before it is sent again, what was held
is sent only when what it needs is in LUSID by now.
"""

from dataclasses import replace
from pathlib import Path

from pipelines.history.catalog import run_to_replay
from pipelines.history.replay_lock import rows_to_replay
from pipelines.load import carry_out
from pipelines.loading.earlier import options_of
from pipelines.loading.job import CarryOut, Job
from pipelines.operations.table import operation_named
from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.settings import RUNS
from schemas.verdicts import OVER, Verdict


def replay(
    name: str,
    corrected: Path | None = None,
    *,
    runs: Path = RUNS,
    target: str | None = None,
    progress: Progress | None = None,
    carry_out: CarryOut = carry_out,
) -> Report:
    """Loads the failures of a run, as a run of its own that names the first.

    Args:
        name: the run's id, the beginning of it, a path, or `latest`: the newest that has rows to send again.
        corrected: its failures.csv after correction; by default the one in its folder.
        runs: where runs are kept.
        target: in place of the run's own.
        progress: told what happens.
        carry_out: what carries out the load.

    Raises:
        ConfigError: there is no such run, it is not finished, it has no failures, or the file holds rows that are not
            among them, that another replay took up, or that are a part of those that make one request.
        RunFolderError: another process is working on the run.
    """
    progress = progress or Progress()
    folder = run_to_replay(runs, name, progress.note)
    manifest = folder.read_manifest()
    path = corrected or folder.failures
    if manifest.verdict is Verdict.STOPPED:
        raise ConfigError(f"{folder.run_id} stopped early: finish it first, with `bulkload resume {folder.run_id}`")
    if manifest.verdict not in OVER:  # its files may tell of a time before it was gone on with
        raise ConfigError(f"{folder.run_id} is not finished: finish it first, with `bulkload resume {folder.run_id}`")
    options = replace(
        options_of(manifest, folder, target), hold={}, max_failures=None, dry_run=False, expect=Expectations()
    )
    operation = operation_named(manifest.operation)
    with rows_to_replay(path, folder, operation) as replayed:
        return carry_out(Job(operation, [path], options, progress, replayed=replayed))
