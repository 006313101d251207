"""The commands that ask all runs at once: `open` and `sql`. They read the files of runs and change nothing."""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from pipelines.cli.flags import JsonFlag, RunsFlag
from schemas.errors import ConfigError
from schemas.settings import RUNS
from schemas.texts import many, one_line

if TYPE_CHECKING:
    from pipelines.history.run_views import Answer
    from schemas.history_documents import OpenDocument, OpenRunDocument

_MOST_SHOWN = 1000
"""Rows of a table: its columns are as wide as the widest cell, so all rows of it are kept."""


def open_rows(*, runs: RunsFlag = RUNS, as_json: JsonFlag = False) -> None:
    """List what is still not in, over all runs, and why.

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


def sql(
    query: Annotated[str, typer.Argument(help="A SELECT over runs, outcomes, reasons, nights and calls; docs/sql.md.")],
    *,
    runs: RunsFlag = RUNS,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, with every row.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Ask all runs in SQL, as duckdb has it.

    It reads the files of runs alone, and changes nothing. Without --csv or --json the first 1,000 rows are printed.
    """
    from pipelines.history.run_views import answer_to

    if as_csv and as_json:
        raise ConfigError("--csv and --json contradict each other: choose one")
    print_answer = _print_json if as_json else _print_csv if as_csv else _print_table
    with answer_to(query, runs) as answer:
        print_answer(answer)


def _open_lines(found: "OpenDocument") -> Iterator[str]:

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


def _run_lines(run: "OpenRunDocument") -> Iterator[str]:

    yield f"  {run.operation} into {run.target}: {run.status}"
    if (so_far := run.progress) is not None:
        known = f"{so_far.settled:,} of {so_far.requests:,} requests settled" if so_far.requests else "nothing sent"
        silent = _since(so_far.silent_since)
        yield f"    {known}, {so_far.in_doubt:,} in doubt, {so_far.waiting:,} waiting; silent {silent}"
    if run.error:
        yield f"    {run.error}"
    for reason in run.reasons:
        rows = many(reason.rows, "row", "rows")
        yield f"    {rows} {reason.state}: {reason.code}, {_since(reason.since)}, {reason.owner}"
        yield f"      {reason.rule}"
        left = reason.rows - len(reason.examples)
        yield f"        {', '.join(reason.examples)}{f' and {left:,} more' if left else ''}"
    if run.next:
        yield f"  {run.next}"


def _since(moment: str) -> str:
    """Since when, and how long that is, in whole days."""
    days = (datetime.now(UTC) - datetime.fromisoformat(moment)).days
    return f"since {moment[:16].replace('T', ' ')} UTC ({many(max(days, 0), 'day', 'days')})"


def _print_table(answer: "Answer") -> None:
    """Prints aligned columns of at most 1,000 rows, and says on stderr if there are more."""
    from pipelines.cli.console import print_lines, stdout_console

    lines = [[one_line(name) for name, _ in answer.columns]]
    lines += [list(map(_text, row)) for row in islice(answer.rows, _MOST_SHOWN)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    print_lines(((line, "" if number else "bold") for number, line in enumerate(aligned)), stdout_console())
    if len(lines) == 1:
        typer.echo("There are no such rows.", err=True)
    if next(answer.rows, None) is not None:
        typer.echo(f"There are more than {_MOST_SHOWN:,} rows: --csv or --json prints all.", err=True)


def _print_csv(answer: "Answer") -> None:
    """Prints every row as CSV; null is an empty cell."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([one_line(name) for name, _ in answer.columns])
    writer.writerows(list(map(_text, row)) for row in answer.rows)


def _print_json(answer: "Answer") -> None:
    """Prints every row in one document (`QueryDocument`), row by row, so that none is kept."""
    columns = [{"name": name, "type": kind} for name, kind in answer.columns]
    sys.stdout.write(f'{{\n  "columns": {_json(columns)},\n  "rows": [')
    for number, row in enumerate(answer.rows):
        sys.stdout.write(f"{',' if number else ''}\n    {_json(row)}")
    sys.stdout.write("\n  ]\n}\n")


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    return one_line(cell if isinstance(cell, str) else _json(cell) if isinstance(cell, list | dict) else str(cell))


def _json(value: Any) -> str:
    """JSON on one line, in which control characters and the like are escaped."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if text.isprintable() else "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
