"""The commands that ask all runs at once: `open` and `sql`. They read the files of runs and change nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime

import typer

from pipelines.cli.flags import JsonFlag, RunsFlag
from schemas.documents import OpenDocument, OpenRunDocument
from schemas.settings import RUNS
from schemas.texts import one_line


def open_rows(*, runs: RunsFlag = RUNS, as_json: JsonFlag = False) -> None:
    """List what is still not in, over all runs: where, why, since when.

    A row is in once a replay or a later load of its key was accepted. Dry runs and loads into a sandbox in memory are
    left out.
    """
    from pipelines.cli.console import print_json
    from pipelines.history.open_list import open_document

    found = open_document(runs)
    if as_json:
        print_json(found.as_json())
        return
    for line in _open_lines(found):
        typer.echo(one_line(line))


def _open_lines(found: OpenDocument) -> Iterator[str]:
    from pipelines.report.summary import many

    if found.runs:
        yield f"{many(found.rows, 'row', 'rows')} of {many(found.keys, 'key', 'keys')} still not in:"
    else:
        yield "Everything is in."
    for run in found.runs:
        yield ""
        yield run.run_id
        yield from _run_lines(run)
    if found.rehearsals:
        yield ""
        yield f"Left out: {many(found.rehearsals, 'dry run or load', 'dry runs or loads')} into a sandbox in memory."


def _run_lines(run: OpenRunDocument) -> Iterator[str]:
    from pipelines.report.summary import many

    yield f"  {run.operation} into {run.target}: {run.status}"
    if (so_far := run.progress) is not None:
        known = f"{so_far.settled:,} of {so_far.requests:,} requests settled" if so_far.requests else "nothing sent"
        silent = _since(so_far.silent_since)
        yield f"    {known}, {so_far.in_doubt:,} in doubt, {so_far.waiting:,} waiting; silent {silent}"
    if run.error:
        yield f"    {run.error}"
    for reason in run.reasons:
        yield f"    {many(reason.rows, 'row', 'rows')} {reason.state}: {reason.code}, {_since(reason.since)}"
        yield f"      {reason.rule}"
        left = reason.rows - len(reason.examples)
        yield f"        {', '.join(reason.examples)}{f' and {left:,} more' if left else ''}"
    if run.next:
        yield f"  {run.next}"


def _since(moment: str) -> str:
    """Since when, and how long that is, in whole days."""
    from pipelines.report.summary import many

    days = (datetime.now(UTC) - datetime.fromisoformat(moment)).days
    return f"since {moment[:16].replace('T', ' ')} UTC ({many(max(days, 0), 'day', 'days')})"
