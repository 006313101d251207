"""What a shell offers after Tab where an operation or a run is named. Reads names of folders, and fails silently."""

import os
import re
from pathlib import Path

import typer

from schemas.settings import RUNS

MOST_RUNS = 50
"""Runs that are offered: the newest."""

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[\w-]+")
"""What a run's folder is called; a shell evaluates what it is offered, so nothing else is."""


def operation_names(incomplete: str) -> list[tuple[str, str]]:
    """The operations whose names begin so, each with its endpoint."""
    from pipelines.operations.table import OPERATIONS

    return [(name, f"POST {each.path}") for name, each in OPERATIONS.items() if name.startswith(incomplete)]


def run_names(context: typer.Context, incomplete: str) -> list[str]:
    """`latest` and the ids of the newest runs in the folder of --runs that begin so, newest first."""
    folder = context.params.get("runs") or RUNS
    try:
        with os.scandir(Path(folder)) as entries:
            found = sorted((each.name for each in entries if _RUN_ID.fullmatch(each.name)), reverse=True)
    except OSError:
        found = []
    return [name for name in ["latest", *found[:MOST_RUNS]] if name.startswith(incomplete)]
