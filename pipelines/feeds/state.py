"""What a feed holds of each key: what was last accepted, for which date, and whether it has left the extract."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.run_folder.arrays import numbers_of
from connectors.run_folder.folder import atomic_write, sync
from pipelines.feeds.fingerprints import CANONICAL, Moments
from pipelines.feeds.place import HASH, Hashes
from schemas.errors import ConfigError, RunFolderError

FORMAT: Final = 1
NO_DAY: Final = np.iinfo(np.int32).min
"""In place of a day where there is none."""

Days = npt.NDArray[np.int32]
"""Days since 1970."""

_AT_ONCE = 1 << 16
_BUFFER = 1 << 20
_EPOCH = date(1970, 1, 1)
_HASHES = ("keys", "requests", "undated")
_NUMBERS = ("first_from", "dates", "gone")


def day_of(when: date) -> int:
    """A date as a number of days since 1970."""
    return (when - _EPOCH).days


def date_of(day: int) -> date:
    """The date of a number of days since 1970."""
    return _EPOCH + timedelta(days=int(day))


class Found(NamedTuple):
    """Where keys stand in a state.

    Attributes:
        places: of each key; of one that is not there it means nothing.
        known: whether it is there.
    """

    places: npt.NDArray[np.int64]
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FeedState:
    """What a feed holds, by key, in the order of the hashes of the keys.

    Attributes:
        keys: hashes of the keys, ascending.
        requests: the hash of the request that was last accepted; none where the key's last state was another.
        undated: the same without its effective-dated properties. first_from: the first date of these.
        dates: the business date for which it was accepted or found unchanged, or may have been.
        gone: the business date on which the key was first missing from the extract; NO_DAY while it is there.
        about: what is said of the whole: versions, the name of the hashes' key, the last run, the last full load.
    """

    keys: Hashes = field(default_factory=lambda: np.zeros(0, HASH))
    requests: Hashes = field(default_factory=lambda: np.zeros(0, HASH))
    undated: Hashes = field(default_factory=lambda: np.zeros(0, HASH))
    first_from: Moments = field(default_factory=lambda: np.zeros(0, np.int64))
    dates: Days = field(default_factory=lambda: np.zeros(0, np.int32))
    gone: Days = field(default_factory=lambda: np.zeros(0, np.int32))
    about: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def is_comparable(self) -> bool:
        """Whether requests are hashed in the form in which this version encodes them."""
        return not len(self) or self.about.get("canonical") == str(CANONICAL)

    @property
    def latest(self) -> date | None:
        """The latest business date of any load."""
        return date.fromisoformat(self.about["latest"]) if "latest" in self.about else None

    def saying(self, **about: str) -> Self:
        """The same, of which more is said."""
        return replace(self, about={**self.about, **about})

    def found(self, keys: Hashes) -> Found:
        """Where keys stand.

        They are looked for by their first halves and in the order of these, which takes a fifth of the time: numbers
        compare faster than texts, and what is looked for next is near. Where halves are the same, wholes decide.
        """
        if not len(self) or not len(keys):
            return Found(np.zeros(len(keys), np.int64), np.zeros(len(keys), bool))
        found = Found(np.empty(len(keys), np.int64), np.empty(len(keys), bool))
        halves = _first_halves(self.keys)
        for first in range(0, len(keys), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            found.places[some], found.known[some] = self._some(keys[some], halves)
        return found

    def _some(self, keys: Hashes, held: npt.NDArray[np.uint64]) -> Found:
        wanted = _first_halves(keys)
        order = np.argsort(wanted)
        places = np.empty(len(keys), np.int64)
        places[order] = np.minimum(np.searchsorted(held, wanted[order]), len(self) - 1)
        known = self.keys[places] == keys
        unsure = np.flatnonzero(~known & (held[places] == wanted))
        places[unsure] = np.minimum(np.searchsorted(self.keys, keys[unsure]), len(self) - 1)
        known[unsure] = self.keys[places[unsure]] == keys[unsure]
        return Found(places, known)

    def write(self, path: Path) -> None:
        """Writes it whole, in place of the one before; raises RunFolderError where it cannot be."""
        columns: dict[str, pa.Array] = {name: hash_column(getattr(self, name)) for name in _HASHES}
        columns |= {name: numbers_of(getattr(self, name)) for name in _NUMBERS}
        write_table(path, columns, {**self.about, "format": str(FORMAT)})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads what `write` wrote; where there is no file, nothing is held.

        Raises:
            ConfigError: it is damaged, or a later version of bulkload wrote it.
        """
        if not path.exists():
            return cls()
        columns, about = read_columns(path)
        try:
            found = {name: columns[name] for name in (*_HASHES, *_NUMBERS)}
        except KeyError:
            raise _damaged(path) from None
        return cls(**found, about=about)


