"""Reading Parquet: every type as text, rows as a CSV would give them, batches that can be read again."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.extracts.batches import BadRow
from connectors.extracts.extract import open_extract
from connectors.extracts.parquet.file import ParquetFile
from connectors.extracts.parquet.text import cells_of
from connectors.extracts.source_files import find_sources
from schemas.errors import ExtractError


def opened(path: Path, max_rows: int = 8192) -> ParquetFile:
    return ParquetFile(find_sources([path])[0], 0, max_rows)


def texts(values: list[object], arrow: pa.DataType) -> list[object]:
    cells, faults = cells_of(pa.array(values, arrow))
    assert faults == []
    return list(cells)


MOMENT = dt.datetime(2024, 3, 1, 9, 30, 5, 120000)  # noqa: DTZ001 - a naive timestamp is what is tested


@pytest.mark.parametrize(
    ("values", "arrow", "cells"),
    [
        (["00123", "", " é€😀 ", None], pa.string(), ["00123", "", " é€😀 ", ""]),
        (["a"], pa.large_string(), ["a"]),
        (["a", None], pa.string_view(), ["a", ""]),
        (["b", "a", None, "b"], pa.dictionary(pa.int8(), pa.string()), ["b", "a", "", "b"]),
        ([0, -5, 2**63 - 1, None], pa.int64(), ["0", "-5", "9223372036854775807", ""]),
        ([2**64 - 1], pa.uint64(), ["18446744073709551615"]),
        ([7], pa.int8(), ["7"]),
        (
            [Decimal("100.500000"), Decimal("100"), Decimal("-0.000001"), Decimal("0"), None],
            pa.decimal128(20, 6),
            ["100.5", "100", "-0.000001", "0", ""],
        ),
        ([Decimal("0.000000000001"), Decimal("12000")], pa.decimal128(38, 12), ["0.000000000001", "12000"]),
        ([Decimal("100"), Decimal("0")], pa.decimal128(5, 0), ["100", "0"]),
        ([Decimal("12000")], pa.decimal128(5, -3), ["12000"]),
        ([Decimal("1" * 60 + ".50")], pa.decimal256(70, 4), ["1" * 60 + ".5"]),
        (
            [0.1, 123.0, 1e15, 1.5e16, 1e-7, -2.5e-10, -0.0, 1e22, None],
            pa.float64(),
            ["0.1", "123", "1" + "0" * 15, "15" + "0" * 15, "0.0000001", "-0.00000000025", "0", "1" + "0" * 22, ""],
        ),
        ([float("nan"), float("inf"), float("-inf")], pa.float64(), ["NaN", "Infinity", "-Infinity"]),
        ([0.1, 16777216.0, 1e20, None], pa.float32(), ["0.1", "16777216", "1" + "0" * 20, ""]),
        ([0.1, 3.0, float("nan"), None], pa.float16(), ["0.1", "3", "NaN", ""]),
        ([True, False, None], pa.bool_(), ["true", "false", ""]),
        ([dt.date(2024, 2, 29), dt.date(1, 1, 1), None], pa.date32(), ["2024-02-29", "0001-01-01", ""]),
        ([dt.date(2024, 2, 29)], pa.date64(), ["2024-02-29"]),
        ([MOMENT, None], pa.timestamp("us"), ["2024-03-01T09:30:05.12", ""]),
        ([dt.datetime(2024, 3, 10)], pa.timestamp("ns"), ["2024-03-10T00:00:00"]),  # noqa: DTZ001 - naive
        ([dt.datetime(2024, 3, 10)], pa.timestamp("s"), ["2024-03-10T00:00:00"]),  # noqa: DTZ001 - naive
        ([1_709_285_405_000_000_001], pa.timestamp("ns", "UTC"), ["2024-03-01T09:30:05.000000001+00:00"]),
        ([1_709_285_405_000, None], pa.timestamp("ms", "Europe/London"), ["2024-03-01T09:30:05+00:00", ""]),
        ([1_720_000_000], pa.timestamp("s", "+05:30"), ["2024-07-03T09:46:40+00:00"]),
        ([None, None], pa.null(), ["", ""]),
        ([["a", "b"], [], None, ["c"]], pa.list_(pa.string()), [["a", "b"], "", "", ["c"]]),
        ([["a"], None], pa.large_list(pa.string()), [["a"], ""]),
        ([[1.0, 2.5], None], pa.list_(pa.float64(), 2), [["1", "2.5"], ""]),
        ([[1], [2, 3]], pa.list_view(pa.int64()), [["1"], ["2", "3"]]),
        ([[dt.date(2024, 2, 29)]], pa.list_(pa.date32()), [["2024-02-29"]]),
        ([["x", "x"]], pa.list_(pa.dictionary(pa.int32(), pa.string())), [["x", "x"]]),
    ],
    ids=str,
)
def test_values_are_written_as_text(values: list[object], arrow: pa.DataType, cells: list[object]) -> None:
    assert texts(values, arrow) == cells


@pytest.mark.untraced
@settings(max_examples=300, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_floats_are_plain_and_give_the_number_back(numbers: list[float]) -> None:
    cells = texts(list(numbers), pa.float64())
    assert [float(str(cell)) for cell in cells] == numbers
    assert not set("".join(map(str, cells))) - set("0123456789.-")
    assert all(not str(cell).endswith((".0", ".")) for cell in cells)


@pytest.mark.untraced
@settings(max_examples=200, deadline=None)
@given(st.integers(-3, 9), st.lists(st.integers(-(10**20), 10**20) | st.integers(-9, 9), max_size=20))
def test_decimals_are_exact_and_plain(places: int, digits: list[int]) -> None:
    numbers = [Decimal(number).scaleb(-places) for number in digits]
    cells = texts(list(numbers), pa.decimal128(38, places))
    assert [Decimal(str(cell)) for cell in cells] == numbers
    assert not set("".join(map(str, cells))) - set("0123456789.-")


PLAIN: list[str | None] = ["a", "ab", "", "é"]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([PLAIN, [*PLAIN, None, "\x00", "\ufffd"]]).flatmap(
        lambda items: st.lists(st.none() | st.lists(st.sampled_from(items), max_size=3), max_size=8)
    ),
    st.sampled_from([1, 9]),
    st.data(),
)
def test_lists_are_refused_where_python_says_so_even_in_a_slice(
    values: list[list[str | None] | None], times: int, data: st.DataObject
) -> None:
    values = values * times
    start = data.draw(st.integers(0, len(values)))
    cells, faults = cells_of(pa.array(values, pa.list_(pa.string()))[start:])
    values = values[start:]
    assert cells == [[item or "" for item in value] if value else "" for value in values]
    marks = [(None, "NullInList"), ("\x00", "NullByte"), ("\ufffd", "UndecodableByte")]
    assert faults == sorted(
        (index, code) for index, value in enumerate(values) for mark, code in marks if mark in (value or [])
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.none() | st.sampled_from(["a", "", "é", "\x00", "\ufffd", "\x07"]), max_size=8),
    st.booleans(),
    st.data(),
)
def test_values_of_a_dictionary_are_the_same_as_without(
    values: list[str | None], unused: bool, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(values)))
    coded = pa.array([*values, *(["\x07"] if unused else [])]).dictionary_encode()[: len(values)][start:]
    cells, faults = cells_of(coded)
    plain, wanted = cells_of(pa.array(values, pa.string())[start:])
    assert (list(cells), faults) == (list(plain), wanted)


@pytest.mark.parametrize("arrow", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_bad_values_refuse_their_rows_with_every_fault(tmp_path: Path, arrow: pa.DataType) -> None:
    names = pa.array([b"a", b"M\xfc", b"x\0y", b"z", "O\x92Shea".encode(), b"two\nlines\t"]).cast(arrow, safe=False)
    tags = pa.array([["p"], ["p", None], [None], None, None, ["x\x1f"]])
    pq.write_table(pa.table({"name": names, "tags": tags}), tmp_path / "x.parquet")
    (batch,) = opened(tmp_path / "x.parquet").batches(["name", "tags"])
    assert rows_of(batch)[:4] == [["a", ["p"]], ["M\ufffd", ["p", ""]], ["x\x00y", [""]], ["z", ""]]
    assert rows_of(batch)[4:] == [["O\x92Shea", ""], ["two\nlines\t", ["x\x1f"]]]
    assert batch.bad == {
        1: BadRow(
            "UndecodableByte",
            "row 2: column 'name' holds a byte that is not UTF-8, or U+FFFD in place of one: correct it; "
            "column 'tags' holds a list with an empty place: take it out",
        ),
        2: BadRow(
            "NullByte",
            "row 3: column 'name' holds a NUL character: remove it; "
            "column 'tags' holds a list with an empty place: take it out",
        ),
        4: BadRow(
            "ControlCharacter",
            "row 5: column 'name' holds a control character: remove it, or have the text exported in its encoding",
        ),
        5: BadRow(
            "ControlCharacter",
            "row 6: column 'tags' holds a control character: remove it, or have the text exported in its encoding",
        ),
    }


@pytest.mark.parametrize(
    ("value", "arrow", "shown"),
    [
        ({"a": 1}, pa.struct([("a", pa.int64())]), "[struct]"),
        ([("a", "b")], pa.map_(pa.string(), pa.string()), "[map]"),
        (b"\x00", pa.binary(), "[binary]"),
        (dt.time(9, 30), pa.time64("us"), "[time64[us]]"),
        (dt.timedelta(1), pa.duration("s"), "[duration[s]]"),
        ([["a"]], pa.list_(pa.list_(pa.string())), "[list]"),
        ([{"a": 1}], pa.list_(pa.struct([("a", pa.int64())])), "[list]"),
    ],
    ids=str,
)
def test_types_that_cannot_be_cells_are_shown_by_name_and_may_not_be_used(
    tmp_path: Path, value: object, arrow: pa.DataType, shown: str
) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"id": ["1", "2"], "odd": pa.array([value, None], arrow)}), path)
    with open_extract([path]) as extract:
        assert [row for batch in extract.batches() for row in rows_of(batch)] == [["1", shown], ["2", shown]]
        extract.check_readable(["id"])
        with pytest.raises(ExtractError) as caught:
            extract.check_readable(["id", "odd"])
    stored = pq.read_schema(path).field("odd").type
    assert caught.value.message == (
        f"{path}: column 'odd' has type {stored}, which cannot be a cell: "
        "write it as text, numbers, dates, or a list of those"
    )


def numbered(path: Path, rows: int, group: int) -> Path:
    table = pa.table({"id": [f"{row:05d}" for row in range(rows)], "_n": list(range(rows))})
    pq.write_table(table, path, row_group_size=group)
    return path


def test_batches_are_bounded_and_can_be_read_again_in_any_order(tmp_path: Path) -> None:
    file = opened(numbered(tmp_path / "x.parquet", 25, 10), max_rows=4)
    batches = list(file.batches(["_n", "id"]))
    assert [(batch.first_row, len(batch)) for batch in batches] == [
        (1, 4), (5, 4), (9, 2), (11, 4), (15, 4), (19, 2), (21, 4), (25, 1),
    ]  # fmt: skip
    assert [row for batch in batches for row in rows_of(batch)] == [[str(n), f"{n:05d}"] for n in range(25)]
    for wanted in (batches, batches[::-1], batches[::3]):
        assert [file.reread(batch.position, ["_n", "id"]) for batch in wanted] == wanted
    file.close()
    file.close()
    assert file.reread(batches[3].position, ["_n", "id"]) == batches[3]
    file.close()


def test_wide_rows_make_short_batches(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    cells = [f"{row:06d}" * 10_000 for row in range(200)]
    pq.write_table(pa.table({"a": cells}), path, use_dictionary=False)
    sizes = [len(batch) for batch in opened(path).batches(["a"])]
    assert (sum(sizes), max(sizes)) == (200, 69)


def test_a_file_without_rows_has_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({" id\ufeff": pa.array([], pa.string())}), path)
    assert (opened(path).columns, list(opened(path).batches(["id"]))) == (["id"], [])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "the header names no column: name at least one"),
        (["a", "a "], "the header names a column more than once: at 1 and 2: rename or remove one"),
        (["a", ""], "the last column has no name: name it or leave it out"),
    ],
)
def test_column_names_are_checked(tmp_path: Path, names: list[str], told: str) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["x"])] * len(names), names=names), path)
    with pytest.raises(ExtractError) as caught:
        opened(path)
    assert caught.value.message == f"{path}: {told}"


@pytest.mark.parametrize("octets", [b"", b"id,name\n1,x\n", b"PAR1", b"PAR1" + b"x" * 50 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(octets)
    with pytest.raises(ExtractError) as caught:
        opened(path)
    assert caught.value.message == f"{path}: is not a Parquet file, or is cut short: fetch it anew"


def test_a_truncated_or_damaged_file_is_named(tmp_path: Path) -> None:
    path = numbered(tmp_path / "x.parquet", 5_000, 5_000)
    octets = path.read_bytes()
    path.write_bytes(octets[:-100])
    with pytest.raises(ExtractError, match=r"is not a Parquet file, or is cut short: fetch it anew$"):
        opened(path)
    path.write_bytes(b"PAR1" + b"\xff" * 2_000 + octets[2_004:])
    with pytest.raises(ExtractError, match=r"row group 1 is damaged: fetch the file anew$"):
        list(opened(path).batches(["id", "_n"]))


def test_a_position_of_another_file_is_refused(tmp_path: Path) -> None:
    long = opened(numbered(tmp_path / "x.parquet", 20, 20), max_rows=4)
    *_, last = long.batches(["id", "_n"])
    short = opened(numbered(tmp_path / "y.parquet", 4, 4), max_rows=4)
    with pytest.raises(ExtractError, match=r"y\.parquet: the file is shorter than it was$"):
        short.reread(last.position, ["id", "_n"])
    short.close()


def test_an_instant_of_int96_beyond_nanoseconds_keeps_what_it_says_of_a_microsecond() -> None:
    micro = 253402300799999999
    gone_round = (micro * 1000 + 900 + 2**63) % 2**64 - 2**63
    column = pa.array([micro, None, 5], pa.timestamp("us"))
    exact = pa.array([gone_round, None, 5000], pa.timestamp("ns"))
    assert cells_of(column, exact) == (["9999-12-31T23:59:59.9999999", "", "1970-01-01T00:00:00.000005"], [])
    lists = pa.array([[micro], None, [5, 5]], pa.list_(column.type))
    listed = pa.array([[gone_round], None, [5000, 5000]], pa.list_(exact.type))
    assert cells_of(lists, listed)[0][0] == ["9999-12-31T23:59:59.9999999"]
