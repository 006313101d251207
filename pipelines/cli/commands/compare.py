"""The commands that read what LUSID holds and compare: `verify`."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.flags import JsonFlag, RunArgument, RunsFlag
from schemas.settings import RUNS
from schemas.texts import one_line

if TYPE_CHECKING:
    from pipelines.compare.verify import Verification


def verify(
    run: RunArgument,
    *,
    runs: RunsFlag = RUNS,
    target: Annotated[
        str | None, typer.Option(metavar="URL|sandbox:FILE", help="The run's own target, where no setting names it.")
    ] = None,
    sample: Annotated[
        str | None, typer.Option(metavar="N|N%", help="Keys to read back, chosen at random; default: all.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare what LUSID holds with what a run had accepted.

    Each key is compared with the unchanged extract, member by member. verify.parquet in the run's folder has it all.
    """
    from pipelines.cli.console import print_json, progress
    from pipelines.compare.verify import verify as read_back

    with progress() as shown:
        found = read_back(run, runs=runs, target=target, sample=sample, progress=shown)
    if as_json:
        print_json(found.document().as_json())
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def _print(found: "Verification") -> None:
    """The outcome for a person: counts, and some keys that differ, without their values."""
    read = found.counts.total()
    typer.echo(one_line(f"{found.operation}: {found.accepted:,} keys accepted, {read:,} read back in {found.target}"))
    for result, count in sorted(found.counts.items(), key=lambda each: each[0] != "agree"):
        typer.echo(f"  {count:>9,} {result}: {result.meaning}")
    if found.existence_only:
        typer.echo(one_line(f"Only whether they exist was checked: {found.existence_only}"))
    for checked in found.examples:
        members = [each.member for entity in checked.entities for each in entity.differences]
        names = [entity.name for entity in checked.entities if entity.name and entity.result == checked.result]
        where = f"{checked.key.source} row {checked.key.rows[0]}"
        typer.echo(one_line(f"  {checked.result}: {checked.key.key} ({where}) {', '.join([*names, *members][:5])}"))
    typer.echo(f"Every key, with what was sent and what LUSID holds: {found.file}")
