"""Reading CSV: what a record is, what refuses one, and that no short way reads anything differently."""

import codecs
import csv
import gzip
import io
import time
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pytest
from builders import rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.extracts.batches import BadRow, Found, MisalignedError, RowBatch
from connectors.extracts.csv import blocks
from connectors.extracts.csv.file import CsvFile
from connectors.extracts.csv.fitting import Layout
from connectors.extracts.csv.format import CsvFormat
from connectors.extracts.csv.record_faults import Rows, add_record
from connectors.extracts.csv.records import RecordReader
from connectors.extracts.csv.stream import ByteStream, encoding_of
from connectors.extracts.source_files import Source, find_sources
from schemas.errors import ExtractError
from schemas.rows.columns import Cell

UTF_8 = CsvFormat(encoding_of("utf-8"))
LOOSE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Read:
    """A whole file as read, batches joined; `bad` and `extra` are by `_row`, `lines` those that records begin on."""

    rows: list[list[Cell]]
    bad: dict[int, BadRow]
    extra: dict[int, list[str]]
    lines: list[int]

    @property
    def codes(self) -> dict[int, str]:
        return {row: bad.code for row, bad in self.bad.items()}


def opened(path: Path, rules: CsvFormat = UTF_8) -> CsvFile:
    return CsvFile(find_sources([path])[0], 0, rules)


def joined(batches: list[RowBatch]) -> Read:
    read = Read([], {}, {}, [])
    for batch in batches:
        assert batch.first_row == len(read.rows) + 1
        read.rows += rows_of(batch)
        read.bad |= {batch.first_row + index: bad for index, bad in batch.bad.items()}
        read.extra |= {batch.first_row + index: cells for index, cells in batch.extra.items()}
        read.lines += [batch.lines[index] for index in range(len(batch))]
    return read


class Reading(Protocol):
    def __call__(self, octets: bytes, rules: CsvFormat = UTF_8) -> Read: ...


@pytest.fixture
def read(tmp_path: Path) -> Reading:
    """Reads bytes as a CSV file, and reads every batch of it again."""

    def reading(octets: bytes, rules: CsvFormat = UTF_8) -> Read:
        path = tmp_path / "people.csv"
        path.write_bytes(octets)
        file = opened(path, rules)
        batches = list(file.batches(file.columns))
        assert [file.reread(batch.position, file.columns) for batch in batches] == batches
        assert [file.reread(batch.position, file.columns) for batch in batches[::-1]] == batches[::-1]
        assert file.found.records == sum(len(batch) for batch in batches), "counted where they are cut"
        file.close()
        return joined(batches)

    return reading


def reference(body: bytes, columns: list[str], rules: CsvFormat, first_line: int) -> Read:
    """What the reference reader makes of a file's data, looked at in one piece."""
    rows, lines = Rows([]), []
    whole = replace(rules, max_rows=10**9)
    layout = Layout(columns, int(rules.trailing), rules.short, [columns])
    for record in RecordReader(body, whole, ended=True):
        add_record(rows, record, layout, whole, first_line)
        lines.append(first_line + record.line)
    return Read(
        [[*row] for row in rows.rows],
        {index + 1: bad for index, bad in rows.bad.items()},
        {index + 1: cells for index, cells in rows.extra.items()},
        lines,
    )


PIECES = st.sampled_from(
    [
        *([b'"', b",", b"\n"] * 2),
        *(b"\r\n", b"\r", b" ", b"a", b"bc", b"\x00", "é".encode(), b"\xe9", b"\xef\xbf\xbd"),
        *(b"\x0b", "\x85".encode(), b"\x7f"),
        *(b'"x",', b'"a\nb"', b'"a\rb"', b'""', b"1,2,3\n", b'"1","2","3"\n', b"4,5,6,\n"),
        *(b"\n\n", b"\n--,--,--\n", b"\n,,\n"),
        *(b"'", b",'x'", b"\\", b"a,b,c\n", codecs.BOM_UTF8),
    ]
)
LIMITS = st.builds(
    CsvFormat,
    st.sampled_from([encoding_of(name) for name in ("utf-8", "cp1252", "shift_jis")]),
    st.sampled_from([",", ",", ";", "||", "\t"]),
    quote=st.sampled_from(['"', '"', "'", ""]),
    suspects=st.sampled_from(["'", ""]),
    escape=st.sampled_from(['"', '"', "\\", ""]),
    trailing=st.booleans(),
    short=st.booleans(),
    comment=st.sampled_from(["", "", "1", "--"]),
    until=st.sampled_from([None, None, "", "4"]),
    max_rows=st.integers(1, 5),
    max_lines=st.sampled_from([1, 2, 4, 1000]),
    max_bytes=st.sampled_from([8, 20, 1 << 20]),
    block=st.integers(1, 40),
)


