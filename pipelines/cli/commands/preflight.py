"""The command that asks LUSID before a load: `preflight`; and `--preflight` of the commands that load."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.flags import JsonFlag, named, with_options
from schemas.settings import READING
from schemas.texts import many, one_line

if TYPE_CHECKING:
    from datetime import date

    from pipelines.compare.preflight.preflight import Preflight
    from pipelines.loading.spec import LoadSpec
    from pipelines.options import Options

PreflightFlag = Annotated[
    bool,
    typer.Option("--preflight", help="First ask LUSID for what the rows refer to; end with 3 where it is missing."),
]


@with_options(one_extract=True, only=("mapping", "target", "dialect", *READING, "null", "strict", "assume", "patience"))
def preflight(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="OPERATION EXTRACT... | FOLDER", help="An operation and its extract, or a night's folder."
        ),
    ],
    *,
    options: "Options",
    write_definitions: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="Write the requests that define what is not defined."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask LUSID for what an extract refers to.

    Definitions, identifier types, instruments, portfolios, persons, legal entities, holders, sides: what is missing,
    how many rows hang on it, and who must act. Sends nothing.
    """
    specs = _night(Path(what[0]), options) if len(what) == 1 else [_spec(what[0], what[1:], options)]
    found = _run(specs, write_definitions)
    if as_json:
        from pipelines.cli.console import print_json

        print_json(found.document().as_json())
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def before_load(operation: str, extracts: Sequence[str], options: "Options") -> None:
    """The preflight of one load; ends the command where something is missing."""
    _stop_if_missing([_spec(operation, extracts, options)])


def before_night(folder: Path, options: "Options", day: "date | None") -> None:
    """The preflight of a night on a business date; ends the command where something is missing."""
    _stop_if_missing(_night(folder, options, day))


def before_trading_day(folder: Path, options: "Options") -> None:
    """The preflight of a trading day; ends the command where something is missing."""
    from pipelines.flows.asking_first import loads_of_trading_day

    _stop_if_missing(loads_of_trading_day(str(folder), vars(options), _note))


def before_nights(pattern: str, first: "date", last: "date", options: "Options") -> None:
    """The preflight of the nights of several dates; ends the command where something is missing."""
    from pipelines.flows.asking_first import loads_of_nights

    _stop_if_missing(loads_of_nights(pattern, first, last, vars(options), _note))


def _stop_if_missing(specs: Sequence["LoadSpec"]) -> None:
    """Raises MissingError, once it has been told what is missing."""
    from schemas.errors import MissingError

    found = _run(specs, None)
    _print(found, err=True)
    if found.exit_code:
        raise MissingError("nothing was sent: supply what is missing, or load without --preflight")


def _spec(operation: str, extracts: Sequence[str], options: "Options") -> "LoadSpec":
    from pipelines.loading.spec import LoadSpec

    return LoadSpec.of(operation, list(extracts), **vars(options))


def _night(folder: Path, options: "Options", day: "date | None" = None) -> "list[LoadSpec]":
    from pipelines.flows.asking_first import loads_of_night

    return loads_of_night(str(folder), vars(options), day, _note)


def _note(text: str) -> None:
    typer.echo(one_line(text), err=True)


def _run(specs: Sequence["LoadSpec"], definitions: Path | None) -> "Preflight":
    from dataclasses import replace

    from pipelines.arguments import speaking_of_flags
    from pipelines.cli.console import stderr_console
    from pipelines.cli.progress import TerminalProgress
    from pipelines.compare.preflight.preflight import preflight as ask

    with TerminalProgress(stderr_console()) as progress, speaking_of_flags():
        return ask([replace(spec, progress=progress) for spec in specs], definitions=definitions)


def _print(found: "Preflight", *, err: bool = False) -> None:
    """What was found, for a person."""

    def say(text: str) -> None:
        typer.echo(one_line(text), err=err)

    asked = f"{many(found.rows, 'row', 'rows')}, {many(found.calls, 'call', 'calls')} to LUSID"
    say(f"Preflight of {', '.join(found.operations)} into {found.target}: {asked}.")
    if found.invalid:
        cells = many(found.invalid, "row has cells", "rows have cells")
        say(f"{cells} that are refused; what they refer to was not asked for.")
    for finding in found.findings:
        say(f"  {finding.rows:>9,} {'row ' if finding.rows == 1 else 'rows'}  {finding.text}")
        if finding.examples:
            say(f"                  {'; '.join(finding.examples)}")
        say(f"                  {finding.owner}: {finding.then}")
    for text in found.not_asked:
        say(f"  not asked: {text}")
    there = sum(found.asked.values())
    if not found.findings:
        say(f"Nothing is missing of {there:,} references that LUSID was asked for.")
    if found.written is not None:
        say(f"Requests for what is not defined, to be looked at and sent: {found.written}")
