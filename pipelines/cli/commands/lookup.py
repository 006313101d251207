"""The commands that look things up: `operations`, `columns`, `template`, `mapping`.

They send nothing and write no run.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.flags import DialectFlag, OperationArgument
from schemas.errors import ConfigError
from schemas.settings import DIALECT


def operations(
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as Markdown, as in the README.")
    ] = False,
) -> None:
    """List the operations: endpoint, modes, limit, dialects."""
    from pipelines.cli.operation_table import markdown_table, text_table

    typer.echo(markdown_table() if markdown else text_table())


def columns(operation: OperationArgument, *, dialect: DialectFlag = DIALECT) -> None:
    """List the canonical columns of an operation.

    Each has its meaning, type, limits and an example.
    """
    from pipelines.cli.column_docs import column_lines
    from pipelines.operations.table import operation_named

    found = operation_named(operation)
    found.check_dialect(dialect)
    typer.echo("\n".join(column_lines(found, dialect)))


def template(
    operation: OperationArgument,
    *,
    dialect: DialectFlag = DIALECT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A new file to write; default: stdout.")
    ] = None,
) -> None:
    """Write a CSV header to start an extract from.

    It has every plain column, and one column of each family to rename.
    """
    from pipelines.cli.column_docs import template_header
    from pipelines.operations.table import operation_named

    found = operation_named(operation)
    found.check_dialect(dialect)
    _write(f"{','.join(template_header(found, dialect))}\n", output)


def mapping(
    extract: Annotated[str, typer.Argument(help="A file, a pattern in quotes, or a folder.")],
    operation: OperationArgument,
    *,
    dialect: DialectFlag = DIALECT,
    output: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="A new file to write; default: stdout.")
    ] = None,
) -> None:
    """Write a first mapping of an extract for a person to finish.

    What is certain by names and cells is ready to load, what is not is commented out. It sends nothing.
    """
    from pipelines.operations.table import operation_named
    from pipelines.propose.mapping import propose_mapping

    _write(propose_mapping([extract], operation_named(operation), dialect), output)


def _write(text: str, output: Path | None) -> None:
    """Writes to a new file, or to stdout where none is named."""
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{output} is there already: name a new file") from None
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}") from None
