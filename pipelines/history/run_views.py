"""The views that `bulkload sql` asks: `runs`, `outcomes`, `reasons`, `nights` and `calls`, over all runs of a folder.

A query may read the outcomes of the runs and nothing else, and changes nothing: only a SELECT is carried out.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from pipelines.history.catalog import PastRun, past_runs
from pipelines.history.journal_calls import calls_of
from pipelines.history.nights.records import PastNight, past_nights
from pipelines.history.run_tables import Database, one_message, outcome_tables
from pipelines.report.summary import all_reasons
from schemas.errors import ConfigError, RunFolderError
from schemas.states import STATES, State

View: TypeAlias = Mapping[str, tuple[pa.DataType, str]]
"""Name, type and meaning of each column."""

_PIECE = 10_000
_TIME = pa.timestamp("ms", "UTC")

RUNS_VIEW: View = {
    "run_id": (pa.string(), "the run: the name of its folder"),
    "operation": (pa.string(), "what it loaded"),
    "mode": (pa.string(), "Partial or Atomic"),
    "dialect": (pa.string(), "LUSID API version"),
    "target": (pa.string(), "where it loaded; null in a dry run"),
    "status": (pa.string(), "how it is now, as `bulkload runs --verdict` takes it"),
    "dry_run": (pa.bool_(), "whether it was to send nothing"),
    "started": (_TIME, "when it began"),
    "finished": (_TIME, "when its books were closed; null until then"),
    "seconds": (pa.float64(), "what the process that closed the books took"),
    "exit_code": (pa.int64(), "of the command that ended it; null where none did"),
    "requests": (pa.int64(), "calls made"),
    "retries": (pa.int64(), "attempts beyond the first of each call"),
    "replays": (pa.string(), "the run whose failures it sends again; null where it is no replay"),
    "read": (pa.int64(), "extract rows; null until its books are closed, as the counts of states"),
    **{state.value: (pa.int64(), f"rows that ended as {state}") for state in STATES},
}
"""One line a run."""

REASONS_VIEW: View = {
    "run_id": (pa.string(), "the run"),
    "state": (pa.string(), "the state of the rows"),
    "code": (pa.string(), "why, as one word"),
    "rule": (pa.string(), "what every message of these rows says, with `…` in place of keys, rows and values"),
    "message": (pa.string(), "of the first of the rows"),
    "rows": (pa.int64(), "how many rows"),
    "keys": (pa.int64(), "requests' keys among them; null where the run's version did not count them"),
    "examples": (pa.list_(pa.string()), "some of the rows"),
}
"""One line a reason of a run whose books are closed, as in its report."""

NIGHTS_VIEW: View = {
    "night": (pa.string(), "the night: the name of its folder"),
    "name": (pa.string(), "what the nights of its folder of extracts are called"),
    "kind": (pa.string(), "night, or what else it was"),
    "date": (pa.date32(), "its business date"),
    "target": (pa.string(), "where it loaded; null in a dry run"),
    "verdict": (pa.string(), "how it ended"),
    "colour": (pa.string(), "what that amounts to"),
    "exit_code": (pa.int64(), "of its command"),
    "started": (_TIME, "when it began"),
    "finished": (_TIME, "when it ended"),
    "runs": (pa.list_(pa.string()), "its runs, in the order of its loads"),
    "read": (pa.int64(), "extract rows of all its loads"),
    "accepted": (pa.int64(), "of these, rows that ended as accepted"),
    "missing": (pa.list_(pa.string()), "operations whose extract was missing, stale or not whole"),
    "refused": (pa.list_(pa.string()), "operations whose load was refused before anything of it was sent"),
}
"""One line a night that left a record."""

CALLS_VIEW: View = {
    "run_id": (pa.string(), "the run"),
    "call": (pa.int64(), "its number, from 1; `request` of outcomes names it"),
    "sent_at": (
        pa.int64(),
        "milliseconds from the run's beginning until it was sent; null in older runs, as all times",
    ),
    "settled_at": (pa.int64(), "until it was first settled; null where it never was"),
    "answer_ms": (pa.int64(), "what the answered attempt took, without waits; null where it was refused or lost"),
    "attempts": (pa.int64(), "how often it was sent until it was answered; null where it was refused or lost"),
    "request_id": (pa.string(), "LUSID's id of it; null where no answer came"),
    "requests": (pa.int64(), "requests that it carried"),
    "accepted": (pa.int64(), "of these, requests that its answer accepted"),
    "refused": (pa.int64(), "of these, requests that it settled otherwise"),
    "unsettled": (
        pa.int64(),
        "of these, requests that it did not settle: its answer was lost, or others carried them again",
    ),
}
"""One line a call of a run, from its journal."""

_NAMES_CALLS = re.compile(r"\bcalls\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What a query found.

    Attributes:
        columns: name and type of each.
        rows: yields them once, while the database is open.
    """

    columns: list[tuple[str, str]]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def answer_to(query: str, runs: Path) -> Iterator[Answer]:
    """Carries out a query over the views; what it found is whole before the first row is given.

    Raises:
        ConfigError: the query is wrong or no SELECT, there is no such folder, or an outcomes.parquet is damaged.
        RunFolderError: what does not fit into memory does not fit into the folder either.
    """
    import duckdb

    if not runs.is_dir():
        raise ConfigError(f"there is no folder {runs}, so there are no runs to ask")
    known = past_runs(runs)
    closed = {run.run_id: run.folder.outcomes for run in known if run.manifest.rows and run.folder.outcomes.exists()}
    with outcome_tables(runs, closed) as sql:
        sql.register("runs", _table(RUNS_VIEW, map(_run, known)))
        sql.register("reasons", _table(REASONS_VIEW, (reason for run in known for reason in _reasons(run))))
        sql.register("nights", _table(NIGHTS_VIEW, map(_night, past_nights(runs))))
        asked = known if _NAMES_CALLS.search(query) else []  # they take reading every journal
        sql.register("calls", _table(CALLS_VIEW, (call for run in asked for call in _calls(run))))
        sql.execute("SET lock_configuration = true")
        try:
            statements = sql.extract_statements(query)
            if [each.type for each in statements] != [duckdb.StatementType.SELECT]:
                raise ConfigError("the query is not one SELECT: nothing else is carried out")
            sql.execute(f"CREATE TEMP TABLE answer AS FROM ({statements[0].query.strip().rstrip(';')}\n)")
            sql.execute("FROM answer")
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            raise ConfigError(f"the query is wrong: {one_message(error)}") from None
        yield Answer([(each[0], str(each[1])) for each in sql.description or ()], _fetched(sql))


