"""The commands to try bulkload with: `sample`, `sandbox`, `demo`. None of them can reach a real LUSID."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.flags import PrefectFlag, RunsFlag
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.settings import DIALECT, RUNS

_ROWS = "How many to write."


def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write; files of the same names are replaced.")],
    *,
    investors: Annotated[int, typer.Option(min=0, help=_ROWS)] = 1000,
    accounts: Annotated[int, typer.Option(min=0, help=_ROWS)] = 1200,
    blocks: Annotated[int, typer.Option(min=0, help=_ROWS)] = 800,
    orders: Annotated[int, typer.Option(min=0, help=_ROWS)] = 3000,
    seed: Annotated[int, typer.Option(help="Another seed makes another sample of the same kind.")] = 20,
    formats: Annotated[list[str], typer.Option("--format", help="csv or parquet; repeat it for both.")] = ["csv"],  # noqa: B006  # typer reads it, nobody changes it
    no_bad_rows: Annotated[
        bool, typer.Option("--no-bad-rows", help="Leave out the rows that are wrong on purpose.")
    ] = False,
    client: Annotated[
        bool, typer.Option("--client", help="Write them as a CRM would export them, with mappings.")
    ] = False,
) -> None:
    """Write invented extracts of any size."""
    from pipelines.sample.write import write_client_sample, write_sample

    counts = {"investors": investors, "accounts": accounts, "blocks": blocks, "orders": orders, "seed": seed}
    if client and formats != ["csv"]:
        raise ConfigError("a client's sample is CSV: leave --format out")
    if client:
        written = write_client_sample(folder, bad_rows=not no_bad_rows, **counts)
    else:
        written = write_sample(folder, bad_rows=not no_bad_rows, formats=formats, **counts)
    for path in written:
        typer.echo(str(path))


def sandbox(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = 8600,
    db: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File to keep the data in; default: in memory.")
    ] = None,
    dialect: Annotated[Dialect, typer.Option(help="LUSID API version to play: 2.1, 2.3 or legacy.")] = DIALECT,
    faults: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="Faults to inject: 429=0.05,cut-after=0.02,seed=7 (docs/sandbox.md)."),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(
            metavar="all|none|FILE",
            help="Definitions, instruments, portfolios, persons that exist; default: the file's own, else all.",
        ),
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Calls answered in a minute; default: any number.")
    ] = None,
    differs: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC", help="Behave otherwise than bulkload infers: nulls=keep,filters=500 (docs/sandbox.md)."
        ),
    ] = None,
) -> None:
    """Run a stand-in for LUSID on this machine until Ctrl-C."""
    from connectors.sandbox.server import Setup, serve

    setup = Setup(db, dialect.value, faults, known=known, rate_limit=rate_limit, differs=differs)
    serve(setup, port=port, announce=_announce)
    typer.echo("The sandbox has stopped.")


def _announce(url: str, token_url: str) -> None:
    """Prints what to type in another terminal to use the sandbox."""
    exports = {
        "FBN_LUSID_URL": url,
        "FBN_TOKEN_URL": token_url,
        "FBN_USERNAME": "sandbox",
        "FBN_PASSWORD": "sandbox",
        "FBN_CLIENT_ID": "sandbox",
        "FBN_CLIENT_SECRET": "sandbox",
    }
    typer.echo("A stand-in for LUSID, for rehearsal. To use it, in another terminal:\n")
    for name, value in exports.items():
        typer.echo(f"export {name}={value}")
    typer.echo("\nCtrl-C stops it.")


def demo(*, runs: RunsFlag = RUNS, prefect: PrefectFlag = None) -> None:
    """Load three sample extracts into the embedded sandbox.

    Then compare the sandbox with what was accepted.
    """
    from pipelines.cli.console import stdout_console
    from pipelines.cli.demo import run_demo

    raise typer.Exit(run_demo(runs, stdout_console(), prefect=prefect))
