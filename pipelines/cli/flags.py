"""The flags and arguments that several commands share: names, types, bounds and help."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from inspect import Parameter, signature
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer

from pipelines.cli import completion
from schemas.dialects import Dialect
from schemas.option_types.kinds import Exact
from schemas.settings import GUARDS, LoadOptions, about, flag, flags

if TYPE_CHECKING:
    from schemas.expectations import Expectations

OperationArgument = Annotated[
    str,
    typer.Argument(
        help="Such as investor-records; `bulkload operations` lists them.", autocompletion=completion.operation_names
    ),
]
_RUN: Any = typer.Argument(
    help="A run id, the beginning of one, a run folder, or `latest`.", autocompletion=completion.run_names
)
RunArgument = Annotated[str, _RUN]
OptionalRunArgument = Annotated[str | None, _RUN]


def named(text: str) -> Path:
    """A path from the command line; an empty one is refused, because it usually comes from an unset variable."""
    if not str(text):
        raise typer.BadParameter("is empty: is a shell variable unset?")
    return Path(text)


_OPTIONS = flags()
_LIMITS = ("max_failures", "red_at", *GUARDS)
"""Options that typer reads as texts: `N` or `N%`."""
_KINDS = get_type_hints(LoadOptions) | dict.fromkeys(_LIMITS, str | None)
_LAST = ("dry_run", "again", "prefect", "notify", "quiet", "as_json")
"""The last flags in --help."""


def option(name: str) -> Any:
    """The typer option of an option of a load."""
    said = about(_OPTIONS[name])
    bounds = next((rule for rule in get_args(_OPTIONS[name].type) if isinstance(rule, Exact)), Exact())
    return typer.Option(
        flag(name),  # of a switch this alone: there is no --no-once
        help=said.help,
        metavar=said.metavar,
        parser=named if Path in (_KINDS[name], *get_args(_KINDS[name])) else None,
        min=bounds.least,
        max=bounds.most,
        case_sensitive=False,
    )


RunsFlag = Annotated[Path, option("runs")]
DialectFlag = Annotated[Dialect, option("dialect")]
PrefectFlag = Annotated[
    bool | None,
    typer.Option(
        "--prefect/--direct",
        help="Load through Prefect or without it; default: through it where PREFECT_API_URL or the active profile "
        "names a server.",
    ),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else.")]
NotifyFlag = Annotated[
    str | None,
    typer.Option("--notify", metavar="URL", help="Post how it ended to this URL, as JSON without keys."),
]
QuietFlag = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print no progress, and no outcome where all is well."),
]


@contextmanager
def _speaking_of_flags(names: Collection[str]) -> Iterator[None]:
    """What is wrong with an option is told by its flag: `--max-change takes ...`."""
    from schemas.errors import ConfigError

    try:
        yield
    except ConfigError as error:
        name, takes, rest = error.message.partition(" takes ")
        if name not in names:
            raise
        raise ConfigError(f"{flag(name)}{takes}{rest}") from None


def with_options(
    *, one_extract: bool = False, only: Collection[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the flags of a load in place of its parameter `options`, which receives the `Options` they make.

    typer reads a command's parameters from its signature, so this changes the signature.

    Args:
        one_extract: add the flags of commands that load one extract and no folder of several.
        only: the options that matter to a command that loads nothing; None for all.
    """
    fitting = (name for name, each in _OPTIONS.items() if one_extract or not about(each).one_extract)
    names = [name for name in fitting if only is None or name in only]
    expect = signature(_expect).parameters
    expected = list(expect) if one_extract else ["min_rows"]
    given = [*map(_parameter, names), *(expect[name] for name in expected)]

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        def read_flags(**values: Any) -> None:
            from pipelines.options import Options

            expectations = _expect(**{name: values.pop(name) for name in expected})
            with _speaking_of_flags(names):
                options = Options.of(**{name: values.pop(name) for name in names}, expect=expectations)
            command(**values, options=options)

        own = signature(command)
        parts = (given if each.name == "options" else (each,) for each in own.parameters.values())
        parameters = sorted(chain.from_iterable(parts), key=lambda each: each.name in _LAST)
        read_flags.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # a function may
        read_flags.__name__, read_flags.__doc__ = command.__name__, command.__doc__
        return read_flags

    return decorated


def _parameter(name: str) -> Parameter:
    """An option as a parameter of a command."""
    kind = Annotated[_KINDS[name], option(name)]  # type: ignore[valid-type]  # as it is made here
    return Parameter(name, Parameter.KEYWORD_ONLY, default=_OPTIONS[name].default, annotation=kind)


def _expect(
    *,
    rows: Annotated[
        int | None, typer.Option("--expect-rows", min=0, help="Data rows that the extract must have, exactly.")
    ] = None,
    min_rows: Annotated[
        int | None, typer.Option(min=0, help="Fewest data rows that an extract may have; 0 allows none.")
    ] = None,
    totals: Annotated[
        list[str] | None,
        typer.Option("--control-total", metavar="COLUMN=SUM", help="What a column must add up to; may be repeated."),
    ] = None,
    trailer: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT[=CELL]",
            help="Each file ends with a trailer whose first cell is TEXT; cell number CELL is the row count.",
        ),
    ] = None,
    done_marker: Annotated[
        Path | None,
        typer.Option(parser=named, metavar="FILE", help="A file that must exist and be no older than the extract."),
    ] = None,
    settled_seconds: Annotated[
        float | None,
        typer.Option("--settled", min=0, metavar="SECONDS", help="How long the files must have been unchanged."),
    ] = None,
) -> "Expectations":
    """The expectations of an extract, from the flags of the completeness check."""
    given = locals()
    from pipelines.cli.expect_flags import expectations

    return expectations(**given)
