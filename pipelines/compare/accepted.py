"""What a run had accepted, as its outcomes.parquet says: nothing else of the delivery is believed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.compare.sampling import Sample
from pipelines.history.forgetting.person import stands_for_a_person
from schemas.errors import ConfigError
from schemas.states import State

AT_ONCE = 1000
"""Keys that are read back together."""

_COLUMNS = ["key", "source", "rows", "lusid_id", "request_id"]


@dataclass(frozen=True)
class AcceptedKey:
    """A key that LUSID accepted, with its first file and its rows there.

    Attributes:
        lusid_id: LUSID's own id of the entity, where the answer had it.
        request_id: LUSID's id of the call that settled it.
    """

    key: str
    source: str
    rows: list[int]
    lusid_id: str | None
    request_id: str | None


class AcceptedKeys:
    """The accepted keys of a run, streamed.

    Attributes:
        count: how many there are, sampled or not.
        forgotten: how many are left out, because their person was forgotten: nobody knows any more what they were.
    """

    def __init__(self, path: Path, files: int, sample: Sample | None, *, some_forgotten: bool = False) -> None:
        """Chooses which of them are read back.

        Args:
            path: outcomes.parquet.
            files: of the extract.
            sample: how many; None for all.
            some_forgotten: whether a person of the run was forgotten.

        Raises:
            ConfigError: there is no such file, or it is damaged.
        """
        try:
            self._file = pq.ParquetFile(path)
            places = _places(self._file, files)
            known = _still_known(self._file, places) if some_forgotten else places
        except (OSError, KeyError, pa.ArrowException):
            raise ConfigError(f"{path} is missing or damaged: what the run had accepted is not known") from None
        self.count, self.forgotten = len(known), len(places) - len(known)
        self._wanted = known if sample is None else sample.of(known)

    def __len__(self) -> int:
        return len(self._wanted)

    def batches(self) -> Iterator[list[AcceptedKey]]:
        """The keys that are to be read back, some at a time, in the order of the file."""
        at, start = 0, 0
        for batch in self._file.iter_batches(AT_ONCE, columns=_COLUMNS):
            end = int(np.searchsorted(self._wanted, start + len(batch)))
            if chosen := batch.take(pa.array(self._wanted[at:end] - start)).to_pylist():
                yield [AcceptedKey(**line) for line in chosen]
            at, start = end, start + len(batch)


def _places(file: pq.ParquetFile, files: int) -> npt.NDArray[np.int64]:
    """The places of the accepted keys among the lines, shape (keys,), ascending.

    A key with rows in several files has a line for each of them, of which the first counts.
    """
    found, seen, start = [np.empty(0, np.int64)], set[int](), 0
    for batch in file.iter_batches(columns=["key", "state"]):
        accepted = pc.equal(batch["state"].cast("string"), State.ACCEPTED.value)
        places = np.flatnonzero(accepted.to_numpy(zero_copy_only=False))
        if files > 1:
            names = map(hash, batch["key"].take(pa.array(places)).to_pylist())
            first = dict(zip(reversed([*names]), reversed(places), strict=True))
            places = np.array(sorted(place for name, place in first.items() if name not in seen), np.int64)
            seen.update(first)
        found.append(places + start)
        start += len(batch)
    return np.concatenate(found)


def _still_known(file: pq.ParquetFile, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The places whose key is not a word in place of one that was forgotten."""
    is_gone, start = np.zeros(file.metadata.num_rows, bool), 0
    for batch in file.iter_batches(columns=["key"]):
        is_gone[start : start + len(batch)] = [stands_for_a_person(key) for key in batch["key"].to_pylist()]
        start += len(batch)
    return places[~is_gone[places]]
