"""Folders that are named for a value of all rows in them (`country=FR`), as Hive and Spark write datasets.

Owns what such a folder says, and a file with these values as columns. Must not know how files are found or read.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import unquote

from connectors.extracts.batches import ColumnType, Found, Position, RowBatch, RowFile, Shard, trimmed
from connectors.extracts.characters import CONTROL
from schemas.errors import ExtractError

BELOW = "//"
"""Stands in a name between a dataset's folder and what is below it: there, and nowhere else, `key=value` counts."""

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_NOTHING = "__HIVE_DEFAULT_PARTITION__"
"""What stands for no value, in Hive and all that followed it."""


def is_partition(folder: str) -> bool:
    """Whether a folder's name is a column and its value."""
    return folder.find("=") > 0


def partitions_of(name: str) -> dict[str, str]:
    """The columns that a file's name gives it, by the folders of its dataset; mostly none.

    Raises:
        ExtractError: two folders give the same column, or one gives a value that no cell can be.
    """
    _, below, path = _SCHEME.sub("", name).rpartition(BELOW)
    found: dict[str, str] = {}
    for folder in path.split("/")[:-1] if below else ():
        key, equals, value = (unquote(part) for part in folder.partition("="))
        key = trimmed(key)
        if not equals or not key:
            continue
        if key in found:
            raise ExtractError(f"{name}: its folders name the column {key!r} twice: rename one of them")
        if "\0" in value or CONTROL.search(value):
            raise ExtractError(f"{name}: the name of a folder holds a control character: rename it")
        found[key] = "" if value == _NOTHING else value
    return found


class PartitionedFile:
    """A file with further columns, each of which holds one text in all rows.

    Attributes:
        columns: those of the file, then the further ones.
    """

    def __init__(self, file: RowFile, partitions: dict[str, str], name: str) -> None:
        """Takes a file that is open for reading.

        Args:
            file: the file.
            partitions: the further columns, each with its text.
            name: the file's name, for messages.

        Raises:
            ExtractError: the file has such a column itself.
        """
        both = next((column for column in partitions if column in file.columns), None)
        if both is not None:
            raise ExtractError(
                f"{name}: column {both!r} is in the file and in the name of its folder: have it written in one of them"
            )
        self._file, self._partitions = file, partitions
        self.columns = [*file.columns, *partitions]

    @property
    def found(self) -> Found:
        """What the last reading of the file found."""
        return self._file.found

    @property
    def weight(self) -> int:
        """That of the file."""
        return self._file.weight

    def cut(self, places: Sequence[float]) -> list[Shard]:
        """The shards of the file."""
        return self._file.cut(places)

    def types(self) -> dict[str, ColumnType]:
        """Those of the file: what a folder's name says is text."""
        return self._file.types()

    def unreadable(self) -> dict[str, str]:
        """Those of the file."""
        return self._file.unreadable()

    def has_midnights(self, column: str) -> bool:
        """Whether the file has."""
        return column not in self._partitions and self._file.has_midnights(column)

    def batches(
        self, order: list[str], used: Collection[str] | None = None, shard: Shard | None = None
    ) -> Iterator[RowBatch]:
        """Those of the file, with the further columns."""
        inner = self._inner(order)
        own = None if used is None else [name for name in used if name not in self._partitions]
        return (self._filled(batch, order) for batch in self._file.batches(inner, own, shard))

    def reread(self, position: Position, order: list[str]) -> RowBatch:
        """The same of one batch."""
        return self._filled(self._file.reread(position, self._inner(order)), order)

    def place(self, row: int) -> str:
        """Where the row is in the file."""
        return self._file.place(row)

    def notes(self, found: Found) -> Iterable[str]:
        """Those of the file."""
        return self._file.notes(found)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _inner(self, order: list[str]) -> list[str]:
        return [name for name in order if name not in self._partitions]

    def _filled(self, batch: RowBatch, order: list[str]) -> RowBatch:
        read = iter(batch.columns)
        texts, count = self._partitions, len(batch)
        columns = [[texts[name]] * count if name in texts else next(read) for name in order]
        return replace(batch, columns=columns)
