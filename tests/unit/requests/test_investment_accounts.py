"""Investment accounts: complete and incomplete holders and portfolios, and the request in each dialect."""

from typing import Any

import pytest
from bound import bind, faults, requests

from schemas.dialects import Dialect

HEADER = (
    "identifier:InvestmentAccount/Ext/Id",
    "display_name",
    "account_type",
    "holder_key",
    "holder:InvestorRecord/Ext/Id",
    "portfolio_key",
    "portfolio_scope",
    "portfolio_code",
)
ACCOUNT = ("IA_1", "Joint", "JointPersonal")
IDENTIFIERS = {
    "InvestmentAccount/Ext/Id": {"key": "InvestmentAccount/Ext/Id", "value": {"labelValue": "IA_1"}},
}


def holder_2_1(key: str, value: str) -> dict[str, Any]:
    return {
        "key": key,
        "identifiers": {"InvestorRecord/Ext/Id": {"key": "InvestorRecord/Ext/Id", "value": {"labelValue": value}}},
    }


def told(*cells: str, dialect: Dialect = Dialect.V2_1) -> list[str]:
    return [str(f) for f in faults(bind("investment-accounts", HEADER, dialect), (*ACCOUNT, *cells))]


def test_an_account_of_2_1_spans_a_row_for_each_holder_or_portfolio() -> None:
    binding = bind("investment-accounts", (*HEADER, "description", "property:InvestmentAccount/A/B"))
    rows = [
        (*ACCOUNT, "H1", "IR_1", "P1", "Funds", "GROWTH", "old", "x"),
        (*ACCOUNT, "H2", "IR_2", "", "", "", "old", "x"),
    ]

    assert requests("investment-accounts", binding, rows, Dialect.V2_1) == {
        "IA_1": {
            "identifiers": IDENTIFIERS,
            "properties": {"InvestmentAccount/A/B": {"key": "InvestmentAccount/A/B", "value": {"labelValue": "x"}}},
            "displayName": "Joint",
            "description": "old",
            "accountType": "JointPersonal",
            "accountHolders": [holder_2_1("H1", "IR_1"), holder_2_1("H2", "IR_2")],
            "investmentPortfolios": [{"key": "P1", "portfolioScope": "Funds", "portfolioCode": "GROWTH"}],
        }
    }


def test_an_account_of_2_3_has_scopes_and_plain_identifiers() -> None:
    binding = bind("investment-accounts", (*HEADER, "scope", "holder_scope"), Dialect.V2_3)
    account = ("IA_1", "Joint", "Joint")
    rows = [
        (*account, "H1", "IR_1", "P1", "Funds", "GROWTH", "S", ""),
        (*account, "H2", "IR_2", "", "", "", "S", "Other"),
    ]

    assert requests("investment-accounts", binding, rows, Dialect.V2_3) == {
        "IA_1": {
            "scope": "S",
            "identifiers": IDENTIFIERS,
            "displayName": "Joint",
            "accountType": "Joint",
            "accountHolders": [
                {"key": "H1", "scope": "S", "identifiers": {"InvestorRecord/Ext/Id": "IR_1"}},
                {"key": "H2", "scope": "Other", "identifiers": {"InvestorRecord/Ext/Id": "IR_2"}},
            ],
            "investmentPortfolios": [
                {"key": "P1", "scope": "Funds", "identifiers": {"Portfolio/default/Code": "GROWTH"}}
            ],
        }
    }