def _first_halves(hashes: Hashes) -> npt.NDArray[np.uint64]:
    """The first eight bytes of hashes as numbers, which come in the same order."""
    return np.ascontiguousarray(hashes).view(">u8")[::2].astype(np.uint64)


def latest_of(path: Path) -> date | None:
    """The latest business date of a state that is on disk, which is not read for it; None where there is none.

    Raises:
        ConfigError: it is damaged.
    """
    if not path.exists():
        return None
    try:
        about = pq.read_schema(path).metadata or {}
    except (OSError, ValueError):
        raise _damaged(path) from None
    return date.fromisoformat(about[b"latest"].decode()) if b"latest" in about else None


def hash_column(hashes: Hashes) -> pa.Array:
    """Hashes as a column of a table."""
    plain = np.ascontiguousarray(hashes)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(plain), [None, pa.py_buffer(plain)])


def write_table(path: Path, columns: Mapping[str, pa.Array], about: Mapping[str, str]) -> None:
    """Writes a table with what is said of it, whole or not at all.

    Args:
        path: where to.
        columns: by name.
        about: texts that go with it.

    Raises:
        RunFolderError: it cannot be written.
    """
    told: dict[Any, Any] = dict(about)
    with atomic_write(path) as part:
        pq.write_table(pa.table(dict(columns)).replace_schema_metadata(told), part, use_dictionary=False)


def read_columns(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The columns of a table as numpy arrays, and what is said of it.

    They are read one after the other, for a feed may have millions of keys.

    Raises:
        ConfigError: it is damaged, or of a later version.
    """
    try:
        with pq.ParquetFile(path, buffer_size=_BUFFER) as file:
            schema = file.schema_arrow
            about = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
            if int(about.get("format", FORMAT)) > FORMAT:
                raise ConfigError(f"{path} was written by a later version of bulkload: use that one")
            return {each.name: _plain(file, each.name, each.type) for each in schema}, about
    except (OSError, ValueError):
        raise _damaged(path) from None


def _plain(file: pq.ParquetFile, name: str, kind: pa.DataType) -> npt.NDArray[Any]:
    """A column of hashes or numbers, none of them null, as numpy has it: without pandas, which pyarrow would import."""
    as_numpy: Any = HASH if pa.types.is_fixed_size_binary(kind) else kind.to_pandas_dtype()
    found, at = np.zeros(file.metadata.num_rows, as_numpy), 0
    for batch in file.iter_batches(_AT_ONCE, columns=[name], use_threads=False):
        some = batch.column(0)
        found[at : at + len(some)] = np.frombuffer(some.buffers()[1], as_numpy, len(some), some.offset * found.itemsize)
        at += len(some)
    return found


def remove(path: Path) -> None:
    """Removes a file, for good before anything else is done; raises RunFolderError where it cannot be."""
    try:
        os.unlink(path)  # noqa: PTH108
        sync(path.parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be removed: {error.strerror}") from None


def _damaged(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} is damaged, so what the feed last had accepted is not known: restore it, or remove {path.parent} to "
        "begin the feed anew; until every key has been loaded again an older date may then replace a newer one"
    )
