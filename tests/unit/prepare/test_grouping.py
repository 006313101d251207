"""Rows of one key: copies, contradictions, and rows of one request wherever they stand."""

from pathlib import Path

import pytest
from builders import (
    HOLDER,
    IA_ID,
    IR_ID,
    Row,
    account,
    investor,
    order,
    prepare_files,
    prepare_rows,
    read_csv,
    write_csv,
)

from schemas.states import State

INVALID, HELD, DUPLICATE = State.INVALID, State.HELD, State.DUPLICATE
HOLD = {"InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0009": "is invalid (row 4)"}
MANY = 30_000
SAMPLES = Path(__file__).parents[2] / "samples"


def name(text: str) -> Row:
    return {"display_name": text}


def test_an_exact_copy_collapses_into_the_first_and_is_counted(tmp_path: Path) -> None:
    with prepare_rows("investor-records", tmp_path, [investor(1), investor(2), investor(1), investor(1)]) as found:
        assert found.states == [None, None, DUPLICATE, DUPLICATE]
        assert found.notes[2:] == [("Copy", "is an exact copy of row 1")] * 2
        assert found.keys == ["IR_0001", "IR_0002"]
        assert found.prepared.book.counts()[DUPLICATE] == 2


def test_rows_that_make_the_same_request_are_copies_however_they_are_written(tmp_path: Path) -> None:
    rows = [investor(1), investor(1, {IR_ID: " IR_0001\u00a0", "investor_type": "Person "})]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        assert found.states == [None, DUPLICATE]


def test_rows_of_one_key_that_differ_are_all_refused_and_name_each_other(tmp_path: Path) -> None:
    rows = [investor(1), investor(2), investor(1, name("Other")), investor(1)]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        assert found.states == [INVALID, None, INVALID, INVALID]
        said = "the same key but other cells: keep one, or pass --duplicates"
        assert [note for note in found.notes if note[0]] == [
            ("DuplicateKey", f"row 3 and row 4 have {said}"),
            ("DuplicateKey", f"row 1 and row 4 have {said}"),
            ("DuplicateKey", f"row 1 and row 3 have {said}"),
        ]


def test_two_rows_that_differ_name_each_other_with_their_files(tmp_path: Path) -> None:
    with prepare_rows("investor-records", tmp_path, [investor(1)], [investor(1, name("Other"))]) as found:
        named = [message.split(" has ")[0] for _, message in found.notes]
        assert named == [f"{tmp_path / 'b.csv'} row 1", f"{tmp_path / 'a.csv'} row 1"]


def test_of_many_rows_the_first_few_are_named_and_the_others_counted(tmp_path: Path) -> None:
    rows = [investor(1, name(f"Name {i}")) for i in range(8)]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        assert found.notes[2][1].startswith("row 1, row 2, row 4, row 5, row 6 and 2 more have the same key ")


def test_an_invalid_row_spoils_the_key_for_a_valid_one(tmp_path: Path) -> None:
    rows = [investor(1), investor(1, name("")), investor(2)]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        assert found.states == [INVALID, INVALID, None]
        assert [code for code, _ in found.notes] == ["DuplicateKey", "Missing", ""]
        assert found.notes[0][1].startswith("row 2 has the same key ")


def test_two_copies_of_an_invalid_row_are_both_invalid(tmp_path: Path) -> None:
    with prepare_rows("investor-records", tmp_path, [investor(1, name("")), investor(1, name(""))]) as found:
        assert found.states == [INVALID, INVALID]


@pytest.mark.parametrize(("policy", "chosen"), [("first", 0), ("last", 2)])
def test_a_policy_picks_one_row_of_a_key(tmp_path: Path, policy: str, chosen: int) -> None:
    rows = [investor(1, name("A")), investor(1, name("B")), investor(1, name("C")), investor(2)]
    with prepare_rows("investor-records", tmp_path, rows, duplicates=policy) as found:
        states = [None if i in {chosen, 3} else DUPLICATE for i in range(4)]
        assert found.states == states
        told = ("Superseded", f"row {chosen + 1} of the same key stands (--duplicates {policy})")
        assert [note for note in found.notes if note[0]] == [told] * 2
        assert [wire["displayName"] for wire in found.wires] == ["ABC"[chosen], "Investor 2"]


@pytest.mark.parametrize(("policy", "chosen"), [("first", 1), ("last", 3)])
def test_a_policy_picks_among_the_valid_rows_of_a_key(tmp_path: Path, policy: str, chosen: int) -> None:
    rows = [investor(1, name(text)) for text in ("", "A", "A", "B", "")]
    with prepare_rows("investor-records", tmp_path, rows, duplicates=policy) as found:
        stands = ("Superseded", f"row {chosen + 1} of the same key stands (--duplicates {policy})")
        copy = ("Copy", "is an exact copy of row 2")
        told = {"first": [("", ""), copy, stands], "last": [stands, stands, ("", "")]}[policy]
        assert found.notes[1:4] == told
        assert found.states == [INVALID, *(DUPLICATE if note[0] else None for note in told), INVALID]
        assert [wire["displayName"] for wire in found.wires] == [rows[chosen]["display_name"]]


