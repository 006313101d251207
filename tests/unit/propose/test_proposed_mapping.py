"""A first mapping: what it proposes is right and loads, and what nothing proves is left to a person."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from connectors.extracts.mapping_file import mapping_of, read_mapping
from pipelines.cli import main as cli
from pipelines.operations.table import OPERATIONS
from pipelines.propose.mapping import propose_mapping
from schemas.dialects import Dialect
from schemas.errors import ExtractError
from schemas.rows.mapping import Mapping

ROOT = Path(__file__).resolve().parents[3]
CLIENT = ROOT / "data" / "client"
Capture = pytest.CaptureFixture[str]

HEADER = ("order_code", "order_scope", "block_code", "block_scope", "figi", "qty", "bs")
PLAIN = ("O1", "S", "B1", "S", "BBG000C6K6G9", "100", "B")


def proposed(path: Path, operation: str = "orders") -> str:
    return propose_mapping([path], OPERATIONS[operation], Dialect.V2_1)


def parsed(text: str, operation: str = "orders") -> Mapping:
    return mapping_of(text, "proposed", operation)


def column(text: str, name: str) -> dict[str, Any]:
    """What is declared of a canonical column, without what is not."""
    return parsed(text).columns[name].model_dump(exclude_defaults=True, mode="json")


def written(
    folder: Path,
    *more: Sequence[str],
    header: Sequence[str] = (),
    delimiter: str = ",",
    before: str = "",
    after: str = "",
    encoding: str = "utf-8",
) -> Path:
    """A blotter of which each row has other cells in its last columns, which `header` names."""
    rows = [
        (*(HEADER + tuple(header)),),
        *((f"O{i}", *PLAIN[1:2], f"B{i}", *PLAIN[3:], *last) for i, last in enumerate(more)),
    ]
    path = folder / "blotter.csv"
    text = before + "".join(f"{delimiter.join(row)}\r\n" for row in rows) + after
    path.write_bytes(text.encode(encoding))
    return path


def dry_run(folder: Path, extract: Path, text: str, operation: str = "orders") -> int:
    mapping = folder / "proposed.yaml"
    mapping.write_text(text, "utf-8")
    arguments = ["load", operation, str(extract), "--mapping", str(mapping), "--dry-run", "--target", "sandbox"]
    return cli.run([*arguments, "--runs", str(folder / "runs"), "--direct"])


@pytest.mark.untraced
@pytest.mark.parametrize(
    ("extract", "operation"),
    [("investors", "investor-records"), ("accounts", "investment-accounts"), ("orders", "orders")],
)
def test_what_is_proposed_for_the_clients_extracts_is_what_their_mappings_say(extract: str, operation: str) -> None:
    text = proposed(CLIENT / f"{extract}.csv", operation)
    ours = read_mapping(CLIENT / f"{'orders' if extract == 'orders' else operation}.yaml", operation)
    found = parsed(text, operation)
    assert {name: rule for name, rule in found.columns.items() if ours.columns.get(name) != rule} == {}
    assert len(found.columns) >= {"investors": 2, "accounts": 3, "orders": 9}[extract]


def test_no_cell_is_printed_but_codes_of_vocabularies() -> None:
    text = proposed(CLIENT / "investors.csv", "investor-records")
    with (CLIENT / "investors.csv").open(encoding="utf-8") as file:
        rows = [line.strip().split(",") for line in file][1:200]
    names = {cell for row in rows for cell in row if len(cell) > 7}
    assert [name for name in names if name in text] == []


@pytest.mark.parametrize("name", ["orders", "investor-records", "investment-accounts"])
def test_a_canonical_header_is_mapped_whole_and_loads_without_an_edit(name: str, tmp_path: Path) -> None:
    few = ["--investors", "20", "--accounts", "10", "--blocks", "10", "--orders", "30", "--no-bad-rows"]
    assert cli.run(["sample", str(tmp_path), *few, "--format", "csv", "--format", "parquet"]) == 0
    stem = {"orders": "orders", "investor-records": "investors", "investment-accounts": "accounts"}[name]
    for suffix in ("csv", "parquet"):
        extract = tmp_path / f"{stem}.{suffix}"
        text = proposed(extract, name)
        assert "feed nothing" not in text
        assert "To do" not in text
        assert dry_run(tmp_path, extract, text, name) == 0


def test_a_german_export_with_a_title_and_a_total_line(tmp_path: Path, capsys: Capture) -> None:
    rows = [("1.234,50", "31.01.2026"), ("12,75", "02.01.2026")] * 20
    path = tmp_path / "export.csv"
    lines = [f"A{i};S;B{i};S;BBG000C6K6G9;{q};Kauf;{d}" for i, (q, d) in enumerate(rows)]
    head = "Aufträge\n\nAuftragsnummer;Order Scope;Block ID;Block-Scope;FIGI;Menge;Richtung;Auftragsdatum\n"
    path.write_text(head + "\n".join(lines) + "\nSumme;;;;;24.945,00;;\n", "utf-8")
    text = proposed(path)
    found = parsed(text)
    assert (found.delimiter, found.skip_lines, found.footer_lines) == (";", 1, 1)
    assert column(text, "quantity") == {"column": "Menge", "decimal": ",", "thousands": "."}
    assert column(text, "order_date")["format"] == ["%d.%m.%Y"]
    assert "# fits 40 of 40 cells" in text
    assert dry_run(tmp_path, path, text) == 0, capsys.readouterr().err


def test_an_encoding_that_nothing_proves_is_left_to_a_person(tmp_path: Path) -> None:
    path = written(tmp_path, *[["Müller"]] * 3, header=["broker"], delimiter=";", encoding="cp1252")
    text = proposed(path)
    assert "# encoding: cp1252" in text
    assert "# encoding: iso-8859-15  # or this" in text
    assert "To do before it loads: decide on encoding" in text
    assert (parsed(text).encoding, parsed(text).delimiter) == ("utf-8", ";")
    utf16 = proposed(written(tmp_path, *[["Müller"]] * 3, header=["broker"], delimiter="\t", encoding="utf-16"))
    assert (parsed(utf16).encoding, parsed(utf16).delimiter) == ("utf-16", "\t")


def test_an_export_of_excel_that_says_its_delimiter_itself(tmp_path: Path) -> None:
    path = written(tmp_path, *[["20/11/2026"]] * 3, header=["Order Date"], delimiter=";", before="\ufeffsep=;\r\n")
    text = proposed(path)
    assert parsed(text).model_fields_set == {"operation", "columns"}
    assert column(text, "order_date")["column"] == "Order Date"
    assert dry_run(tmp_path, path, text) == 0


def test_days_that_may_be_months_are_proposed_both_ways_and_neither_is_taken(tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[[f"0{day}/02/2026"] for day in range(1, 8)], header=["order date"]))
    assert "order_date" not in parsed(text).columns
    assert "#   format: '%d/%m/%Y'  # fits 7 of 7 cells" in text
    assert "#   format: '%m/%d/%Y'  # fits 7 of 7 cells" in text


def test_a_day_above_twelve_proves_the_format_and_the_row_that_does_not_fit_is_named(tmp_path: Path) -> None:
    dates = [*[[f"0{day}/02/2026"] for day in range(1, 10)], ["13/02/2026"], ["soon"]]
    text = proposed(written(tmp_path, *dates, header=["order date"]))
    assert column(text, "order_date")["format"] == ["%d/%m/%Y"]
    assert "fits 10 of 11 cells; first that does not: row 11" in text
    assert "soon" not in text


def test_local_times_ask_for_their_zone(tmp_path: Path) -> None:
    path = written(tmp_path, *[["20/11/2026 08:15:00"]] * 3, header=["order date"])
    text = proposed(path)
    assert "# timezone: Europe/London" in text
    assert dry_run(tmp_path, path, text) == 3
    assert dry_run(tmp_path, path, text.replace("# timezone", "timezone")) == 0


def test_a_thousands_separator_that_may_be_a_decimal_comma_is_left_to_a_person(tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[["1,500", "EUR"]] * 3, header=["price", "ccy"], delimiter=";"))
    assert "price" not in parsed(text).columns
    assert "#   decimal: ','" in text
    assert "#   thousands: ','" in text


def test_words_that_only_the_client_knows_are_listed_for_a_person(tmp_path: Path) -> None:
    path = tmp_path / "investors.csv"
    path.write_text("full_name,kind\n" + "Jane Doe,P\nDoe plc,E\n" * 5, "utf-8")
    text = proposed(path, "investor-records")
    assert "#   values: {E: '?', P: '?'}" in text
    assert "one of Person, LegalEntity" in text
    assert [*parsed(text, "investor-records").columns] == ["display_name"]


def test_words_for_no_value_among_numbers_are_declared_and_among_texts_left_to_a_person(tmp_path: Path) -> None:
    path = written(tmp_path, *[["NULL", "EUR"], ["1.5", "EUR"]] * 5, header=["price", "ccy"])
    text = proposed(path)
    assert parsed(text).null == ("NULL",)
    assert "# 5 cells have, the first in row 1, such a word for no value" in text
    assert "price: price  # fits 5 of 5 cells" in text
    assert dry_run(tmp_path, path, text) == 0
    alone = proposed(written(tmp_path, *[["None"], ["x"]] * 5, header=["broker"]))
    assert parsed(alone).null == ()
    assert "# 'null': [None]" in alone


def test_marks_of_a_text_are_declared(tmp_path: Path) -> None:
    path = written(tmp_path, *[['="0012"']] * 5, header=["portfolio"])
    text = proposed(path)
    assert parsed(text).excel_text
    assert "portfolio_code: portfolio  # fits 5 of 5 cells" in text


@pytest.mark.parametrize(
    ("cells", "declared"),
    [
        (["50.00-", "1.25"], {"negative": ["trailing"]}),
        (["(33.52)", "1.25"], {"negative": ["parentheses"]}),
        (["$1.23", "$2"], {"currency_sign": "strip"}),
        (["($1.23)", "$2"], {"negative": ["parentheses"], "currency_sign": "strip"}),
        (["1.234,50-", "2,1"], {"decimal": ",", "thousands": ".", "negative": ["trailing"]}),
        (["12,75", "1234,5"], {"decimal": ","}),
        (["1'234.50", "2"], {"thousands": "'"}),
    ],
)
def test_how_numbers_are_written_is_proposed(cells: list[str], declared: dict[str, Any], tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[[cell, "EUR"] for cell in cells * 5], header=["price", "ccy"], delimiter=";"))
    assert column(text, "price") == {"column": "price", **declared}


def test_two_digits_of_a_year_are_left_to_a_person(tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[["16/07/68"]] * 5, header=["order date"]))
    assert "order_date" not in parsed(text).columns
    assert "#   century: 1950  # fits 5 of 5 cells; the century is a guess" in text


@pytest.mark.parametrize(("cell", "name"), [("20240301-10:15:00", "fix"), ("01-MAR-2024 10.15.00 UTC", "oracle")])
def test_formats_with_a_name_are_proposed(cell: str, name: str, tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[[cell]] * 5, header=["order date"]))
    assert column(text, "order_date")["format"] == [name]


def test_words_that_may_be_names_are_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "investors.csv"
    for rows in ("Jane,Jane\nJohn,John\n", "Jane,Jane Doe\n" * 9, "Jane,Janessaaaaaaaaaaaaaaaa\n" * 9):
        path.write_text(f"full_name,kind\n{rows}", "utf-8")
        text = proposed(path, "investor-records")
        assert "Jane" not in text
        assert "# values: for each of the extract's words one of Person, LegalEntity" in text


def test_a_header_at_fault_is_said_and_no_other_way_of_reading_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("order_code,order_code,note\nJane,Doe,x\nJohn,Roe,y\n", "utf-8")
    with pytest.raises(ExtractError, match="names a column more than once"):
        proposed(path)
    path.write_bytes(b"order_code,order_scope\nA\0,S\n" * 3)
    assert "could not be read, the first row 1 (NullByte)" in proposed(path)


def test_a_header_that_matches_nothing_makes_a_mapping_that_loads_and_lists_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("aaa,bbb,quantty\nx,y,z\nq,r,s\n", "utf-8")
    text = proposed(path)
    assert parsed(text).columns == {}
    assert "no column is certain" in text
    assert "# quantity: '?'  # needed" in text
    assert "#   quantty; did you mean quantity?" in text


def test_a_first_row_that_looks_like_data_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "headless.csv"
    path.write_text("Jane Doe,2001-01-01,12.5\nJohn Doe,2002-01-01,13\n", "utf-8")
    text = proposed(path)
    assert "Doe" not in text
    assert "# header: none" in text
    assert "# names: [column_1, column_2, column_3]" in text


def test_a_last_row_that_is_cut_short_is_not_declared_a_footer(tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[[]] * 5, after="O9,S,B9"))
    assert parsed(text).footer_lines == 0
    assert "# footer_lines: 1" in text


def test_short_rows_and_other_quotes_are_proposed_and_left_to_a_person(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("order_code,order_scope,note,more\n" + "O1,S\n" * 5, "utf-8")
    text = proposed(path)
    assert parsed(text).short_rows is None
    assert "# short_rows: accept" in text
    path.write_text("order_code;order_scope\n" + "O1;S;\n" * 5, "utf-8")
    assert parsed(proposed(path)).trailing_delimiter


def test_rows_of_parquet_are_matched_by_name_and_their_values_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"Order Code": ["A"], "Qty": [1.5], "Odd": [True]}), path)
    text = proposed(path)
    assert {name: rule.column for name, rule in parsed(text).columns.items()} == {
        "order_code": "Order Code",
        "quantity": "Qty",
    }
    assert parsed(text).columns["quantity"].decimal is None


def test_a_single_currency_belongs_to_the_price_that_is_there(tmp_path: Path) -> None:
    text = proposed(written(tmp_path, *[["1.5", "EUR"]] * 3, header=["px limit", "ccy"]))
    assert column(text, "limit_currency") == {"column": "ccy"}
    both = proposed(written(tmp_path, *[["1.5", "2", "EUR"]] * 3, header=["px limit", "price", "ccy"]))
    assert not {"limit_currency", "price_currency"} & parsed(both).columns.keys()
    assert "# limit_currency: ccy" in both


def test_names_with_marks_of_yaml_and_line_ends_stay_on_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, *[["x"]] * 3, header=['"a: b # c\n- d"'])
    assert parsed(proposed(path)).columns.keys() >= {"order_code", "quantity"}


def test_the_first_rows_and_some_behind_them_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("order_code\n" + "".join(f"O{i}\n" for i in range(30_000)), "utf-8")
    text = proposed(path)
    assert text.startswith("# Proposed from the first 1,000 rows and ")
    assert "of the 29,000 behind them" in text


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("", "utf-8")
    with pytest.raises(ExtractError, match="the file is empty"):
        proposed(path)


def test_the_command_writes_a_new_file_or_stdout_and_needs_no_target(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, [], [])
    assert cli.run(["mapping", str(path), "orders"]) == 0
    printed = capsys.readouterr().out
    assert cli.run(["mapping", str(path), "orders", "--out", "m.yaml"]) == 0
    assert (tmp_path / "m.yaml").read_text("utf-8") == printed
    assert cli.run(["mapping", str(path), "orders", "--out", "m.yaml"]) == 2
    assert "m.yaml is there already" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blotter.csv", "m.yaml"]
    assert yaml.safe_load(printed)["operation"] == "orders"
