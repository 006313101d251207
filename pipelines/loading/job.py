"""A load to be carried out, before anything of it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from pipelines.history.replay_rows import ReplayRows
from pipelines.loading.earlier import Earlier
from pipelines.operations.operation import Operation
from pipelines.operations.table import operation_named
from pipelines.options import Extracts, Options, Progress
from pipelines.report.report import Report


@dataclass(frozen=True)
class Job:
    """A load to be carried out.

    Attributes:
        extract: as the caller gave it.
        progress: told what happens.
        earlier: a run that stopped, to go on with.
        replayed: the rows of another run that the extract takes up.
    """

    operation: Operation
    extract: Extracts
    options: Options
    progress: Progress
    earlier: Earlier | None = None
    replayed: ReplayRows | None = None

    @classmethod
    def of(cls, operation: str, extract: Extracts, *, progress: Progress | None = None, **options: Any) -> Self:
        """The job of loading an extract.

        Args:
            operation: its name, such as `investor-records`.
            extract: files, globs or directories of CSV or Parquet, or a pandas DataFrame.
            progress: told what happens.
            options: fields of `Options`.

        Raises:
            ConfigError: there is no such operation, or an option is wrong.
        """
        declared = operation_named(str(operation))  # what is no name is no operation's name
        return cls(declared, extract, Options.of(**options), progress or Progress())


CarryOut = Callable[[Job], Report]
"""What carries out a job, as `pipelines.load.carry_out` does."""
