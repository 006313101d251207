"""Arrow arrays of what numpy and Python have, and the way back, without pandas.

`pyarrow.array` and `pyarrow.scalar` import pandas to see whether they are given anything of its, which takes 35 MB and
longer than a small load; so do functions of `pyarrow.compute` with what is no array yet.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def text_array(texts: Sequence[bytes]) -> Any:
    """An array of texts, which are UTF-8."""
    ends = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)), out=ends[1:])
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError(f"{ends[-1]:,} bytes of text do not fit into one array")
    return array_of_bytes(ends.astype(np.int32), b"".join(texts))


def array_of_bytes(ends: npt.NDArray[np.int32], octets: Any) -> Any:
    """An array of texts, of their bytes and of where each begins."""
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(octets))


def one_text(text: str) -> Any:
    """A text as a function of `pyarrow.compute` takes it for every row."""
    return text_array([text.encode()])[0]


NOTHING = one_text("")


def zero(kind: Any) -> Any:
    """The zero of a type of Arrow's numbers, or its False, as a function of `pyarrow.compute` takes it."""
    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(bytes(8))])[0]


def flag_array(flags: npt.NDArray[np.bool_]) -> Any:
    """An array of flags."""
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, pa.py_buffer(np.packbits(flags, bitorder="little"))])


def flags_in(array: Any) -> npt.NDArray[np.bool_]:
    """The flags of an array without nulls."""
    if not len(array):
        return np.zeros(0, np.bool_)
    octets = np.frombuffer(array.buffers()[1], np.uint8)
    count = array.offset + len(array)
    return np.unpackbits(octets, count=count, bitorder="little")[array.offset :].view(np.bool_)


def numbers_in(array: Any, kind: type[np.generic]) -> npt.NDArray[Any]:
    """The whole numbers of an array without nulls, which are of this type of numpy's."""
    if not len(array):
        return np.empty(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * np.dtype(kind).itemsize)


def taken(array: Any, places: npt.NDArray[Any]) -> Any:
    """The items of an array at some places."""
    numbers = np.ascontiguousarray(places, np.int32)
    return array.take(pa.Array.from_buffers(pa.int32(), len(numbers), [None, pa.py_buffer(numbers)]))


def encoded(array: Any) -> tuple[Any, npt.NDArray[np.int32]]:
    """The different items of an array without nulls, and of each item its place among them."""
    found = array.dictionary_encode()
    return found.dictionary, np.frombuffer(found.indices.buffers()[1], np.int32, len(array), found.indices.offset * 4)
