"""The rows that are still not in, over all runs: the table `open_rows`, built in SQL from outcomes.parquet and replays.

A row is open where its last state in the chain of replays is not good, unless a later load of the same key, by the same
operation, was accepted in the same target. Of several loads of a key the newest is open, since the first of them.
"""

from collections.abc import Mapping
from contextlib import suppress

from pipelines.history.catalog import PastRun
from pipelines.history.replays.lineage import ask_lineage
from pipelines.history.run_tables import Database, view
from schemas.errors import ConfigError
from schemas.same_load import place_of
from schemas.states import State, Verdict

_OPEN_ROWS = """
CREATE TABLE open_rows (
    operation VARCHAR, place VARCHAR, key VARCHAR, run_id VARCHAR, began VARCHAR, ended VARCHAR, since VARCHAR,
    state VARCHAR, code VARCHAR, message VARCHAR, source VARCHAR, row BIGINT
)
"""
"""`run_id` is the newest run that had the row; `began`, `ended` are its times, `since` is when the first one began."""

_REPLAYED = """
CREATE OR REPLACE TABLE replayed AS SELECT row_number() OVER () - 1 AS ordinal, *
FROM (SELECT source, unnest(rows) AS row, state FROM outcomes WHERE state NOT IN getvariable('good'))
"""

_NEWEST = """
CREATE OR REPLACE TABLE newest AS SELECT max(run) AS run, arg_max(source, run) AS source, arg_max(row, run) AS row
FROM seen JOIN latest USING (ordinal) WHERE taken_by IS NULL GROUP BY ordinal
"""

_ADD = """
INSERT INTO open_rows SELECT $operation, $place, key, $run_id, $began, $ended, $since, state, code, message, source, row
FROM (SELECT key, state, code, message, source, unnest(rows) AS row FROM outcomes
      WHERE code IS DISTINCT FROM 'Forgotten')
SEMI JOIN (FROM newest WHERE run = $run) USING (source, row)
WHERE key IS NOT NULL OR NOT $loaded_again
"""

_LOADED = """
DELETE FROM open_rows WHERE operation = $operation AND place = $place AND ended <= $began
AND key IN (SELECT key FROM outcomes WHERE state = 'accepted')
"""

_PLACES = "SELECT operation, place, min(ended) FROM open_rows GROUP BY ALL"

_OF_KEYS = """
CREATE OR REPLACE TABLE of_keys AS SELECT operation, place, key, max(began || run_id) AS newest, min(since) AS since
FROM open_rows WHERE key IS NOT NULL GROUP BY ALL
"""

_NEWEST_ALONE = """
CREATE OR REPLACE TABLE open_rows AS SELECT open_rows.* REPLACE (coalesce(of_keys.since, open_rows.since) AS since)
FROM open_rows LEFT JOIN of_keys USING (operation, place, key)
WHERE open_rows.key IS NULL OR began || run_id = newest
"""


def make_open_rows(sql: Database, known: list[PastRun]) -> list[tuple[PastRun, str]]:
    """Makes the table `open_rows`.

    Args:
        sql: of `all_tables`.
        known: all runs of the folder that loaded something that lasts, newest first.

    Returns:
        The runs whose rows are not in it, because a file is missing or damaged, each with the name of the file.
    """
    sql.execute(_OPEN_ROWS)
    by_id = {run.run_id: run for run in known}
    damaged = []
    for run in known:
        is_first = run.manifest.replays not in by_id
        if not run.not_accepted or not (run.verdict is Verdict.STOPPED or (run.finished and is_first)):
            continue
        sql.begin()
        try:
            _add(sql, run, _first(run, by_id).manifest.started, known)
            sql.commit()
        except ConfigError as error:
            sql.rollback()
            damaged.append((run, error.message))
    _take_out_loaded(sql, known)
    sql.execute(_OF_KEYS)
    sql.execute(_NEWEST_ALONE)
    return damaged


def _first(run: PastRun, by_id: Mapping[str, PastRun]) -> PastRun:
    """The first run of a chain of replays, as far back as runs are still there."""
    earlier = by_id.get(run.manifest.replays or "")
    return _first(earlier, by_id) if earlier else run


def _add(sql: Database, run: PastRun, since: str, known: list[PastRun]) -> None:
    """Adds the open rows of a run and of its replays, each as the newest of them that had it says."""
    loaded_again = any(later.finishes(run) for later in known if later.manifest.started > run.manifest.started)
    with view(sql, "outcomes", run.folder.outcomes):
        sql.execute(_REPLAYED)
    lineage = ask_lineage(sql, run.folder, known)
    sql.execute(_NEWEST)
    for number, each in enumerate(lineage):
        if each.finished or each is lineage[0]:
            manifest = each.manifest
            given = {
                "operation": manifest.operation,
                "place": place_of(manifest.target),
                "run_id": each.run_id,
                "began": manifest.started,
                "ended": manifest.finished or manifest.started,
                "since": since,
                "run": number,
                "loaded_again": loaded_again,
            }
            with view(sql, "outcomes", each.folder.outcomes):
                sql.execute(_ADD, given)


def _take_out_loaded(sql: Database, known: list[PastRun]) -> None:
    """Takes out the rows whose key a later load got in."""
    for operation, place, ended in sql.execute(_PLACES).fetchall():
        for later in known:
            manifest = later.manifest
            rows = manifest.rows or {}
            same = (manifest.operation, place_of(manifest.target)) == (operation, place)
            if same and manifest.started >= ended and rows.get(State.ACCEPTED):
                given = {"operation": operation, "place": place, "began": manifest.started}
                with suppress(ConfigError), view(sql, "outcomes", later.folder.outcomes):  # or else it stays open
                    sql.execute(_LOADED, given)
