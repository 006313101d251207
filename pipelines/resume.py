"""Resumes a run that stopped: settled requests stay settled, and all others are sent.

The extract is read and validated again: the same bytes make the same requests with the same numbers, so the journal
shows which of them are settled. A request that was sent but never settled is sent again where that is idempotent, and
otherwise read back first.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.targets import Target
from pipelines.arguments import speaking_of_arguments
from pipelines.history.catalog import run_to_resume
from pipelines.history.replays.lock import rows_of_resumed_replay
from pipelines.load import carry_out
from pipelines.loading.earlier import Earlier, options_of
from pipelines.loading.spec import CarryOut, LoadSpec
from pipelines.operations.table import operation_named
from pipelines.options import Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.settings import RUNS
from schemas.states import OVER


@speaking_of_arguments()
def resume(
    name: str,
    *,
    runs: Path = RUNS,
    target: str | Target | None = None,
    force: bool = False,
    followed: bool = False,
    limits: Mapping[str, Any] | None = None,
    crew: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    carry_out: CarryOut = carry_out,
) -> Report:
    """Finishes a run that stopped early, was interrupted or died. A resumed run has no failure budget.

    Args:
        name: its id, the beginning of it, a path, or `latest`: the newest that can be resumed.
        runs: where runs are kept.
        target: replaces the run's own; None keeps that. An open one is left open.
        force: resume although the mapping or bulkload's requests changed, if the keys are the same; what is settled
            stays as it was sent. A changed extract is refused even so: it no longer has the rows that were sent.
        followed: loads that depend on this one follow.
        limits: of the guard (`max_change`, ...), each in place of the run's own.
        crew: who prepares rows (`engine`, `scheduler`), in place of the run's own.
        progress: receives notes and progress.
        carry_out: carries out the rest of the load.

    Raises:
        ConfigError: there is no such run; it is finished; its extract or mapping has changed; or it is a replay that
            has sent nothing, and another replay has had its rows accepted since.
        RunFolderError: another process is working on it.
    """
    progress = progress or Progress()
    folder = run_to_resume(runs, name, progress.note)
    manifest = folder.read_manifest()
    if manifest.verdict in OVER:
        raise ConfigError(f"{folder.run_id} is finished ({manifest.verdict}): there is nothing to resume")
    options = replace(options_of(manifest, folder, target), max_failures=None, followed=followed or manifest.followed)
    if limits:
        options = options.guarded(**limits)
    if crew:
        options = options.prepared_by(**crew)
    operation = operation_named(manifest.operation)
    extracts = [file.found_in(folder.path) for file in manifest.extracts]
    with ExitStack() as stack:
        try:
            replayed = stack.enter_context(rows_of_resumed_replay(manifest, folder, operation))
        except (ValueError, OSError):
            raise ConfigError(f"{folder.manifest} is damaged: the run cannot be resumed") from None
        earlier = Earlier(folder, [file.name for file in manifest.extracts], force)
        return carry_out(LoadSpec(operation, extracts, options, progress, earlier, replayed))
