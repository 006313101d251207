"""Before a load, over HTTP: what rows refer to and LUSID lacks is found, counted and given an owner."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import COUNTRY, FIGI, HOLDER, IA_ID, IR_ID, MAPPINGS, PERSON, account, investor, order, write_csv
from jsonschema import Draft202012Validator
from sandbox_api import created, post

from connectors.sandbox.server import Sandbox
from docs.generate import DOCUMENTS_SCHEMA
from pipelines.cli.main import run
from pipelines.compare.preflight.preflight import Preflight, preflight
from pipelines.load import load
from pipelines.loading.spec import LoadSpec
from schemas.states import State

Known = Mapping[str, Any]


def key(column: str) -> str:
    return column.partition(":")[2]


def defined(column: str, data_type: str = "string", **more: str) -> Known:
    domain, scope, code = key(column).split("/")
    data = {"scope": "system", "code": data_type}
    return {"domain": domain, "scope": scope, "code": code, "displayName": code, "dataTypeId": data, **more}


IDENTIFIERS = [defined(column, constraintStyle="Identifier") for column in (IR_ID, IA_ID, PERSON)]


def sandbox_with(folder: Path, **known: Any) -> Sandbox:
    """A sandbox with this reference data, and with all of what is not named."""
    file = folder / "known.json"
    file.write_text(json.dumps(known))
    return Sandbox(known=str(file), token="t")


def asked(sandbox: Sandbox, *loads: tuple[str, Path], **more: Any) -> Preflight:
    specs = [LoadSpec.of(operation, path, target=sandbox.url, **more) for operation, path in loads]
    return preflight(specs)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of every sandbox here."""
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")


WORTH = "metric:InvestorRecord/Details/NetWorth"
RISK = "property:InvestorRecord/Details/Risk"
MARKETS = "labels:InvestorRecord/Details/Markets"
SINCE = "2026-01-01"


def test_each_use_that_does_not_fit_a_definition_is_found_with_its_rows(tmp_path: Path) -> None:
    columns = {WORTH: "", f"{WORTH}@unit": "", RISK: "", MARKETS: "", f"{COUNTRY}@effective_from": ""}
    contry = "property:InvestorRecord/Details/Contry"
    rows = [
        investor(1, columns | {WORTH: "5", f"{WORTH}@unit": "kg", f"{COUNTRY}@effective_from": SINCE, contry: "NO"}),
        investor(2, columns | {RISK: "high", MARKETS: "a|b", contry: "NO"}),
        investor(
            3, columns | {RISK: "low", MARKETS: "a", contry: "", "display_name": ""}
        ),  # refused: it counts nowhere
        investor(4, columns | {RISK: "low", contry: ""}),
    ]
    path = write_csv(tmp_path / "a.csv", rows)
    definitions = [*IDENTIFIERS, defined(COUNTRY), defined(WORTH, "number"), defined(RISK, lifeTime="TimeVariant")]
    with sandbox_with(tmp_path, propertyDefinitions=[*definitions, defined(MARKETS)]) as sandbox:
        found = asked(sandbox, ("investor-records", path))
        assert [method for method, *_ in sandbox.calls if method != "GET"] == []

    told = {(each.name, each.rows, each.owner.value): each.problem for each in found.findings}
    either = "source team or LUSID set-up"
    assert told == {
        (key(contry), 2, "source team"): f"is not defined: did you mean {key(COUNTRY)}?",
        (key(COUNTRY), 1, either): "is perpetual, and rows give it a date",
        (key(RISK), 2, either): "is time-variant, and rows give no date from which it is in effect",
        (key(WORTH), 1, either): "takes no unit, and rows give one",
        (key(MARKETS), 1, either): "holds a single value, and rows give a set of labels",
    }
    assert (found.rows, found.invalid, found.exit_code) == (4, 1, 3)


@pytest.mark.parametrize(
    ("column", "cells", "definition", "problem"),
    [
        (WORTH, ["5"], defined(WORTH), "is a Label, and rows give a number"),
        (RISK, ["high"], defined(RISK, "number"), "is a Metric, and rows give a label"),
        (RISK, ["high"], defined(RISK, constraintStyle="Collection"), "holds a set of labels, and rows give a label"),
        (RISK, ["high"], defined(RISK, constraintStyle="Identifier"), "has the constraint style Identifier, and rows"),
    ],
)
def test_a_value_of_another_kind_is_found(
    tmp_path: Path, column: str, cells: Sequence[str], definition: Known, problem: str
) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(n, {column: cell}) for n, cell in enumerate(cells)])
    with sandbox_with(tmp_path, propertyDefinitions=[*IDENTIFIERS, defined(COUNTRY), definition]) as sandbox:
        (finding,) = asked(sandbox, ("investor-records", path)).findings
    assert (finding.name, finding.rows) == (key(column), len(cells))
    assert finding.problem.startswith(problem)


