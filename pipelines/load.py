"""A load, from extract to report. Read this first: the product is what this page does, in this order.

1. Open: the extract's header is bound to the operation, and LUSID lets us in. What does not fit stops here.
2. Prepare: every row is read, validated and keyed; every request is written down. Nothing has been sent yet.
3. Send: requests go to LUSID in calls; each key is settled by what the answer says of it.
4. Close the books: every row's state is on disk, counted twice, before the run says it is done.
"""

from typing import Any

from pipelines.loading.closing import close_books
from pipelines.loading.job import Job
from pipelines.loading.opening import open_run
from pipelines.loading.preparing import prepare
from pipelines.loading.sending import send
from pipelines.options import Extracts, Progress
from pipelines.report.report import Report

__all__ = ["carry_out", "load"]


def load(operation: str, extract: Extracts, *, progress: Progress | None = None, **options: Any) -> Report:
    """Loads an extract into LUSID and accounts for every row.

    Args:
        operation: its name, such as `investor-records`.
        extract: files, globs or directories of CSV or Parquet, or a pandas DataFrame.
        progress: told what happens.
        options: fields of `Options`, as in `load("orders", "orders.csv", mode="Atomic")`.

    Returns:
        The report, when every row's state is on disk; `report.raise_for_failures()` raises if a row did not make it.

    Raises:
        ConfigError: a setting, mapping or header is wrong; nothing was sent.
        ExtractError: the extract cannot be read; nothing was sent.
        AuthError, UnreachableError: LUSID does not let us in or does not answer; nothing was sent.
        BalanceError: the books do not balance.
    """
    return carry_out(Job.of(operation, extract, progress=progress, **options))


def carry_out(job: Job) -> Report:
    """Takes a load through its steps; an interrupt ends it early, settled and resumable."""
    with open_run(job) as run:
        prepared = prepare(run)
        sent = send(prepared)
        return close_books(prepared, sent)