def test_empty_columns_make_an_empty_list_and_absent_ones_no_member() -> None:
    (full,) = requests(
        "investment-accounts", bind("investment-accounts", HEADER), [(*ACCOUNT, *[""] * 5)], Dialect.V2_1
    ).values()
    (bare,) = requests("investment-accounts", bind("investment-accounts", HEADER[:3]), [ACCOUNT], Dialect.V2_1).values()

    assert (full["accountHolders"], full["investmentPortfolios"]) == ([], [])
    assert set(bare) == {"identifiers", "displayName", "accountType"}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("H1", "", "", "", ""), ["holder: is missing: the holder of this row refers to nothing"]),
        (("", "IR_1", "", "", ""), ["holder_key: is missing: the holder of this row has no key"]),
        (
            ("", "", "P1", "", ""),
            [
                "portfolio_code: is missing: the portfolio of this row refers to nothing",
                "portfolio_scope: is missing: the portfolio of this row has no scope",
            ],
        ),
        (("", "", "", "Funds", "GROWTH"), ["portfolio_key: is missing: the portfolio of this row has no key"]),
        (("H 1", "IR_1", "", "", ""), ["holder_key: takes letters, digits, - and _ only"]),
        (("H1", "I" * 65, "", "", ""), ["holder:InvestorRecord/Ext/Id: is longer than 64 characters"]),
        (("H1", "IR_1", "P1", "F" * 65, "G"), ["portfolio_scope: is longer than 64 characters"]),
    ],
)
def test_a_row_that_gives_part_of_a_holder_or_portfolio_must_give_all_of_it(
    cells: tuple[str, ...], expected: list[str]
) -> None:
    assert told(*cells) == expected


@pytest.mark.parametrize(
    ("word", "dialect", "expected"),
    [
        (
            "jointpersonal",
            Dialect.V2_1,
            "is none of Personal, Corporate, JointPersonal, JointCorporate, JointMixed; did you mean JointPersonal?",
        ),
        (
            "Individual",
            Dialect.V2_1,
            "is none of Personal, Corporate, JointPersonal, JointCorporate, JointMixed "
            "(dialect 2.3 has it; this is 2.1)",
        ),
        (
            "JointMixed",
            Dialect.V2_3,
            "is none of Individual, Corporate, Joint, Nominee (dialect 2.1 has it; this is 2.3)",
        ),
        ("Nomine", Dialect.V2_3, "is none of Individual, Corporate, Joint, Nominee; did you mean Nominee?"),
    ],
)
def test_an_unknown_account_type_gets_a_suggestion(word: str, dialect: Dialect, expected: str) -> None:
    binding = bind("investment-accounts", (*HEADER[:3], "scope"), dialect)

    assert [str(f) for f in faults(binding, ("IA_1", "Joint", word, "S"))] == [f"account_type: {expected}"]


def test_a_constant_scope_alone_makes_no_portfolio_and_no_holder() -> None:
    columns: dict[str, Any] = {name: name for name in HEADER} | {
        "portfolio_scope": {"constant": "Funds"},
        "holder_scope": {"constant": "Others"},
        "scope": {"constant": "S"},
    }
    binding = bind("investment-accounts", HEADER, Dialect.V2_3, {"columns": columns})
    account = ("IA_1", "Joint", "Joint")
    rows = [
        (*account, "H1", "IR_1", "P1", "-", "GROWTH"),
        (*account, "H2", "IR_2", " ", "-", ""),
        (*account, *[""] * 5),
    ]

    (made,) = requests("investment-accounts", binding, rows, Dialect.V2_3).values()

    assert [h["scope"] for h in made["accountHolders"]] == ["Others", "Others"]
    assert made["investmentPortfolios"] == [
        {"key": "P1", "scope": "Funds", "identifiers": {"Portfolio/default/Code": "GROWTH"}}
    ]


def test_a_holder_scope_is_not_read_in_2_1() -> None:
    binding = bind("investment-accounts", (*HEADER, "holder_scope"))

    assert faults(binding, (*ACCOUNT, *[""] * 5, "Other")) == []
    assert [str(f) for f in faults(binding, ("IA_1", "", "Personal", *[""] * 5, "Other"))] == [
        "display_name: is missing"
    ]


def test_a_holder_of_2_3_has_one_identifier() -> None:
    header = (*HEADER, "holder:InvestorRecord/Ext/Other", "scope")
    rows = {"one": ("H1", "", "", "", "", "IR_2", "S"), "two": ("H1", "IR_1", "", "", "", "IR_2", "S")}
    binding = bind("investment-accounts", header, Dialect.V2_3)
    found = {name: [str(f) for f in faults(binding, ("IA_1", "Joint", "Joint", *rest))] for name, rest in rows.items()}
    rule = "holder: takes one identifier in dialect 2.3: fill one of the holder: columns of this row"
    assert found == {"one": [], "two": [rule]}