@pytest.mark.untraced
@settings(LOOSE, max_examples=600)
@given(
    body=st.lists(PIECES, max_size=40).map(b"".join),
    rules=LIMITS,
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    parts=st.integers(2, 5),
)
def test_every_way_of_reading_gives_what_the_reference_reader_gives(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, rules: CsvFormat, end: bytes, parts: int
) -> None:
    if rules.escape == '"':
        rules = replace(rules, escape=rules.quote)
    body = body.replace(b",", rules.delimiter.encode())
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(rules.delimiter.join("abc").encode() + end + body)
    try:
        file = opened(path, rules)
    except ExtractError as error:
        assert "the header" in error.message  # noqa: PT017  # no record fits it
        return
    batches = list(file.batches(file.columns))
    again = [file.reread(batch.position, file.columns) for batch in reversed(batches)]
    beside = file.found
    apart = in_shards(file, parts)
    assert apart is None or apart == (joined(batches), beside)
    file.close()
    swapped = end == b"\r" and not body.startswith(b"\n")
    stream = body.translate(bytes.maketrans(b"\r\n", b"\n\r")) if swapped else body
    if end == b"\r" and not swapped:
        stream = stream[1:]
    if rules.encoding.transcoded:
        stream = stream.decode(rules.encoding.codec, "replace").encode()
    assert joined(batches) == reference(stream, file.columns, replace(rules, swapped=swapped), 2)
    assert again == batches[::-1]
    assert all(len(batch) <= rules.max_rows for batch in batches)


def equal(parts: int) -> list[float]:
    """Where a file is cut into so many equal parts."""
    return [part / parts for part in range(1, parts)]


def in_shards(file: CsvFile, parts: int) -> tuple[Read, Found] | None:
    """A file as its shards are read, each batch twice; None where a shard turns out to end inside a record."""
    batches: list[RowBatch] = []
    found = Found()
    try:
        for shard in file.cut(equal(parts)):
            read = list(file.batches(file.columns, shard=shard))
            found += file.found
            assert [file.reread(batch.position, file.columns) for batch in reversed(read)] == read[::-1]
            batches += read
    except MisalignedError:
        return None
    rows = [*accumulate(map(len, batches), initial=1)]
    return joined([replace(batch, first_row=row) for batch, row in zip(batches, rows, strict=False)]), found


def test_a_shard_that_ends_inside_a_record_is_noticed(tmp_path: Path) -> None:
    """Behind a stray quote, line feeds inside quotes have an even number of them before."""
    path = tmp_path / "stray.csv"
    path.write_text('x,y\n5",1\n' + '"a\nb\nc",2\n' * 40)
    file = opened(path)
    assert len(joined(list(file.batches(file.columns))).rows) == 41
    assert len(file.cut(equal(4))) == 4
    assert in_shards(file, 4) is None
    file.close()


CELLS = st.text(st.sampled_from('",; \n\ré€a1\t\u2028'), max_size=6)


def written(table: list[list[str]], end: str, *, always: bool) -> str:
    """A table as RFC 4180 has it, cells quoted where they must be, or always."""
    rows = [
        [f'"{cell.replace(chr(34), chr(34) * 2)}"' if always or set(cell) & set('",\r\n') else cell for cell in row]
        for row in table
    ]
    return "".join(",".join(row) + end for row in rows)


@pytest.mark.untraced
@settings(LOOSE, max_examples=300)
@given(
    table=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12),
    always=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    block=st.integers(1, 60),
)
def test_well_formed_files_read_as_the_csv_module_reads_them(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], always: bool, end: str, block: int
) -> None:
    text = written([["x", "y"], *table], end, always=always)
    path = tmp_path_factory.getbasetemp() / "well.csv"
    path.write_bytes(text.encode())
    file = opened(path, replace(UTF_8, block=block))
    found = joined(list(file.batches(file.columns)))
    beside = file.found
    assert in_shards(file, 3) == (found, beside), "a well-formed file is cut where records end"
    assert len(file.cut(equal(3))) > 1 or len(table) < 4 or not text.partition(end)[2].strip()
    file.close()
    oracle = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert (found.rows, found.bad, found.extra) == (oracle, {}, {})
    assert oracle == table


def header_error(path: Path, octets: bytes, rules: CsvFormat = UTF_8) -> str:
    path.write_bytes(octets)
    with pytest.raises(ExtractError) as caught:
        opened(path, rules)
    message = caught.value.message
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_text_stays_as_it_stands(read: Reading) -> None:
    found = read(b"id,name,amount\n00123,NA,1.50\n1.23E+11, null ,(987.65)\n12345678901234567890, ,NaN\n")
    assert found.rows == [
        ["00123", "NA", "1.50"],
        ["1.23E+11", " null ", "(987.65)"],
        ["12345678901234567890", " ", "NaN"],
    ]
    assert found.bad == {}


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(read: Reading) -> None:
    found = read(b'a,b\r\n"x,y","say ""hi"""\r\n"two\r\nlines","a\rb"\r\n"",\r\n')
    assert found.rows == [["x,y", 'say "hi"'], ["two\r\nlines", "a\rb"], ["", ""]]
    assert found.bad == {}


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        (b'A2,2.5"Nut, brass",x', "AmbiguousQuote", "'price' (2)"),  # a delimiter is missing before the quoted cell
        (b'A"2,2.5,Nut", brass', "AmbiguousQuote", "'order' (1)"),
        (b'A2,6" pipe,8" pipe,x', "AmbiguousQuote", "'price' (2)"),
        (b'A2, "2.5",Nut,x', "QuotedBehindSpace", "'price' (2)"),
        (b'A2,2.5,\t"Nut",x', "QuotedBehindSpace", "'name' (3)"),
        ('A2,2.5,Nut,\u00a0"x"'.encode(), "QuotedBehindSpace", "'note' (4)"),
        (b"'A2',2.5,Nut,x", "SingleQuotes", "'order' (1)"),
        (b"A2,2.5, 'Nut' ,x", "SingleQuotes", "'name' (3)"),
        (b"A2,2.5,Nut,''", "SingleQuotes", "'note' (4)"),
        (b"A2,'Nut, brass',x", "SingleQuotes", "'price' (2)"),
        (b"A2,2.5,'Nut, brass'", "SingleQuotes", "'name' (3)"),
    ],
)
def test_a_cell_that_quotes_seem_to_enclose_refuses_its_row(read: Reading, line: bytes, code: str, column: str) -> None:
    found = read(b"order,price,name,note\nA1,1.5,Bolt,x\n" + line + b'\nA3,3.5,"Bolt, steel",x\n')
    assert found.codes == {2: code}
    assert found.bad[2].message.startswith(f"line 3: column {column} ")
    assert (found.rows[0], found.rows[2]) == (["A1", "1.5", "Bolt", "x"], ["A3", "3.5", "Bolt, steel", "x"])


