"""Checks a corrected failures.csv: only rows that its run did not get accepted, with their own keys, in whole requests.

Compares the file with the run's outcomes.parquet and with the replays of that run.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from connectors.run_folder.folder import RunFolder
from pipelines.history.catalog import past_runs
from pipelines.history.replays.lineage import ask_lineage, earlier_run
from pipelines.history.replays.rows import ReplayRows
from pipelines.history.run_tables import Database, run_tables, view
from pipelines.operations.operation import Operation
from pipelines.prepare.reading import Prepared
from schemas.errors import SEE_OUTPUT, ConfigError
from schemas.states import State
from schemas.texts import many

_NAMED = 3
_PIECE = 100_000

_FAILURES = """
CREATE VIEW failures AS
SELECT file_row_number AS line, source, unnest(rows) AS row, state, key FROM outcomes
WHERE state NOT IN getvariable('good') AND code IS DISTINCT FROM 'Forgotten'
"""

_REPLAYED = """
CREATE TABLE replayed AS
SELECT ordinal, given.source, row, state, key FROM given LEFT JOIN failures USING (source, row)
"""

_STRANGERS = "SELECT 'row ' || (ordinal + 1) FROM replayed WHERE state IS NULL ORDER BY ordinal LIMIT ?"

_REPEATED = """
SELECT 'row ' || (ordinal + 1) FROM replayed
WHERE ordinal NOT IN (SELECT min(ordinal) FROM replayed GROUP BY source, row) ORDER BY ordinal LIMIT ?
"""

_LACKING = """
SELECT source || ' row ' || row || ' of ' || key FROM failures
WHERE key IN (SELECT key FROM replayed WHERE key <> '') AND (source, row) NOT IN (SELECT (source, row) FROM replayed)
ORDER BY line, row LIMIT ?
"""

_BEFORE = """
UPDATE replayed SET state = taken.state, key = taken.key FROM taken
WHERE replayed.row = file_row_number + 1 AND replayed.state = 'invalid' AND taken.state <> 'invalid'
"""
"""A row that was unknown before a replay and invalid in it is still unknown: a wrong correction settles nothing."""

_GIVEN = "CREATE TABLE given_rows AS SELECT ordinal, source, row, key FROM replayed"

_IN_EARLIER_RUN = """
UPDATE replayed SET source = taken.source, row = taken.row FROM taken WHERE replayed.row = file_row_number + 1
"""
"""A replay lists the rows it takes in the order of its own rows."""

_TAKEN = "SELECT ordinal, taken_by FROM latest WHERE taken_by IS NOT NULL ORDER BY ordinal LIMIT 1"

_ROWS = "SELECT source, row, latest.state, key FROM given_rows JOIN latest USING (ordinal) ORDER BY ordinal"

_OF_OTHER_ROWS = "SELECT key, ordinal FROM corrected SEMI JOIN outcomes USING (key) ORDER BY ordinal LIMIT 1"


def check_rows(given: pa.Table, path: Path, run: RunFolder, operation: Operation) -> ReplayRows:
    """Compares a corrected file with the run it comes from and with the replays of that run.

    Args:
        given: the rows that the file names (`pipelines.history.replays.rows.failure_rows`).
        path: the file, for messages.
        run: the run that the file comes from.
        operation: what the run loaded.

    Raises:
        ConfigError: the run is not finished; a row is not among its failures, is in the file twice, or belongs to an
            earlier replay; or a request lacks rows that it had.
        RunFolderError: what does not fit into memory does not fit into the run's folder either.
    """
    if not run.outcomes.exists():
        raise ConfigError(f"{run.path} has no outcomes.parquet: finish it first, with `bulkload resume`")
    with run_tables(run) as sql:
        sql.register("given", given)
        with view(sql, "outcomes", run.outcomes):
            sql.execute(_FAILURES)
            sql.execute(_REPLAYED)
            if strangers := _few(sql, _STRANGERS):
                why = f"not among the failures of {run.run_id}; load it as an extract instead"
                raise ConfigError(f"{path}: {strangers}: {why}")
            if repeated := _few(sql, _REPEATED):
                why = f"repeats an earlier line of the file, the same row of {run.run_id}; take it out"
                raise ConfigError(f"{path}: {repeated}: {why}")
            if operation.grouped and (lacking := _few(sql, _LACKING)):
                why = (
                    f"all rows of one {operation.entity} are sent or none; put back what was taken out, or load the "
                    "file with `bulkload load` if that was meant"
                )
                raise ConfigError(f"{path} lacks {lacking}: {why}", f"{path} lacks rows: {why}{SEE_OUTPUT}")
        if run.taken.exists():
            with view(sql, "taken", run.taken):
                sql.execute(_BEFORE)
        _check_not_taken(sql, run, path)
        return ReplayRows(run, sql.sql(_ROWS).to_arrow_table())


def _few(sql: Database, query: str) -> str:
    """The first few of the texts that a query finds; empty where it finds none."""
    texts = [text for (text,) in sql.execute(query, [_NAMED + 1]).fetchall()]
    return ", ".join(texts[:_NAMED]) + (" and more" if len(texts) > _NAMED else "")


def _check_not_taken(sql: Database, run: RunFolder, path: Path) -> None:
    """Raises ConfigError where any replay of the chain has had a row accepted, or has it and is not finished."""
    sql.execute(_GIVEN)
    first = run
    while (earlier := earlier_run(first)) is not None:
        with view(sql, "taken", first.taken):
            sql.execute(_IN_EARLIER_RUN)
        first = earlier
    lineage = ask_lineage(sql, first, past_runs(run.path.parent))
    for ordinal, taken_by in sql.execute(_TAKEN).fetchall():
        later = lineage[taken_by].run_id
        why = f"{later} replays it and is not finished: `bulkload resume {later}` first"
        if lineage[taken_by].finished:
            why = f"{later} has sent it already, and it was accepted; take it out"
        raise ConfigError(f"{path}: row {ordinal + 1}: {why}")


def check_keys(replayed: ReplayRows, prepared: Prepared, *, whole: bool) -> None:
    """Makes sure that every row still has its own key; only a row that was invalid, so never sent, may change it.

    Args:
        replayed: the rows as the run had them.
        prepared: the rows as they are now.
        whole: whether several rows may make one request, which a row without a key would leave incomplete.

    Raises:
        ConfigError: a row that was sent has another key now; a row has the key of another row of its run; a row that
            was part of a request has no key; or the file has more or fewer rows than were compared.
    """
    corrected: dict[str, int] = {}
    for row, was, now, state in _changed(replayed, prepared):
        if now and state != State.INVALID:
            raise _other_key(row, f"it was {was} and is {now}")
        if was and not now and whole:
            raise _other_key(row, f"it was {was} and is empty")
        if now:
            corrected.setdefault(now, row)
    if not corrected or not replayed.run.outcomes.exists():  # purged: compared when the replay began
        return
    with run_tables(replayed.run) as sql, view(sql, "outcomes", replayed.run.outcomes):
        sql.register("corrected", pa.table({"key": list(corrected), "ordinal": list(corrected.values())}))
        for key, row in sql.execute(_OF_OTHER_ROWS).fetchall():
            raise _other_key(row, f"{key} belongs to another row of {replayed.run.run_id}")


def _changed(replayed: ReplayRows, prepared: Prepared) -> Iterator[tuple[int, str | None, str, str]]:
    """(row, key it had, key it has now, state it had) of each row whose key differs; row counts from 0."""
    if len(prepared.book) != len(replayed.rows):
        raise ConfigError(
            f"the file has {many(len(prepared.book), 'row', 'rows')}, but {len(replayed.rows):,} of "
            f"{replayed.run.run_id} were found in it: does it contain a line of white space, or mixed line ends?"
        )
    for first in range(0, len(replayed.rows), _PIECE):
        piece = replayed.rows.slice(first, _PIECE)
        was, states = piece["key"].to_pylist(), piece["state"]
        for i, key in enumerate(prepared.keys.split(first, len(piece))):
            now = key.decode()
            if now != (was[i] or ""):
                yield first + i, was[i], now, states[i].as_py()


def _other_key(row: int, why: str) -> ConfigError:
    advice = "load it as an extract instead"
    return ConfigError(f"row {row + 1}: wrong key: {why}; {advice}", f"row {row + 1}: wrong key: {advice}{SEE_OUTPUT}")
