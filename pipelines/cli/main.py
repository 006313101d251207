"""The command line: lists the commands, and turns every error into one line and an exit code.

The commands are in `commands`; they import what they need when they run, so that `bulkload --help` and
`bulkload columns` answer at once. Nothing here knows a load.
"""

import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pipelines.cli.commands import again, ask, compare, doctor, load, lookup, preflight, prove, rehearse, runs, schedule
from pipelines.cli.streams import make_streams_last, what_was_lost
from pipelines.loading.interrupts import end_as_interrupted, keep_exit_code
from schemas.errors import ConfigError, LoadError, StoppedError
from schemas.texts import is_text, server_text

MOST_OF_A_MESSAGE = 4000
"""Characters shown of an error."""

_BUG = 1
_UsageError: Any = typer.BadParameter.__mro__[1]
"""The error that typer raises for a command line it cannot read; it exports only a subclass."""


class _Commands(TyperGroup):
    """Ends an interrupted command with our exit code instead of typer's 130."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Reads the command line."""
        with _interrupts_as_errors():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        with _interrupts_as_errors():
            return super().invoke(ctx)


@contextmanager
def _interrupts_as_errors() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError("interrupted; `bulkload runs` shows how far it got") from None


app = typer.Typer(
    name="bulkload",
    cls=_Commands,
    help="Loads investors, accounts and orders into LUSID in bulk, and accounts for every row.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_EXAMPLES: Mapping[Callable[..., None], str] = {
    load.load: "load investor-records investors.csv --max-failures 2%",
    load.nightly: "nightly tonight --dialect 2.1",
    load.trading_day: "trading-day today --target sandbox:rehearsal.db",
    schedule.backfill: "backfill 'nights/{date:%Y%m%d}' 2026-11-19 2026-11-20",
    preflight.preflight: "preflight investor-records investors.csv --json",
    again.resume: "resume latest",
    again.replay: "replay latest corrected.csv",
    runs.runs: "runs --since 7d --limit 20",
    runs.report: "report latest --html",
    ask.open_rows: "open --json",
    compare.plan: "plan investor-records investors.csv --out tonight.parquet",
    compare.verify: "verify latest --sample 50%",
    doctor.doctor: "doctor --scope doctor-scratch --dialect 2.3",
    ask.sql: "sql 'SELECT * FROM reasons ORDER BY rows DESC'",
    prove.audit: "audit latest --out audit.zip",
    prove.forget: "forget --key IR_0042",
    again.purge: "purge --older-than 90d",
    lookup.operations: "operations --markdown",
    lookup.columns: "columns investor-records --dialect 2.3",
    lookup.template: "template orders --output new-orders.csv",
    lookup.mapping: "mapping investors.csv investor-records --out crm.yaml",
    rehearse.sample: "sample extracts --investors 50 --no-bad-rows",
    rehearse.sandbox: "sandbox --port 0 --faults 429=0.05,cut-after=0.02",
    rehearse.demo: "demo --runs demo-runs",
    schedule.deploy: "deploy",
}
"""The commands, in the order of --help, and the example that ends the help of each; its first word is the name."""

for _command, _example in _EXAMPLES.items():
    app.command(_example.partition(" ")[0], epilog=f"Example: bulkload {_example}")(_command)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  # typer calls it with the flag
    if wanted:
        typer.echo("\n".join(_versions()))
        raise typer.Exit


def _versions() -> Iterator[str]:
    """What bulkload speaks and writes: its version, LUSID's dialects, the formats of its files."""
    from importlib.metadata import version

    from pipelines.feeds import state as feeds
    from schemas import manifest as runs
    from schemas.dialects import Dialect
    from schemas.nights import record as nights

    yield f"bulkload {version('lusid-bulkload')}"
    yield f"LUSID API dialects: {', '.join(Dialect)}"
    yield f"formats: run folders {runs.FORMAT}, feeds {feeds.FORMAT}, nights {nights.FORMAT}"


@app.callback(invoke_without_command=True)
def _bulkload(
    ctx: typer.Context,
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version, dialects and formats, and exit.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, on stderr.")] = False,
) -> None:
    del version, debug  # the first is done; `run` handles the second, because it also reports errors of parsing
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(ConfigError.exit_code)


def main() -> None:
    """The console script: runs the command line of the process and ends it."""
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
        The exit code (README: How it ends). An error is one line on stderr and, with --json, a document on stdout; none
        is raised.
    """
    try:
        with _interrupts_as_errors():
            _refuse_undecoded(arguments)
            code: int | None = app(args=list(arguments), prog_name="bulkload", standalone_mode=False, obj=arguments)
    except Exception as error:  # noqa: BLE001  # the end of the line: nothing may leave as a traceback
        return _fail(error, arguments)
    return code or 0


def _refuse_undecoded(arguments: Sequence[str]) -> None:
    """Raises ConfigError for an argument that is no text in this locale, because no file of a run could name it."""
    for argument in arguments:
        if not is_text(argument):
            raise ConfigError(
                f"{argument} is not {sys.getfilesystemencoding()} text: rename it, or set LC_ALL to a locale it is in"
            )


def _fail(error: Exception, arguments: Sequence[str]) -> int:
    """Prints what went wrong; returns the exit code."""
    code, message = _worded(error)
    if "--debug" in arguments:
        traceback.print_exception(error)
    typer.echo(f"bulkload: {message}", err=True)
    if "--json" in arguments:
        from pipelines.cli.console import print_json
        from schemas.documents import ErrorDocument

        print_json(ErrorDocument(exit_code=code, message=message).as_json())
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
        report = f"the traceback could not be written ({full.strerror}): run it again with --debug and report that"
    return _BUG, f"this is a bug in bulkload, not in your data: {type(error).__name__}; {report}"


def _write_traceback(error: BaseException) -> str:
    """Writes where in the code it happened into a file that only its owner can read; returns its path.

    The exceptions' texts are left out, because a library's may quote a cell or a secret.
    """
    with tempfile.NamedTemporaryFile("w", prefix="bulkload-bug-", suffix=".txt", delete=False) as file:
        for each in _chain(error):
            file.writelines(traceback.format_tb(each.__traceback__))
            file.write(f"{type(each).__module__}.{type(each).__qualname__}\n\n")
    return file.name


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its cause, the cause of that, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    main()