def test_what_it_writes_defines_what_is_missing_and_then_the_load_goes_through(tmp_path: Path) -> None:
    rows = [
        investor(n, {WORTH: "5", f"{WORTH}@unit": "GBP", RISK: "low", f"{RISK}@effective_from": SINCE, MARKETS: "a|b"})
        for n in range(3)
    ]
    mixed = "property:InvestorRecord/Details/Mixed"
    rows = [row | {mixed: "x", f"{mixed}@effective_from": SINCE if n else ""} for n, row in enumerate(rows)]
    path, requests = write_csv(tmp_path / "a.csv", rows), tmp_path / "definitions.json"
    persons = {"persons": {key(PERSON): [row[PERSON] for row in rows]}}
    known = tmp_path / "known.json"
    known.write_text(json.dumps({"propertyDefinitions": "none", **persons}))
    with Sandbox(known=str(known), token="t") as sandbox:
        line = ["preflight", "investor-records", str(path), "--target", sandbox.url]
        assert run([*line, "--write-definitions", str(requests)]) == 3
        written = json.loads(requests.read_bytes())
        left = {each["key"]: each["why"] for each in written["left_out"]}
        assert list(left) == [key(mixed)]
        assert left[key(mixed)].startswith("2 of 3 rows give a date")
        for each in written["requests"]:
            assert (each["method"], each["rows"]) == ("POST", 3)
            created(post(sandbox, each["path"].removeprefix("/api/"), each["body"]))
        created(post(sandbox, "propertydefinitions", defined(mixed)))
        assert [each.name for each in asked(sandbox, ("investor-records", path)).findings] == [key(mixed)]
        report = load("investor-records", path, target=sandbox.url, runs=tmp_path / "runs")
    assert (report.rows[State.ACCEPTED], report.rows[State.FAILED]) == (1, 2)
    assert {(e["body"]["code"], e["body"]["lifeTime"], e["body"]["constraintStyle"]) for e in written["requests"]} >= {
        ("Risk", "TimeVariant", "Property"),
        ("NetWorth", "Perpetual", "Property"),
        ("Markets", "Perpetual", "Collection"),
        ("ExternalIRId", "Perpetual", "Identifier"),
    }


def test_it_finds_the_rows_that_the_load_then_trips_over(tmp_path: Path) -> None:
    accounts = [account(n, n, {"portfolio_code": f"PF{n}"}) for n in range(6)]
    investors = [investor(n) for n in range(4)]
    known = tmp_path / "known.json"
    known.write_text(json.dumps({"portfolios": ["Funds/PF0", "Funds/PF1", "Funds/PF4", "Other/PF2"]}))
    with Sandbox(known=str(known), token="t") as sandbox:
        load("investor-records", write_csv(tmp_path / "i.csv", investors), target=sandbox.url, runs=tmp_path / "runs")
        path = write_csv(tmp_path / "accounts.csv", accounts)
        found = {each.kind: each for each in asked(sandbox, ("investment-accounts", path)).findings}
        report = load("investment-accounts", path, target=sandbox.url, runs=tmp_path / "runs")

    holders, portfolios = found.pop("investor record"), found.pop("portfolio")
    assert not found
    assert (holders.name, holders.count, holders.rows) == (key(HOLDER), 2, 2)
    assert [text.partition(" (")[0] for text in holders.examples] == ["IR_0004", "IR_0005"]
    assert holders.examples[0].endswith("accounts.csv row 5)")
    assert (portfolios.name, portfolios.count, portfolios.rows) == ("Funds", 3, 3)
    assert report.rows[State.ACCEPTED] == 2  # of rows 1 and 2 alone everything is there


LEI = "investor:LegalEntity/ExternalIdentifier/LEI"


def test_persons_and_legal_entities_are_known_or_not(tmp_path: Path) -> None:
    company = {"investor_type": "LegalEntity", PERSON: ""}
    rows = [
        *(investor(n, {LEI: ""}) for n in range(1, 5)),
        *(investor(n, {**company, LEI: f"LEI{n % 3}"}) for n in range(5, 11)),
    ]
    known = {
        "propertyDefinitions": [*IDENTIFIERS, defined(COUNTRY), defined(LEI, constraintStyle="Identifier")],
        "persons": {key(PERSON): ["P0001", "P0003", "LEI0"]},
        "legalEntities": {key(LEI): ["LEI0", "LEI2", "P0002"]},
    }
    path = write_csv(tmp_path / "investors.csv", rows)
    with sandbox_with(tmp_path, **known) as sandbox:
        found = {each.kind: each for each in asked(sandbox, ("investor-records", path)).findings}
        report = load("investor-records", path, target=sandbox.url, runs=tmp_path / "runs")
    persons, companies = found.pop("person"), found.pop("legal entity")
    assert not found
    assert (persons.name, persons.count, persons.rows) == (key(PERSON), 2, 2)
    assert persons.examples == [f"P000{n} ({path} row {n})" for n in (2, 4)]
    assert (companies.name, companies.count, companies.rows) == (key(LEI), 1, 2)
    assert companies.examples == [f"LEI1 ({path} row 7)"]
    assert report.rows[State.FAILED] == persons.rows + companies.rows


