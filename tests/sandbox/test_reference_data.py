"""`--known`: definitions, instruments, portfolios and investors that exist or not, and what becomes of requests."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_api import (
    Body,
    account,
    block,
    create_orders,
    created,
    done,
    errors,
    get,
    holder,
    listed,
    order,
    place,
    placement,
    post,
    problem,
    record,
    upsert_accounts,
    upsert_records,
    values_of,
)

from connectors.sandbox.server import Sandbox
from schemas.errors import ConfigError


def defined(key: str, data_type: str = "string", **more: str) -> Body:
    """A definition as it is asked for."""
    domain, scope, code = key.split("/")
    data = {"scope": "system", "code": data_type}
    return {"domain": domain, "scope": scope, "code": code, "displayName": code, "dataTypeId": data, **more}


KNOWN: Body = {
    "propertyDefinitions": [
        defined("InvestorRecord/ExternalIdentifier/ExternalIRId", constraintStyle="Identifier"),
        defined("InvestmentAccount/ExternalIdentifier/ExternalIAId", constraintStyle="Identifier"),
        defined("InvestorRecord/Details/Country"),
        defined("InvestorRecord/Details/Risk", lifeTime="TimeVariant"),
        defined("InvestorRecord/Details/Worth", "number"),
        defined("InvestorRecord/Details/Markets", constraintStyle="Collection"),
        defined("Order/Details/Desk"),
    ],
    "instruments": [{"Figi": "BBG000BLNNH6", "Isin": "US0378331005"}],
    "portfolios": ["Funds/GROWTH"],
    "persons": {"Person/HrSystem1/InternalId": ["P1"]},
    "legalEntities": "none",
    "transactionTypes": ["Buy", "Sell"],
}
COUNTRY, RISK, WORTH, MARKETS = (f"InvestorRecord/Details/{code}" for code in ("Country", "Risk", "Worth", "Markets"))
LABEL: Body = {"value": {"labelValue": "NO"}}
NUMBER: Body = {"value": {"metricValue": {"value": 1}}}
SINCE: Body = {"effectiveFrom": "2024-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that knows a few things; every record is one of the same few."""
    file = tmp_path_factory.mktemp("known") / "known.yaml"
    file.write_text(json.dumps(KNOWN))
    with Sandbox(known=str(file)) as running:
        yield running


def with_property(key: str, entry: Body) -> Body:
    return record("1", properties={key: {"key": key, **entry}})


@pytest.mark.parametrize(
    ("key", "entry", "failure"),
    [
        ("InvestorRecord/Details/Contry", LABEL, "PropertyNotDefined"),
        ("InvestorRecord/Details/Contry", {}, "PropertyNotDefined"),
        (COUNTRY, LABEL | SINCE, "PerpetualPropertyUpsertDateSpecified"),
        (RISK, LABEL, "TimeVariantPropertyUpsertDateUnspecified"),
        (COUNTRY, NUMBER, "InvalidPropertyValueAssignment"),
        (WORTH, LABEL, "InvalidPropertyValueAssignment"),
        (WORTH, {"value": {"metricValue": {"value": 1, "unit": "GBP"}}}, "InvalidPropertyValueAssignment"),
        (MARKETS, LABEL, "InvalidPropertyValueAssignment"),
        ("InvestorRecord/ExternalIdentifier/ExternalIRId", LABEL, "PropertyConstraintStyleExcludesProperties"),
    ],
)
def test_a_property_that_cannot_be_used_fails_its_key_alone(
    known: Sandbox, key: str, entry: Body, failure: str
) -> None:
    good = record("1", properties={COUNTRY: {"key": COUNTRY, **LABEL}, RISK: {"key": RISK, **LABEL, **SINCE}})

    answer = created(upsert_records(known, {"bad": with_property(key, entry), "good": good}))

    assert {k: v["type"] for k, v in answer["failed"].items()} == {"bad": f"{failure}Failure"}
    assert key in answer["failed"]["bad"]["detail"]
    assert list(answer["values"]) == ["good"]
    refused = errors(upsert_records(known, {"bad": with_property(key, entry)}, "Atomic"), "BatchOperationAborted")
    assert list(refused) == [f"bad.properties.{key}"]