def test_apostrophes_are_text(read: Reading) -> None:
    rows = [
        ["O'Brien", "Men's, Kids'", "rock 'n' roll"],
        ["'t Hooft", "5'", "x"],
        ["x", "y", "'"],
        ["'s-Gravenhage", "é'", "traders"],
        ["x", "Kids'", "'t"],
    ]
    text = "a,b,c\n" + "".join(f'{a},"{b}",{c}\n' for a, b, c in rows)
    found = read(text.encode())
    assert (found.rows, found.bad) == (rows, {})


@pytest.mark.parametrize(
    ("rules", "line", "row"),
    [
        ({"suspects": ""}, b"'A1','Bolt',\"x, y\"", ["'A1'", "'Bolt'", "x, y"]),
        ({"suspects": "", "quote": "", "escape": ""}, b'A"1,"Bolt",6" x 8"', ['A"1', '"Bolt"', '6" x 8"']),
        ({"suspects": "", "quote": "'", "escape": "'"}, b"'A, 1','Bo''lt',\"x\"", ["A, 1", "Bo'lt", '"x"']),
        ({"delimiter": ", "}, b'A1, "Bolt, M6", x', ["A1", "Bolt, M6", "x"]),
        ({"delimiter": "||"}, b'A|1||"Bo||lt"||x', ["A|1", "Bo||lt", "x"]),
        ({"delimiter": "\u00a6"}, "A1\u00a6Bolt\u00a6".encode(), ["A1", "Bolt", ""]),
        ({"escape": "\\"}, rb'A1,"Bo\"lt, \\",x\,y', ["A1", 'Bo"lt, \\', "x,y"]),
        ({"escape": "\\"}, b'A1,"Bo""lt",\\N', ["A1", 'Bo"lt', "\\N"]),
        ({"escape": "\\"}, b'A1,"two\\\nlines",x', ["A1", "two\nlines", "x"]),
        ({"escape": ""}, b'A1,"6" x 8"",x', ["A1", '6" x 8"', "x"]),
        ({"escape": ""}, b'"A1","Bolt, "M6" long",""', ["A1", 'Bolt, "M6" long', ""]),
    ],
)
def test_a_declared_format_is_read(read: Reading, rules: dict[str, Any], line: bytes, row: list[str]) -> None:
    format_ = replace(UTF_8, **rules)
    header = format_.delimiter.join(["order", "name", "note"]).encode()
    found = read(b"%b\n%b\n%b\n" % (header, line, line), format_)
    assert (found.rows, found.bad) == ([row, row], {})


@pytest.mark.parametrize(
    ("escape", "line", "code"),
    [
        ("\\", rb"A1,C:\temp", "UnknownEscape"),
        ("\\", rb'A1,"C:\temp"', "UnknownEscape"),
        ("\\", b"A1,x\\", "UnknownEscape"),
        ("\\", rb'A1,"x\"', "UnterminatedQuote"),
        ("", b'A1,"Bolt,"M6"', "MalformedQuote"),
        ("", b'A1,"Bolt', "UnterminatedQuote"),
    ],
)
def test_what_a_declared_escape_does_not_tell_refuses_its_row(
    read: Reading, escape: str, line: bytes, code: str
) -> None:
    found = read(b'order,name\n1,"x"\n' + line + b'\n2,"y"\n', replace(UTF_8, escape=escape))
    assert (found.codes, found.rows[0], found.rows[2]) == ({2: code}, ["1", "x"], ["2", "y"])


def test_a_byte_order_mark_at_the_start_of_a_record_is_no_part_of_it(read: Reading) -> None:
    mark = codecs.BOM_UTF8
    found = read(mark + b"id,name\n" + mark + b'1,Bob\n%b"2",Cid\n%b"3, x",Dee\n' % (mark, mark))
    assert (found.rows, found.bad) == ([["1", "Bob"], ["2", "Cid"], ["3, x", "Dee"]], {})


def test_a_header_that_comes_again_is_no_row(read: Reading) -> None:
    mark = codecs.BOM_UTF8
    found = read(mark + b"id,name\n1,Ann\n" + mark + b"id,name\n2,Bob\nid,name\nname,id\n")
    assert found.codes == {2: "RepeatedHeader", 4: "RepeatedHeader"}
    assert found.bad[2].message == (
        "line 3: it is the header again: load joined files as several files, or declare `header_rows`"
    )
    assert found.rows[4] == ["name", "id"]


def test_a_quote_inside_an_unquoted_cell_is_text(read: Reading) -> None:
    found = read(b'a,b\n6" pipe,x"y"\n"6"" pipe",z\n')
    assert (found.rows, found.bad) == ([['6" pipe', 'x"y"'], ['6" pipe', "z"]], {})


