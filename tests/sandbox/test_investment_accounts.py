"""Investment accounts in the sandbox: holders that must exist, account types of each dialect."""

from collections.abc import Iterator
from typing import Any

import pytest
from sandbox_api import (
    ACCOUNT_ID,
    EXTERNAL,
    INTERNAL,
    account,
    company,
    created,
    errors,
    get,
    holder,
    listed,
    record,
    scoped_record,
    upsert_accounts,
    upsert_records,
)

from connectors.sandbox.server import Sandbox

RECORDS = {
    "a": record("E1"),
    "b": record("E2"),
    "c": {**record("E3"), "identifiers": {**listed(EXTERNAL, "E3"), **listed(INTERNAL, "I3")}},
    "d": company("C1"),
    "e": company("C2"),
    "f": {"displayName": "No investor", "identifiers": listed(EXTERNAL, "E0")},
}


@pytest.fixture(scope="module")
def shared(shared: Sandbox) -> Sandbox:
    created(upsert_records(shared, RECORDS))
    return shared


@pytest.fixture
def sandbox(sandbox: Sandbox) -> Sandbox:
    created(upsert_records(sandbox, RECORDS))
    return sandbox


@pytest.fixture(scope="module")
def sandbox_23() -> Iterator[Sandbox]:
    with Sandbox(dialect="2.3") as running:
        records = {
            "a": scoped_record("E1"),
            "b": scoped_record("E2"),
            "d": scoped_record("C1", "LegalEntity"),
            "n": scoped_record("N1", "Nominee"),
        }
        created(upsert_records(running, records))
        yield running


def test_an_account_embeds_its_holders_current_records(sandbox: Sandbox) -> None:
    both = {**listed(EXTERNAL, "E3"), **listed(INTERNAL, "I3")}
    sent = account("A1", "JointMixed", [{"key": "H1", "identifiers": both}, holder("C1", "H2")])
    sent["investmentPortfolios"] = [{"key": "P1", "portfolioScope": "S", "portfolioCode": "C"}]
    value = created(upsert_accounts(sandbox, {"k": sent}))["values"]["k"]
    assert value["href"] == f"{sandbox.url}/api/investmentaccounts/ExternalIdentifier/ExternalIAId/A1"
    assert value["lusidInvestmentAccountId"] == "LUID_00000007"
    assert value["accountType"] == "JointMixed"
    held = value["accountHolders"]
    assert [set(each) for each in held] == [{"key", "identifiers", "entityUniqueId", "investorRecord"}] * 2
    assert [each["investorRecord"]["lusidInvestorRecordId"] for each in held] == ["LUID_00000003", "LUID_00000004"]
    (portfolio,) = value["investmentPortfolios"]
    assert len(portfolio.pop("entityUniqueId")) == 32
    assert portfolio == {"key": "P1", "scope": "S", "code": "C"}
    created(upsert_records(sandbox, {"c": record("E3", "Renamed")}))
    now = get(sandbox, "investmentaccounts/ExternalIdentifier/ExternalIAId/A1").json()
    assert now["accountHolders"][0]["investorRecord"]["displayName"] == "Renamed"
    assert get(sandbox, "investmentaccounts").json()["values"] == [now]


@pytest.mark.parametrize(
    ("holders", "failure", "path"),
    [
        ([holder("E9")], "InvestorRecordNotFoundFailure", "a.accountHolders[0]"),
        ([holder("E1"), holder("E9", "H2")], "InvestorRecordNotFoundFailure", "a.accountHolders[1]"),
        (
            [{"key": "H1", "identifiers": {**listed(EXTERNAL, "E1"), **listed(INTERNAL, "I3")}}],
            "InvestorRecordIdentifiersNotValidFailure",
            "a.accountHolders[0]",
        ),
    ],
)
def test_holders_must_lead_to_one_existing_record_each(
    sandbox: Sandbox, holders: list[dict[str, Any]], failure: str, path: str
) -> None:
    body = {"good": account("A0"), "a": account("A1", "JointPersonal", holders)}
    answer = created(upsert_accounts(sandbox, body))
    assert list(answer["values"]) == ["good"]
    assert answer["failed"]["a"]["type"] == failure
    assert list(errors(upsert_accounts(sandbox, body, "Atomic"), "BatchOperationAborted")) == [path]
    assert len(get(sandbox, "investmentaccounts").json()["values"]) == 1


@pytest.mark.parametrize(
    ("kind", "holders", "bad"),
    [
        ("Personal", ["E1"], None),
        ("Personal", [], None),
        ("Personal", ["E0"], None),
        ("Personal", ["C1"], 0),
        ("Personal", ["E1", "E2"], 1),
        ("Corporate", ["C1"], None),
        ("Corporate", ["E1"], 0),
        ("JointPersonal", ["E1", "E2"], None),
        ("JointPersonal", ["E1", "C1"], 1),
        ("JointCorporate", ["C1", "C2"], None),
        ("JointCorporate", ["C1", "E1"], 1),
        ("JointMixed", ["E1"], None),
        ("JointMixed", ["E1", "C1", "E2"], None),
    ],
)
def test_account_types_of_2_1_say_who_may_hold(shared: Sandbox, kind: str, holders: list[str], bad: int | None) -> None:
    sent = account("A1", kind, [holder(each, f"H{n}") for n, each in enumerate(holders)])
    answer = upsert_accounts(shared, {"a": sent}, "Atomic")
    if bad is None:
        created(answer)
    else:
        assert list(errors(answer, "BatchOperationAborted")) == [f"a.accountHolders[{bad}]"]


