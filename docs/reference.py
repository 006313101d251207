"""The pages of reference, made from the code each time the site is built: they cannot say what the code does not do."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import typer

from connectors.lusid.setting_sources import NAMES
from docs.generate import ARCHITECTURE, README, state_table
from docs.run_files import journal_table, outcomes_table
from pipelines.cli.column_docs import column_lines
from pipelines.cli.main import app
from pipelines.cli.operation_table import markdown_table
from pipelines.operations.table import OPERATIONS
from schemas.settings import about, flag, flags

_NARROW = 80


def commands() -> str:
    """The help of every command."""
    group: Any = typer.main.get_command(app)
    parts = ["# Commands", "", f"```text\n{_help('bulkload', group)}\n```"]
    for name, command in group.commands.items():
        parts += ["", f"## {name}", "", f"```text\n{_help(f'bulkload {name}', command)}\n```"]
    return "\n".join(parts)


def operations() -> str:
    """The table of operations."""
    return f"# Operations\n\n{markdown_table()}\n\nTheir columns: [columns](columns.md)."


def columns() -> str:
    """The columns of every operation, in the newest of its dialects that is no legacy."""
    parts = ["# Columns", "", "`bulkload columns OPERATION --dialect DIALECT` shows those of another dialect."]
    for operation in OPERATIONS.values():
        dialect = sorted(operation.dialects)[0]
        text = "\n".join(column_lines(operation, dialect)).partition("\n")[2].strip()
        parts += ["", f"## {operation.name}", "", f"Dialect {dialect}.", "", f"```text\n{text}\n```"]
    return "\n".join(parts)


def states() -> str:
    """States of rows, and exit codes."""
    found = re.search(r"^\| code \|.*?(?=\n\n)", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    codes = found[0] if found else ""
    return f"# States and exit codes\n\n## States\n\n{state_table()}\n\n## Exit codes\n\n{codes}"


def settings() -> str:
    """Options of a load, and variables of the environment."""
    options = [
        f"| `{flag(name)}` | `{name}` | {_cell(about(each).help)} | `{each.default}` |"
        for name, each in flags().items()
    ]
    variables = [
        f"| `{variable}` | {f'`{member}`' if member else ''} |" for variable, member in (n for n in NAMES.values())
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "## Options of a load",
            "",
            "| flag | in Python | meaning | default |",
            "|---|---|---|---|",
            *options,
            "",
            "## LUSID and credentials",
            "",
            "Variables of the environment come first, then the members of a `secrets.json` in the working folder or",
            "where `FBN_SECRETS_PATH` points. `FBN_PROFILE` chooses one of the newest SDK's profiles.",
            "",
            "| variable | in secrets.json |",
            "|---|---|",
            *variables,
        ]
    )


def files() -> str:
    """The files of a run."""
    section = ARCHITECTURE.read_text("utf-8").partition("## The files of a run\n")[2].partition("\n### ")[0]
    section = re.sub(r"\]\((?=[\w-]+\.)", "](../", section)  # the page is one folder further down
    parts = ["# The files of a run", section.strip(), "## journal.jsonl", journal_table()]
    return "\n\n".join([*parts, "## outcomes.parquet", outcomes_table()])


PAGES: Mapping[str, Callable[[], str]] = {
    "commands": commands,
    "operations": operations,
    "columns": columns,
    "states": states,
    "settings": settings,
    "files": files,
}
"""The pages by name, in the order of the site."""


def _help(name: str, command: Any) -> str:
    context = typer.Context(command, info_name=name, terminal_width=_NARROW, max_content_width=_NARROW)
    return str(command.get_help(context)).rstrip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
