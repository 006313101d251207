"""Values that LUSID keeps unique (identifiers, an order's id) and that stand under more than one key of an extract.

Of two requests with one such value, one would overwrite the other: neither is sent. Found in 8 bytes a row and value
(16 where some rows have none) or, where it may be shared, 90 more; such rows are read again, for a hash that repeats
proves nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from pipelines.operations.operation import Operation
from pipelines.prepare.grouping import named_rows
from pipelines.prepare.key_index import KeyIndex
from pipelines.prepare.row_book import Book
from schemas.dialects import ONLY_2_3, Dialect
from schemas.rows.binding import Binding
from schemas.rows.validated import Sheet
from schemas.rows.whole.keys import all_texts, joined
from schemas.states import State

_APART = "\0"
_DIGEST = "S32"


@dataclass(frozen=True)
class Unique:
    """Columns whose values together belong to one key.

    Attributes:
        code: what a row that shares them is refused with.
        match_case: whether values that differ in case are two.
    """

    columns: tuple[str, ...]
    code: str
    match_case: bool = True


def unique_values(operation: Operation, binding: Binding, dialect: Dialect, *, match_case: bool = True) -> list[Unique]:
    """What an operation's keys may not share, as far as the key itself does not tell already.

    Args:
        match_case: whether values of identifiers that differ in case are two; else two keys may be one entity.
    """
    identifiers = [*binding.columns.values_of("identifier")]
    if match_case and not binding.has_own_key and operation.key.any_of == "identifier:":
        identifiers = identifiers[1:]  # where the first is filled, it is the key
    scope = ("scope",) if dialect in ONLY_2_3 and "scope" in binding.columns else ()
    found = [Unique((*scope, name), "SharedIdentifier", match_case) for name in identifiers]
    return [*found, *([Unique(operation.alone, "SharedMember")] if operation.alone else [])]


class SharedValues:
    """Notes the unique values of an extract, and refuses the rows that share one with another key."""

    def __init__(self, unique: Sequence[Unique]) -> None:
        self._indices = [(each, KeyIndex()) for each in unique]

    def extend(self, start: int, sheet: Sheet, unknown: Collection[int]) -> None:
        """Notes the values of a batch.

        Args:
            start: ordinal of its first row: 0-based over the whole extract.
            sheet: its rows, refused ones too: they may be sent once they are corrected.
            unknown: positions of rows without a key, or of which nobody knows which cell is which.
        """
        for each, index in self._indices:
            values = _values(each, sheet.cells)
            if unknown:
                values = ["" if position in unknown else value for position, value in enumerate(values)]
            index.extend(start, values)

    @property
    def indices(self) -> list[KeyIndex]:
        """The values so far, for who adopts them."""
        return [index for _, index in self._indices]

    def adopt(self, start: int, indices: Sequence[KeyIndex]) -> None:
        """Takes over the values of a portion whose first row is row `start`."""
        for (_, index), other in zip(self._indices, indices, strict=True):
            index.adopt(start, other)

    def refuse(self, book: Book, binding: Binding, key_of: Callable[[int], bytes]) -> None:
        """Refuses every row that shares a value with a row of another key; each names the others.

        Args:
            key_of: reads the key of a row.
            book: rows that gave way to another of their key stay what they are.
            binding: how rows are read, to read them again.
        """
        for each, index in self._indices:
            rows = np.array([o for o in index.repeated(key_of, book.requests).tolist() if _counts(book, o)], np.int64)
            if len(rows):
                _refuse_shared(each, book, binding, rows)


def _counts(book: Book, ordinal: int) -> bool:
    """Whether a row may be sent, now or once it is corrected; a copy fares as what it is a copy of."""
    return book.state(ordinal) is not State.DUPLICATE or book.note(ordinal)[0] == "Copy"


def _values(each: Unique, cells: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The value of each row, '' where a part of it is absent or refused."""
    columns = [cells[name] for name in each.columns]
    if not each.match_case:
        columns = [[value.casefold() for value in column] for column in columns]
    if len(columns) == 1:
        return columns[0]
    if texts := all_texts(columns):
        return joined(texts, _APART)
    return [_APART.join(parts) if all(parts) else "" for parts in zip(*columns, strict=True)]


def _refuse_shared(each: Unique, book: Book, binding: Binding, rows: npt.NDArray[np.int64]) -> None:
    """Refuses those of these rows, of each of which the value may repeat, that have the value of another key."""
    values, keys = _read_again(each, book, binding, rows)
    order = np.lexsort((rows, values))
    starts = np.flatnonzero(np.concatenate(([True], values[order][1:] != values[order][:-1])))
    name = " and ".join(map(binding.name, each.columns))
    for group in np.split(order, starts[1:]):
        own: dict[bytes, list[int]] = {}
        sharing = [*zip(rows[group].tolist(), keys[group].tolist(), strict=True)]
        for ordinal, key in sharing:
            own.setdefault(key, []).append(ordinal)
        for key, ordinals in own.items() if len(own) > 1 else ():
            others = (ordinal for ordinal, other in sharing if other != key)
            said = named_rows(book, others, len(group) - len(ordinals))
            for ordinal in ordinals:
                if book.state(ordinal) is not State.INVALID:
                    book.settle(ordinal, State.INVALID, each.code, f"{said} the same {name} in another request")


def _read_again(
    each: Unique, book: Book, binding: Binding, rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.bytes_]]:
    """Digests of the values and of the keys of rows, in their order."""
    wanted = np.zeros(len(book), np.bool_)
    wanted[rows] = True
    values, keys = bytearray(), bytearray()
    for batch in book.batches_with(wanted):
        sheet = binding.read(book.extract.reread(batch.position).columns)
        found = _values(each, sheet.cells)
        for place in np.flatnonzero(wanted[batch.start : batch.start + batch.count]).tolist():
            values += _digest(found[place])
            keys += _digest(sheet.keys[place])
    return np.frombuffer(values, _DIGEST), np.frombuffer(keys, _DIGEST)


def _digest(text: str) -> bytes:
    """What stands for a text in an array; in hexadecimal, for numpy cuts zeros off at the end."""
    return blake2b(text.encode(), digest_size=16).hexdigest().encode()
