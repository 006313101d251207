"""The commands that look at finished runs: `runs` and `report`. They read manifests and change nothing."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.completion import operation_names
from pipelines.cli.flags import JsonFlag, OptionalRunArgument, RunsFlag
from schemas.errors import ConfigError
from schemas.settings import RUNS
from schemas.states import Status
from schemas.texts import one_line


def runs(
    *,
    runs: RunsFlag = RUNS,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="List the newest N of them.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE|AGE", help="List those that began on this UTC date or later, or within 7d or 12h."),
    ] = None,
    operation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="List those of one operation, such as orders.", autocompletion=operation_names
        ),
    ] = None,
    verdict: Annotated[
        Status | None,
        typer.Option(metavar="NAME", case_sensitive=False, help=f"List those that are {', '.join(Status)}."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the runs, newest first: when, verdict, counts.

    Each with what is accepted, to correct, to resume, and resolved by replays; of a run that is under way or was
    killed, how far it is.
    """
    from pipelines.cli.console import print_json
    from pipelines.history.ages import moment_since
    from pipelines.history.listing import Wanted, listed_runs, replay_line
    from pipelines.operations.table import operation_named

    name = operation_named(operation).name if operation is not None else None
    found = listed_runs(runs, Wanted(moment_since(since) if since is not None else None, name, verdict, limit))
    if as_json:
        print_json([each.document().as_json() for each in found])
        return
    if not found:
        asked = limit, since, operation, verdict
        typer.echo(f"There are no {'such runs' if any(asked) else 'runs'} in {runs}.")
    for each in found:
        typer.echo(one_line(each.run.run_id))
        typer.echo(f"  {one_line(each.line)}")
        for again in each.replays:
            typer.echo(f"  {one_line(replay_line(again))}")


def report(
    run: OptionalRunArgument = None,
    *,
    runs: RunsFlag = RUNS,
    night: Annotated[
        str | None,
        typer.Option("--night", metavar="DATE|latest", help="Bring the page of a night up to date, and say how it is."),
    ] = None,
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="RUN", help="Show how the run differs from an earlier one.")
    ] = None,
    html: Annotated[bool, typer.Option("--html", help="Print only the path of report.html.")] = False,
    xlsx: Annotated[
        bool, typer.Option("--xlsx", help="Write failures.xlsx for spreadsheets, and print only its path.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show how a run ended, or how far it is.

    Of a run that is under way or was killed: what is settled, refused and in doubt.
    """
    if night is not None:
        if run is not None or compare is not None or xlsx:
            raise ConfigError("--night names a night: leave out the run, --compare and --xlsx")
        _report_night(runs, night, html=html, as_json=as_json)
        return
    if run is None:
        raise ConfigError("name a run, or a night with --night; `bulkload runs` lists the runs")
    if compare is not None:
        _report_comparison(runs, run, compare, as_json=as_json)
    else:
        _report_run(runs, run, html=html, xlsx=xlsx, as_json=as_json)


def _report_run(runs: Path, run: str, *, html: bool, xlsx: bool, as_json: bool) -> None:
    """Says how one run ended, or how far it is."""
    from connectors.run_folder.workbook import write_workbook
    from pipelines.cli.console import print_json, print_summaries, print_unfinished, stdout_console
    from pipelines.history.catalog import find_run, past_runs, replays_of
    from pipelines.history.listing import replay_line
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
            [summary], stdout_console(), [("", ""), *((replay_line(each), "bold") for each in again)] if again else ()
        )


def _report_night(runs: Path, name: str, *, html: bool, as_json: bool) -> None:
    """Writes the page of a night anew, and says how the night is."""
    from pipelines.cli.console import print_json, print_lines, stdout_console
    from pipelines.cli.night_console import night_lines
    from pipelines.history.nights.records import find_night
    from pipelines.nights.pages import write_index_of, write_page

    found = find_night(runs, name)
    document = write_page(found).document()
    write_index_of(runs)
    if html:
        typer.echo(str(found.page))
    elif as_json:
        print_json(document.as_json())
    else:
        print_lines(night_lines(document), stdout_console())


def _report_comparison(runs: Path, run: str, other: str, *, as_json: bool) -> None:
    """Says how a run differs from an earlier one."""
    from pipelines.cli.console import print_json, print_lines, stdout_console
    from pipelines.cli.night_console import comparison_lines
    from pipelines.history.nights.comparison import compared

    document = compared(runs, run, other)
    if as_json:
        print_json(document.as_json())
    else:
        print_lines(comparison_lines(document), stdout_console())
