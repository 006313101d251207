"""Cells that are written in one way and meant in another: refused, or read as a mapping says; seen in LUSID."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from desk import Desk, desk

from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.states import State

HEADER = "id,name,note,city,worth,tags,since"
COLUMNS: dict[str, Any] = {
    "identifier:InvestorRecord/Ext/Id": "id",
    "display_name": "name",
    "description": "note",
    "investor_type": {"constant": "Person"},
    "investor:Person/Hr/Id": "id",
    "property:InvestorRecord/D/City": "city",
    "property:InvestorRecord/D/City@effective_from": {"column": "since", "format": "%d/%m/%Y"},
    "metric:InvestorRecord/D/Worth": "worth",
    "labels:InvestorRecord/D/Tags": "tags",
}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def columns(**changes: Any) -> dict[str, Any]:
    """The mapping's columns, with other declarations for those that an extract's column feeds."""
    out = dict(COLUMNS)
    for name, rule in out.items():
        source = rule if isinstance(rule, str) else rule.get("column")
        if source in changes and not name.startswith("investor:"):
            out[name] = {"column": source} | changes[source]
    return out


def extract(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def told(at: Desk) -> dict[str, tuple[Any, ...]]:
    """Name, note and properties of every record, as texts and numbers."""
    found = {}
    for key, record in at.records().items():
        values = {code.rpartition("/")[2]: p["value"] for code, p in record["properties"].items()}
        plain = {n: v.get("labelValue") or v.get("labelValueSet", {}).get("values") or v["metricValue"]["value"]
                 for n, v in values.items()}  # fmt: skip
        found[key] = (record["displayName"], record.get("description"), plain)
    return found


def codes(report: Report) -> set[str]:
    return {reason.code for reason in report.reasons}


NULLS = extract("A1,Ann,NULL,NULL,NULL,NULL,NULL", "A2,Bob,\\N,Paris,5,FX|UK,01/02/2024")


def test_words_for_no_value_are_absent_where_they_are_declared(at: Desk) -> None:
    at.load("investor-records", NULLS, {"columns": COLUMNS, "null": ["NULL", "\\N"]})
    assert told(at) == {
        "A1": ("Ann", None, {}),
        "A2": ("Bob", None, {"City": "Paris", "Worth": 5, "Tags": ["FX", "UK"]}),
    }


@pytest.mark.parametrize("how", ["flag", "column", "frame", "parquet"])
def test_a_word_is_declared_for_the_file_or_a_column_of_any_extract(at: Desk, how: str) -> None:
    given: Any = extract("A1,Ann,None,Oslo,1,x,01/02/2024", "A2,None,,Oslo,1,x,01/02/2024")
    lines = [line.split(",") for line in given.splitlines()]
    options: dict[str, Any] = {"null": "None, NULL"} if how == "flag" else {}
    if how in ("frame", "parquet"):
        frame = pd.DataFrame(lines[1:], columns=lines[0])
        frame.to_parquet(at.folder / "x.parquet")
        given = frame if how == "frame" else at.folder / "x.parquet"
    declared: dict[str, Any] = {"columns": columns(note={"null": "None"}) if how == "column" else COLUMNS}
    if how in ("frame", "parquet"):
        declared["null"] = ["None"]
    report = at.load("investor-records", given, declared, **options)
    expected = {"A1": ("Ann", None, {"City": "Oslo", "Worth": 1, "Tags": ["x"]})}
    if how == "column":  # a name that is a word for no value is counted, and told
        expected["A2"] = ("None", None, {"City": "Oslo", "Worth": 1, "Tags": ["x"]})
        (warning,) = report.warnings
        assert warning.startswith("display_name (column name): in 1 of the rows the cell is a word that databases")
    else:
        assert (report.rows[State.INVALID], codes(report)) == (1, {"Missing"})
    assert told(at) == expected


@pytest.mark.parametrize("word", ["NULL", "\\N", "#N/A", "nan", "<NA>", "None", "NaT", " NULL ", "(null)"])
def test_an_undeclared_word_for_no_value_names_nothing(at: Desk, word: str) -> None:
    rows = [f"{word},Ann,n,Oslo,1,x,01/02/2024", f"A2,Bob,n,Oslo,{word},x,01/02/2024", "A3,Cid,n,Oslo,1,x,01/02/2024"]
    report = at.load("investor-records", extract(*rows, f"A4,Dan,n,Oslo,1,x,{word}"), {"columns": COLUMNS})
    assert [*told(at)] == ["A3"]
    assert (report.rows[State.INVALID], codes(report)) == (3, {"NullWord"})


def test_an_undeclared_word_is_no_code_no_word_and_no_key_of_ones_own(at: Desk) -> None:
    orders = (
        "block_scope,block_code,order_scope,order_code,quantity,side,type,instrument:Instrument/default/Figi\n"
        "S,B1,S,NULL,1,Buy,Market,BBG1\nS,None,S,O2,1,Buy,Market,BBG1\nS,B3,S,O3,1,NULL,Market,BBG1\n"
        "S,B4,S,O4,1,Buy,Market,NaN\nS,B5,S,O5,1,Buy,#REF!,BBG1\nS,B6,S,O6,1,Buy,Market,BBG1\n"
    )
    report = at.load("orders", orders)
    assert [*at.orders()] == ["O6"]
    assert codes(report) == {"NullWord", "SpreadsheetError"}
    own = "id,name,crm\nA1,Ann,NULL\nA2,Bob,C2\n"
    kept = {n: rule for n, rule in COLUMNS.items() if rule in ("id", "name") or "constant" in rule}
    report = at.load("investor-records", own, {"key": "crm", "columns": kept})
    assert ([*told(at)], codes(report)) == (["A2"], {"NullWord"})
    assert report.reasons[0].message.startswith("key crm (column 3): is a word that databases")


def test_an_empty_list_of_null_words_says_that_they_are_values(at: Desk) -> None:
    report = at.load(
        "investor-records",
        extract("NULL,None,nan,NULL,1,NULL,01/02/2024"),
        {"columns": {n: {"column": r, "null": []} if isinstance(r, str) else r for n, r in COLUMNS.items()}},
    )
    assert told(at) == {"NULL": ("None", "nan", {"City": "NULL", "Worth": 1, "Tags": ["NULL"]})}
    assert report.warnings == ()


@pytest.mark.parametrize("word", ["#REF!", "#VALUE!", "########", "#DIV/0!", "#NAME?", "#WERT!"])
@pytest.mark.parametrize("place", range(7))
def test_errors_of_spreadsheets_are_refused_in_every_column(at: Desk, word: str, place: int) -> None:
    bad = ["A1", "Ann", "n", "Oslo", "1", "x", "01/02/2024"]
    bad[place] = f"x|{word}" if place == 5 else word
    report = at.load("investor-records", extract(",".join(bad), "A2,Bob,n,Oslo,1,x,01/02/2024"), {"columns": COLUMNS})
    assert [*told(at)] == ["A2"]
    assert codes(report) <= {"SpreadsheetError", "NoKey"}


def test_a_null_word_that_a_typed_column_could_hold_is_refused_with_the_mapping(at: Desk) -> None:
    pq.write_table(pa.table({"id": ["A1"], "worth": pa.array([-1])}), at.folder / "x.parquet")
    rules = {n: r for n, r in COLUMNS.items() if r in ("id", "worth") or "constant" in r} | {"display_name": "id"}
    with pytest.raises(ConfigError, match="its `null` word -1 is a value where column worth holds a integer"):
        at.load("investor-records", at.folder / "x.parquet", {"columns": rules, "null": ["NULL", "-1"]})
    at.load("investor-records", "id,worth\nA1,-1\n", {"columns": rules, "null": ["NULL", "-1"]})
    assert told(at) == {"A1": ("A1", None, {})}


MARKS = extract(
    '"=""0001""","=""Ann""",\'007,"=""01067""",1,x,01/02/2024', "'0002,'t Hooft,'90s fund,'0123,1,x,01/02/2024"
)


