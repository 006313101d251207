"""Compares two runs of one operation: rows by state and reason, and keys that are new, still failing or cured."""

from collections import Counter
from pathlib import Path

from pipelines.history.catalog import find_run
from pipelines.history.nights.tables import compare_nights, cured, still_failing
from pipelines.history.run_tables import outcome_tables
from pipelines.report.summary import Summary, all_reasons
from schemas.errors import ConfigError
from schemas.history_documents import ComparedReason, ComparisonDocument
from schemas.states import STATES


def compared(runs: Path, name: str, other: str) -> ComparisonDocument:
    """How a run differs from an earlier one.

    Args:
        runs: where runs are kept.
        name: of the run.
        other: of the one that it is compared with.

    Raises:
        ConfigError: there is no such run, one has not ended, they are of two operations, or outcomes are damaged.
    """
    now, before = (Summary.of_run(find_run(runs, each).path) for each in (name, other))
    if now.operation != before.operation:
        raise ConfigError(f"{before.folder.run_id} loaded {before.operation}, not {now.operation}: compare two of one")
    if now.dry_run != before.dry_run:
        raise ConfigError("a dry run is compared with a dry run alone")
    if now.folder.run_id == before.folder.run_id:
        raise ConfigError(f"{now.folder.run_id} cannot be compared with itself")
    files = {each.folder.run_id: each.folder.outcomes for each in (now, before)}
    with outcome_tables(now.folder.path.parent, files) as sql:
        numbers = {each.folder.run_id: (n, each.operation) for n, each in enumerate((now, before))}
        compare_nights(sql, numbers, dry_run=now.dry_run)
        still, done = still_failing(sql), cured(sql)
    rows_now, rows_before = _rows(now), _rows(before)
    reasons = sorted({*rows_now, *rows_before}, key=lambda each: (-rows_now[each], -rows_before[each], each))
    return ComparisonDocument(
        run_id=now.folder.run_id,
        compared_with=before.folder.run_id,
        operation=now.operation,
        rows={state: (before.rows[state], now.rows[state]) for state in ("read", *STATES)},
        reasons=[
            ComparedReason(
                state=state,
                code=code,
                rows_before=rows_before[state, code],
                rows=rows_now[state, code],
                new=still.get((state, code), (0, 0, 0))[0],
                still=still.get((state, code), (0, 0, 0))[1],
                cured=done.get((state, code), (0, 0))[0],
                gone=done.get((state, code), (0, 0))[1],
            )
            for state, code in reasons
        ],
    )


def _rows(run: Summary) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for reason in all_reasons(run.manifest):
        found[reason.state.value, reason.code] += reason.rows
    return found