@pytest.mark.parametrize(("policy", "states"), [("first", [HELD, DUPLICATE]), ("last", [DUPLICATE, None])])
def test_a_policy_picks_a_row_that_is_held_too(tmp_path: Path, policy: str, states: list[State | None]) -> None:
    """Else a replay would send it later, over the row that was picked in its place."""
    row = read_csv(SAMPLES / "executions" / "full.csv")[0]
    rows = [row | {"placement_code": "P9"}, row | {"placement_code": "P1"}]
    hold = {f"Placement={row['placement_scope']}/P9": "is failed (row 1)"}
    with prepare_rows("executions", tmp_path, rows, duplicates=policy, hold=hold) as found:
        assert found.states == states


def test_a_policy_leaves_invalid_rows_of_a_key_alone(tmp_path: Path) -> None:
    with prepare_rows("investor-records", tmp_path, [investor(1, name(""))] * 2, duplicates="last") as found:
        assert (found.states, found.entries) == ([INVALID, INVALID], [])


@pytest.mark.untraced
@pytest.mark.timeout(30)
def test_a_column_mapped_to_the_wrong_key_takes_no_longer_for_that(tmp_path: Path) -> None:
    """As many rows of one key as there are rows; naming each row's others must not take their square."""
    rows = [investor(1, name(f"Name {i}")) for i in range(MANY)]
    with prepare_rows("investor-records", tmp_path, rows) as found:
        assert found.prepared.book.counts()[INVALID] == MANY


@pytest.mark.untraced
@pytest.mark.timeout(30)
@pytest.mark.parametrize("apart", [0, 1])
def test_an_order_that_is_in_every_block_takes_no_longer_for_that(tmp_path: Path, apart: int) -> None:
    rows = [order(1 + apart * i, 1) for i in range(MANY - 1)] + [order(2, 1)]
    with prepare_rows("orders", tmp_path, rows) as found:
        assert found.prepared.book.counts()[INVALID] == MANY


def test_rows_of_one_account_are_one_request_wherever_they_stand(tmp_path: Path) -> None:
    first = [account(1, 2), account(2, 1), account(1, 1)]
    second = [account(3, 1), account(1, 3)]
    with prepare_rows("investment-accounts", tmp_path, first, second) as found:
        assert found.states == [None] * 5
        assert found.requests == [0, 1, 0, 2, 0]
        assert found.keys == ["IA_0001", "IA_0002", "IA_0003"]
        assert [holder["key"] for holder in found.wires[0]["accountHolders"]] == ["Holder2", "Holder1", "Holder3"]


def test_three_holders_crossed_with_two_portfolios_are_three_and_two(tmp_path: Path) -> None:
    def crossed(holder: int, portfolio: int) -> Row:
        changes = {"portfolio_key": f"Portfolio{portfolio}", "portfolio_code": f"PF{portfolio}"}
        return account(1, holder, changes)

    rows = [crossed(holder, portfolio) for portfolio in (2, 1) for holder in (3, 1, 2)]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.requests == [0] * 6
        (wire,) = found.wires
    assert [holder["key"] for holder in wire["accountHolders"]] == ["Holder3", "Holder1", "Holder2"]
    assert wire["investmentPortfolios"] == [
        {"key": "Portfolio2", "portfolioScope": "Funds", "portfolioCode": "PF2"},
        {"key": "Portfolio1", "portfolioScope": "Funds", "portfolioCode": "PF1"},
    ]


def test_rows_of_one_block_are_its_orders_in_row_order(tmp_path: Path) -> None:
    with prepare_rows("orders", tmp_path, [order(1, 7), order(2, 1), order(1, 3)], [order(1, 5)]) as found:
        assert found.requests == [0, 1, 0, 0]
        assert [o["id"]["code"] for o in found.wires[0]["orders"]] == ["O0007", "O0003", "O0005"]
        assert found.keys == ["MyScope/B0001", "MyScope/B0002"]


def test_copies_inside_a_group_collapse(tmp_path: Path) -> None:
    with prepare_rows("investment-accounts", tmp_path, [account(1, 1), account(1, 2), account(1, 1)]) as found:
        assert found.states == [None, None, DUPLICATE]
        assert found.requests == [0, 0, -1]
        assert found.notes[2] == ("Copy", "is an exact copy of row 1")


def test_a_copy_in_a_group_that_is_withheld_is_withheld_with_it(tmp_path: Path) -> None:
    """A duplicate is a copy of a row that was sent, and this one was not."""
    rows = [account(1, 1), account(1, 1), account(1, 2, name(""))]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.states == [INVALID] * 3
        assert found.notes[1] == ("SameRequest", "row 3 of the same investment account is invalid")


def test_rows_that_disagree_name_each_other_and_everything_they_differ_in(tmp_path: Path) -> None:
    rows = [account(1, 1), account(1, 2, name("Other") | {"account_type": "JointMixed"}), account(1, 3)]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.states == [INVALID] * 3
        said = "differs between rows of one request"
        assert found.notes == [
            ("Disagreement", f"display_name {said}: row 2; account_type {said}: row 2"),
            ("Disagreement", f"display_name {said}: row 1; account_type {said}: row 1"),
            ("SameRequest", "row 1 of the same investment account is invalid"),
        ]


