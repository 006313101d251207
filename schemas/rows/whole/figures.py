"""Columns of plain decimals, dates and times of UTC, read at once; other spellings are left to `cells` and `times`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.rows.whole.columns import Texts

_DECIMAL = r"^(?:-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,10})?)?$"
"""At most 28 digits."""
_ZERO, _POINT = ord("0"), ord(".")

_DATE, _TIME = 10, 19
"""Bytes of `2026-11-20`, and of `2026-11-20T08:15:00`."""
_ENDS = {_DATE: b"", _TIME + 1: b"Z", _TIME + 6: b"+00:00"}
"""By the bytes of a cell what stands behind that; the last is how Parquet's times are told."""
_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_MIDNIGHT, _UTC = b"T00:00:00.0000000+00:00", b".0000000+00:00"
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def decimals(texts: Texts) -> Sequence[Any] | None:
    """The exact JSON numbers of plain decimals; None where a cell is anything else."""
    import pyarrow.compute as pc

    from schemas.rows.whole.arrays import flag_array

    if not pc.all(pc.match_substring_regex(texts.array, _DECIMAL)).as_py():
        return None
    data = texts.data
    if b"-0" in data:
        return None
    if b"." not in data:
        return texts
    points = np.searchsorted(texts.starts, np.flatnonzero(texts.octets == _POINT), "right") - 1
    ends_in_zero = np.zeros(len(texts), np.bool_)
    ends_in_zero[points] = texts.octets[texts.starts[1:][points] - 1] == _ZERO
    if not ends_in_zero.any():
        return texts
    bare = pc.ascii_rtrim(pc.ascii_rtrim(texts.array, characters="0"), characters=".")
    return Texts(pc.if_else(flag_array(ends_in_zero), bare, texts.array))


def moments(texts: Texts) -> Sequence[Any] | None:
    """Dates, or times of UTC to the second, as LUSID writes them; None where a cell is anything else."""
    from schemas.rows.whole.arrays import array_of_bytes

    size = texts.longest
    filled = texts.filled
    count = int(np.count_nonzero(filled))
    if size == 0:
        return texts
    if size not in _ENDS or len(texts.octets) != size * count:
        return None
    kept, added = (_DATE, _MIDNIGHT) if size == _DATE else (_TIME, _UTC)
    cells = texts.octets.reshape(count, size)
    found = cells[:, :kept]
    if (cells[:, kept:] != np.frombuffer(_ENDS[size], np.uint8)).any() or not _exist(found):
        return None
    told = np.empty((count, kept + len(added)), np.uint8)
    told[:, :kept] = found
    told[:, kept:] = np.frombuffer(added, np.uint8)
    ends = np.zeros(len(texts) + 1, np.int32)
    np.cumsum(filled * np.int32(told.shape[1]), out=ends[1:])
    return Texts(array_of_bytes(ends, told))


def _exist(found: npt.NDArray[np.uint8]) -> bool:
    """Whether each row of characters is a date, or a time, that exists."""
    size = found.shape[1]
    digits = np.ascontiguousarray(found.T) - np.uint8(_ZERO)  # one place behind the other is read much quicker
    for place, digit in enumerate(digits):
        mark = _MARKS.get(place)
        if not ((digit == (ord(mark) - _ZERO) % 256).all() if mark else (digit < 10).all()):
            return False

    def number(first: int, last: int) -> npt.NDArray[np.int16]:
        total = np.zeros(len(found), np.int16)
        for place in range(first, last):
            total = total * np.int16(10) + digits[place]
        return total

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    if not ((year > 0) & (month > 0) & (month < 13) & (day > 0)).all():
        return False
    leaps = (month == 2) & (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if (day > _DAYS[month] + leaps).any():
        return False
    return size == _DATE or bool(((number(11, 13) < 24) & (number(14, 16) < 60) & (number(17, 19) < 60)).all())