def _fetched(sql: Database) -> Iterator[tuple[Any, ...]]:
    while rows := sql.fetchmany(_PIECE):
        yield from rows


def _table(view: View, lines: Iterable[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([*lines], pa.schema([(name, kind) for name, (kind, _) in view.items()]))


def _run(run: PastRun) -> Mapping[str, Any]:
    manifest = run.manifest
    plain = (
        "run_id",
        "operation",
        "mode",
        "dialect",
        "target",
        "seconds",
        "exit_code",
        "requests",
        "retries",
        "replays",
    )
    return {
        **{name: getattr(manifest, name) for name in plain},
        "run_id": run.run_id,
        "status": run.status,
        "dry_run": run.dry,
        "started": _moment(manifest.started),
        "finished": _moment(manifest.finished),
        **{name: manifest.rows[name] if manifest.rows else None for name in ("read", *STATES)},
    }


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _night(night: PastNight) -> Mapping[str, Any]:
    record, loads = night.record, night.record.loads
    plain = ("name", "kind", "target", "verdict", "colour", "exit_code")
    return {
        **{name: getattr(record, name) for name in plain},
        "night": night.path.name,
        "date": date.fromisoformat(record.date),
        "started": _moment(record.started),
        "finished": _moment(record.finished),
        "runs": [load.run_id for load in loads],
        "read": sum(load.rows.get("read", 0) for load in loads),
        "accepted": sum(load.rows.get(State.ACCEPTED, 0) for load in loads),
        "missing": [each.operation for each in record.missing],
        "refused": [each.operation for each in record.refused],
    }


def _calls(run: PastRun) -> Iterator[Mapping[str, Any]]:
    try:
        yield from calls_of(run.folder)
    except RunFolderError as error:
        raise ConfigError(f"its calls are not known: {error.message}") from None


def _reasons(run: PastRun) -> Iterator[Mapping[str, Any]]:
    return ({"run_id": run.run_id, **vars(reason)} for reason in all_reasons(run.manifest))
