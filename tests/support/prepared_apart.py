"""Extracts to be prepared by several processes, with rows that concern each other across portions."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from builders import account, investor, order

from pipelines.load import load
from pipelines.report.report import Report
from schemas.rows.columns import Row

MANY = 300
ROWS: dict[str, list[Row]] = {
    "investor-records": [
        *(investor(n) for n in range(MANY)),
        investor(7),  # a copy of a row of another portion
        investor(8, {"display_name": "Somebody else"}),  # contradicts one
        investor(MANY, {"display_name": ""}),
        investor(MANY + 1, {"display_name": 'two\nlines, and a quote: "'}),
    ],
    "investment-accounts": [
        *(account(n, 1) for n in range(MANY)),
        *(account(n, 2) for n in range(0, MANY, 3)),  # the second holder stands far from the first
        account(9, 3, {"display_name": "Otherwise"}),
    ],
    "orders": [*(order(n % 99, n) for n in range(MANY)), order(5, MANY + 1, {"quantity": "many"})],
}


def written(report: Report) -> tuple[Any, ...]:
    """What a load leaves, but for times and its name."""
    outcomes = pq.read_table(report.run_dir / "outcomes.parquet").to_pylist()
    failures = (report.run_dir / "failures.csv").read_bytes()
    return outcomes, failures, report.rows, report.keys, report.rows_read, report.reasons, report.warnings


def dry(folder: Path, operation: str, extract: Path, count: int, **options: Any) -> tuple[Any, ...]:
    return written(load(operation, extract, runs=folder / "runs", dry_run=True, workers=count, **options))
