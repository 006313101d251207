"""The commands that read what LUSID holds and compare: `plan` before a load, `verify` after it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.flags import JsonFlag, OperationArgument, RunArgument, RunsFlag, named, with_options
from schemas.settings import READING, RUNS
from schemas.texts import many, one_line

PLANNED = (
    *("mode", "mapping", "target", "dialect", *READING, "runs", "null", "duplicates", "strict", "assume"),
    *("batch_size", "max_batch_bytes", "concurrency", "patience", "feed", "date", "even_if_newer"),
)
"""The options of a load that matter to its plan."""

MOST = 20
"""Members, and keys that would be refused, that the terminal shows."""

if TYPE_CHECKING:
    from pipelines.compare.plan import PlanReport
    from pipelines.compare.verify import Verification
    from pipelines.options import Options


@with_options(one_extract=True, only=PLANNED)
def plan(
    operation: OperationArgument,
    extracts: Annotated[list[str], typer.Argument(help="Files, globs or directories of CSV or Parquet: one extract.")],
    *,
    options: "Options",
    out: Annotated[
        Path | None,
        typer.Option(
            parser=named,
            metavar="FILE",
            help="Where plan.parquet goes, its page beside it; default: the dry run's folder.",
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a load would do to LUSID, key by key; send nothing.

    plan.parquet and plan.html name each key that would be created, changed or refused, and each member, from and to.
    """
    from pipelines.arguments import speaking_of_flags
    from pipelines.cli.console import print_json, progress
    from pipelines.compare.plan import plan as look_ahead

    with progress() as shown, speaking_of_flags():
        found = look_ahead(operation, extracts, out=out, progress=shown, **vars(options))
    if as_json:
        print_json(found.document().as_json())
    else:
        _print_plan(found)
    raise typer.Exit(found.exit_code)


def _print_plan(found: "PlanReport") -> None:
    """The plan for a person: counts and members, without values."""
    from pipelines.planning.effect import Effect

    made = found.plan
    total = many(made.keys.total(), "key", "keys")
    typer.echo(one_line(f"{made.operation}: what a load into {made.target} would do with {total}"))
    for effect, count in made.counts().items():
        if count:
            typer.echo(f"  {count:>9,} {effect}: {Effect(effect).meaning}")
    if made.vanished:
        typer.echo(f"  {made.vanished:>9,} vanished: the feed had them, and the extract does not; LUSID keeps them")
    for member, count in made.members.most_common(MOST):
        typer.echo(one_line(f"  {count:>9,} would change in {member}"))
    for each in [each for each in made.examples if each.effect is Effect.REFUSE][:MOST]:
        typer.echo(one_line(f"  refuse: {each.key or 'no key'} ({each.where}) {each.reason}"))
    typer.echo(f"Nothing was sent. Every key, from and to: {made.page}")
    typer.echo(f"Load this and nothing else: {found.next}")


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
    assume: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="What `bulkload doctor` found; default: as the run assumed."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare what LUSID holds with what a run had accepted.

    Each key is compared with the unchanged extract, member by member. verify.parquet in the run's folder has it all.
    """
    from pipelines.arguments import speaking_of_flags
    from pipelines.cli.console import print_json, progress
    from pipelines.compare.verify import verify as read_back

    with progress() as shown, speaking_of_flags():
        found = read_back(run, runs=runs, target=target, sample=sample, assume=assume, progress=shown)
    if as_json:
        print_json(found.document().as_json())
    else:
        _print(found)
    raise typer.Exit(found.exit_code)


def _print(found: "Verification") -> None:
    """The outcome for a person: counts, and some keys that differ, without their values."""
    read, accepted = found.counts.total(), many(found.accepted, "key", "keys")
    typer.echo(one_line(f"{found.operation}: {accepted} accepted, {read:,} read back in {found.target}"))
    for result, count in sorted(found.counts.items(), key=lambda each: each[0] != "agree"):
        typer.echo(f"  {count:>9,} {result}: {result.meaning}")
    if found.existence_only:
        typer.echo(one_line(f"Only whether they exist was checked: {found.existence_only}"))
    for checked in found.examples:
        members = [each.member for entity in checked.entities for each in entity.differences]
        names = [entity.name for entity in checked.entities if entity.name and entity.result == checked.result]
        where = f"{checked.key.source} row {checked.key.rows[0]}"
        what = [f"{checked.result}: {checked.key.key} ({where})", ", ".join([*names, *members][:5])]
        typer.echo(one_line(f"  {' '.join(filter(None, what))}"))
    typer.echo(f"Every key, with what was sent and what LUSID holds: {found.file}")
