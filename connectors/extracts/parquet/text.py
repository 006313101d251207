"""Parquet columns as text cells, so that a Parquet row and a CSV row are the same from here on.

Owns which Arrow types can be cells, how each is written as text, and which types may meet in one column. Must not
know files or rows.

Arrow's own casts do the work, a column at a time; the few values they write with an exponent are written again.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from connectors.extracts.batches import REPLACEMENT
from connectors.extracts.characters import CONTROL, has_control
from schemas.rows.columns import Cell
from schemas.rows.kinds import TIMES, Kind
from schemas.rows.whole.arrays import NOTHING, encoded, numbers_in, one_text, text_array, zero
from schemas.rows.whole.columns import Texts

_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Kind], ...] = (
    (pa.types.is_string, Kind.TEXT),
    (pa.types.is_large_string, Kind.TEXT),
    (pa.types.is_string_view, Kind.TEXT),
    (lambda kind: _is_uuid(kind) or isinstance(kind, pa.JsonType), Kind.TEXT),
    (pa.types.is_integer, Kind.INTEGER),
    (pa.types.is_floating, Kind.FLOAT),
    (pa.types.is_decimal, Kind.DECIMAL),
    (pa.types.is_boolean, Kind.BOOLEAN),
    (pa.types.is_date, Kind.DATE),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None, Kind.ZONED),
    (pa.types.is_timestamp, Kind.NAIVE),
    (pa.types.is_null, Kind.NOTHING),
)
_OUT_OF_RANGE = "<"
"""How Arrow's text of a time begins that is not within the years it can write."""
_TEXT_MARKS = (("\0", "NullByte"), (REPLACEMENT, "UndecodableByte"))
_TIME_MARKS = ((_OUT_OF_RANGE, "OutOfRange"),)
_LETTER = "[A-Za-z]"
_NO_EXPONENT = 6
"""Decimal places up to which Arrow writes decimals without an exponent."""
_FEW = 4
"""A column of lists has few different ones where each is there so many times, on average."""
_NAMED = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_IS_LIST = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def _is_uuid(arrow: pa.DataType) -> bool:
    return isinstance(arrow, pa.UuidType)


def is_list(arrow: pa.DataType) -> bool:
    """Whether a column's cells are lists."""
    return any(test(arrow) for test in _IS_LIST)


def kind_of(arrow: pa.DataType) -> Kind | None:
    """The kind of a column, or of the elements of a column of lists; `None` for what cannot be a cell."""
    if is_list(arrow):
        inner = arrow.value_type
        return None if is_list(inner) else kind_of(inner)
    if pa.types.is_dictionary(arrow):
        return None if is_list(arrow.value_type) else kind_of(arrow.value_type)
    return next((kind for test, kind in _KINDS if test(arrow)), None)


def cells_of(column: pa.Array, nanoseconds: pa.Array | None = None) -> tuple[Sequence[Cell], list[tuple[int, str]]]:
    """A column's values as cells.

    Args:
        column: of any type; one without a kind has the name of its type in brackets in place of a value.
        nanoseconds: of a column of microseconds, the same instants in nanoseconds modulo 2**64.

    Returns:
        One cell for each value, null and the empty list being `''`; and what refuses a row, as (index of the
        value, code), the codes being those of `connectors.extracts.batches.BadRow`.
    """
    if kind_of(column.type) is None:
        shown = shown_type(column.type)
        return [shown if valid else "" for valid in column.is_valid().to_pylist()], []
    if is_list(column.type):
        return _list_cells(column, nanoseconds)
    if pa.types.is_dictionary(column.type) and (found := _from_dictionary(column)) is not None:
        return found, []
    texts = _texts(column, nanoseconds)
    return texts, list(_faults(texts, column.type))


_UTC = one_text("+00:00")


def shown_type(arrow: pa.DataType) -> str:
    """What stands in place of a value that cannot be a cell."""
    return f"[{str(arrow).partition('<')[0]}]"


def _from_dictionary(column: pa.DictionaryArray) -> Texts | None:
    """The cells of a column by those of its dictionary; None where one of these refuses rows."""
    values = _texts(column.dictionary)
    if not isinstance(values, Texts) or any(True for _ in _faults(values, column.type.value_type)):
        return None
    return Texts(_filled(values.array.take(column.indices)))


_BETWEEN = one_text("\0")


def _list_cells(column: pa.Array, nanoseconds: pa.Array | None) -> tuple[list[Cell], list[tuple[int, str]]]:
    elements = pc.list_flatten(column)
    texts = _texts(elements, None if nanoseconds is None else pc.list_flatten(nanoseconds))
    nulls = numbers_in(pc.indices_nonzero(elements.is_null()), np.uint64)
    faults = [(int(index), "NullInList") for index in nulls]
    faults += _faults(texts, elements.type)
    if not faults and isinstance(texts, Texts) and (repeated := _repeated_lists(column, texts)) is not None:
        return repeated, []
    lengths = pc.list_value_length(column).cast(pa.int64())
    ends = np.cumsum(numbers_in(pc.fill_null(lengths, zero(pa.int64())), np.int64)).tolist()
    items = [*texts]
    cells: list[Cell] = [items[start:end] or "" for start, end in zip([0, *ends], ends, strict=False)]
    return cells, sorted({(bisect_right(ends, index), code) for index, code in faults})


