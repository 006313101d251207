"""Several holders or portfolios in one row, columns that nothing uses, and what --strict leaves of a mapping."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, desk
from run_checks import failures

from schemas.errors import ConfigError, ExtractError
from schemas.states import State, Verdict

HOLDER = "holder:InvestorRecord/Ext/Id"
ACCOUNT = {"identifier:InvestmentAccount/Ext/Id": "code", "display_name": "code", "account_type": "kind"}
RECORD = {
    "identifier:InvestorRecord/Ext/Id": "id",
    "display_name": "id",
    "investor_type": {"constant": "Person"},
    "investor:Person/Hr/Id": "id",
}


@pytest.fixture
def at(kept: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", kept.sandbox.access_token)
    return kept


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("side")) as found:
        report = found.load("investor-records", "id\ninv_1\ninv_2\ninv_3\n", {"columns": RECORD})
        assert report.verdict is Verdict.COMPLETE
        yield found


def holders(at: Desk, code: str) -> dict[str, str]:
    """The holders of an account, by their keys."""
    found = at.accounts()[code]["accountHolders"]
    return {each["key"]: next(iter(_texts(each["identifiers"]))) for each in found}


def _texts(identifiers: dict[str, Any]) -> list[str]:
    return [i if isinstance(i, str) else i["value"]["labelValue"] for i in identifiers.values()]


def test_columns_side_by_side_are_holders_and_empty_ones_are_absent(at: Desk) -> None:
    codes = [f"AC{n}" for n in range(5)]
    text = "code,kind,one,two,role\n"
    text += (
        f"{codes[0]},JointPersonal,inv_1,inv_2,Other\n{codes[1]},Personal,inv_3,,\n{codes[2]},Personal,,inv_3,Only\n"
    )
    text += f"{codes[3]},JointPersonal,inv_1,inv_2,Other\n{codes[3]},JointPersonal,inv_1,inv_3,Third\n"
    text += f"{codes[4]},Personal,inv_1,inv_2,Main\n"
    mapping = {
        "columns": ACCOUNT | {"holder_key": {"constant": "Main"}, HOLDER: "one"},
        "also": [{"holder_key": "role", HOLDER: "two"}],
    }
    report = at.load("investment-accounts", text, mapping)
    assert [(f["_key"], f["_code"], f["_message"]) for f in failures(report.run_dir)] == [
        (codes[4], "Disagreement", f"{HOLDER} differs between items of one row that have the same key: row 6")
    ]
    assert holders(at, codes[0]) == {"Main": "inv_1", "Other": "inv_2"}
    assert holders(at, codes[1]) == {"Main": "inv_3"}
    assert holders(at, codes[2]) == {"Only": "inv_3"}
    assert holders(at, codes[3]) == {"Main": "inv_1", "Other": "inv_2", "Third": "inv_3"}


def test_portfolios_stand_side_by_side_as_holders_do(at: Desk) -> None:
    mapping = {
        "columns": ACCOUNT
        | {"portfolio_key": {"constant": "P1"}, "portfolio_scope": {"constant": "F"}, "portfolio_code": "a"},
        "also": [
            {"portfolio_key": {"constant": "P2"}, "portfolio_scope": {"constant": "G"}, "portfolio_code": "b"},
            {"portfolio_key": {"constant": "P3"}, "portfolio_scope": {"constant": "H"}, "portfolio_code": "c"},
        ],
    }
    report = at.load("investment-accounts", "code,kind,a,b,c\nPF1,Personal,X,,Z\n", mapping)
    assert report.verdict is Verdict.COMPLETE
    found = at.accounts()["PF1"]["investmentPortfolios"]
    assert [(p["key"], p["scope"], p["code"]) for p in found] == [("P1", "F", "X"), ("P3", "H", "Z")]


def test_a_further_holder_that_is_half_there_refuses_its_row_by_its_own_column(at: Desk) -> None:
    mapping = {
        "columns": ACCOUNT | {"holder_key": {"constant": "Main"}, HOLDER: "one"},
        "also": [{"holder_key": "role", HOLDER: "two"}],
    }
    report = at.load(
        "investment-accounts", "code,kind,one,two,role\nHH1,Personal,inv_1,,Other\nHH2,Personal,inv_1,inv_2,\n", mapping
    )
    assert [f["_message"] for f in failures(report.run_dir)] == [
        "line 2: holder (column two, 4): is missing: the holder of this row refers to nothing",
        "line 3: holder_key (column role, 5): is missing: the holder of this row has no key",
    ]


def test_an_account_is_held_for_any_of_its_holders(at: Desk) -> None:
    mapping = {
        "columns": ACCOUNT | {"holder_key": {"constant": "Main"}, HOLDER: "one"},
        "also": [{"holder_key": {"constant": "Other"}, HOLDER: "two"}],
    }
    report = at.load(
        "investment-accounts",
        "code,kind,one,two\nHD1,Personal,inv_1,inv_2\nHD2,Personal,inv_1,\n",
        mapping,
        hold={"InvestorRecord/Ext/Id=inv_2": "is failed (row 7)"},
    )
    assert [(f["_key"], f["_state"]) for f in failures(report.run_dir)] == [("HD1", "held")]
    assert holders(at, "HD2") == {"Main": "inv_1"}


@pytest.mark.parametrize(
    ("operation", "also", "told"),
    [
        ("investment-accounts", [{"display_name": "two"}], "an item of `also` has display_name"),
        (
            "investment-accounts",
            [{HOLDER: "two", "portfolio_code": "kind"}],
            f"an item of `also` mixes {HOLDER} and portfolio_code",
        ),
        ("investment-accounts", [{HOLDER: "three", "holder_key": "two"}], "column three is not in the extract"),
        ("investor-records", [{"display_name": "two"}], "`also` is for holders and portfolios of investment accounts"),
        ("investment-accounts", [{}], "an item of `also` is empty"),
    ],
)
def test_items_that_make_no_list_are_refused(at: Desk, operation: str, also: list[Any], told: str) -> None:
    columns: dict[str, Any] = RECORD | {"identifier:InvestorRecord/Ext/Id": "code", "display_name": "code"}
    columns["investor:Person/Hr/Id"] = "code"
    if operation == "investment-accounts":
        columns = ACCOUNT | {"holder_key": "two", HOLDER: "one", "portfolio_key": "two", "portfolio_code": "two"}
        columns["portfolio_scope"] = "two"
    with pytest.raises(ConfigError) as caught:
        at.load(operation, "code,kind,one,two\nA,Personal,inv_1,inv_2\n", {"columns": columns, "also": also})
    assert told in caught.value.message


def test_columns_that_nothing_uses_are_named_or_refused(at: Desk) -> None:
    text, mapping = "id,risk,_own,qty,country\nU1,high,x,5,FR\n", {"columns": RECORD}
    assert at.load("investor-records", text, mapping).warnings == (
        "not used: columns risk, qty, country of the extract",
    )
    expected = mapping | {"expect": {"totals": {"qty": 5}}}
    assert at.load("investor-records", text, expected).warnings == ("not used: columns risk, country of the extract",)
    assert at.load("investor-records", text, mapping | {"unmapped": "ignore"}).warnings == ()
    with pytest.raises(
        ConfigError, match="nothing uses columns risk, country of the extract, and it says `unmapped: ref"
    ):
        at.load("investor-records", text, expected | {"unmapped": "refuse"})
    assert at.load("investor-records", "id,_own\nU2,x\n", mapping | {"unmapped": "refuse"}).verdict is Verdict.COMPLETE


def test_strict_leaves_what_a_mapping_declares(at: Desk) -> None:
    order = {
        "block_scope": {"constant": "S"},
        "block_code": {"join": ["desk", "num"], "separator": "-"},
        "order_scope": {"constant": "S"},
        "order_code": "num",
        "quantity": {"column": "qty", "decimal": ","},
        "side": {"constant": "Buy"},
        "type": {"constant": "Market"},
        "instrument:Instrument/default/Figi": {"column": "figi", "pattern": "[0-9]E[+][0-9]"},
        "labels:Order/A/B": {"column": "tags", "separator": ";", "values": {"x": "X", "y": "Y", "z": "X"}},
    }
    text = 'desk,num,qty,figi,tags\nA,1,"1,5",1E+5,x;y\nA,,2,1E+5,\nB-C,3,2,1E+5,\n'
    text += "B,4,2,BBG1,\nB,5,2,1E+5,x;z\nB,?,2,1E+5,\n"
    plain = at.load("orders", text, {"columns": order}, dry_run=True)
    strict = at.load("orders", text, {"columns": order}, dry_run=True, strict=True)
    assert [(f["_row"], f["_code"]) for f in failures(plain.run_dir)] == [
        ("2", "MissingPart"),
        ("3", "MissingPart"),
        ("4", "NoMatch"),
    ]
    assert [(f["_row"], f["_code"]) for f in failures(strict.run_dir)] == [
        ("2", "MissingPart"),
        ("3", "MissingPart"),
        ("4", "NoMatch"),
        ("5", "RepeatedLabel"),
        ("6", "NotAllowed"),
    ]
    assert strict.rows[State.NOT_SENT] == 1


@pytest.mark.parametrize(
    ("text", "options", "likely"),
    [
        ("code;kind\nA;1,5\n", {}, "pass delimiter=';', or declare `delimiter: \";\"`"),
        ("code\tkind\nA\tB\n", {}, "pass delimiter='\\t', or declare `delimiter: \"\\t\"`"),
        ("code||kind\nA||B\n", {}, "pass delimiter='||'"),
        ("code,kind,x\nA,B,C\n", {"delimiter": ";"}, "pass delimiter=','"),
        ("a^b^c\n1^2^3\n", {}, "pass delimiter='^'"),
    ],
)
def test_a_header_of_one_column_names_its_file_and_the_delimiter_it_seems_to_have(
    at: Desk, text: str, options: dict[str, Any], likely: str
) -> None:
    with pytest.raises(ExtractError) as caught:
        at.load("investor-records", text, {"columns": RECORD}, dry_run=True, **options)
    assert caught.value.message.startswith(f"{at.folder / 'extract.csv'}: the header, read with the delimiter ")
    assert likely in caught.value.message


def test_a_file_of_one_column_is_read_as_it_is(at: Desk, tmp_path: Path) -> None:
    assert at.load("investor-records", 'id\n"a;b"\n', {"columns": RECORD}, dry_run=True).rows_read == 1
