"""The flags and arguments that several commands take alike: what they are called, may be, and say of themselves."""

from collections.abc import Callable
from inspect import signature
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas import settings
from schemas.dialects import Dialect
from schemas.settings import LEAST, MOST_IN_FLIGHT
from schemas.states import Duplicates, Mode

if TYPE_CHECKING:
    from pipelines.options import Options

OperationArgument = Annotated[str, typer.Argument(help="Such as investor-records; `bulkload operations` lists them.")]
RunArgument = Annotated[str, typer.Argument(help="An id, the beginning of one, a run folder, or `latest`.")]
ModeFlag = Annotated[
    Mode, typer.Option(case_sensitive=False, help="What a bad key does: only itself fails, or its whole call.")
]
TargetFlag = Annotated[
    str | None,
    typer.Option(
        metavar="URL|sandbox[:FILE]", help="Where to; default: FBN_LUSID_URL, or the embedded sandbox without it."
    ),
]
DialectFlag = Annotated[Dialect, typer.Option(help="The server's age.")]


def named(text: str) -> Path:
    """A path from the command line; an empty one is no working folder but a variable that is not set."""
    if not str(text):
        raise typer.BadParameter("is empty: is a shell variable unset?")
    return Path(text)


RunsFlag = Annotated[Path, typer.Option(parser=named, metavar="DIR", help="Where run folders are.")]
BatchSizeFlag = Annotated[int, typer.Option(min=LEAST, help="Requests in one call, at most.")]
BatchBytesFlag = Annotated[int, typer.Option(min=LEAST, help="Bytes in one call, at most.")]
ConcurrencyFlag = Annotated[int, typer.Option(min=LEAST, max=MOST_IN_FLIGHT, help="Calls in flight.")]
PatienceFlag = Annotated[
    float, typer.Option(min=0, metavar="SECONDS", help="How long a call is tried on while LUSID is away.")
]
DuplicatesFlag = Annotated[
    Duplicates, typer.Option(case_sensitive=False, help="Rows of one key that differ: refuse all, or take one.")
]
MaxFailuresFlag = Annotated[
    str | None, typer.Option(metavar="N|N%", help="Rows that may fail before the run stops; default: any number.")
]
MinRowsFlag = Annotated[
    int | None, typer.Option(min=0, help="Data rows an extract must have, at least; 0 lets it be empty.")
]
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Validate every row and send nothing.")]
DirectFlag = Annotated[bool, typer.Option("--direct", help="Without Prefect.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the flags of loads that read a folder, in place of its own parameter `options`.

    typer reads a command's parameters from its signature, so the list of these flags is the signature of `_options`.
    """
    flags = signature(_options).parameters
    own = signature(command)

    def read_flags(**given: Any) -> None:
        options = _options(**{name: given.pop(name) for name in flags})
        command(**given, options=options)

    parts = (flags.values() if each.name == "options" else (each,) for each in own.parameters.values())
    parameters = list(chain.from_iterable(parts))
    read_flags.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # a function may
    read_flags.__name__, read_flags.__doc__ = command.__name__, command.__doc__
    return read_flags


def _options(
    *,
    mode: ModeFlag = settings.MODE,
    target: TargetFlag = None,
    dialect: DialectFlag = settings.DIALECT,
    runs: RunsFlag = settings.RUNS,
    batch_size: BatchSizeFlag = settings.BATCH_SIZE,
    max_batch_bytes: BatchBytesFlag = settings.MAX_BATCH_BYTES,
    concurrency: ConcurrencyFlag = settings.CONCURRENCY,
    patience: PatienceFlag = settings.PATIENCE_SECONDS,
    duplicates: DuplicatesFlag = settings.DUPLICATES,
    max_failures: MaxFailuresFlag = None,
    min_rows: MinRowsFlag = None,
    dry_run: DryRunFlag = False,
) -> "Options":
    """The options of each load, from its flags."""
    from pipelines.cli.expect_flags import expectations
    from pipelines.options import Options

    return Options.of(
        mode=mode,
        target=target,
        dialect=dialect,
        runs=runs,
        batch_size=batch_size,
        max_batch_bytes=max_batch_bytes,
        concurrency=concurrency,
        patience=patience,
        duplicates=duplicates,
        max_failures=max_failures,
        expect=expectations(totals=None, trailer=None, min_rows=min_rows),
        dry_run=dry_run,
    )
