"""What a worker needs to send requests of a run, in a file that only who loads can read."""

import pickle
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from connectors.run_folder.private_files import open_private
from connectors.run_folder.scratch import EntryFile, KeptEntries
from pipelines.deliver.doubts import Before
from pipelines.deliver.sender import Portion
from pipelines.operations.operation import CallSpec
from pipelines.options import Options
from pipelines.prepare.reading import Prepared, Requests
from pipelines.prepare.row_book import Book, ParametersOfCalls, Said, row_named
from schemas.assumptions import Assumptions
from schemas.errors import ConfigError, RunFolderError


class _Places(NamedTuple):
    """Where rows stand, by batches: the first ordinal of each, the number of that row, and its file."""

    starts: Sequence[int]
    rows: Sequence[int]
    sources: Sequence[int]
    names: Sequence[str]

    @classmethod
    def of(cls, book: Book) -> Self:
        """Those of a book."""
        found = [(each.start, each.first_row, each.source) for each in book.batches]
        starts, rows, sources = zip(*found, strict=True) if found else ((), (), ())
        return cls(starts, rows, sources, [source.name for source in book.extract.sources])

    def where(self, ordinal: int) -> str:
        """A row as a person finds it."""
        at = bisect_right(self.starts, ordinal) - 1
        row = self.rows[at] + ordinal - self.starts[at]
        return row_named(self.names[self.sources[at]], row, alone=len(self.names) == 1)


@dataclass(frozen=True)
class Handover:
    """What is handed over once for a run.

    Attributes:
        about: how to send.
    """

    about: "About"
    _entries: KeptEntries
    _keys: KeptEntries
    _entry_of: npt.NDArray[np.int64]
    _first_row: npt.NDArray[np.int64]
    _said: Said
    _places: _Places
    _version: str = field(default_factory=lambda: version("lusid-bulkload"))

    @classmethod
    def of(cls, prepared: Prepared, about: "About") -> Self:
        """What is handed over of requests whose files have names."""
        return cls(
            about._replace(options=replace(about.options, target=None, hold={})),
            _entries=prepared.entries.kept(),
            _keys=prepared.keys.kept(),
            _entry_of=prepared.entry_of,
            _first_row=prepared.first_row,
            _said=prepared.wides.said,
            _places=_Places.of(prepared.book),
        )

    def write(self, path: Path) -> None:
        """Writes it, for its owner only; raises RunFolderError where it cannot be written."""
        with open_private(path, named=True) as file:
            pickle.dump(self, file, pickle.HIGHEST_PROTOCOL)

    @classmethod
    def read(cls, path: Path, who: str) -> Self:
        """What was handed over.

        Args:
            path: where.
            who: the worker, for people.

        Raises:
            ConfigError: the worker has another version of bulkload.
            RunFolderError: it is not there, or not any more.
        """
        try:
            found: Self = pickle.loads(path.read_bytes())  # noqa: S301 - from the process that loads
        except OSError as error:
            raise RunFolderError(
                f"the Dask worker {who} cannot read {path}: {error.strerror}: --runs must be a folder that all workers "
                "share, by the same path and as the same user"
            ) from None
        if found._version != (own := version("lusid-bulkload")):
            raise ConfigError(f"the Dask worker {who} has bulkload {own}, and this is {found._version}: install one")
        return found

    def requests(self) -> Requests:
        """The requests; raises RunFolderError where their files are not there."""
        wides = ParametersOfCalls(None)
        wides.adopt(0, self._said)
        try:
            entries, keys = EntryFile.reopened(self._entries), EntryFile.reopened(self._keys)
        except OSError as error:
            raise RunFolderError(f"{error.filename}: cannot be read: {error.strerror}") from None
        return Requests(entries, self._entry_of, self._first_row, keys, wides)

    def name(self, requests: Requests, request: int) -> tuple[str, str]:
        """The key of a request, bounded, and its first row as a person finds it."""
        return requests.key_named(request), self._places.where(int(self._first_row[request]))


class About(NamedTuple):
    """How the requests of a run are sent.

    Attributes:
        journal: the run's.
        url: the target's.
        options: of the load; its target and its held references are not handed over.
        portion: how much goes out in one call.
        started: when the run began, as its manifest has it.
        lag: seconds by which reads may lag behind writes.
        before: what is known of the requests from before anything was handed over.
    """

    journal: Path
    url: str
    options: Options
    portion: Portion
    spec: CallSpec
    started: str
    lag: float
    assumed: Assumptions
    before: Before


def homes_of(prepared: Prepared, wrote: Mapping[str, str]) -> npt.NDArray[np.int64]:
    """For each request, the place of the file that it is in among those of the entries, in `wrote`; else -1."""
    files, begins, ends = prepared.entries.kept()
    known = np.array([list(wrote).index(name) if name in wrote else -1 for name in files], np.int64)
    at = np.searchsorted(np.array(begins), ends[prepared.entry_of], side="right") - 1
    return known[at]
