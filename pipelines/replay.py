"""Sending again what a run did not get in, from its failures.csv as it is or corrected. Nothing else is sent.

The state each row had decides how careful to be: what was unknown is read back before it is sent again, what was held
is sent only when what it needs is in LUSID by now.
"""

from dataclasses import replace
from pathlib import Path

from connectors.run_folder import RunFolder
from pipelines.load import Progress, Run, carry_out
from pipelines.operations import operation_named
from pipelines.replay_check import check_belong
from pipelines.replayed import Replayed, failure_rows
from pipelines.report import Report
from pipelines.resume import options_of
from schemas.expectations import Expectations


def replay(
    name: str,
    corrected: Path | None = None,
    *,
    runs: Path = Path("runs"),
    target: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Loads the failures of a run, as a run of its own that names the first.

    Args:
        name: the run's id, the beginning of it, a path, or `latest`.
        corrected: its failures.csv after correction; by default the one in its folder.
        runs: where runs are kept.
        target: in place of the run's own.

    Raises:
        ConfigError: there is no such run, it has no failures, or the file holds rows that are not among them, or a part
            of the rows that make one request.
    """
    folder = RunFolder.find(runs, name)
    manifest = folder.read_manifest()
    path = corrected or folder.failures
    rows = failure_rows(path)
    operation = operation_named(manifest["operation"])
    check_belong(rows, path, folder, operation)
    options = replace(
        options_of(manifest, folder, target), hold={}, max_failures=None, dry_run=False, expect=Expectations()
    )
    replayed = Replayed(folder.run_id, rows["_state"].tolist())
    return carry_out(Run(operation, [path], options, progress or Progress(), replayed=replayed))
