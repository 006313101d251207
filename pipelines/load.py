"""A load, from extract to report. Read this first: the product is what this page does, in this order.

1. Open: bind the extract's header to the operation and sign in to LUSID. Whatever does not fit stops here.
2. Prepare: read, validate and key every row, and write every request to disk. Nothing has been sent yet.
3. Look ahead, where a plan or a guard asks for it: read what LUSID holds, and leave out or stop what it says.
4. Send: send the requests to LUSID in calls; the answers settle the keys.
5. Close the books: write every row's state to disk and count twice, before the run counts as done.
"""

from collections.abc import Mapping
from typing import Any

from pipelines.arguments import keep_mapping, speaking_of_arguments
from pipelines.loading.ahead import look_ahead
from pipelines.loading.opening import open_run
from pipelines.loading.run import close_books, prepare
from pipelines.loading.sending import Sent, send
from pipelines.loading.spec import LoadSpec
from pipelines.options import Extracts, Progress
from pipelines.report.report import Report
from schemas.settings import RUNS


def load(operation: str, extract: Extracts, *, progress: Progress | None = None, **options: Any) -> Report:
    """Loads an extract into LUSID and accounts for every row.

    Args:
        operation: its name, such as `investor-records`.
        extract: files, globs or directories of CSV or Parquet, or a pandas DataFrame.
        progress: receives notes and progress.
        options: fields of `Options`, as in `load("orders", "orders.csv", mode="Atomic")`. `mapping` may also be what a
            file of one holds, as a dict; it is kept in the folder of the runs, so that the run can be resumed.

    Returns:
        The report, once every row's state is on disk; `report.raise_for_failures()` raises if a row was not accepted.

    Raises:
        ConfigError: a setting, mapping or header is wrong; nothing was sent.
        ExtractError: the extract cannot be read; nothing was sent.
        AuthError, UnreachableError: LUSID refuses our credentials or does not answer; nothing was sent.
        BalanceError: the books do not balance.
    """
    with speaking_of_arguments():
        if isinstance(options.get("mapping"), Mapping):
            options["mapping"] = keep_mapping(options["mapping"], operation, options.get("runs", RUNS))
        return carry_out(LoadSpec.of(operation, extract, progress=progress, **options))


def carry_out(spec: LoadSpec) -> Report:
    """Takes a load through its steps; an interrupt ends it early, settled and resumable."""
    with open_run(spec) as run:
        prepared = prepare(run)
        stop = look_ahead(prepared)
        sent = send(prepared) if stop is None else Sent(stop)
        return close_books(prepared, sent)