def test_blank_lines_are_no_records_and_lines_of_delimiters_are(read: Reading) -> None:
    found = read(b'\n\r\na,b\n\n1,2\n\r\n\n,\n""\n3,4')
    assert found.rows == [["1", "2"], ["", ""], ["", ""], ["3", "4"]]
    assert found.bad == {
        3: BadRow(
            "MissingCells",
            "line 9: 1 of 2 cells: nothing for column 'b' (2) and what follows: "
            "declare `comment`, `footer_lines` or `until` if the line is no data, or look for missing delimiters",
        )
    }


def test_an_empty_quoted_cell_is_a_record_of_a_one_column_file(read: Reading) -> None:
    assert read(b'a\n\n""\nx\n\n').rows == [[""], ["x"]]


def test_ragged_rows_are_refused_and_their_neighbours_load(read: Reading) -> None:
    found = read(b"a,b,c\n1,2,3\n4\n5,6,7,8,\n9,10,11\n")
    assert found.rows == [["1", "2", "3"], ["4", "", ""], ["5", "6", "7"], ["9", "10", "11"]]
    assert found.bad == {
        2: BadRow(
            "MissingCells",
            "line 3: 1 of 3 cells: nothing for column 'b' (2) and what follows: "
            "declare `comment`, `footer_lines` or `until` if the line is no data, or look for missing delimiters",
        ),
        3: BadRow("TooManyCells", "line 4: 5 cells for 3 columns: quote the cells that hold the delimiter"),
    }
    assert found.extra == {3: ["8", ""]}


def test_lines_end_in_the_delimiters_that_the_header_ends_in(read: Reading) -> None:
    found = read(b'a,b,,\n1,2,,\n3,4\n5,6,,x\n7,8,""\n9,,\n0,1,,,\n')
    assert found.rows == [["1", "2"], ["3", "4"], ["5", "6"], ["7", "8"], ["9", ""], ["0", "1"]]
    assert found.codes == {3: "TooManyCells", 5: "MissingCells", 6: "TooManyCells"}
    assert found.extra == {3: ["", "x"]}


@pytest.mark.parametrize(
    "line",
    [
        b"A2,,20,2.5,",  # every cell behind the second delimiter is shifted
        b"A2,S,20,2.5,",
        b'"A2","S","20","2.5",',
        b"A2,S,20,2.5,,",
    ],
)
def test_a_surplus_empty_cell_may_be_one_in_the_middle(read: Reading, line: bytes) -> None:
    found = read(b"order,side,qty,note\nA1,B,10,x\n" + line + b"\nA3,S,30,\n")
    cells = line.count(b",") + 1
    assert found.bad == {
        2: BadRow(
            "TooManyCells",
            f"line 3: {cells} cells for 4 of the header, the last one empty: look for a delimiter too many, or "
            "declare `trailing_delimiter: true` if each line ends in one",
        )
    }
    assert (found.rows[0], found.rows[2]) == (["A1", "B", "10", "x"], ["A3", "S", "30", ""])


def test_a_declared_trailing_delimiter_is_one_cell_and_no_other(read: Reading) -> None:
    rules = replace(UTF_8, trailing=True)
    found = read(b"order,qty,note\nA1,10,x,\nA2,20,,\nA3,30,z\nA4,40,\nA5,50,,,\nA6,60,x,y\n", rules)
    assert found.rows[:3] == [["A1", "10", "x"], ["A2", "20", ""], ["A3", "30", "z"]]
    assert found.codes == {4: "MissingCells", 5: "TooManyCells", 6: "TooManyCells"}
    assert read(b"order,qty,note,\nA1,10,x,\n", rules).rows == [["A1", "10", "x"]]


def test_short_rows_are_accepted_where_they_are_declared(read: Reading) -> None:
    octets = b"order,qty,approve,reject\nA1,10\nA2,20,y\nA3\nA4,1,2,3\nA5,1,2,3,4\n"
    found = read(octets, replace(UTF_8, short=True))
    assert found.rows[:4] == [["A1", "10", "", ""], ["A2", "20", "y", ""], ["A3", "", "", ""], ["A4", "1", "2", "3"]]
    assert found.codes == {5: "TooManyCells"}
    found = read(octets)
    assert found.codes == {1: "MissingCells", 2: "MissingCells", 3: "MissingCells", 5: "TooManyCells"}
    assert "declare `short_rows: accept` if trailing cells were cut off" in found.bad[1].message


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (b"A1,B,10,1.5,0.1,\nA2,S,20,2.5,0.2,\n", 6),  # the header lacks a delimiter in the middle
        (b"A1,B,10,1.5,,\nA2,S,20,2.5,,\n", 6),
        (b'"A1",,,,,\n"A2",,,,,\n', 6),
    ],
)
def test_a_header_that_lacks_a_cell_of_every_line_is_refused_once(tmp_path: Path, lines: bytes, found: int) -> None:
    assert header_error(tmp_path / "x.csv", b"order,side qty,price,fee,note\n" + lines) == (
        f"every line has {found} cells and the header 5: if the header lacks a delimiter, correct it; if only the "
        "lines of data end in one, declare `trailing_delimiter: true`"
    )


