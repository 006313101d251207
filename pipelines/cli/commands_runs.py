"""The commands that look at finished runs: `runs` and `report`. They read manifests and change nothing."""

from typing import Annotated

import typer

from pipelines.cli.flags import JsonFlag, RunArgument, RunsFlag
from schemas.settings import RUNS
from schemas.texts import one_line


def runs(*, runs: RunsFlag = RUNS, as_json: JsonFlag = False) -> None:
    """List the runs, newest first: when, verdict, counts."""
    from pipelines.cli.console import print_json
    from pipelines.history.catalog import past_runs, replays_of

    found = past_runs(runs)
    if as_json:
        print_json([run.as_json() for run in found])
    elif not found:
        typer.echo(f"There are no runs in {runs}.")
    for run in () if as_json else found:
        typer.echo(one_line(run.run_id))
        typer.echo(f"  {one_line(run.line)}")
        for again in replays_of(run.run_id, found):
            typer.echo(f"  {one_line(again.replay_line)}")


def report(
    run: RunArgument,
    *,
    runs: RunsFlag = RUNS,
    html: Annotated[bool, typer.Option("--html", help="Print only the path of report.html.")] = False,
    xlsx: Annotated[
        bool, typer.Option("--xlsx", help="Write failures.xlsx for spreadsheets, and print only its path.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show how a run ended, or how far it is.

    Of a run that is under way or was killed: what is settled, refused and in doubt.
    """
    from connectors.run_folder.workbook import write_workbook
    from pipelines.cli.console import print_json, print_summaries, print_unfinished, stdout_console
    from pipelines.history.catalog import find_run, past_runs, replays_of
    from pipelines.report.documents import run_document
    from pipelines.report.summary import Summary, is_unfinished
    from pipelines.report.unfinished import UnfinishedRun

    folder = find_run(runs, run)
    if xlsx:
        write_workbook(folder.failures, folder.workbook)
        typer.echo(str(folder.workbook))
        return
    manifest = folder.read_manifest()
    if is_unfinished(manifest) and not html:
        unfinished = UnfinishedRun.of(folder, manifest)
        if as_json:
            print_json(unfinished.document().as_json())
        else:
            print_unfinished(unfinished, stdout_console())
        return
    summary = Summary.of(folder, manifest)
    if html:
        typer.echo(str(folder.report))
    elif as_json:
        print_json(run_document(summary).as_json())
    else:
        again = replays_of(folder.run_id, past_runs(folder.path.parent))
        print_summaries(
            [summary], stdout_console(), [("", ""), *((each.replay_line, "bold") for each in again)] if again else ()
        )