def _repeated_lists(column: pa.Array, texts: Texts) -> list[Cell] | None:
    """The cells of a column of lists by its different lists, where these are few; None where it is not that simple.

    Args:
        column: the lists.
        texts: their elements, which refuse no row.
    """
    is_plain = pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type)
    if not is_plain or not texts.lengths.all():
        return None
    joined = pc.binary_join(column, _BETWEEN)  # no element is empty, or holds what is put between them
    different, places = encoded(_filled(joined))
    if len(different) > len(column) // _FEW:
        return None
    lists: list[Cell] = [text.split("\0") if text else "" for text in different.to_pylist()]
    return [lists[place] for place in places.tolist()]


def _texts(column: pa.Array, nanoseconds: pa.Array | None = None) -> Sequence[str]:
    """Values that are no lists as texts, null as `''`."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if _is_uuid(column.type):
        return [str(value) if value else "" for value in column.to_pylist()]
    if isinstance(column.type, pa.JsonType):
        column = column.storage
    if nanoseconds is not None:
        written = _exact(column, nanoseconds)
    else:
        writer = _WRITERS.get(kind_of(column.type) or Kind.NOTHING)
        written = writer(column) if writer else column.cast(pa.string(), safe=False)
    filled = _filled(written)
    try:
        filled.validate(full=True)
    except pa.ArrowInvalid:  # bytes that are not UTF-8
        return [octets.decode("utf-8", "replace") for octets in filled.cast(pa.binary()).to_pylist()]
    return Texts(filled)


def _filled(texts: pa.Array) -> pa.Array:
    """Texts, null as `''`."""
    return pc.coalesce(texts, NOTHING) if texts.null_count else texts


def _faults(texts: Sequence[str], arrow: pa.DataType) -> Iterator[tuple[int, str]]:
    """What refuses a row: characters, as they do in a CSV, and times that no calendar has."""
    kind = kind_of(arrow)
    marks = _TEXT_MARKS if kind is Kind.TEXT else _TIME_MARKS if kind in TIMES else ()
    together = texts.data if isinstance(texts, Texts) else "".join(texts).encode()
    for mark, code in marks:
        if mark.encode() in together:
            yield from ((index, code) for index, text in enumerate(texts) if mark in text)
    if kind is Kind.TEXT and has_control(together):
        yield from ((index, "ControlCharacter") for index, text in enumerate(texts) if CONTROL.search(text))


def _date(column: pa.Array) -> pa.Array:
    if pa.types.is_date32(column.type):
        return column.cast(pa.string())
    text = _naive(column.cast(pa.int64()).cast(pa.timestamp("ms")))
    return pc.replace_substring_regex(text, "T00:00:00$", "")


def _naive(column: pa.Array) -> pa.Array:
    """ISO 8601 with `T`, the fraction without trailing zeros."""
    text = pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1)
    return text if column.type.unit == "s" else _without_trailing_zeros(text)


def _exact(column: pa.Array, nanoseconds: pa.Array) -> pa.Array:
    """Microseconds with the nanoseconds that they cut off.

    INT96 holds instants that 64 bits of nanoseconds do not (9999-12-31): as microseconds all are right, and what is
    left of a microsecond is the difference to the nanoseconds, though these have gone round.
    """
    none = zero(pa.int64())
    micro = numbers_in(pc.fill_null(column.cast(pa.int64()), none), np.int64).astype(np.uint64)
    nano = numbers_in(pc.fill_null(nanoseconds.cast(pa.int64()), none), np.uint64)
    left = nano - micro * np.uint64(1000)
    text = column.cast(pa.string())
    if not left.any():
        return _naive(column)
    digits = text_array([b"%03d" % rest for rest in left.tolist()])
    joined = pc.binary_join_element_wise(pc.replace_substring(text, " ", "T", max_replacements=1), digits, NOTHING)
    return _without_trailing_zeros(joined)


def _zoned(column: pa.Array) -> pa.Array:
    """The same in UTC, with its offset."""
    utc = column.cast(pa.int64()).cast(pa.timestamp(column.type.unit))
    return pc.binary_join_element_wise(_naive(utc), _UTC, NOTHING)


def _decimal(column: pa.Array) -> pa.Array:
    text, scale = column.cast(pa.string()), column.type.scale
    if not 0 <= scale <= _NO_EXPONENT:
        text = _rewritten(text, lambda value: format(Decimal(value), "f"))
    return _without_trailing_zeros(text) if scale > 0 else text


def _float(column: pa.Array) -> pa.Array:
    """The shortest digits that give the number back, without exponent; NaN and infinity by name."""
    half = pa.types.is_float16(column.type)
    numbers = column.cast(pa.float32()) if half else column
    width = np.dtype(column.type.to_pandas_dtype()).type

    def shortest(value: str) -> str:
        return _NAMED.get(value) or np.format_float_positional(width(value), trim="-")

    no_negative_zero = pc.add(numbers, zero(numbers.type))
    return _rewritten(no_negative_zero.cast(pa.string()), shortest, "." if half else _LETTER)


def _rewritten(text: pa.Array, rewrite: Callable[[str], str], where: str = _LETTER) -> pa.Array:
    """Texts in which those that match a pattern are written anew."""
    odd = pc.fill_null(pc.match_substring_regex(text, where), zero(pa.bool_()))
    if not pc.any(odd).as_py():
        return text
    anew = [rewrite(value).encode() for value in text.filter(odd).to_pylist()]
    return pc.replace_with_mask(text, odd, text_array(anew))


def _without_trailing_zeros(text: pa.Array) -> pa.Array:
    """Takes the zeros at the end of a fraction off; every text must have one."""
    return pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")


_WRITERS: dict[Kind, Callable[[pa.Array], pa.Array]] = {
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _date,
    Kind.ZONED: _zoned,
    Kind.NAIVE: _naive,
}
