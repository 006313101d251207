"""Sending again what a run did not get in, from its failures.csv as it is or corrected. Nothing else is sent.

The state each row had decides how careful to be: what was unknown is read back before it is sent again, what was held
is sent only when what it needs is in LUSID by now.
"""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder import RunFolder
from pipelines.load import Progress, Run, carry_out
from pipelines.operations import operation_named
from pipelines.replayed import Replayed, failure_rows
from pipelines.report import Report
from pipelines.resume import options_of
from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.states import GOOD

_NAMED = 3


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
        ConfigError: there is no such run, it has no failures, or the file holds rows that are not among them.
    """
    folder = RunFolder.find(runs, name)
    manifest = folder.read_manifest()
    path = corrected or folder.failures
    rows = failure_rows(path)
    _check_belong(rows, folder, path)
    options = replace(
        options_of(manifest, folder, target), hold={}, max_failures=None, dry_run=False, expect=Expectations()
    )
    replayed = Replayed(folder.run_id, rows["_state"].tolist())
    operation = operation_named(manifest["operation"])
    return carry_out(Run(operation, [path], options, progress or Progress(), replayed=replayed))


def _check_belong(rows: pd.DataFrame, folder: RunFolder, path: Path) -> None:
    """Every row must be one that the run did not get in: a stranger, or a row that is in, is not sent."""
    try:
        outcomes = pq.read_table(folder.outcomes, columns=["source", "rows", "state"])
    except OSError:
        raise ConfigError(f"{folder.path} has no outcomes.parquet: finish it first, with `bulkload resume`") from None
    good = pc.is_in(outcomes["state"].cast("string"), value_set=_good_states())
    failed = outcomes.filter(pc.invert(good))
    known = {
        (source, str(row))
        for source, numbers in zip(failed["source"].to_pylist(), failed["rows"].to_pylist(), strict=True)
        for row in numbers
    }
    strangers = [
        f"row {i}" for i, place in enumerate(zip(rows["_source"], rows["_row"], strict=True), 1) if place not in known
    ]
    if strangers:
        named = ", ".join(strangers[:_NAMED]) + (" and more" if len(strangers) > _NAMED else "")
        raise ConfigError(f"{path}: {named}: not among the failures of {folder.run_id}; load it as an extract instead")


def _good_states() -> pa.Array:
    return pa.array([state.value for state in GOOD])