def _held(external: str, key: str) -> dict[str, Any]:
    return {"key": key, "scope": "Desk", "identifiers": {EXTERNAL: external}}


@pytest.mark.parametrize(
    ("kind", "holders", "bad"),
    [
        ("Individual", ["E1"], None),
        ("Individual", ["C1"], 0),
        ("Individual", ["E1", "E2"], 1),
        ("Corporate", ["C1"], None),
        ("Joint", ["E1", "E2"], None),
        ("Joint", ["E1", "E2", "C1"], 2),
        ("Joint", ["N1"], 0),
        ("Nominee", ["N1"], None),
        ("Nominee", ["E1", "C1"], 1),
    ],
)
def test_account_types_of_2_3_say_who_may_hold(
    sandbox_23: Sandbox, kind: str, holders: list[str], bad: int | None
) -> None:
    held = [_held(each, f"H{n}") for n, each in enumerate(holders)]
    answer = upsert_accounts(sandbox_23, {"a": {**account("A1", kind, held), "scope": "Desk"}}, "Atomic")
    if bad is None:
        created(answer)
    else:
        assert list(errors(answer, "BatchOperationAborted")) == [f"a.accountHolders[{bad}]"]


def test_dialect_2_3_refers_by_scope_and_one_plain_identifier(sandbox_23: Sandbox) -> None:
    portfolio = {"key": "P1", "scope": "Funds", "identifiers": {"Portfolio/default/Code": "my-code"}}
    sent = {**account("A1", "Individual", [_held("E1", "H1")]), "scope": "Desk", "investmentPortfolios": [portfolio]}
    value = created(upsert_accounts(sandbox_23, {"a": sent}))["values"]["a"]
    assert value["accountHolders"][0]["identifiers"] == {EXTERNAL: "E1"}
    assert value["investmentPortfolios"][0]["identifiers"] == portfolio["identifiers"]
    elsewhere = {**sent, "accountHolders": [{**_held("E1", "H1"), "scope": "Other"}]}
    assert list(created(upsert_accounts(sandbox_23, {"a": elsewhere}))["failed"]) == ["a"]
    two = {**_held("E1", "H1"), "identifiers": {EXTERNAL: "E1", INTERNAL: "I1"}}
    assert list(errors(upsert_accounts(sandbox_23, {"a": {**sent, "accountHolders": [two]}}))) == [
        "a.accountHolders[0].identifiers"
    ]
    one = get(sandbox_23, "investmentaccounts/ExternalIAId/A1", scope="Desk", identifierScope="ExternalIdentifier")
    assert one.json() == value


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"accountType": ""}, "a.accountType"),
        ({"accountHolders": [holder("E1"), holder("E2")]}, "a.accountHolders[1].key"),
        ({"accountHolders": [holder("E1", "bad key")]}, "a.accountHolders[0].key"),
        ({"accountHolders": [{"key": "H1", "identifiers": {}}]}, "a.accountHolders[0].identifiers"),
        ({"investmentPortfolios": [{"key": "P", "portfolioScope": "S"}]}, "a.investmentPortfolios[0].portfolioCode"),
    ],
)
def test_an_invalid_body_is_a_400(shared: Sandbox, change: dict[str, Any], path: str) -> None:
    answer = upsert_accounts(shared, {"a": {**account("A1", "JointPersonal"), **change}})
    assert list(errors(answer)) == [path]


def test_an_unknown_account_type_fails_its_key(sandbox: Sandbox) -> None:
    failed = created(upsert_accounts(sandbox, {"a": account("A1", "Individual")}))["failed"]["a"]
    assert failed == {
        "id": "a",
        "type": "InvalidAccountTypeFailure",
        "detail": "'Individual' is not an account type: Personal, Corporate, JointPersonal, JointCorporate, JointMixed",
        "errorDetails": [],
    }


def test_an_update_replaces_whole_lists_and_checks_the_resulting_holders(sandbox: Sandbox) -> None:
    created(upsert_accounts(sandbox, {"a": account("A1", "JointPersonal", [holder("E1"), holder("E2", "H2")])}))
    silent = {"identifiers": listed(ACCOUNT_ID, "A1"), "displayName": "x", "accountType": "JointMixed"}
    value = created(upsert_accounts(sandbox, {"a": silent}))["values"]["a"]
    assert [each["key"] for each in value["accountHolders"]] == ["H1", "H2"]
    refused = upsert_accounts(sandbox, {"a": {**silent, "accountType": "Corporate"}}, "Atomic")
    assert list(errors(refused, "BatchOperationAborted")) == ["a.accountHolders[0]"]
    fewer = account("A1", "Personal", [holder("E2", "H9")])
    value = created(upsert_accounts(sandbox, {"a": fewer}))["values"]["a"]
    assert [each["key"] for each in value["accountHolders"]] == ["H9"]
    assert value["version"]["asAtVersionNumber"] == 3


def test_an_account_may_name_no_holders_at_all(sandbox: Sandbox) -> None:
    silent = {"identifiers": listed(ACCOUNT_ID, "A1"), "displayName": "x", "accountType": "Personal"}
    assert "accountHolders" not in created(upsert_accounts(sandbox, {"a": silent}))["values"]["a"]