def test_marks_of_a_text_are_refused_and_taken_off_where_they_are_declared(at: Desk) -> None:
    report = at.load("investor-records", MARKS, {"columns": COLUMNS})
    assert (told(at), codes(report), report.rows[State.INVALID]) == ({}, {"TextMark"}, 2)
    at.load("investor-records", MARKS, {"columns": COLUMNS, "excel_text": True})
    assert told(at) == {
        "0001": ("Ann", "007", {"City": "01067", "Worth": 1, "Tags": ["x"]}),
        "0002": ("'t Hooft", "'90s fund", {"City": "0123", "Worth": 1, "Tags": ["x"]}),
    }


def test_a_mark_may_be_declared_to_be_part_of_a_column(at: Desk) -> None:
    rows = extract("A1,Ann,'007,Oslo,1,x,01/02/2024", "A2,'s-Bosch,'n,'s-Gravenhage,1,x,01/02/2024")
    at.load("investor-records", rows, {"columns": columns(note={"excel_text": False})})
    assert [(name, note, rest["City"]) for name, note, rest in told(at).values()] == [
        ("Ann", "'007", "Oslo"),
        ("'s-Bosch", "'n", "'s-Gravenhage"),
    ]


@pytest.mark.parametrize(
    ("declared", "cells", "numbers"),
    [
        ({"negative": "trailing", "decimal": ",", "thousands": "."}, ["1.234,50-", "1.234,50", "-1.234,50"],
         ["-1234.5", "1234.5", "-1234.5"]),
        ({"negative": "parentheses", "thousands": ","}, ["(1,234.50)", "-33.52", "0"], ["-1234.5", "-33.52", 0]),
        ({"currency_sign": "strip", "thousands": ","}, ["$1,234.50", "GBP 1,234.50", "1,234.50 USD", "£1", "-€2"],
         ["1234.5", "1234.5", "1234.5", 1, -2]),
        ({"currency_sign": ["£", "GBP"], "negative": ["trailing", "parentheses"]}, ["(£1.5)", "£(2)", "3 GBP-", "4"],
         ["-1.5", -2, -3, 4]),
    ],
    ids=["SAP", "accounting", "any currency", "one currency"],
)  # fmt: skip
def test_numbers_are_read_as_the_mapping_says_that_they_are_written(
    at: Desk, declared: dict[str, Any], cells: list[str], numbers: list[Any]
) -> None:
    rows = [f'A{n},Ann,n,Oslo,"{cell}",x,01/02/2024' for n, cell in enumerate(cells)]
    at.load("investor-records", extract(*rows), {"columns": columns(worth=declared)})
    assert [rest["Worth"] for _, (_, _, rest) in sorted(told(at).items())] == numbers
    report = at.load("investor-records", extract(*rows), {"columns": COLUMNS})
    assert codes(report) == {"NotDecimal"}


