"""plan.parquet: what a load would do with each key of an extract, as `bulkload plan` read LUSID beforehand.

It holds personal data, and is written under a temporary name first (`folder.atomic_write`). Its metadata say what was
planned: another extract, mapping, target or dialect is another load.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.run_folder.results import LineFile
from schemas.errors import ConfigError

PLANNED_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("source", pa.string()),
        ("rows", pa.list_(pa.int64())),
        ("effect", pa.dictionary(pa.int8(), pa.string())),
        ("member", pa.string()),
        ("held", pa.string()),
        ("sent", pa.string()),
        ("code", pa.string()),
        ("reason", pa.string()),
        ("request", pa.int64()),
        ("version", pa.string()),
    ]
)
"""One line for each key, and for one that would be changed a line for each of its members that would."""

_FOLLOWED = ["request", "effect", "version", "code", "reason"]
_GIVEN = b"bulkload.load"
_COUNTS = b"bulkload.keys"


class PlannedLine(NamedTuple):
    """One line.

    Attributes:
        rows: `_row` numbers in `source`.
        member: what would be changed; None where the key would not be.
        held: what LUSID holds of the member; None where it holds nothing.
        sent: what the load would send of it.
        code, reason: why the key would be refused.
        request: its number; None for a row that makes no request.
        version: which version LUSID holds; None where it holds none.
    """

    key: str | None
    source: str
    rows: list[int]
    effect: str
    member: str | None = None
    held: str | None = None
    sent: str | None = None
    code: str | None = None
    reason: str | None = None
    request: int | None = None
    version: str | None = None


class PlannedFile(LineFile):
    """plan.parquet, while it is written."""

    def __init__(self, path: Path, given: Mapping[str, Any]) -> None:
        """Begins the file.

        Args:
            path: where it is written.
            given: what is planned, as JSON members.
        """
        super().__init__(path, PLANNED_SCHEMA.with_metadata({_GIVEN: orjson.dumps(given)}))

    def add(self, lines: Iterable[PlannedLine]) -> None:
        """Adds lines."""
        if columns := list(zip(*lines, strict=True)):
            self.write(dict(zip(PLANNED_SCHEMA.names, columns, strict=True)))

    def finish(self, counts: Mapping[str, int]) -> None:
        """Adds the keys by effect, once all lines are written: without them the file is not whole."""
        self.note(_COUNTS, orjson.dumps(counts))


class StoredPlan:
    """A plan.parquet that was written earlier.

    Attributes:
        path: where it is.
        given: what was planned, as JSON members.
        counts: keys by effect.
    """

    def __init__(self, path: Path) -> None:
        """Opens it.

        Raises:
            ConfigError: there is no such file, or it is no plan.
        """
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
            said = self._file.metadata.metadata or {}
            self.given: Mapping[str, Any] = orjson.loads(said[_GIVEN])
            self.counts: Mapping[str, int] = orjson.loads(said[_COUNTS])
        except OSError as error:
            raise ConfigError(f"the plan {path} cannot be read: {error.strerror or 'it is no plan.parquet'}") from None
        except (pa.ArrowException, KeyError, orjson.JSONDecodeError):
            hint = (
                f"{path.with_suffix('.parquet')} beside it is"
                if path.suffix == ".html"
                else "`bulkload plan` writes them"
            )
            raise ConfigError(f"{path} is no plan, or it is damaged: {hint}") from None

    def lines(self) -> Iterator[tuple[int | None, str, str | None, str | None, str | None]]:
        """The request, effect, version, code and reason of each line.

        Raises:
            ConfigError: the file is damaged.
        """
        try:
            for batch in self._file.iter_batches(columns=_FOLLOWED):
                yield from zip(*(batch[name].to_pylist() for name in _FOLLOWED), strict=True)
        except (OSError, pa.ArrowException):
            raise ConfigError(f"{self.path} is damaged: plan again") from None
