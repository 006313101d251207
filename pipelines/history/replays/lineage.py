"""Follows the rows of a run through its replays, and through theirs."""

from connectors.run_folder.folder import RunFolder
from pipelines.history.catalog import PastRun, replays_of
from pipelines.history.run_tables import Database, view

_SEEN = "CREATE OR REPLACE TABLE seen AS SELECT 0 AS run, ordinal, source, row, state FROM replayed"
"""The state of each row in each run that had it, and its place in what that run read."""

_TAKEN = """
CREATE OR REPLACE TABLE taken_rows AS
SELECT ordinal, file_row_number + 1 AS row FROM taken JOIN seen USING (source, row) WHERE run = ?
"""
"""A replay lists the rows it takes in the order of its own rows."""

_FINISHED = """
INSERT INTO seen SELECT ?, ordinal, source, row, state
FROM taken_rows JOIN (SELECT source, unnest(rows) AS row, state FROM outcomes) USING (row)
"""

_UNFINISHED = "INSERT INTO seen SELECT ?, ordinal, NULL, NULL, 'unfinished' FROM taken_rows"

_LATEST = """
CREATE OR REPLACE TABLE latest AS SELECT
    ordinal,
    min(run) FILTER (state = 'unfinished' OR state IN getvariable('good')) AS taken_by,
    coalesce(arg_max(state, run) FILTER (state <> 'invalid'), 'invalid') AS state
FROM seen GROUP BY ordinal
"""
"""A row that one run took stays taken, whatever clocks say about the order of runs. A run that found a row invalid did
not send it, so the row keeps the state it had before."""


def ask_lineage(sql: Database, run: RunFolder, known: list[PastRun]) -> list[PastRun]:
    """Makes the table `latest`: the last known `state` of each `ordinal`, and the number of the run that took it.

    Args:
        sql: with the table `replayed`: `ordinal`, `source`, `row` and `state` of rows in the run.
        run: the run that the rows are of.
        known: the runs of its folder, newest first.

    Returns:
        The run, its replays, and theirs, by number.

    Raises:
        ConfigError: a file of a replay is missing or damaged.
    """
    lineage = [PastRun(run, run.read_manifest())]
    sql.execute(_SEEN)
    _follow(sql, 0, lineage, known)
    sql.execute(_LATEST)
    return lineage


def _follow(sql: Database, number: int, lineage: list[PastRun], known: list[PastRun]) -> None:
    """Adds the replays of a run and what they say of its rows: oldest first, each followed by its own replays."""
    for later in reversed(replays_of(lineage[number].run_id, known)):
        if not later.manifest.begun:  # it has sent nothing, and checks again before it does
            continue
        lineage.append(later)
        added = len(lineage) - 1
        with view(sql, "taken", later.folder.taken):
            sql.execute(_TAKEN, [number])
        if later.finished:
            with view(sql, "outcomes", later.folder.outcomes):
                sql.execute(_FINISHED, [added])
            _follow(sql, added, lineage, known)
        else:
            sql.execute(_UNFINISHED, [added])


def earlier_run(run: RunFolder) -> RunFolder | None:
    """The run that a replay replays; None for a run that is no replay, and where the run is no longer there."""
    before = run.read_manifest().replays
    earlier = RunFolder(run.path.parent / before) if before is not None else None
    return earlier if earlier is not None and earlier.manifest.exists() else None
