"""How many of the rows that a run did not get in its replays have, or may still have, got in."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipelines.history.catalog import PastRun, replays_of
from pipelines.history.replays.lineage import ask_lineage
from pipelines.history.run_tables import Database, all_tables, view
from schemas.errors import ConfigError, RunFolderError
from schemas.states import good_in

_FAILURES = """
CREATE OR REPLACE TABLE replayed AS SELECT row_number() OVER () - 1 AS ordinal, *
FROM (SELECT source, unnest(rows) AS row, state FROM outcomes WHERE state NOT IN (SELECT unnest(?::VARCHAR[])))
"""

_TAKEN = "SELECT taken_by, count(*) FROM latest WHERE taken_by IS NOT NULL GROUP BY ALL"


@dataclass(frozen=True)
class Resolution:
    """What became of the rows that a run did not get in.

    Attributes:
        resolved: its replays, and theirs, got them in.
        pending: a replay that has not finished has them.
    """

    resolved: int = 0
    pending: int = 0


def resolutions(runs: Path, shown: Iterable[PastRun], known: list[PastRun]) -> Mapping[str, Resolution]:
    """What became of the rows of runs, by run id; a run is missing if a file that says so is missing or damaged.

    Args:
        runs: the folder of the runs.
        shown: the runs in question.
        known: all runs of the folder, newest first.
    """
    closed = [run for run in shown if run.manifest.rows]
    replayed = [run for run in closed if any(again.manifest.begun for again in replays_of(run.run_id, known))]
    found = {run.run_id: Resolution() for run in closed if run not in replayed}
    if not replayed:
        return found
    with suppress(RunFolderError), all_tables(runs) as sql:
        for run in replayed:
            with suppress(ConfigError):
                found[run.run_id] = _resolution(sql, run, known)
    return found


def _resolution(sql: Database, run: PastRun, known: list[PastRun]) -> Resolution:
    with view(sql, "outcomes", run.folder.outcomes):
        sql.execute(_FAILURES, [list(good_in(dry_run=run.dry))])
    lineage = ask_lineage(sql, run.folder, known)
    taken: Counter[bool] = Counter()
    for number, rows in sql.execute(_TAKEN).fetchall():
        taken[lineage[number].finished] += rows
    return Resolution(taken[True], taken[False])