@pytest.mark.parametrize(
    ("header", "lines", "told"),
    [
        (
            b"Investor listing\n",
            b"Run date,2026-11-20\nid,name,note\n1,Ann,\n",
            "no line has the 1 cell of the header, but 2 or 3: if lines stand above the header, declare "
            "`skip_lines` or `comment`; if it is written otherwise than the data, correct it",
        ),
        (
            b"id name note\n",
            b"1,Ann,\n2,Bob,\n",
            "no line has the 1 cell of the header, but 3: if lines stand above the header, declare "
            "`skip_lines` or `comment`; if it is written otherwise than the data, correct it",
        ),
        (
            b"id,name,note\n",
            b"1,Ann\n2,Bob\n",
            "no line has the 3 cells of the header, but 2: if trailing cells were cut off, declare "
            "`short_rows: accept`",
        ),
    ],
)
def test_a_header_that_no_line_fits_is_refused_once(tmp_path: Path, header: bytes, lines: bytes, told: str) -> None:
    assert header_error(tmp_path / "x.csv", header + lines) == told


def test_an_undecodable_byte_refuses_its_row_and_the_file_goes_on(read: Reading) -> None:
    found = read("id,name\n1,Zoë\n".encode() + b"2,M\xfcller\n3,Ann\n")
    assert found.rows == [["1", "Zoë"], ["2", "M\ufffdller"], ["3", "Ann"]]
    assert found.bad == {
        2: BadRow(
            "UndecodableByte",
            "line 3: column 'name' (2) holds a byte that is not utf-8, or U+FFFD in place of one: "
            "correct it, or pass the encoding the file has",
        )
    }


def test_a_replacement_character_is_refused_so_that_no_uncorrected_report_slips_in(read: Reading) -> None:
    assert read("id,name\n2,M\ufffdller\n3,Ann\n".encode()).codes == {1: "UndecodableByte"}


@pytest.mark.parametrize("cell", [b"a\x00b", b'"a\x00b"', b"\x00"])
def test_a_nul_byte_refuses_its_row(read: Reading, cell: bytes) -> None:
    found = read(b"id,name\n1,x\n2," + cell + b"\n3,y\n")
    assert found.codes == {2: "NullByte"}
    assert found.bad[2].message == "line 3: column 'name' (2) holds a NUL byte: remove it"
    assert found.rows[2] == ["3", "y"]


@pytest.mark.parametrize(
    ("encoding", "cell", "advice"),
    [
        ("latin-1", "Áine O\u2019Shea", "the file seems to be cp1252 and not latin-1: pass the encoding it has"),
        (
            "latin-1",
            "\u201cPrivate\u201d \u2013 €5k",
            "the file seems to be cp1252 and not latin-1: pass the encoding it has",
        ),
        ("iso8859-15", "Zoë\u2019s", "the file seems to be cp1252 and not iso8859-15: pass the encoding it has"),
        ("latin-1", "x\x81", "remove it, or pass the encoding the file has"),
        ("utf-8", "O\x92Shea", "the text seems to be cp1252 that was converted as latin-1: have it exported anew"),
        ("utf-8", "a\x1fb", "remove it, or pass the encoding the file has"),
        ("utf-8", "a\x0bb", "remove it, or pass the encoding the file has"),
        ("cp1252", "a\x7f", "remove it, or pass the encoding the file has"),
        ("utf-16", "a\x85b", "the text seems to be cp1252 that was converted as latin-1: have it exported anew"),
        ("shift_jis", "表\x1c", "remove it, or pass the encoding the file has"),
    ],
)
def test_a_control_character_refuses_its_row_and_names_the_encoding_it_smells_of(
    read: Reading, encoding: str, cell: str, advice: str
) -> None:
    cp1252 = "seems to be cp1252 and not" in advice
    octets = f'id,name\n1,Ann\n2,"{cell}"\n3,"two\nlines\tand more"\n'.encode("cp1252" if cp1252 else encoding)
    found = read(octets, replace(UTF_8, encoding=encoding_of(encoding)))
    assert found.bad == {
        2: BadRow("ControlCharacter", f"line 3: column 'name' (2) holds a control character: {advice}")
    }
    assert (found.rows[0], found.rows[2]) == (["1", "Ann"], ["3", "two\nlines\tand more"])


def test_utf_8_that_is_read_as_latin_1_is_told(read: Reading) -> None:
    found = read("id,name\n1,O\u2019Shea\n2,x\n".encode(), replace(UTF_8, encoding=encoding_of("latin-1")))
    assert found.codes == {1: "ControlCharacter"}
    assert found.bad[1].message.endswith("the file seems to be utf-8 and not latin-1: pass the encoding it has")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bare_carriage_return_refuses_its_record_only(read: Reading, end: bytes) -> None:
    found = read(end.join([b"id,name", b"1,x", b"2,a\rb", b"3\r,y", b'4,"a\rb"', b"5,z", b""]))
    assert found.codes == {2: "BareCarriageReturn", 3: "BareCarriageReturn"}
    assert found.bad[2].message == (
        "line 3: column 'name' (2) holds a bare carriage return: remove it, or quote the cell"
    )
    assert found.rows[3:] == [["4", "a\rb"], ["5", "z"]]


def test_half_a_line_end_where_the_file_stops_is_a_bare_carriage_return(read: Reading) -> None:
    found = read(b"id,name\r\n1,x\r\n2,y\r")
    assert (found.rows, found.codes) == ([["1", "x"], ["2", "y\r"]], {2: "BareCarriageReturn"})