@pytest.mark.parametrize("known", ["all", "none"])
def test_the_sample_night_is_asked_for_in_twenty_calls(tmp_path: Path, known: str) -> None:
    sample = Path(__file__).parents[2] / "data" / "sample"
    night = [(operation, sample / f"{name}.csv") for name, operation in MAPPINGS.items()]
    with Sandbox(known=known, token="t") as sandbox:
        found = asked(sandbox, *night)
        made = [path for _, path, _ in sandbox.calls if "oauth2" not in path]
    assert found.rows == 5858
    assert found.calls + 1 == len(made) <= 20  # with the one that signs in
    assert (sum(each.rows for each in found.findings) > 10_000) == (known == "none")


def test_a_night_need_not_find_what_it_brings_itself(tmp_path: Path) -> None:
    known = {"persons": {key(PERSON): ["P0001"]}, "portfolios": "all"}
    night = [
        ("investor-records", write_csv(tmp_path / "investors.csv", [investor(1), investor(2, {"display_name": ""})])),
        ("investment-accounts", write_csv(tmp_path / "accounts.csv", [account(1, 1), account(2, 2)])),
    ]
    with sandbox_with(tmp_path, **known) as sandbox:
        (finding,) = asked(sandbox, *night).findings
        assert (finding.kind, finding.examples[0].split()[0]) == (
            "investor record",
            "IR_0002",
        )  # its own row is refused


def test_an_instrument_is_there_if_one_of_its_identifiers_is(tmp_path: Path) -> None:
    isin, cusip = "instrument:Instrument/default/Isin", "instrument:Instrument/default/Cusp"
    rows = [
        order(1, 1, {isin: "US1", cusip: ""}),
        order(2, 2, {isin: "US2", cusip: ""}),
        order(3, 3, {isin: "", cusip: "", FIGI: "BBG9"}),
        order(4, 4, {isin: "US2", cusip: "", "side": "Sel"}),
    ]
    known = {"instruments": [{"Isin": "US1"}, {"Figi": "BBG9"}], "transactionTypes": ["Buy", "Sell"]}
    with sandbox_with(tmp_path, **known) as sandbox:
        found = {each.kind: each for each in asked(sandbox, ("orders", write_csv(tmp_path / "o.csv", rows))).findings}
    assert (found["instrument"].count, found["instrument"].rows) == (1, 2)
    assert "Isin US2" in found["instrument"].examples[0]
    assert found["side"].examples == ["Sel (" + str(tmp_path / "o.csv") + " row 4)"]
    assert "identifier type of instruments" not in found  # no row fills it


def test_what_lusid_cannot_be_asked_for_is_said(tmp_path: Path) -> None:
    rows = [order(1, 1, {"type": "Market", "time_in_force": "Day"})]
    with Sandbox(token="t") as sandbox:
        found = asked(sandbox, ("orders", write_csv(tmp_path / "o.csv", rows)))
    assert found.exit_code == 0
    assert [text.partition(":")[0] for text in found.not_asked] == [
        "1 side",
        "order types (1 row)",
        "times in force (1 row)",
    ]
    assert "side" not in found.asked


def test_the_command_says_it_in_a_document_and_stops_a_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tonight").mkdir()
    write_csv(Path("tonight/investors.csv"), [investor(1), investor(2)])
    Path("20261120").mkdir()
    write_csv(Path("20261120/investors.csv"), [investor(1)])
    write_csv(Path("20261120/orders.csv"), [order(1, 1, {"property:Order/Details/Desk": "FX"})])
    Path("known.json").write_text(json.dumps({"propertyDefinitions": IDENTIFIERS}))
    with Sandbox(known="known.json", token="t") as sandbox:
        target = ["--target", sandbox.url]
        assert run(["preflight", "tonight", *target, "--json"]) == 3
        document = json.loads(capsys.readouterr().out)
        schema = json.loads(DOCUMENTS_SCHEMA.read_bytes())
        Draft202012Validator({**schema, "anyOf": [{"$ref": "#/$defs/PreflightDocument"}]}).validate(document)
        assert [(each["name"], each["rows"]) for each in document["missing"]] == [(key(COUNTRY), 2)]
        for command in (
            ["load", "investor-records", "tonight/investors.csv"],
            ["nightly", "tonight"],
            ["trading-day", "20261120"],
            ["backfill", "{date:%Y%m%d}", "2026-11-20", "2026-11-20"],
        ):
            assert run([*command, *target, "--preflight"]) == 3
            said = capsys.readouterr()
            assert "is not defined" in said.err
            assert said.err.splitlines()[-1].startswith("bulkload: nothing was sent: ")
            assert not said.out
        assert not any(method == "POST" for method, path, _ in sandbox.calls if not path.endswith(("token", "$get")))
        assert not Path("runs").exists()
        created(post(sandbox, "propertydefinitions", defined(COUNTRY)))
        assert run(["load", "investor-records", "tonight/investors.csv", *target, "--preflight"]) == 0
        assert run(["preflight", "tonight", *target, "--write-definitions", "no/where.json"]) == 2
    assert run(["preflight", "tonight"]) == 2
    assert run(["preflight", "nothing", *target]) == 2
