"""What a load is to do, before anything of it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from pipelines.history.replays.rows import ReplayRows
from pipelines.loading.earlier import Earlier
from pipelines.operations.operation import Operation
from pipelines.operations.table import operation_named
from pipelines.options import Extracts, Options, Progress
from pipelines.report.report import Report


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


CarryOut = Callable[[LoadSpec], Report]
"""Carries out a load, as `pipelines.load.carry_out` does."""
