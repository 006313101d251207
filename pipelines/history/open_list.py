"""What is still not in, over all runs: rows by run and reason since when, and runs whose books are not closed."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from connectors.targets import lasts
from pipelines.account.reasons import Reasons, RowReason
from pipelines.history.catalog import PastRun, past_runs
from pipelines.history.open_tables import make_open_rows
from pipelines.history.run_tables import Database, all_tables
from pipelines.report import advice
from pipelines.report.documents import reason_document
from pipelines.report.summary import is_unfinished
from pipelines.report.unfinished import UnfinishedRun
from schemas.errors import RunFolderError
from schemas.history_documents import OpenDocument, OpenReasonDocument, OpenRunDocument
from schemas.states import OVER, State, Status, Verdict
from schemas.texts import server_text

_PIECE = 10_000

_NEXT = {Status.UNDER_WAY: "report", Status.UNBALANCED: ""}
"""The command to type next; of other runs `resume` or `replay`."""

_ROWS = """
SELECT run_id, since, state, code, message, key, row FROM open_rows
ORDER BY began DESC, run_id, since, key, source, row
"""


def open_document(runs: Path) -> OpenDocument:
    """What is still not in, over all runs of a folder but dry runs and loads into a sandbox in memory.

    Raises:
        RunFolderError: what does not fit into memory does not fit into the folder either.
    """
    everything = past_runs(runs)
    known = [run for run in everything if run.manifest.damaged or (lasts(run.manifest.target) and not run.dry)]
    found = {}
    if any(run.not_accepted for run in known):
        with all_tables(runs) as sql:
            whole = {run.run_id: server_text(why) for run, why in make_open_rows(sql, known)}
            found = _reasons(sql, {run.run_id: run.manifest.operation for run in known})
    else:
        whole = {}
    listed = []
    for run in known:
        if run.run_id in found:
            listed.append(_document(run, found[run.run_id]))
        elif run.run_id in whole or _is_open(run, known):
            listed.append(_document(run, [], whole.get(run.run_id)))
    return OpenDocument(
        rows=sum(run.rows for run in listed),
        keys=sum(run.keys for run in listed),
        runs=listed,
        rehearsals=len(everything) - len(known),
    )


def _reasons(sql: Database, operations: Mapping[str, str]) -> dict[str, list[OpenReasonDocument]]:
    """The reasons of the table `open_rows`, by run; within one of each start, the most frequent first."""
    found: dict[str, list[OpenReasonDocument]] = {}
    sql.execute(_ROWS)
    for (run_id, since), rows in groupby(_fetched(sql), itemgetter(0, 1)):
        reasons, last = Reasons(), None
        for _, _, state, code, message, key, row in rows:
            reason = RowReason(State(state), code or "", message or "")
            reasons.count(reason, key or "", f"row {row}", is_key=key is not None and key != last)
            last = key
        told = (reason_document(each, operations[run_id]).model_dump() for each in reasons.ranked())
        found.setdefault(run_id, []).extend(OpenReasonDocument(**each, since=since) for each in told)
    return found


def _fetched(sql: Database) -> Iterator[tuple[Any, ...]]:
    while rows := sql.fetchmany(_PIECE):
        yield from rows


def _is_open(run: PastRun, known: list[PastRun]) -> bool:
    """Whether a run's books are not closed or cannot be read, and no other run has finished its load."""
    if run.finished or (run.verdict is Verdict.STOPPED and run.manifest.rows):
        return False
    if run.manifest.replays and not run.manifest.begun:  # it has sent nothing: its rows are the other run's
        return False
    return not any(other.finishes(run) and other.manifest.finished > run.manifest.started for other in known)


def _document(run: PastRun, reasons: list[OpenReasonDocument], damage: str | None = None) -> OpenRunDocument:
    manifest, status = run.manifest, run.status
    verb = _NEXT.get(status, "resume" if run.verdict not in OVER else "replay")
    unfinished = None
    if not reasons and is_unfinished(manifest):
        with suppress(RunFolderError, OSError):
            unfinished = UnfinishedRun.of(run.folder, manifest)
    return OpenRunDocument(
        run_id=run.run_id,
        run_dir=str(run.folder.path),
        operation=manifest.operation,
        target=manifest.target,
        status=status,
        started=manifest.started or None,
        rows=sum(reason.rows for reason in reasons),
        keys=sum(reason.keys or 0 for reason in reasons),
        reasons=reasons,
        progress=unfinished.progress_document() if unfinished else None,
        error=damage or (server_text(manifest.error, 1000) if manifest.error else None),
        next=advice.command_on(verb, run.folder, manifest.target) if verb and not damage else None,
    )