def test_two_rows_of_one_block_that_disagree_are_both_refused(tmp_path: Path) -> None:
    with prepare_rows("orders", tmp_path, [order(1, 1), order(2, 2), order(1, 3, {"side": "Sell"})]) as found:
        assert found.states == [INVALID, None, INVALID]
        assert [message for _, message in found.notes] == [
            "side differs between rows of one request: row 3",
            "",
            "side differs between rows of one request: row 1",
        ]


def test_rows_that_disagree_over_one_member_name_each_other(tmp_path: Path) -> None:
    rows = [account(1, 1), account(1, 2), account(1, 1, {HOLDER: "IR_0007"}), account(2)]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.states == [INVALID, INVALID, INVALID, None]
        said = f"{HOLDER} differs between rows of one holder"
        assert found.notes[:3] == [
            ("Disagreement", f"{said}: row 3"),
            ("SameRequest", "row 1 of the same investment account is invalid"),
            ("Disagreement", f"{said}: row 1"),
        ]


def test_a_disagreement_with_many_rows_names_a_few(tmp_path: Path) -> None:
    rows = [account(1, 1), *(account(1, 1 + i, name(f"Name {i}")) for i in range(1, 9))]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.notes[0][1].count("differs") == 5
        assert found.notes[8][1] == "display_name differs between rows of one request: row 1"


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_bad_row_withholds_its_whole_request_and_the_others_name_it(tmp_path: Path, where: int) -> None:
    rows = [account(1, 1), account(1, 2), account(1, 3), account(2)]
    rows[where]["holder_key"] = "not a code"
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.states == [INVALID, INVALID, INVALID, None]
        others = [note for i, note in enumerate(found.notes[:3]) if i != where]
        assert others == [("SameRequest", f"row {where + 1} of the same investment account is invalid")] * 2
        assert found.notes[where][0] == "NotAllowed"


def test_a_ragged_row_withholds_its_whole_request(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", [order(1, 1), order(1, 2), order(2, 3)])
    lines = file.read_text().splitlines()
    lines[2] = lines[2].rpartition(",")[0]
    file.write_text("\n".join(lines))
    with prepare_files("orders", tmp_path, [file]) as found:
        assert found.states == [INVALID, INVALID, None]
        assert [code for code, _ in found.notes] == ["SameRequest", "MissingCells", ""]
        assert found.notes[0][1] == "row 2 of the same block is invalid"


def test_a_held_row_holds_its_whole_request_and_the_others_name_it(tmp_path: Path) -> None:
    rows = [account(1, 1), account(1, 9), account(2, 1), account(3, 9), account(1, 1)]
    with prepare_rows("investment-accounts", tmp_path, rows, hold=HOLD) as found:
        assert found.states == [HELD, HELD, None, HELD, HELD]
        parent = ("ParentFailed", "InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0009 is invalid (row 4)")
        same = ("SameRequest", "row 2 of the same investment account is held")
        assert found.notes == [same, parent, ("", ""), parent, same]


def test_a_row_that_is_invalid_weighs_more_than_one_that_is_held(tmp_path: Path) -> None:
    rows = [account(1, 9), account(1, 1), account(1, 2, name(""))]
    with prepare_rows("investment-accounts", tmp_path, rows, hold=HOLD) as found:
        assert found.states == [HELD, INVALID, INVALID]
        assert found.notes[1] == ("SameRequest", "row 3 of the same investment account is invalid")


def test_an_order_id_in_two_blocks_refuses_both_and_all_that_is_in_them(tmp_path: Path) -> None:
    rows = [order(1, 1), order(1, 1), order(1, 2), order(2, 1), order(3, 3)]
    with prepare_rows("orders", tmp_path, rows) as found:
        assert found.states == [INVALID, INVALID, INVALID, INVALID, None]
        said = "the same order_scope and order_code in another request"
        assert found.notes == [
            ("SharedMember", f"row 4 has {said}"),
            ("SharedMember", f"row 4 has {said}"),
            ("SameRequest", "row 1 of the same block is invalid"),
            ("SharedMember", f"row 1 and row 2 have {said}"),
            ("", ""),
        ]


def test_an_order_code_in_two_scopes_is_two_orders(tmp_path: Path) -> None:
    with prepare_rows("orders", tmp_path, [order(1, 1), order(2, 1, {"order_scope": "Other"})]) as found:
        assert found.states == [None, None]


def test_keys_that_differ_in_case_or_width_are_keys_of_their_own_and_a_no_break_space_is_no_difference(
    tmp_path: Path,
) -> None:
    keys = ["IA_1", "ia_1", "\uff29\uff21_1", "\u00a0IA_1\u2007", "IA_1\u00a0"]
    rows = [account(1, i, {IA_ID: key}) for i, key in enumerate(keys, start=1)]
    with prepare_rows("investment-accounts", tmp_path, rows) as found:
        assert found.requests == [0, 1, 2, 0, 0]
        assert found.keys == ["IA_1", "ia_1", "\uff29\uff21_1"]
