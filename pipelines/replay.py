"""Replays a run: sends only the rows that were not accepted, from its failures.csv as it is or corrected.

The state that each row had decides how it is sent: an unknown row is read back first, and a held row is sent only if
its parent is in LUSID by now.
"""

from dataclasses import replace
from pathlib import Path

from pipelines.arguments import speaking_of_arguments
from pipelines.history.catalog import run_to_replay
from pipelines.history.replays.corrections import as_meant
from pipelines.history.replays.lock import rows_to_replay
from pipelines.load import carry_out
from pipelines.loading.earlier import options_of
from pipelines.loading.places import named_target
from pipelines.loading.spec import CarryOut, LoadSpec
from pipelines.operations.table import operation_named
from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.settings import RUNS
from schemas.states import OVER, Verdict


@speaking_of_arguments()
def replay(
    name: str,
    corrected: Path | None = None,
    *,
    runs: Path = RUNS,
    target: str | None = None,
    progress: Progress | None = None,
    carry_out: CarryOut = carry_out,
) -> Report:
    """Loads the failures of a run, as a new run that names the one it replays.

    Args:
        name: the run's id, the beginning of it, a path, or `latest`: the newest that has rows to send again.
        corrected: its failures.csv or failures.xlsx after correction, as any program saved it; None takes the one in
            its folder.
        runs: where runs are kept.
        target: replaces the run's own; None keeps that.
        progress: receives notes and progress.
        carry_out: carries out the load.

    Raises:
        ConfigError: there is no such run; it is not finished; it has no failures; or the file has rows that are not
            among them, that belong to another replay, or that are only part of the rows of a request.
        RunFolderError: another process is working on the run.
    """
    progress = progress or Progress()
    told: list[str] = []
    folder = run_to_replay(runs, name, told.append)
    manifest = folder.read_manifest()
    if manifest.verdict is Verdict.STOPPED:
        raise ConfigError(f"{folder.run_id} stopped early: finish it first, with `bulkload resume {folder.run_id}`")
    if manifest.verdict not in OVER:  # its files may date from before it was resumed
        raise ConfigError(f"{folder.run_id} is not finished: finish it first, with `bulkload resume {folder.run_id}`")
    options = replace(
        options_of(manifest, folder, target),
        hold={},
        max_failures=None,
        dry_run=False,
        expect=Expectations(),
        plan=None,
    ).guarded()
    named_target(options)
    operation = operation_named(manifest.operation)
    path = as_meant(corrected, folder, progress.note) if corrected else folder.failures
    with rows_to_replay(path, folder, operation) as replayed:
        for text in told:
            progress.note(text)
        return carry_out(LoadSpec(operation, [path], options, progress, replayed=replayed))
