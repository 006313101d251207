"""Arrow arrays of plain values, without pandas.

`pyarrow.array` imports pandas to see whether it is given anything of its; that takes longer than a small load. Here an
array is laid out in buffers as Arrow's columnar format has it. Only the types that files of a run have are known.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_LARGEST_OFFSET = (1 << 31) - 1


def array_of(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """What `pyarrow.array(values, kind)` gives.

    Args:
        values: texts, whole numbers, or lists of either, as `kind` has it; None for a null.
        kind: any type; another than string, int64, a list or a dictionary of strings takes the way through pandas.
    """
    first = values[0] if values else None
    if (first is None or isinstance(first, str)) and values.count(first) == len(values):
        return _repeated(first, len(values), kind)
    if pa.types.is_string(kind):
        return _texts(values)
    if pa.types.is_int64(kind):
        numbers = np.array([value or 0 for value in values] if None in values else values, np.int64)
        return pa.Array.from_buffers(kind, len(values), [_validity(values), pa.py_buffer(numbers)])
    if pa.types.is_list(kind):
        offsets = _offsets(len(value or ()) for value in values)
        items = array_of([*chain.from_iterable(value or () for value in values)], kind.value_type)
        return pa.Array.from_buffers(kind, len(values), [_validity(values), offsets], children=[items])
    if pa.types.is_dictionary(kind) and kind.index_type == pa.int8():
        known = [value for value in dict.fromkeys(values) if value is not None]
        place = {value: number for number, value in enumerate(known)}
        numbers = np.array([place.get(value, 0) for value in values], np.int8)
        places = pa.Array.from_buffers(pa.int8(), len(values), [_validity(values), pa.py_buffer(numbers)])
        return pa.DictionaryArray.from_arrays(places, array_of(known, kind.value_type))
    return pa.array(values, kind)


def numbers_of(values: npt.NDArray[np.number[Any]]) -> pa.Array:
    """What `pyarrow.array(values)` gives of a numpy array of numbers; it shares its memory."""
    plain = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(plain.dtype), len(plain), [None, pa.py_buffer(plain)])


def _repeated(value: str | None, count: int, kind: pa.DataType) -> pa.Array:
    """The same text, or null, so many times."""
    if value is None:
        return pa.nulls(count, kind)
    if not pa.types.is_string(kind):
        places = pa.Array.from_buffers(pa.int8(), count, [None, pa.py_buffer(bytes(count))])
        return pa.DictionaryArray.from_arrays(places, _texts([value]))
    return pa.repeat(_texts([value])[0], count)


def _texts(values: Sequence[str | None]) -> pa.Array:
    texts = [value or "" for value in values]
    together = "".join(texts).encode()
    if len(together) > _LARGEST_OFFSET:
        raise OverflowError(f"{len(together):,} bytes of text do not fit into one array")
    sizes = map(len, texts) if together.isascii() else (len(text.encode()) for text in texts)
    parts = [_validity(values), _offsets(sizes), pa.py_buffer(together)]
    return pa.Array.from_buffers(pa.string(), len(values), parts)


def _offsets(sizes: Iterable[int]) -> pa.Buffer:
    """Where each item begins, and where the last one ends."""
    return pa.py_buffer(np.array([*accumulate(sizes, initial=0)], np.int32))


def _validity(values: Sequence[Any]) -> pa.Buffer | None:
    """A bit for each value, 0 where it is null; None where none is."""
    if None not in values:
        return None
    there = np.fromiter((value is not None for value in values), bool, len(values))
    return pa.py_buffer(np.packbits(there, bitorder="little"))
