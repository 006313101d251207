"""The command line: which commands there are, and how whatever goes wrong becomes one line and an exit code.

The commands are in `commands_*`; they import what they need when they run, so that `bulkload --help` and
`bulkload columns` answer at once. Nothing here knows a load.
"""

import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipelines.cli import commands_again, commands_load, commands_lookup, commands_runs, commands_schedule, commands_try
from pipelines.cli.streams import make_streams_last, what_was_lost
from pipelines.loading.interrupts import end_as_interrupted, keep_exit_code
from schemas.answers import server_text
from schemas.errors import ConfigError, LoadError, StoppedError
from schemas.spellings import is_text

MOST_OF_A_MESSAGE = 4000
"""Characters of an error that are shown."""

_BUG = 1
_UsageError: Any = typer.BadParameter.__mro__[1]
"""What typer raises for a command line it cannot read; it exports only this subclass."""


class _Commands(TyperGroup):
    """Gives an interrupt our exit code: typer's own would be 130."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Reads the command line."""
        with _interrupts_worded():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        with _interrupts_worded():
            return super().invoke(ctx)


@contextmanager
def _interrupts_worded() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError("interrupted; `bulkload runs` says how far it got") from None


app = typer.Typer(
    name="bulkload",
    cls=_Commands,
    help="Loads investors, accounts and orders into LUSID in bulk, and accounts for every row.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for _command in (
    *(commands_load.load, commands_load.nightly, commands_load.trading_day, commands_schedule.backfill),
    *(commands_again.resume, commands_again.replay, commands_runs.runs, commands_runs.report, commands_again.purge),
    *(commands_lookup.operations, commands_lookup.columns, commands_lookup.template),
    *(commands_try.sample, commands_try.sandbox, commands_try.demo, commands_schedule.deploy),
):
    app.command()(_command)


def _say_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it with the flag
    if wanted:
        typer.echo(f"bulkload {version('lusid-bulkload')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _bulkload(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", is_eager=True, callback=_say_version)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, on stderr.")] = False,
) -> None:
    del version, debug  # the first is done; the second is `run`'s, which words errors of parsing too
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(ConfigError.exit_code)


def main() -> None:
    """The console script: runs the process's command line and ends the process."""
    make_streams_last()
    end_as_interrupted()
    code = run(sys.argv[1:])
    keep_exit_code()
    if why := what_was_lost(sys.stdout):
        typer.echo(f"bulkload: not all of the output could be written: {why}", err=True)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line.

    Args:
        arguments: without the program's name.

    Returns:
        The exit code (README: A bad night). What goes wrong is one line on stderr and, with --json, a document on
        stdout; it is never raised.
    """
    try:
        with _interrupts_worded():
            _refuse_undecoded(arguments)
            code: int | None = app(args=list(arguments), prog_name="bulkload", standalone_mode=False)
    except Exception as error:  # noqa: BLE001  # the end of the line: nothing may leave as a traceback
        return _fail(error, arguments)
    return code or 0


def _refuse_undecoded(arguments: Sequence[str]) -> None:
    """Raises ConfigError for an argument that is no text here: what is written of a run could not name it."""
    for argument in arguments:
        if not is_text(argument):
            raise ConfigError(
                f"{argument} is not {sys.getfilesystemencoding()} text: rename it, or set LC_ALL to a locale it is in"
            )


def _fail(error: Exception, arguments: Sequence[str]) -> int:
    """Says what went wrong; gives the exit code."""
    code, message = _worded(error)
    if "--debug" in arguments:
        traceback.print_exception(error)
    typer.echo(f"bulkload: {message}", err=True)
    if "--json" in arguments:
        from pipelines.cli.console import print_json

        print_json({"verdict": "error", "exit_code": code, "message": message})
    return code


def _worded(error: Exception) -> tuple[int, str]:
    """The exit code and the one line of an error."""
    if isinstance(error, LoadError):
        return error.exit_code, server_text(error.message, MOST_OF_A_MESSAGE)
    if isinstance(error, _UsageError):
        return ConfigError.exit_code, server_text(" ".join(error.format_message().split()), MOST_OF_A_MESSAGE)
    try:
        report = f"please report {_write_traceback(error)}"
    except OSError as full:
        report = f"where it happened could not be written ({full.strerror}): run it again with --debug and report that"
    return _BUG, f"this is a bug in bulkload, not in your data: {type(error).__name__}; {report}"


def _write_traceback(error: BaseException) -> str:
    """Where in the code it happened, in a file that only its owner reads; gives its path.

    The exceptions' own texts are left out: a library's may quote a cell or a secret.
    """
    with tempfile.NamedTemporaryFile("w", prefix="bulkload-bug-", suffix=".txt", delete=False) as file:
        for each in _chain(error):
            file.writelines(traceback.format_tb(each.__traceback__))
            file.write(f"{type(each).__module__}.{type(each).__qualname__}\n\n")
    return file.name


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what caused it, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    main()
