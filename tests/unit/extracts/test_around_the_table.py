"""Lines around the table of a CSV file: titles, comments, rules, footers, second tables, and headers of all kinds."""

import codecs
import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.extracts.csv.file import CsvFile
from connectors.extracts.csv.format import csv_format
from connectors.extracts.extract import Extract, open_extract
from connectors.extracts.source_files import find_sources
from schemas.errors import ExtractError
from schemas.rows.reading import ReadingRules

INVESTORS = "display_name,investor_type,identifier:InvestorRecord/Ext/Id"
QUOTE = '"'
ORDERS = "block_code,order_code,quantity,side"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def extract(text: str | bytes, **declared: Any) -> Extract:
    Path("x.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return open_extract(["x.csv"], declared=ReadingRules(**declared))


def read(text: str | bytes, **declared: Any) -> tuple[list[str], list[list[Any]], list[str]]:
    """Columns, rows, and what was refused or left out, of text read from the start and again by its positions."""
    with extract(text, **declared) as found:
        batches = list(found.batches())
        assert [found.reread(batch.position) for batch in batches] == batches
        told = [bad.message for batch in batches for bad in batch.bad.values()]
        return found.columns, [row for batch in batches for row in rows_of(batch)], told + found.notes()


def refusal(text: str | bytes, **declared: Any) -> str:
    with pytest.raises(ExtractError) as caught:
        extract(text, **declared)
    return caught.value.message.removeprefix("x.csv: ")


@pytest.mark.parametrize(
    ("text", "declared", "rows"),
    [
        (f"Investor listing\nRun date,2026-11-20\n\n{INVESTORS}\nAnn,Person,L1\n", {"skip_lines": 3}, [["Ann"]]),
        (f"Investor listing\nRun date,2026-11-20\n\n{INVESTORS}\nAnn,Person,L1\n", {"skip_lines": 2}, [["Ann"]]),
        (f'A "title\nwith a quote\n{INVESTORS}\r\nAnn,Person,L1\r\n', {"skip_lines": 2}, [["Ann"]]),
        (f"\ufeffListing\n{INVESTORS}\nAnn,Person,L1\n", {"skip_lines": 1}, [["Ann"]]),
        (f"# exported 2026-11-20\n{INVESTORS}\nAnn,Person,L1\n", {"comment": "#"}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\n# end\nBob,Person,L2\n#\n", {"comment": "#"}, [["Ann"], ["Bob"]]),
        (f'{INVESTORS}\n"Ann\n# no comment",Person,L1\n', {"comment": "#"}, [["Ann\n# no comment"]]),
        (f"-- listing\n{INVESTORS}\n-----,-----,-----\nAnn,Person,L1\n", {"comment": "--"}, [["Ann"]]),
        (f"{INVESTORS}\n-----,-----,-----\nAnn,Person,L1\n\n(1 rows affected)\n",
         {"comment": "---", "footer_lines": 1}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\nBob,Person,L2\nTRAILER\n2\n", {"footer_lines": 2}, [["Ann"], ["Bob"]]),
        (f"{INVESTORS}\nAnn,Person,L1\nTRAILER", {"footer_lines": 1}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\nTotal,,1\nBob,Person,L2\n", {"until": "Total"}, [["Ann"]]),
        (f'{INVESTORS}\nAnn,Person,L1\n "Total" ,x\n', {"until": "Total", "quote": '"'}, None),
        (f"{INVESTORS}\nAnn,Person,L1\nsku,stock\nS1,99\n", {"until": "sku"}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\ndisplay_name,x\nS1,99\n", {"until": "display_name"}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\n\nsku,stock\nS1,99\n", {"until": ""}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\n,,\nBob,Person,L2\n", {"until": ""}, [["Ann"]]),
        (f"{INVESTORS}\nAnn,Person,L1\nBob,Person,L2\n", {"until": "Total"}, [["Ann"], ["Bob"]]),
    ],
)  # fmt: skip
def test_lines_around_the_table_are_declared(text: str, declared: dict[str, Any], rows: list[list[str]] | None) -> None:
    columns, found, _ = read(text, **declared)
    assert columns == INVESTORS.split(",")
    if rows is not None:
        assert [row[:1] for row in found] == rows
        assert {(row[1], row[2]) for row in found} <= {("Person", "L1"), ("Person", "L2")}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"{ORDERS}\nB1,O1,10,Buy\n# end of export\n",
            "line 3: 1 of 4 cells: nothing for column 'order_code' (2) and what follows: declare `comment`, "
            "`footer_lines` or `until` if the line is no data, or look for missing delimiters",
        ),
        (
            f"{ORDERS}\nB1,O1,10,Buy\n-----,---,--,----\n",
            "line 3: it is a line of dashes: declare `comment` with the first of them",
        ),
        (
            f"{ORDERS}\nB1,O1,10,Buy\nsku,stock\n",
            "line 3: 2 of 4 cells: nothing for column 'quantity' (3) and what follows: look for a missing delimiter, "
            "or declare `short_rows: accept` if trailing cells were cut off",
        ),
    ],
)
def test_undeclared_lines_refuse_themselves_and_name_what_would_let_them_out(text: str, told: str) -> None:
    _, rows, messages = read(text)
    assert (rows[0], messages) == (["B1", "O1", "10", "Buy"], [told])


def test_what_until_leaves_out_is_said() -> None:
    _, rows, told = read(f'{ORDERS}\nB1,"O\n1",10,Buy\nTotal,,10,\nB2,O2,10,Buy\n', until="Total")
    assert (rows, told) == (
        [["B1", "O\n1", "10", "Buy"]],
        ["x.csv: line 4 and what follows it were not read, as `until` declares"],
    )


def test_a_byte_order_mark_before_a_record_is_said() -> None:
    _, rows, told = read(codecs.BOM_UTF8 + b'id,side\n1,Buy\n\xef\xbb\xbf2,Sell\n\xef\xbb\xbf"3",Buy\n')
    assert (rows, told) == (
        [["1", "Buy"], ["2", "Sell"], ["3", "Buy"]],
        ["x.csv: 2 records begin with a byte order mark (line 3): it is no part of the first cell"],
    )


@pytest.mark.parametrize(
    ("text", "declared", "row"),
    [
        ("sep=;\r\nid;name\r\n1;x,y\r\n", {}, ["1", "x,y"]),
        ('"sep=;"\r\nid;name\r\n1;x,y\r\n', {}, ["1", "x,y"]),
        ("sep=,\nid,name\n1,x\n", {}, ["1", "x"]),
        ("\ufeffSEP=\t\nid\tname\n1\tx\n", {}, ["1", "x"]),
        ("sep=|\nid|name\n1|x\n", {"delimiter": "|"}, ["1", "x"]),
        ("Title\nsep=;\nid;name\n1;x\n", {"skip_lines": 1}, ["1", "x"]),
    ],
)
def test_the_line_that_names_the_delimiter_is_obeyed(text: str, declared: dict[str, Any], row: list[str]) -> None:
    assert read(text, **declared)[:2] == (["id", "name"], [row])


def test_a_delimiter_that_the_file_contradicts_is_refused() -> None:
    assert refusal("sep=;\nid;name\n1;x\n", delimiter=",") == (
        "the file's own line says that its delimiter is ';', and ',' is declared"
    )


@pytest.mark.parametrize("first", ["", "Unnamed: 0", '""', " "])
@pytest.mark.parametrize("begin", [0, 1, 17])
def test_a_first_column_that_counts_and_has_no_name_is_ignored_and_said(first: str, begin: int) -> None:
    lines = [f"{begin + row},B{row},O{row},1{row},Buy\n" for row in range(3)]
    columns, rows, told = read(f"{first},{ORDERS}\n{''.join(lines)}")
    assert columns == ["_unnamed", *ORDERS.split(",")]
    assert [row[1:] for row in rows] == [[f"B{row}", f"O{row}", f"1{row}", "Buy"] for row in range(3)]
    assert told == ["x.csv: the first column has no name and counts the rows: it is not used"]


@pytest.mark.parametrize("cells", [("0", "2"), ("a", "b"), ("00", "01"), ("", ""), ("1.0", "2.0")])
def test_a_first_column_without_a_name_that_does_not_count_is_refused(cells: Sequence[str]) -> None:
    lines = [f"{cell},B,O,1,Buy\n" for cell in cells]
    assert refusal(f",{ORDERS}\n{''.join(lines)}") == "the header's cell 1 of 5 is empty: name the column"


def test_a_cell_of_it_that_does_not_count_on_refuses_its_row() -> None:
    lines = [f"{7 if row == 150 else row},B{row},O,1,Buy\n" for row in range(200)]
    _, rows, told = read(f",{ORDERS}\n{''.join(lines)}")
    assert len(rows) == 200
    assert told[0] == "row 151: the first column has no name, and this cell of it does not count on: name it"
    assert len(told) == 2


@pytest.mark.parametrize(
    ("text", "declared", "columns"),
    [
        ("A1,10\nA2,20\n", {"header": "none", "names": ["order", "qty"]}, ["order", "qty"]),
        ("\ufeffA1,10\nA2,20\n", {"header": "none", "names": ["order", "qty"]}, ["order", "qty"]),
        ("t\nA1,10,\nA2,20,\n", {"header": "none", "names": ["order", "qty", ""], "skip_lines": 1}, ["order", "qty"]),
        ("order,qty\norder,qty\nA1,10\nA2,20\n", {"header_rows": 2}, ["order order", "qty qty"]),
        ("order,traded\n,qty\nA1,10\nA2,20\n", {"header_rows": 2}, ["order", "traded qty"]),
        ('"or\nder",x\n y , \nz,\nA1,10\nA2,20\n', {"header_rows": 3}, ["or\nder y z", "x"]),
    ],
)
def test_headers_of_no_row_and_of_several_are_declared(text: str, declared: dict[str, Any], columns: list[str]) -> None:
    assert read(text, **declared) == (columns, [["A1", "10"], ["A2", "20"]], [])


def test_a_second_header_row_is_refused_where_it_is_not_declared() -> None:
    _, rows, told = read("order,qty\norder,qty\nA1,10\n")
    assert (rows[1], told) == (
        ["A1", "10"],
        ["line 2: it is the header again: load joined files as several files, or declare `header_rows`"],
    )


@pytest.mark.parametrize(
    ("text", "declared", "told"),
    [
        ("a\nb\n", {"skip_lines": 5}, "the file has 2 lines, and `skip_lines` is 5"),
        ("a\nb\n", {"footer_lines": 5}, "the file is empty: it has no header"),
        ("id,name\n1\n2\n", {}, "no line has the 2 cells of the header, but 1: if trailing cells were cut off, declare "
         "`short_rows: accept`"),
    ],
)  # fmt: skip
def test_a_declaration_that_leaves_no_table_is_refused(text: str, declared: dict[str, Any], told: str) -> None:
    assert refusal(text, **declared) == told


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"header": "none"}, "`header: none` needs `names`"),
        ({"names": ["a"]}, "`names` are for `header: none`"),
        ({"header": "none", "names": ["a"], "header_rows": 2}, "`header_rows` are of a header"),
        ({"quote": "none", "escape": "none"}, "`escape: none` is for quoted cells"),
        ({"header": "first"}, "Input should be 'none'"),
        ({"comment": ""}, "at least 1"),
        ({"skip_lines": -1}, "greater than or equal to 0"),
        ({"until": "a\nb"}, "holds a line end"),
    ],
)
def test_declarations_that_contradict_each_other_are_refused(declared: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ReadingRules(**declared)


def test_a_footer_is_left_out_of_compressed_transcoded_and_old_mac_files_too() -> None:
    text = "id,name\n1,é\n2,b\nTRAILER,2\nend\n"
    for name, octets, encoding in (
        ("a.csv.gz", gzip.compress(text.encode()), "utf-8"),
        ("a.csv", text.encode("utf-16"), "utf-16"),
        ("b.csv", text.replace("\n", "\r").encode(), "utf-8"),
        ("c.csv", text.replace("\n", "\r\n").encode(), "utf-8"),
    ):
        Path(name).write_bytes(octets)
        with open_extract([name], declared=ReadingRules(footer_lines=2, encoding=encoding)) as found:
            assert [row for batch in found.batches() for row in rows_of(batch)] == [["1", "é"], ["2", "b"]]


def test_a_footer_that_is_too_long_to_be_held_is_refused() -> None:
    with (
        extract("id\n" + "1\n" * 9 + "x" * 3_000_000 + "\n", footer_lines=2) as found,
        pytest.raises(ExtractError) as why,
    ):
        list(found.batches())
    assert why.value.message == "x.csv: its last 2 lines are longer than 65,536 bytes"


TABLES = st.lists(st.tuples(st.text("ab #-\n\"'", max_size=4), st.text("xy,", max_size=3)), max_size=30)


@pytest.mark.untraced
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=TABLES,
    above=st.lists(st.text("ab,\"'# ", max_size=5), max_size=3),
    below=st.lists(st.text("ab,\"'# ", max_size=5), max_size=3),
    block=st.integers(1, 60),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_declared_around_a_table_changes_nothing_in_it(
    table: list[tuple[str, str]], above: list[str], below: list[str], block: int, end: str
) -> None:
    rows = [[f'"{cell.replace(QUOTE, QUOTE * 2)}"' for cell in row] for row in table]
    lines = [*above, "id,name", *(",".join(row) for row in rows), *below]
    Path("x.csv").write_bytes("".join(line + end for line in lines).encode())
    declared = csv_format(ReadingRules(skip_lines=len(above), footer_lines=len(below), quote='"'))
    file = CsvFile(find_sources(["x.csv"])[0], 0, replace(declared, block=block))
    found = [row for batch in file.batches(["id", "name"]) for row in rows_of(batch)]
    assert found == [[*row] for row in table]
