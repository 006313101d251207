"""An identifier that LUSID keeps unique belongs to one key of a load: nothing overwrites anything in silence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import prepare_rows, read_csv
from desk import Desk, desk
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.report.report import Report
from schemas.dialects import Dialect
from schemas.states import State

CRM, TAX = "identifier:InvestorRecord/Crm/Id", "identifier:InvestorRecord/Tax/Id"
HEADER = f"{CRM},{TAX},display_name,investor_type,investor:Person/Hr/Id"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def refused(report: Report) -> dict[str, tuple[str, str]]:
    """Code and message of each refused row, by its number."""
    rows = read_csv(report.run_dir / "failures.csv")
    return {row["_row"]: (row["_code"], row["_message"]) for row in rows}


def test_records_that_share_a_second_identifier_are_refused_and_name_each_other(at: Desk) -> None:
    lines = [
        "S1,T7,Ann,Person,H1",
        "S2,T7,Bob,Person,H2",
        "S3,T8,Cid,Person,H3",
        "S4,,Dan,Person,H4",
        "S5,,Eve,Person,H5",
    ]
    report = at.load("investor-records", "\n".join([HEADER, *lines]))
    said = f"has the same {TAX} in another request"
    assert refused(report) == {"1": ("SharedIdentifier", f"row 2 {said}"), "2": ("SharedIdentifier", f"row 1 {said}")}
    assert sorted(at.records()) == ["S3", "S4", "S5"]


def test_an_account_has_its_identifiers_in_all_its_rows_and_shares_none(at: Desk) -> None:
    at.load("investor-records", f"{HEADER}\n" + "".join(f"S{n},,Ann,Person,H{n}\n" for n in range(4)))
    header = "identifier:InvestmentAccount/Ext/Id,identifier:InvestmentAccount/Iban/Id,display_name,account_type"
    holder = "holder_key,holder:InvestorRecord/Crm/Id"
    lines = ["A1,I1,One,Joint,h0,S0", "A1,I1,One,Joint,h1,S1", "A2,I2,Two,Personal,h2,S2", "A3,I2,Three,Personal,h3,S3"]
    report = at.load("investment-accounts", "\n".join([f"{header},{holder}", *lines]).replace("Joint", "JointPersonal"))
    assert sorted(at.accounts()) == ["A1"]
    assert {row: code for row, (code, _) in refused(report).items()} == dict.fromkeys("34", "SharedIdentifier")


def test_a_refused_row_still_owns_its_identifier(at: Desk) -> None:
    lines = ["S1,T7,,Person,H1", "S2,T7,Bob,Person,H2", "S3,T9,Cid,Person,H3"]
    report = at.load("investor-records", "\n".join([HEADER, *lines]))
    assert {row: code for row, (code, _) in refused(report).items()} == {"1": "Missing", "2": "SharedIdentifier"}
    assert sorted(at.records()) == ["S3"]


def test_a_key_of_ones_own_does_not_hide_a_shared_first_identifier(at: Desk) -> None:
    rules: dict[str, Any] = {
        CRM: "crm",
        "display_name": "crm",
        "investor_type": {"constant": "Person"},
        "investor:Person/Hr/Id": "row",
    }
    report = at.load("investor-records", "row,crm\nR1,S1\nR2,S1\nR3,S3\n", {"key": "row", "columns": rules})
    assert {row: code for row, (code, _) in refused(report).items()} == dict.fromkeys("12", "SharedIdentifier")
    assert sorted(at.records()) == ["S3"]


def test_copies_and_rows_that_gave_way_share_nothing(at: Desk) -> None:
    lines = [
        "S1,T1,Ann,Person,H1",
        "S1,T1,Ann,Person,H1",
        "S2,T2,Bob,Person,H2",
        "S2,T3,Bob,Person,H2",
        "S3,T2,Cid,Person,H3",
    ]
    report = at.load("investor-records", "\n".join([HEADER, *lines]), duplicates="last")
    assert (report.rows[State.ACCEPTED], report.rows[State.DUPLICATE]) == (3, 2)
    assert sorted(at.records()) == ["S1", "S2", "S3"]


def test_identifiers_are_unique_within_a_scope_where_there_are_scopes(tmp_path: Path) -> None:
    row = {
        CRM: "S1",
        TAX: "T1",
        "display_name": "A",
        "investor_type": "Person",
        "investor:Person/Hr/Id": "H",
        "scope": "X",
    }
    rows = [row, row | {CRM: "S2", "scope": "Y"}, row | {CRM: "S3", "scope": "Y"}]
    with prepare_rows("investor-records", tmp_path, rows, dialect=Dialect.V2_3) as found:
        assert [state is None for state in found.states] == [True, False, False]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        assert [state is None for state in found.states] == [False, False, False]


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), min_size=1, max_size=12))
def test_what_is_sent_shares_nothing_and_nothing_else_is_refused(
    rows: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = [
        {CRM: f"S{key}", TAX: f"T{tax}" if tax else "", "display_name": "A", "investor_type": "Person",
         "investor:Person/Hr/Id": "H"} for key, tax in rows
    ]  # fmt: skip
    keys_of: dict[int, set[int]] = {}
    taxes_of: dict[int, set[int]] = {}
    for key, tax in rows:
        keys_of.setdefault(tax, set()).add(key)
        taxes_of.setdefault(key, set()).add(tax)
    bad = [len(taxes_of[key]) > 1 or (tax > 0 and len(keys_of[tax]) > 1) for key, tax in rows]
    with prepare_rows("investor-records", tmp_path_factory.mktemp("shared"), lines) as found:
        assert [state is State.INVALID for state in found.states] == bad
