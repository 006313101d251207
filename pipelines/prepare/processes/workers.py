"""What a process is told that prepares a portion of an extract, what it tells when it ends, and who starts it."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from connectors.extracts.batches import Found, Shard
from connectors.extracts.extract import Extract
from pipelines.prepare.portion import Kept, PortionFiles, Rules
from schemas.rows.mapping import Mapping

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Workers:
    """The processes that may prepare an extract, and what they need to understand it as this one does.

    Attributes:
        most: processes; None stands for as many as the extract is worth.
        strict, mapping, null: what the binding was made with; see `schemas.rows.binding.Binding`.
        crew: starts them; None in a `Task`, which one of them is given.
    """

    most: int | None = None
    strict: bool = False
    mapping: Mapping | None = None
    null: Sequence[str] = ()
    crew: "Crew | None" = None


class Task(NamedTuple):
    """What a process prepares."""

    extract: Extract
    shards: Sequence[Shard]
    rules: Rules
    workers: Workers


class Outcome(NamedTuple):
    """How a process ended.

    Attributes:
        error: what ended it; the rest then means nothing.
        found: of each shard, with the index of its file.
        trailers: records that are marks of an end, and no rows.
    """

    error: Exception | None
    kept: Kept | None = None
    found: Sequence[tuple[int, Found]] = ()
    trailers: int = 0


class Ended(NamedTuple):
    """A portion that is prepared, and the files that it left."""

    files: PortionFiles
    outcome: Outcome


class Crew(Protocol):
    """Starts the processes that prepare portions, and ends them.

    Attributes:
        shares_files: whether processes elsewhere read the scratch files, so that these need names.
    """

    shares_files: bool

    def count(self, most: int | None, extract: Extract) -> int:
        """How many portions an extract is to be prepared in; more than one are prepared side by side.

        Args:
            most: as many as somebody asked for; None stands for as many as it is worth.
            extract: not read yet.
        """

    def prepare(
        self, count: int, cut: Callable[[int], Sequence[Task]], folder: Path, files: ExitStack, progress: Progress
    ) -> Sequence[Ended]:
        """Has processes prepare portions side by side, and another one where one dies; hashes the extract meanwhile.

        Args:
            count: portions, at most.
            cut: cuts the extract, the first portion so many bytes of text ahead of the others; gives the tasks of the
                portions, in their order, or none where it stays whole.
            folder: where scratch files go.
            files: closes the files that are left.
            progress: see `reading.prepare`.

        Raises:
            RunFolderError: processes died again and again over one portion.
        """
