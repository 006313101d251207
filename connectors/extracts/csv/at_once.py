"""Cuts bytes that are proven clean into columns at once, in Arrow's own CSV reader.

Owns what that reader may be given, and the proof that it found the records that are there. Where it cannot tell,
nothing is lost: `blocks` has other ways.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from connectors.extracts.batches import REPLACEMENT
from connectors.extracts.csv.fitting import Layout
from connectors.extracts.csv.format import CsvFormat
from schemas.rows.whole.arrays import text_array
from schemas.rows.whole.columns import Texts

_MARK = b"\xef\xbb\xbf"
"""A byte order mark, which Arrow takes off the beginning."""

_REPLACED = REPLACEMENT.encode()


def columns_at_once(octets: bytes, layout: Layout, rules: CsvFormat, records: int) -> Sequence[Texts] | None:
    """The columns of some records; None where they cannot be had this way.

    Args:
        octets: whole records, in the encoding of `rules`, with neither NUL nor bare CR, and quotes where RFC 4180 has
            them.
        layout: the columns.
        rules: how the file is read.
        records: as many as the line ends say.
    """
    if rules.until is not None or rules.swapped or len(rules.delimiter) > 1 or not rules.delimiter.isascii():
        return None
    if rules.encoding.name != "utf-8":
        octets = octets.decode(rules.encoding.name, "replace").encode()
    if octets.startswith(_MARK) or _REPLACED in octets:
        return None
    try:
        found = _read(octets, layout.whole, rules)
    except pa.ArrowInvalid:  # a record with more or fewer cells
        return None
    columns = [Texts(_in_one(column)) for column in found.columns]
    width = len(layout.columns)
    if found.num_rows != records or any(each.longest for each in columns[width:]):
        return None
    begins = text_array([record[0].encode() for record in layout.header if record])
    if pc.any(pc.is_in(columns[0].array, value_set=begins)).as_py():  # the header may be there again
        return None
    return columns[:width]


def _read(octets: bytes, width: int, rules: CsvFormat) -> pa.Table:
    names = [str(place) for place in range(width)]
    read = pa.csv.ReadOptions(use_threads=False, block_size=len(octets) + 1, column_names=names)
    cut = pa.csv.ParseOptions(
        delimiter=rules.delimiter, quote_char=rules.quote or False, double_quote=True, newlines_in_values=True
    )
    kept = pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    return pa.csv.read_csv(pa.BufferReader(octets), read, cut, kept)


def _in_one(column: pa.ChunkedArray) -> Any:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