@pytest.mark.parametrize(
    ("declared", "cell"),
    [
        ({"negative": "trailing"}, "(5)"),
        ({"negative": "trailing"}, "-5-"),
        ({"negative": "parentheses"}, "((5))"),
        ({"negative": "parentheses"}, "(-5)"),
        ({"currency_sign": ["£"]}, "$5"),
        ({"currency_sign": "strip"}, "$5 USD"),
        ({"currency_sign": "strip"}, "kg 5"),
        ({"currency_sign": "strip"}, "$"),
    ],
)
def test_what_is_not_declared_of_a_number_refuses_its_row(at: Desk, declared: dict[str, Any], cell: str) -> None:
    report = at.load(
        "investor-records", extract(f"A1,Ann,n,Oslo,{cell},x,01/02/2024"), {"columns": columns(worth=declared)}
    )
    assert (told(at), codes(report)) == ({}, {"NotDecimal"})


def since(at: Desk) -> list[str]:
    return [r["properties"]["InvestorRecord/D/City"]["effectiveFrom"] for _, r in sorted(at.records().items())]


def test_times_are_read_by_the_first_of_several_formats(at: Desk) -> None:
    cells = [
        "2024-03-01 10:00:00 UTC",
        "01/03/2024",
        "45352.5",
        "01-MAR-24 10.00.00 AM",
        "16/07/68",
        "20240301-10:00:00",
    ]
    rows = [f"A{n},Ann,n,Oslo,1,x,{cell}" for n, cell in enumerate(cells)]
    formats = ["iso", "%d/%m/%Y", "%d/%m/%y", "excel_serial", "oracle", "fix"]
    declared = {"format": formats, "century": 1930, "timezone": "Europe/Paris", "midnight": "date"}
    at.load("investor-records", extract(*rows), {"columns": columns(since=declared)})
    assert [text.removesuffix(".0000000+00:00") for text in since(at)] == [
        "2024-03-01T10:00:00",
        "2024-03-01T00:00:00",
        "2024-03-01T11:00:00",
        "2024-03-01T09:00:00",
        "1968-07-16T00:00:00",
        "2024-03-01T10:00:00",
    ]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1709287200123]),
        pa.array(["1709287200123"]),
        pa.array([1709287200123.0]),
        pa.array([1709287200123, None]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_format_that_reads_numbers_reads_typed_ones(at: Desk, column: pa.Array) -> None:
    table = pa.table({"id": [f"A{n}" for n in range(len(column))], "since": column})
    pq.write_table(table, at.folder / "x.parquet")
    rules = {n: r for n, r in columns(since={"format": "epoch_ms"}).items() if "D/" not in n} | {
        "display_name": "id",
        "description": {"constant": "n"},
        "property:InvestorRecord/D/City": {"constant": "Oslo"},
        "property:InvestorRecord/D/City@effective_from": {"column": "since", "format": "epoch_ms"},
    }
    at.load("investor-records", at.folder / "x.parquet", {"columns": rules})
    first = at.records()["A0"]["properties"]["InvestorRecord/D/City"]
    assert first["effectiveFrom"] == "2024-03-01T10:00:00.1230000+00:00"


BLOTTER = {
    "block_scope": {"constant": "S"},
    "block_code": "id",
    "order_scope": {"constant": "S"},
    "order_code": "id",
    "instrument:Instrument/default/Isin": {"constant": "US0000000001"},
    "side": {"constant": "Buy"},
    "type": {"column": "type", "values": {"1": "Market", "2": "Limit", "3": "Stop", "4": "StopLimit"}},
    "quantity": "qty",
    "limit_price": "price",
    "limit_currency": "ccy",
    "stop_price": "stop",
    "stop_currency": "ccy",
}


def test_one_column_of_currencies_qualifies_the_prices_that_there_are(at: Desk) -> None:
    rows = "id,type,qty,price,stop,ccy\nC1,1,100,,,USD\nC2,2,250,10.25,,USD\nC3,3,50,,9.5,EUR\nC4,4,5,1,2,GBP\n"
    report = at.load("orders", rows, {"columns": BLOTTER})
    money = {
        code: [(block.get(f"{kind}Price") or {}).get("currency") for kind in ("limit", "stop")]
        for code, block in at.blocks().items()
    }
    assert money == {"C1": [None, None], "C2": ["USD", None], "C3": [None, "EUR"], "C4": ["GBP", "GBP"]}
    assert report.warnings == (
        "limit_currency (column ccy): not sent in 2 of the rows, in which limit_price (column price) is empty",
        "stop_currency (column ccy): not sent in 2 of the rows, in which stop_price (column stop) is empty",
    )


@pytest.mark.parametrize(("kind", "price", "stop"), [("2", "", "1"), ("4", "", "1"), ("3", "1", ""), ("4", "1", "")])
def test_a_currency_without_the_price_that_its_type_needs_refuses_its_row(
    at: Desk, kind: str, price: str, stop: str
) -> None:
    report = at.load("orders", f"id,type,qty,price,stop,ccy\nC1,{kind},1,{price},{stop},USD\n", {"columns": BLOTTER})
    assert (at.orders(), codes(report)) == ({}, {"Rule"})


def test_units_and_dates_of_nothing_are_not_sent_and_counted(at: Desk) -> None:
    rules = COLUMNS | {"metric:InvestorRecord/D/Worth@unit": "city"}
    rows = extract("A1,Ann,n,Oslo,,x,01/02/2024", "A2,Bob,n,,5,x,01/02/2024", "A3,Cid,n,Rome,7,x,")
    report = at.load("investor-records", rows, {"columns": rules})
    assert told(at)["A1"] == ("Ann", "n", {"City": "Oslo", "Tags": ["x"]})
    assert report.warnings == (
        "metric:InvestorRecord/D/Worth@unit (column city): not sent in 1 of the rows, in which "
        "metric:InvestorRecord/D/Worth (column worth) is empty",
        "property:InvestorRecord/D/City@effective_from (column since): not sent in 1 of the rows, in which "
        "property:InvestorRecord/D/City (column city) is empty",
    )


def test_columns_are_joined_used_under_a_condition_and_given_a_default(at: Desk) -> None:
    rules: dict[str, Any] = {
        "identifier:InvestorRecord/Ext/Id": {"join": ["branch", "no"], "separator": "/"},
        "display_name": {"join": ["first", "last"]},
        "description": {"column": "note", "default": "none given"},
        "investor_type": {"column": "kind", "values": {"P": "Person", "C": "LegalEntity"}},
        "investor:Person/Hr/Id": {"column": "no", "when": {"kind": "P"}},
        "investor:LegalEntity/Hr/Id": {"column": "no", "when": {"kind": ["C", "E"]}},
        "labels:InvestorRecord/D/Tags": {"column": "tags", "separator": ";"},
    }
    header = "branch,no,first,last,note,kind,tags\n"
    rows = "01,7,Ann,Reed,,P,a;b\n01,8,,Acme Ltd,x,C,\n,9,Cid,Moor,x,P,\n01/,2,Dan,Moor,x,P,\n"
    report = at.load("investor-records", header + rows, {"columns": rules})
    assert told(at) == {
        "01/7": ("Ann Reed", "none given", {"Tags": ["a", "b"]}),
        "01/8": ("Acme Ltd", "x", {}),
    }
    who = {key: [*record["investor"]["investorIdentifiers"]] for key, record in at.records().items()}
    assert who == {"01/7": ["Person/Hr/Id"], "01/8": ["LegalEntity/Hr/Id"]}
    assert (codes(report), report.rows[State.INVALID]) == ({"MissingPart"}, 2)
