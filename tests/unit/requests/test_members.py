"""Rows of one key: which columns must agree, and which ones form lists."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.requests.investment_accounts import HOLDER, PORTFOLIO
from schemas.requests.members import Disagreement, disagreements, member_list, shared_columns
from schemas.rows.header import parse_columns

HELD = "holder:InvestorRecord/A/B"
NAMES = (
    "display_name",
    "account_type",
    "scope",
    "identifier:InvestmentAccount/A/B",
    "holder_key",
    HELD,
    "portfolio_key",
    "portfolio_scope",
    "portfolio_code",
)
COLUMNS = parse_columns(NAMES, OPERATIONS["investment-accounts"].shape, Dialect.V2_1, "the header")
MEMBERS = (HOLDER, PORTFOLIO)
SHARED = shared_columns(COLUMNS, MEMBERS)


def row(holder: tuple[str, str] = ("", ""), portfolio: str = "", name: str = "Joint") -> dict[str, str]:
    return {
        "display_name": name,
        "account_type": "JointPersonal",
        "identifier:InvestmentAccount/A/B": "IA_1",
        "holder_key": holder[0],
        HELD: holder[1],
        "portfolio_key": portfolio,
        "portfolio_scope": "Funds" if portfolio else "",
        "portfolio_code": portfolio,
    }


def clashes(*rows: dict[str, str]) -> list[Disagreement]:
    return list(disagreements(rows, SHARED, MEMBERS))


def keys(rows: list[dict[str, str]]) -> list[Any]:
    return member_list(rows, HOLDER, lambda r: {"key": r["holder_key"], "id": r[HELD]})


def test_members_have_their_own_columns_and_the_request_has_the_others() -> None:
    assert SHARED == ["display_name", "account_type", "identifier:InvestmentAccount/A/B"]


def test_rows_that_agree_make_one_list_in_row_order() -> None:
    rows = [row(("H2", "IR_2"), "P1"), row(("H1", "IR_1")), row(("H2", "IR_2"), "P2")]

    assert clashes(*rows) == []
    assert keys(rows) == [{"key": "H2", "id": "IR_2"}, {"key": "H1", "id": "IR_1"}]
    assert member_list(rows, PORTFOLIO, lambda r: {"key": r["portfolio_key"]}) == [{"key": "P1"}, {"key": "P2"}]


def test_a_difference_in_a_shared_column_names_both_rows() -> None:
    assert clashes(row(), row(name="Other"), row(), row(name="")) == [
        Disagreement(0, 1, "display_name", "differs between rows of one request"),
        Disagreement(0, 3, "display_name", "differs between rows of one request"),
    ]


def test_one_member_that_two_rows_describe_differently_names_both() -> None:
    assert clashes(row(("H1", "IR_1")), row(), row(("H1", "IR_2"))) == [
        Disagreement(0, 2, HELD, "differs between rows of one holder")
    ]


HOLDERS = st.lists(st.tuples(st.sampled_from(["", "H1", "H2", "H3"]), st.just("IR")), min_size=1, max_size=6)


@given(HOLDERS, st.randoms(use_true_random=False))
def test_every_holder_is_listed_once_whatever_the_order_and_the_copies(
    holders: list[tuple[str, str]], random: Any
) -> None:
    rows = [row(h if h[0] else ("", "")) for h in holders]
    shuffled = rows * 2
    random.shuffle(shuffled)

    found = keys(shuffled)

    assert sorted(h["key"] for h in found) == sorted({h[0] for h in holders if h[0]})
    assert clashes(*shuffled) == []