def test_a_row_tells_all_its_faults_at_once(read: Reading) -> None:
    found = read(b"a,b,c\n\x00\xff,x\ry\n")
    assert found.bad[1].code == "UndecodableByte"
    assert [part.split()[0:2] for part in found.bad[1].message.removeprefix("line 2: ").split("; ")] == [
        ["column", "'a'"],
        ["column", "'a'"],
        ["column", "'b'"],
        ["2", "of"],
    ]


def test_old_mac_line_ends_are_line_ends(read: Reading) -> None:
    found = read(b'id,name\r1,x\r\r2,"two\rlines\nmore"\r3,a\nb\r4,"x"y\r5,z')
    assert found.rows == [["1", "x"], ["2", "two\rlines\nmore"], ["3", "a\nb"], ["4", '"x"y'], ["5", "z"]]
    assert found.codes == {3: "BareLineFeed", 4: "MalformedQuote"}
    assert found.bad[4].message.startswith("line 7: column 'name' ")


def test_clean_old_mac_files_keep_the_line_ends_inside_quotes(read: Reading) -> None:
    found = read(b'id,name\r1,"two\rlines\nmore\r\nand more"\r2,"x"\r')
    assert (found.rows, found.bad) == ([["1", "two\rlines\nmore\r\nand more"], ["2", "x"]], {})
    found = read(b'id,name\r1,"two\rlines"\r2,"x"\r')
    assert (found.rows, found.bad) == ([["1", "two\rlines"], ["2", "x"]], {})


def test_mixed_lf_and_crlf_are_both_line_ends(read: Reading) -> None:
    found = read(b"a,b\r\n1,2\n3,4\r\n")
    assert (found.rows, found.bad) == ([["1", "2"], ["3", "4"]], {})


def test_an_unterminated_quote_costs_its_line_only(read: Reading) -> None:
    found = read(b'id,name\n1,x\n2,"open\n3,y\n4,z\n')
    assert found.rows == [["1", "x"], ["2", '"open'], ["3", "y"], ["4", "z"]]
    assert found.bad == {
        2: BadRow(
            "UnterminatedQuote",
            "line 3: column 'name' (2) opens a quote that is not closed before a delimiter or line end "
            "(within 1,000 lines and 1,048,576 bytes): close it, or double the quotes that are text",
        )
    }


def test_an_open_quote_that_meets_the_next_one_costs_its_line_only(read: Reading) -> None:
    found = read(b'id,name\n1,"open\n2,"fine"\n3,"x" y\n4,z\n')
    assert found.rows[1] == ["2", "fine"]
    assert found.codes == {1: "UnterminatedQuote", 3: "MalformedQuote"}
    assert found.bad[3].message == (
        "line 4: column 'name' (2) goes on behind its closing quote: double the quotes that are text"
    )


def test_a_record_of_too_many_lines_is_an_unterminated_quote(read: Reading) -> None:
    long = b"\n".join([b'"first', *[b"more"] * 998, b'last",x'])
    found = read(b"a,b\n" + long + b"\n")
    assert (len(found.rows), found.bad) == (1, {})
    found = read(b"a,b\n1,2\n" + long.replace(b"last", b"one\nlast") + b"\nc,d\n")
    assert (len(found.rows), found.rows[-1]) == (1003, ["c", "d"])
    assert found.codes[2] == "UnterminatedQuote"


def test_a_record_over_a_mebibyte_is_refused_and_never_held_whole(read: Reading) -> None:
    limit = 1 << 20
    fits = b"x" * (limit - 2)
    found = read(b"a,b\n1," + fits + b"\n1," + fits + b"y\n2," + fits * 3 + b"\n3,z\n")
    assert found.codes == {2: "RecordTooLong", 3: "RecordTooLong"}
    assert [len(row[1]) for row in found.rows] == [limit - 2, limit - 2, limit - 2, 1]
    assert found.bad[3].message == ("line 4: the record is longer than 1,048,576 bytes: look for a missing line end")
    assert read(b"a,b\n2," + fits * 3).codes == {1: "RecordTooLong"}


