"""The flags and arguments that several commands take alike: what they are called, may be, and say of themselves."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.dialects import Dialect
from schemas.limits import LEAST, MOST_IN_FLIGHT
from schemas.states import Duplicates, Mode

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
