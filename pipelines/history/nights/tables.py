"""Asks in SQL what a night's outcomes say, and those of the nights before: what is new, and which row holds which.

A key is the same from night to night; a row without one cannot be found again. Nights are numbered backwards: tonight
is 0, the last night 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.run_folder.arrays import array_of
from pipelines.history.run_tables import Database
from schemas.states import State, good_in

MOST_CAUSES = 12
"""Rows that hold others, which a page lists one by one."""

_RUNS = pa.schema([("run_id", pa.string()), ("night", pa.int64()), ("operation", pa.string()), ("place", pa.int64())])

_FAILING = """
CREATE TABLE failing AS
SELECT night, operation, key, arg_min(state, code = 'SameRequest') AS state, arg_min(code, code = 'SameRequest') AS code
FROM outcomes JOIN night_runs USING (run_id)
WHERE key IS NOT NULL AND state NOT IN getvariable('good') GROUP BY night, operation, key
"""

_CHAINS = """
CREATE TABLE chains AS SELECT operation, key, max(night) AS oldest FROM (
    SELECT operation, key, night, row_number() OVER (PARTITION BY operation, key ORDER BY night) - 1 AS place
    FROM failing
) WHERE night = place GROUP BY ALL
"""
"""Keys that are not in tonight, with the oldest night of those that they were not in on one after another."""

_STILL = """
SELECT state, code, count(*) FILTER (oldest = 0), count(*) FILTER (oldest > 0), max(oldest)
FROM failing JOIN chains USING (operation, key) WHERE night = 0 GROUP BY ALL
"""

_CURED = """
SELECT last.state, last.code, count(*) FILTER (good.key IS NOT NULL), count(*) FILTER (good.key IS NULL)
FROM failing AS last
LEFT JOIN failing AS now ON now.night = 0 AND now.operation = last.operation AND now.key = last.key
LEFT JOIN (
    SELECT DISTINCT operation, key FROM outcomes JOIN night_runs USING (run_id)
    WHERE night = 0 AND state IN getvariable('good')
) AS good ON good.operation = last.operation AND good.key = last.key
WHERE last.night = 1 AND now.key IS NULL AND last.operation IN (SELECT operation FROM night_runs WHERE night = 0)
GROUP BY ALL
"""

_UNKEYED = """
SELECT coalesce(sum(len(rows)), 0) FROM outcomes JOIN night_runs USING (run_id)
WHERE night = 0 AND key IS NULL AND state NOT IN getvariable('good')
"""

_HELD = """
CREATE TABLE held AS
SELECT operation, place, run_id, key, code, message, unnest(rows) AS row
FROM outcomes JOIN night_runs USING (run_id) WHERE night = 0 AND state = $held
"""

_CAUSES = """
CREATE TABLE causes AS
SELECT coalesce(named.cause, held.message) AS cause, held.operation AS operation, any_value(held.place) AS place,
    count(*) AS rows,
    list(DISTINCT coalesce(held.key, 'row ' || held.row))[:3] AS examples
FROM held LEFT JOIN (
    SELECT run_id, key, min(message) AS cause FROM held WHERE code = 'ParentFailed' GROUP BY ALL
) AS named USING (run_id, key) GROUP BY 1, 2
"""

_PARENTS = r"""
SELECT cause, any_value(causes.operation), any_value(causes.rows), any_value(examples),
    count(DISTINCT parent), any_value(parent.operation), any_value(parent.key), any_value(parent.row),
    any_value(parent.state), any_value(parent.code), any_value(parent.message)
FROM (
    SELECT *, regexp_extract(cause, '^(.*) is ([a-z_]+) \((?:(.+) )?row (\d+).*\)$', ['ref', 'state', 'source', 'row'])
        AS told FROM causes
) AS causes
LEFT JOIN (
    SELECT operation, place, key, state, source, unnest(rows) AS row, code, message
    FROM outcomes JOIN night_runs USING (run_id) WHERE night = 0 AND state NOT IN getvariable('good')
) AS parent ON parent.state = told.state AND parent.row = TRY_CAST(told.row AS BIGINT)
    AND parent.place < causes.place AND (told.source = '' OR parent.source = told.source)
GROUP BY cause, causes.operation ORDER BY 3 DESC, cause, 2
"""
"""A held row names what it waits for by reference, state, file where there are several, and row."""


@dataclass(frozen=True)
class Parent:
    """A row that others wait for."""

    operation: str
    key: str | None
    row: int
    state: str
    code: str
    message: str


@dataclass(frozen=True)
class HeldBy:
    """Held rows of one load, and the row that they wait for as far as exactly one fits what they say of it."""

    cause: str
    operation: str
    rows: int
    examples: tuple[str, ...]
    parent: Parent | None


def compare_nights(sql: Database, nights: Mapping[str, tuple[int, str]], *, dry_run: bool) -> None:
    """Makes the tables that the other functions ask.

    Args:
        sql: with the view `outcomes` over the runs of these nights.
        nights: of each run, the number of its night and its operation; those of a night in the order of its loads.
        dry_run: nothing was to be sent, so that a valid row needs nothing.
    """
    numbers, operations = [night for night, _ in nights.values()], [operation for _, operation in nights.values()]
    columns: list[Sequence[str | int]] = [[*nights], numbers, operations, [*range(len(nights))]]
    arrays = [array_of(values, field.type) for field, values in zip(_RUNS, columns, strict=True)]
    sql.register("night_runs", pa.table(arrays, schema=_RUNS))
    sql.execute("SET VARIABLE good = ?", [list(good_in(dry_run=dry_run))])
    sql.execute(_FAILING)
    sql.execute(_CHAINS)


Reason = tuple[str, str]
"""State and code."""


def still_failing(sql: Database) -> dict[Reason, tuple[int, int, int]]:
    """Of each reason of tonight: keys that are new, keys that are not, and the oldest night of those."""
    return {(state, code or ""): (new, still, oldest) for state, code, new, still, oldest in _all(sql, _STILL)}


def cured(sql: Database) -> dict[Reason, tuple[int, int]]:
    """Of each reason of the last night: keys that are in tonight, and keys that tonight's extract does not have."""
    return {(state, code or ""): (done, gone) for state, code, done, gone in _all(sql, _CURED)}


def unkeyed_rows(sql: Database) -> int:
    """Rows of tonight that are not in and have no key."""
    return int(_all(sql, _UNKEYED)[0][0])


def held_rows(sql: Database) -> list[HeldBy]:
    """The held rows of tonight by what they wait for, the most first."""
    sql.execute(_HELD, {"held": State.HELD.value})
    sql.execute(_CAUSES)
    return [
        HeldBy(cause, operation, rows, tuple(sorted(examples)), Parent(*parent) if fitting == 1 else None)
        for cause, operation, rows, examples, fitting, *parent in _all(sql, _PARENTS)
    ]


def _all(sql: Database, query: str) -> list[tuple]:  # type: ignore[type-arg]  # cells of any type
    return sql.execute(query).fetchall()