def test_an_open_quote_before_long_lines_is_given_up_without_holding_them(
    read: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [0]
    real = ByteStream.view

    def watched(stream: ByteStream, size: int) -> tuple[bytes, bool]:
        view = real(stream, size)
        sizes.append(len(view[0]))
        return view

    monkeypatch.setattr(ByteStream, "view", watched)
    found = read(b'a,b\n1,"open\n' + (b"x" * 300_000 + b"\n") * 20)
    assert (len(found.rows), found.codes[1]) == (21, "UnterminatedQuote")
    found = read(b'a,b\n1,"open\n' + b"x" * 6_000_000 + b"\n2,y\n")
    assert found.codes == {1: "UnterminatedQuote", 2: "RecordTooLong"}
    assert found.rows[2] == ["2", "y"]
    assert max(sizes) <= UTF_8.max_bytes + 2 * UTF_8.block


def test_a_quoted_cell_longer_than_the_csv_module_takes_is_read(read: Reading) -> None:
    cell = "x," * 100_000
    assert read(f'a,b\n"{cell}",1\n"{cell}\n",2\n'.encode()).rows == [[cell, "1"], [f"{cell}\n", "2"]]


@pytest.mark.untraced
@pytest.mark.parametrize(
    "line",
    [b'a,"open', b'x",a,"', b'"a" b,c', b"a", b"a,b,c", b"a,\xff", b"a,\x00", b"a,b\rc", b'"x""'],
)
def test_a_file_of_bad_lines_takes_linear_time(read: Reading, line: bytes) -> None:
    begun = time.process_time()
    found = read(b"a,b\n1,2\n" + (line + b"\n") * 6_000)
    assert time.process_time() - begun < 4  # three readings; quadratic would be half a minute
    assert len(found.bad) == len(found.rows) - 1 == 6_000


@pytest.mark.parametrize(
    ("encoding", "octets"),
    [
        ("utf-8", "é,ü\nà,€\n".encode()),
        ("utf-8", "é,ü\nà,€\n".encode("utf-8-sig")),
        ("utf-8-sig", "é,ü\nà,€\n".encode("utf-8-sig")),
        ("cp1252", "é,ü\nà,€\n".encode("cp1252")),
        ("utf-16", "é,ü\nà,€\n".encode("utf-16")),
        ("utf-16-le", codecs.BOM_UTF16_LE + "é,ü\nà,€\n".encode("utf-16-le")),
        ("utf-16-be", "é,ü\nà,€\n".encode("utf-16-be")),
        ("utf-32", "é,ü\nà,€\n".encode("utf-32")),
    ],
)
def test_declared_encodings_are_read(read: Reading, tmp_path: Path, encoding: str, octets: bytes) -> None:
    rules = replace(UTF_8, encoding=encoding_of(encoding))
    assert read(octets, rules).rows == [["à", "€"]]
    assert opened(tmp_path / "people.csv", rules).columns == ["é", "ü"]


def test_bytes_that_an_encoding_lacks_refuse_their_rows_in_any_encoding(read: Reading) -> None:
    rules = replace(UTF_8, encoding=encoding_of("cp1252"))
    assert read(b"a,b\n1,\x81\n2,\x80\n", rules).codes == {1: "UndecodableByte"}
    rules = replace(UTF_8, encoding=encoding_of("utf-16"))
    lone = "a,b\n1,".encode("utf-16") + b"\x00\xd8" + "\n2,x\n".encode("utf-16-le")
    found = read(lone, rules)
    assert (found.codes, found.rows[1]) == ({1: "UndecodableByte"}, ["2", "x"])
    cut = "a,b\n1,x\n2,y".encode("utf-16") + b"z"
    assert read(cut, rules).codes == {2: "UndecodableByte"}


def test_multibyte_encodings_whose_characters_hold_ascii_bytes_are_read(read: Reading) -> None:
    rules = replace(UTF_8, encoding=encoding_of("shift_jis"), delimiter="|")
    assert read("a|b\nソ|表\n".encode("shift_jis"), rules).rows == [["ソ", "表"]]


@pytest.mark.parametrize("name", ["utf-9", "hex", "", "undefined"])
def test_an_unknown_encoding_is_named(name: str) -> None:
    with pytest.raises(ExtractError, match=f"^unknown encoding '{name}': name one such as utf-8"):
        encoding_of(name)


@pytest.mark.parametrize(
    ("octets", "declared", "named"),
    [
        ("a,b\n".encode("utf-16"), "utf-8", "utf-16"),
        ("a,b\n".encode("utf-16-be"), "cp1252", "utf-16"),
        ("a,b\n".encode("utf-32"), "utf-8", "utf-32"),
        ("a,b\n".encode("utf-8-sig"), "latin-1", "utf-8"),
        ("a,b\n".encode("utf-8-sig"), "utf-16", "utf-8"),
    ],
)
def test_a_byte_order_mark_that_speaks_against_the_encoding_is_an_error(
    tmp_path: Path, octets: bytes, declared: str, named: str
) -> None:
    if declared == "cp1252":
        octets = codecs.BOM_UTF16_BE + octets
    rules = replace(UTF_8, encoding=encoding_of(declared))
    assert header_error(tmp_path / "x.csv", octets, rules) == (
        f"the file begins with the byte order mark of {named}, but is read as {declared}: pass the encoding {named}"
    )


def test_utf_16_without_a_mark_is_told_by_its_header(tmp_path: Path) -> None:
    assert header_error(tmp_path / "x.csv", "a,b\n1,2\n".encode("utf-16-le")) == (
        "the header (line 1) cannot be read: cell 1 holds a NUL byte: remove it; "
        "cell 2 holds a NUL byte: remove it: check the file's encoding"
    )


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", "the file is empty: it has no header"),
        (b"\n\r\n\n", "the file is empty: it has no header"),
        (codecs.BOM_UTF8, "the file is empty: it has no header"),
        (b",,\n1,2,3\n", "the header names no column: name at least one"),
        (b"a,,c\n", "the header's cell 2 of 3 is empty: name the column"),
        (
            "a,b, a,b\u00a0,a\n".encode(),
            "the header names a column more than once: at 1 and 3 and 5; at 2 and 4: rename or remove one",
        ),
        (
            b'a,"b\n1,2\n',
            "the header (line 1) cannot be read: cell 2 opens a quote that is not closed before a delimiter or "
            "line end (within 1,000 lines and 1,048,576 bytes): close it, or double the quotes that are text",
        ),
        (
            b"\nname,M\xfcller\n",
            "the header (line 2) cannot be read: cell 2 holds a byte that is not utf-8, or U+FFFD in place of one: "
            "correct it, or pass the encoding the file has",
        ),
        (
            b"x" * (1 << 20) + b"y",
            "the header (line 1) cannot be read: the record is longer than 1,048,576 bytes: "
            "look for a missing line end",
        ),
        (b"PAR1\x15\x04", "is a Parquet file: let its name end in .parquet"),
        (gzip.compress(b"a,b\n", mtime=0), "is compressed with gzip: let its name end in .gz"),
        (
            b"PK\x03\x04\x14",
            "is a zip archive or an Excel workbook: let an archive's name end in .zip, export a workbook as CSV",
        ),
        (b'{"display_name":"A"}\n', "is JSON: export it as CSV or Parquet"),
        (b'[{"display_name":"A"}]', "is JSON: export it as CSV or Parquet"),
        (b"<!DOCTYPE html>\n<html>", "is a web page, perhaps of a sign-in: fetch it anew"),
        (b"<html><body>", "is a web page, perhaps of a sign-in: fetch it anew"),
        (b'<?xml version="1.0"?>', "is XML: export it as CSV or Parquet"),
        (b"ARROW1\x00\x00", "is an Arrow file: export it as Parquet or CSV"),
    ],
)
def test_a_file_without_a_proper_header_is_refused(tmp_path: Path, octets: bytes, told: str) -> None:
    assert header_error(tmp_path / "x.csv", octets) == told


