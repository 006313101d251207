"""The command that finds out what one LUSID does: `doctor`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.flags import DialectFlag, JsonFlag, named
from schemas.settings import DIALECT
from schemas.texts import one_line

if TYPE_CHECKING:
    from pipelines.doctor.findings import Examination, Finding

OUT = Path("assume.yaml")


def doctor(
    *,
    scope: Annotated[
        str, typer.Option(metavar="SCRATCH", help="A scope of nobody else, in which everything is made and removed.")
    ],
    target: Annotated[
        str | None, typer.Option(metavar="URL|sandbox[:FILE]", help="Whom to examine; default: as the settings name.")
    ] = None,
    dialect: DialectFlag = DIALECT,
    out: Annotated[Path, typer.Option(parser=named, metavar="FILE", help="What --assume takes; replaced.")] = OUT,
    no_orders: Annotated[bool, typer.Option("--no-orders", help="Make no orders and blocks.")] = False,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to keep retrying a call while LUSID is away.")
    ] = 15.0,
    as_json: JsonFlag = False,
) -> None:
    """Find out which of bulkload's assumptions hold of your LUSID.

    Makes a few persons, legal entities, records, accounts, orders and definitions in the scope, and removes them again.
    """
    from pipelines.arguments import speaking_of_flags
    from pipelines.cli.console import print_json, progress
    from pipelines.doctor.doctor import examine
    from pipelines.options import Options

    with progress() as shown, speaking_of_flags():
        options = Options.of(target=target, dialect=dialect, patience=patience)
        found = examine(scope, out=out, options=options, orders=not no_orders, progress=shown)
    if as_json:
        print_json(found.document().as_json())
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def _print(found: "Examination") -> None:
    """What was found, for a person: what differs first."""
    from schemas.assumptions import Told

    typer.echo(one_line(f"What bulkload infers of LUSID, tried in scope {found.scope} of {found.target}:"))
    for told in (Told.DIFFERS, Told.COULD_NOT_TELL, Told.HOLDS):
        findings = [each for each in found.findings if each.told is told]
        if findings:
            typer.echo(f"\n{len(findings)} {told}")
        for finding in findings:
            _print_finding(finding, brief=told is Told.HOLDS)
    if found.left:
        typer.echo(f"\nNOT REMOVED: {len(found.left)}")
        for each in found.left:
            typer.echo(one_line(f"  {each}"))
        typer.echo(one_line(f"They are named in {found.left_file}; the next doctor with this --out removes them."))
    else:
        typer.echo("\nEverything that was made is removed.")
    typer.echo(one_line(f"Let loads follow it: --assume {found.file}"))


def _print_finding(finding: "Finding", *, brief: bool) -> None:
    name = f"{finding.probe} ({finding.of})" if finding.of else finding.probe
    typer.echo(one_line(f"  {name}: {finding.saw}"))
    if not brief:
        typer.echo(one_line(f"      assumed: {finding.assumes}"))
