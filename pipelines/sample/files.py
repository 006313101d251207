"""Writes the sample's rows as CSV and as typed Parquet, a chunk at a time.

The Parquet file is made from the texts of the CSV file, so the two cannot differ. A file appears under its name when it
is complete. Knows nothing of how rows are made.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.sample import accounts, investors, orders
from pipelines.sample.plan import Cells
from schemas.errors import ConfigError

ROW_GROUP: Final = 65_536
"""Rows of a Parquet row group, whatever the size of the chunks."""

_WORDS = (
    *("investor_type", investors.COUNTRY, investors.NET_WORTH_UNIT, "account_type", accounts.COUNTRY),
    *("side", "type", "time_in_force", "state", "limit_currency", orders.DESK),
)
"""Columns that hold few different texts."""
_TYPES: Final[Mapping[str, pa.DataType]] = {
    **dict.fromkeys(_WORDS, pa.dictionary(pa.int32(), pa.string())),
    **dict.fromkeys((investors.COUNTRY_FROM, accounts.COUNTRY_FROM), pa.date32()),
    investors.NET_WORTH: pa.decimal128(18, 2),
    investors.MARKET_LABELS: pa.list_(pa.string()),
    **dict.fromkeys(("quantity", "limit_price"), pa.decimal128(18, 4)),
    **dict.fromkeys(("date", "order_date"), pa.timestamp("us", tz="UTC")),
}
"""The types of columns that are not plain text."""

Sink = Callable[[Cells], None]


@contextmanager
def writable_folder(folder: Path) -> Iterator[None]:
    """Creates a folder for the block, and turns a failure to write into it into a ConfigError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ConfigError(f"cannot write the sample to {folder}: {error.strerror}") from error


def write_rows(chunks: Iterable[Cells], paths: Mapping[str, Path], header: Sequence[str], odd: Cells) -> None:
    """Writes every chunk to each path.

    Args:
        chunks: the rows, in order, all with the columns of `header`.
        paths: the file for each format (`csv`, `parquet`).
        header: the columns, in order.
        odd: the texts that a column holds in addition to drawn ones; a column becomes text if its Parquet type cannot
            hold one of them.
    """
    with ExitStack() as stack:
        sinks = [stack.enter_context(_SINKS[kind](path, header, odd)) for kind, path in paths.items()]
        for chunk in chunks:
            for sink in sinks:
                sink(chunk)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Yields a file that gets its name only when it is complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv_sink(path: Path, header: Sequence[str], odd: Cells) -> Iterator[Sink]:
    del odd  # CSV can hold any text
    with _whole(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        yield lambda chunk: writer.writerows(zip(*(chunk[c] for c in header), strict=True))


@contextmanager
def _parquet_sink(path: Path, header: Sequence[str], odd: Cells) -> Iterator[Sink]:
    schema = pa.schema([(column, column_type(column, odd.get(column, []))) for column in header])
    waiting: Cells = {column: [] for column in header}
    with _whole(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def write(rows: int) -> None:
            table = pa.table([_array(waiting[f.name][:rows], f.type) for f in schema], schema=schema)
            writer.write_table(table, row_group_size=ROW_GROUP)
            for texts in waiting.values():
                del texts[:rows]

        def take(chunk: Cells) -> None:
            for column, texts in waiting.items():
                texts.extend(chunk[column])
            while len(waiting[header[0]]) >= ROW_GROUP:
                write(ROW_GROUP)

        yield take
        if waiting[header[0]]:
            write(ROW_GROUP)


_SINKS = {"csv": _csv_sink, "parquet": _parquet_sink}
FORMATS = tuple(_SINKS)
"""The formats that can be written."""


def column_type(column: str, odd: Sequence[str] = ()) -> pa.DataType:
    """The Parquet type of a column; text if the type cannot hold one of the `odd` texts."""
    known = _TYPES.get(column, pa.string())
    try:
        _array(odd, known)
    except pa.ArrowInvalid:
        return pa.string()
    return known


def _array(texts: Sequence[str], to: pa.DataType) -> pa.Array:
    """Converts texts to a column of a type; an empty text becomes null."""
    plain = pa.array(texts, pa.string())
    plain = pc.replace_with_mask(plain, pc.equal(plain, ""), pa.scalar(None, pa.string()))
    if pa.types.is_list(to):
        return pc.split_pattern(plain, "|")
    return plain.dictionary_encode() if pa.types.is_dictionary(to) else plain.cast(to)
