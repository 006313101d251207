"""A load to be carried out, before anything of it is opened."""

from dataclasses import dataclass, field

from pipelines.history.replay_rows import ReplayRows
from pipelines.loading.earlier import Earlier
from pipelines.operations.operation import Operation
from pipelines.options import Extracts, Options, Progress


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
    progress: Progress = field(default_factory=Progress)
    earlier: Earlier | None = None
    replayed: ReplayRows | None = None
