"""Properties that a mapping clears: null on the wire, gone in LUSID, and nothing else with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import Row, write_csv
from desk import Desk, desk
from scripted_lusid import Call, Reply, scripted

from pipelines.load import load
from schemas.errors import ConfigError
from schemas.states import State

COUNTRY, WORTH, TAGS = (
    "property:InvestorRecord/D/Country",
    "metric:InvestorRecord/D/Worth",
    "labels:InvestorRecord/D/Tags",
)
COLUMNS: dict[str, Any] = {
    "identifier:InvestorRecord/Ext/Id": "id",
    "display_name": "name",
    "investor_type": {"constant": "Person"},
    "investor:Person/Hr/Id": "id",
    COUNTRY: {"column": "country", "clear": ["(none)", "-"], "null": "NULL"},
    f"{COUNTRY}@effective_from": "since",
    WORTH: {"column": "worth", "clear": "-", "decimal": ","},
    f"{WORTH}@unit": {"constant": "GBP"},
    TAGS: {"column": "tags", "empty": "clear"},
}
NAMES = ("id", "name", "country", "since", "worth", "tags")


def rows(*lines: str) -> list[Row]:
    return [dict(zip(NAMES, line.split(","), strict=True)) for line in lines]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def load_of(at: Desk, given: list[Row], columns: dict[str, Any] = COLUMNS, **options: Any) -> Any:
    path = write_csv(at.folder / "extract.csv", given)
    return at.load("investor-records", path, {"columns": columns}, **options)


def held(at: Desk) -> dict[str, set[str]]:
    """The codes of the properties of each record."""
    return {key: {code.rpartition("/")[2] for code in each["properties"]} for key, each in at.records().items()}


def test_a_clear_word_an_empty_cell_and_a_null_word_each_do_what_is_declared(at: Desk) -> None:
    load_of(at, rows("A,Ann,UK,2024-01-01,5,x|y", "B,Bob,UK,,6,x", "C,Cid,UK,,7,x"))
    assert held(at) == {key: {"Country", "Worth", "Tags"} for key in "ABC"}
    report = load_of(at, rows("A,Ann, (none) ,2024-02-01,-,", "B,Bob,NULL,,,x|z", "C,,-,,-,"))
    assert held(at) == {"A": set(), "B": {"Country", "Worth", "Tags"}, "C": {"Country", "Worth", "Tags"}}
    assert (report.rows[State.ACCEPTED], report.rows[State.INVALID]) == (2, 1)
    assert report.warnings == tuple(
        f"{name} (column {column}): cleared in 1 of the rows"
        for name, column in ((TAGS, "tags"), (WORTH, "worth"), (COUNTRY, "country"))
    )


def test_on_the_wire_a_clear_is_a_null_with_its_effective_date(tmp_path: Path) -> None:
    mapping = tmp_path / "m.yaml"
    mapping.write_text(json.dumps({"operation": "investor-records", "columns": COLUMNS}))

    def done(call: Call) -> Reply:
        if call.method == "GET":
            return Reply(200, {"properties": {}})
        return Reply(201, {"values": {key: {} for key in call.keys}, "failed": {}})

    extract = write_csv(tmp_path / "a.csv", rows("A,Ann,-,2024-01-01,-,", "B,Bob,,,,x"))
    with scripted(done) as (lusid, target):
        load("investor-records", extract, mapping=mapping, target=target, runs=tmp_path / "runs")
    alone, call = lusid.posted  # the first clear is read back before others go
    country, worth, tags = (name.partition(":")[2] for name in (COUNTRY, WORTH, TAGS))
    assert alone.body["A"]["properties"] == {
        country: {"key": country, "value": None, "effectiveFrom": "2024-01-01T00:00:00.0000000+00:00"},
        worth: {"key": worth, "value": None},
        tags: {"key": tags, "value": None},
    }
    assert call.body["B"]["properties"] == {tags: {"key": tags, "value": {"labelValueSet": {"values": ["x"]}}}}


def test_rows_of_one_account_must_agree_on_what_is_cleared(at: Desk) -> None:
    columns = {
        "identifier:InvestmentAccount/Ext/Id": "id",
        "display_name": {"constant": "A"},
        "account_type": {"constant": "JointPersonal"},
        "property:InvestmentAccount/D/Tier": {"column": "tier", "clear": "-"},
        "portfolio_key": "key",
        "portfolio_scope": {"constant": "S"},
        "portfolio_code": "key",
    }
    given = [{"id": i, "tier": t, "key": k} for i, t, k in ("A-1", "Ag2", "B-1", "B-2")]
    path = write_csv(at.folder / "extract.csv", given)
    report = at.load("investment-accounts", path, {"columns": columns})
    assert {state: n for state, n in report.rows.items() if n} == {State.ACCEPTED: 2, State.INVALID: 2}
    assert {reason.code for reason in report.reasons} == {"Disagreement"}


def test_an_empty_cell_is_refused_where_the_mapping_says_so(at: Desk) -> None:
    columns = COLUMNS | {COUNTRY: {"column": "country", "empty": "refuse", "when": {"tags": "x"}}}
    del columns[f"{COUNTRY}@effective_from"]
    report = load_of(at, rows("A,Ann,UK,,1,x", "B,Bob,,,1,x", "C,Cid,,,1,y"), columns)
    assert (report.rows[State.ACCEPTED], report.rows[State.INVALID]) == (2, 1)
    (reason,) = report.reasons
    assert reason.message.endswith("is empty, which the mapping refuses (`empty: refuse`)")


@pytest.mark.parametrize(
    ("name", "rule", "said"),
    [
        ("identifier:InvestorRecord/Ext/Id", {"clear": "-"}, "LUSID knows the entity by its identifiers"),
        ("investor:Person/Hr/Id", {"empty": "clear"}, "a record is about an investor, always"),
        ("display_name", {"clear": "-"}, "only properties of persons, legal entities"),
        (f"{COUNTRY}@effective_from", {"empty": "clear"}, "only properties of persons, legal entities"),
        (COUNTRY, {"clear": "-", "null": "-"}, "- is a word of `clear`, and of `null` or `values`"),
        (COUNTRY, {"clear": "-", "values": {"-": "x"}}, "- is a word of `clear`, and of `null` or `values`"),
        (COUNTRY, {"clear": "?"}, "? is a word of `clear` and of the file's `null`"),
        (COUNTRY, {"default": "x", "empty": "clear"}, "a cell with a `default` is never absent: leave out `empty`"),
    ],
)
def test_what_cannot_be_cleared_is_refused_in_the_mapping(at: Desk, name: str, rule: dict[str, Any], said: str) -> None:
    column = COLUMNS[name] if isinstance(COLUMNS[name], str) else COLUMNS[name]["column"]
    path = write_csv(at.folder / "extract.csv", rows("A,Ann,UK,,1,x"))
    with pytest.raises(ConfigError) as refused:
        at.load("investor-records", path, {"null": "?", "columns": COLUMNS | {name: {"column": column} | rule}})
    assert said in refused.value.message
    assert not at.records()


def test_properties_of_orders_are_not_cleared(at: Desk) -> None:
    columns = {"order_scope": "s", "order_code": "c", "property:Order/D/Tier": {"column": "t", "empty": "clear"}}
    path = write_csv(at.folder / "extract.csv", [{"s": "S", "c": "C", "t": ""}])
    with pytest.raises(
        ConfigError, match=r"property:Order/D/Tier: cannot be cleared, because only properties of persons"
    ):
        at.load("update-orders", path, {"columns": columns})


def test_a_cell_that_looks_like_what_stands_for_a_clear_is_a_text(at: Desk) -> None:
    marker = "\ue001clear\ue001"
    columns = COLUMNS | {COUNTRY: "country", WORTH: "worth", TAGS: "tags"}
    load_of(at, rows(f"A,Ann,{marker},,1,x"), columns)
    (record,) = at.records().values()
    assert record["properties"][COUNTRY.partition(":")[2]]["value"] == {"labelValue": marker}