def test_a_null_value_removes_a_property_that_is_defined(known: Sandbox) -> None:
    created(upsert_records(known, {"a": with_property(WORTH, NUMBER)}))

    answer = created(upsert_records(known, {"a": with_property(WORTH, {"value": None})}))

    assert WORTH not in answer["values"]["a"]["properties"]
    assert answer["values"]["a"]["version"]["asAtVersionNumber"] > 1


def test_a_list_call_is_refused_with_the_code_of_the_property(known: Sandbox) -> None:
    desk = {"Order/Details/Dsk": {"key": "Order/Details/Dsk", "value": {"labelValue": "A"}}}

    refused = problem(create_orders(known, block("B", order("O", properties=desk))))
    assert (refused["code"], refused["name"]) == (121, "PropertyNotDefined")
    assert list(refused["errors"]) == ["requests[0].orders[0].properties.Order/Details/Dsk"]
    assert values_of(known, "blocks") == []


def test_orders_on_an_unknown_instrument_are_taken_on_the_unknown_one(known: Sandbox) -> None:
    with Sandbox(known="none") as strict:
        (pair,) = created(create_orders(strict, block("B1", order("O1"))))["values"]
        done(place(strict, placement("P1", "B1")))
        assert pair["block"]["lusidInstrumentId"] == pair["orders"][0]["lusidInstrumentId"] == "LUID_ZZZZZZZZ"
        assert values_of(strict, "placements")[0]["lusidInstrumentId"] == "LUID_ZZZZZZZZ"
        cash = block("B2", order("O2"), instrumentIdentifiers={"Instrument/default/Currency": "GBP"})
        assert created(create_orders(strict, cash))["values"][0]["block"]["lusidInstrumentId"] == "CCY_GBP"

    either = {"Instrument/default/Ticker": "AAPL", "Instrument/default/Isin": "US0378331005"}
    found = created(create_orders(known, block("K1", order("K1"), instrumentIdentifiers=either)))["values"]
    by_figi = created(create_orders(known, block("K2", order("K2"))))["values"]
    assert found[0]["block"]["lusidInstrumentId"] == by_figi[0]["block"]["lusidInstrumentId"] != "LUID_ZZZZZZZZ"


def test_investors_and_portfolios_must_exist(known: Sandbox) -> None:
    bodies = {"there": record("1"), "nobody": record("2")}
    bodies["company"] = record("3") | {
        "investor": {"investorType": "LegalEntity", "investorIdentifiers": listed("LegalEntity/Ids/LEI", "X")}
    }

    failed = created(upsert_records(known, bodies))["failed"]
    assert {key: each["type"] for key, each in failed.items()} == {
        "nobody": "PersonNotFoundFailure",
        "company": "LegalEntityNotFoundFailure",
    }

    funds = {code: [{"key": "P", "portfolioScope": "Funds", "portfolioCode": code}] for code in ("GROWTH", "GROWHT")}
    accounts = {c: account(c, holders=[holder("1")], investmentPortfolios=each) for c, each in funds.items()}
    answer = created(upsert_accounts(known, accounts))
    assert {key: each["type"] for key, each in answer["failed"].items()} == {"GROWHT": "PortfolioNotFoundFailure"}


def test_definitions_are_read_by_key_and_in_lists_and_created_once() -> None:
    with Sandbox(known="none") as sandbox:
        body = defined("Order/D/Desk")

        made = created(post(sandbox, "propertydefinitions", body))
        assert (made["key"], made["type"], made["lifeTime"]) == ("Order/D/Desk", "Label", "Perpetual")
        assert problem(post(sandbox, "propertydefinitions", body))["code"] == 124
        undated = post(sandbox, "propertydefinitions", body | {"code": "Other", "lifeTime": "TimeVariant"})
        assert problem(undated)["code"] == 125
        assert values_of(sandbox, "propertydefinitions", propertyKeys=["Order/D/Desk", "Order/D/None"]) == [made]
        assert values_of(sandbox, "propertydefinitions/$list", filter="scope eq 'D'") == [made]
        assert done(get(sandbox, "propertydefinitions/Order/D/Desk")) == made
        assert problem(get(sandbox, "propertydefinitions/Order/D/None"), 404)["code"] == 121


