"""What a load is to do, before anything of it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from connectors.extracts.frame_extract import is_frame
from pipelines.history.replays.rows import ReplayRows
from pipelines.loading.earlier import Earlier
from pipelines.operations.operation import Operation
from pipelines.operations.table import operation_named
from pipelines.options import Extracts, Options, Progress
from pipelines.report.report import Report
from schemas.errors import FatalError
from schemas.texts import many

MOST_NAMED = 3
"""Files of an extract that are named where one of several loads is refused."""


@dataclass(frozen=True)
class LoadSpec:
    """What a load is to do: the operation, the extract and the options.

    Attributes:
        extract: as the caller gave it.
        progress: told what happens.
        earlier: the stopped run that the load resumes.
        replayed: the rows of another run that the load replays.
    """

    operation: Operation
    extract: Extracts
    options: Options
    progress: Progress
    earlier: Earlier | None = None
    replayed: ReplayRows | None = None

    @classmethod
    def of(cls, operation: str, extract: Extracts, *, progress: Progress | None = None, **options: Any) -> Self:
        """The spec of loading an extract from plain values.

        Args:
            operation: its name, such as `investor-records`.
            extract: files, globs or directories of CSV or Parquet, or a pandas DataFrame.
            progress: told what happens.
            options: fields of `Options`.

        Raises:
            ConfigError: there is no such operation, or an option is wrong.
        """
        declared = operation_named(str(operation))  # anything else than a name is refused as an unknown name
        return cls(declared, extract, Options.of(**options), progress or Progress())


def named(error: FatalError, operation: str, extract: Extracts) -> FatalError:
    """What is wrong with one of several loads, with its operation and its files.

    Args:
        error: of the load.
        operation: the load's.
        extract: the load's.
    """
    paths = (
        [] if is_frame(extract) else [str(path) for path in ([extract] if isinstance(extract, str | Path) else extract)]
    )
    if not paths or any(path in error.message for path in paths):
        return error.reworded(lambda text: text if text.startswith(f"{operation}:") else f"{operation}: {text}")
    more = f" and {many(len(paths) - MOST_NAMED, 'other', 'others')}" if len(paths) > MOST_NAMED else ""
    return error.reworded(lambda text: f"{operation} ({', '.join(paths[:MOST_NAMED])}{more}): {text}")


CarryOut = Callable[[LoadSpec], Report]
"""Carries out a load, as `pipelines.load.carry_out` does."""