def test_header_names_are_trimmed_and_may_be_quoted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes('\ufeff\u200b id\u00a0,"_key" ,"display, name",d\u200b \ufeff\n'.replace('" ,', '",').encode())
    assert opened(path).columns == ["id", "_key", "display, name", "d"]


def test_a_header_longer_than_the_first_look_is_read(tmp_path: Path) -> None:
    names = [f"column number {index}" for index in range(10_000)]
    path = tmp_path / "x.csv"
    path.write_text(",".join(names) + "\r" + "," * 9_999 + "\r")
    file = opened(path)
    assert file.columns == names
    assert joined(list(file.batches(file.columns))).rows == [[""] * 10_000]


def test_a_header_alone_is_a_file_without_rows(read: Reading) -> None:
    assert read(b"a,b").rows == []
    assert read(b"a,b\n\n").rows == []


def test_batches_are_bounded_in_rows_and_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a\n" + b"1\n" * 20_000)
    assert [len(batch) for batch in opened(path).batches(["a"])] == [8192, 8192, 3616]
    path.write_bytes(b"a\n" + b'"1"\n' * 20_000)
    assert [len(batch) for batch in opened(path).batches(["a"])] == [8192, 8192, 3616]
    path.write_bytes(b"a\n" + b"1\x00\n" * 20_000)
    assert [len(batch) for batch in opened(path).batches(["a"])] == [8192, 8192, 3616]
    path.write_bytes(b"a\n" + b"x" * 9_999 + b"\n" + (b"y" * 9_999 + b"\n") * 200)
    sizes = [sum(len(cell) + 1 for cell in batch.columns[0]) for batch in opened(path).batches(["a"])]
    assert (sum(sizes), max(sizes) <= UTF_8.block) == (2_010_000, True)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_compressed_files_are_read_as_they_are(tmp_path: Path, suffix: str) -> None:
    body = b"a,b\n" + b"".join(b'%d,"x\ny"\n' % row for row in range(5_000))
    path = tmp_path / f"x.csv{suffix}"
    path.write_bytes(compressed(suffix, body[:20_000]) + compressed(suffix, body[20_000:]))
    file = opened(path, replace(UTF_8, block=4_000))
    batches = list(file.batches(file.columns))
    assert joined(batches).rows == [[str(row), "x\ny"] for row in range(5_000)]
    assert [file.reread(batch.position, file.columns) for batch in batches] == batches
    assert file.reread(batches[2].position, file.columns) == batches[2]
    file.close()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_damaged_compressed_files_are_named(tmp_path: Path, suffix: str) -> None:
    rows = b"".join(b"%d,%d\n" % (row, row * 7919 % 1000) for row in range(5_000))
    octets = compressed(suffix, b"a,b\n" + rows)
    path = tmp_path / f"x.csv{suffix}"
    for damaged in (octets[: len(octets) // 2], octets[:-1], octets[:3], octets + b"garbage", b"not compressed"):
        path.write_bytes(damaged)
        with pytest.raises(ExtractError) as caught:
            list(opened(path).batches(["a", "b"]))
        assert caught.value.message.startswith(f"{path}: the file is damaged or cut short, after ")


def test_ascending_rereads_of_a_compressed_file_cost_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 50_000))
    file = opened(path, replace(UTF_8, block=1_000))
    batches = list(file.batches(file.columns))
    openings: list[Source] = []
    real = Source.open

    def counted(source: Source) -> BinaryIO:
        openings.append(source)
        return real(source)

    monkeypatch.setattr(Source, "open", counted)
    assert [file.reread(batch.position, file.columns) for batch in batches[::3]] == batches[::3]
    assert len(openings) == 1
    file.close()


def test_the_short_ways_are_taken_where_they_may_be(read: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(blocks, "RecordReader")
    assert read(b'a,b,\r\n1,2,\r\n\r\n"x\r\ny","",\r\n"3",4').rows == [["1", "2"], ["x\r\ny", ""], ["3", "4"]]
    with pytest.raises(NameError):
        read(b"a,b\n1,2\n1\n")


def compressed(suffix: str, octets: bytes) -> bytes:
    if suffix == ".gz":
        return gzip.compress(octets)
    return bytes(pa.Codec("zstd").compress(octets))