def test_reference_data_is_read_as_it_is_known(known: Sandbox) -> None:
    found = done(post(known, "instruments/$get?identifierType=Figi", ["BBG000BLNNH6", "BBG0"]))
    assert list(found["values"]) == ["BBG000BLNNH6"]
    assert list(found["failed"]) == ["BBG0"]
    assert found["values"]["BBG000BLNNH6"]["identifiers"]["Isin"] == "US0378331005"
    types = values_of(known, "instruments/identifierTypes")
    assert {"Figi", "Isin", "LusidInstrumentId"} <= {each["identifierType"] for each in types}
    errors(post(known, "instruments/$get?identifierType=Fgi", ["A"]))
    assert [each["id"]["code"] for each in values_of(known, "portfolios/Funds")] == ["GROWTH"]
    assert done(get(known, "portfolios/Funds/GROWTH"))["id"] == {"scope": "Funds", "code": "GROWTH"}
    assert problem(get(known, "portfolios/Funds/X"), 404)["code"] == 109
    sides = [alias["type"] for each in values_of(known, "transactionconfiguration/types") for alias in each["aliases"]]
    assert sides == ["Buy", "Sell"]


def test_what_is_assumed_exists_wherever_it_is_named(shared: Sandbox) -> None:
    named = {"filter": "id.code in ('A', 'O''B')"}
    assert [each["id"]["code"] for each in values_of(shared, "portfolios/Funds", **named)] == ["A", "O'B"]
    assert values_of(shared, "portfolios/Funds") == []
    assert done(get(shared, "portfolios/Funds/A"))["id"]["code"] == "A"
    (definition,) = values_of(shared, "propertydefinitions", propertyKeys=["Order/D/Desk"])
    assert definition["key"] == "Order/D/Desk"
    assert "type" not in definition
    assert list(done(post(shared, "instruments/$get?identifierType=Figi", ["A"]))["values"]) == ["A"]
    problem(get(shared, "transactionconfiguration/types"), 404)


def test_a_database_keeps_what_is_known(tmp_path: Path) -> None:
    database = tmp_path / "rehearsal.db"
    with Sandbox(database=database, known="none"):
        pass
    with Sandbox(database=database) as again:
        assert problem(get(again, "portfolios/Funds/A"), 404)
    with Sandbox(database=database, known="all") as everything:
        done(get(everything, "portfolios/Funds/A"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "neither YAML nor JSON"),
        ("a", "it has no sections"),
        ("persns: all", "there is no section persns"),
        ("portfolios: [Funds]", "portfolios is malformed: Funds is not written as scope/code"),
        ("instruments: AAPL", "instruments is malformed"),
        ("propertyDefinitions: [{domain: Order}]", "propertyDefinitions is malformed: scope: The scope field"),
        ("persons: [P1]", "persons is malformed"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "known.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError, match=said) as refused:
        Sandbox(known=str(file))
    assert "\n" not in refused.value.message
    with pytest.raises(ConfigError, match="takes all, none or a file"):
        Sandbox(known=str(tmp_path / "nothing"))


def test_the_rate_limit_is_told_in_headers_and_then_kept() -> None:
    with Sandbox(rate_limit=3) as sandbox:
        answers = [get(sandbox, "orders") for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["X-Rate-Limit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert {each.headers["X-Rate-Limit-Limit"] for each in answers} == {"1m"}
    assert 0 < int(answers[3].headers["Retry-After"]) <= 60
    assert problem(answers[3], 429)["code"] == 103
