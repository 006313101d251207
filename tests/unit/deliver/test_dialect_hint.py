from pathlib import Path

import pytest
from builders import Row, account, investor, order, write_csv
from run_checks import failures
from scripted_lusid import Reply, open_at, refused, scripted

from connectors.sandbox.server import Sandbox
from pipelines.load import load
from schemas.dialects import Dialect

NEW = {"scope": "Desk"}
PLACEMENT = {"placement_scope": "S", "placement_code": "P1"}
ALLOCATION = {"allocation_scope": "S", "allocation_code": "A1"}
AMOUNT = {"quantity": "", "amount": "100", "amount_currency": "GBP"}


def said(folder: Path, operation: str, row: Row, *, server: str, ours: str) -> str:
    """What failures.csv says of one row, sent in our dialect to a server of its own."""
    with Sandbox(dialect=server) as lusid, open_at(lusid.url, lusid.access_token, retries=0) as target:
        report = load(operation, write_csv(folder / "a.csv", [row]), target=target, runs=folder / "r", dialect=ours)
    (failure,) = failures(report.run_dir)
    assert failure["_state"] == "failed"
    return str(failure["_message"])


@pytest.mark.parametrize(
    ("operation", "row", "ours", "server", "hint"),
    [
        ("investor-records", investor(1), "2.1", "2.3", "2.3"),
        ("investment-accounts", account(1), "2.1", "2.3", "2.3"),
        ("investor-records", investor(1, NEW), "2.3", "2.1", "2.1"),
        (
            "investment-accounts",
            account(1, 1, NEW | {"holder_scope": "Desk", "account_type": "Individual"}),
            "2.3",
            "2.1",
            "2.1",
        ),
        ("orders", order(1, 1, AMOUNT), "2.3", "2.1", "2.1"),
        ("allocate", PLACEMENT, "legacy", "2.1", "2.1"),
        ("allocate", PLACEMENT, "legacy", "2.3", "2.1"),
        ("book-transactions", ALLOCATION, "legacy", "2.3", "2.1"),
        ("book-transactions", ALLOCATION, "2.1", "legacy", "legacy"),
        ("book-transactions", ALLOCATION, "2.3", "legacy", "legacy"),
    ],
)
def test_a_refusal_by_a_server_of_another_age_says_which_dialect_to_try(
    tmp_path: Path, operation: str, row: Row, ours: str, server: str, hint: str
) -> None:
    message = said(tmp_path, operation, row, server=server, ours=ours)
    assert message.endswith(f"; the server may speak another dialect: try --dialect {hint}")


@pytest.mark.parametrize(
    ("operation", "row", "dialect"),
    [
        ("investment-accounts", account(1), "2.1"),
        ("investment-accounts", account(1, 1, NEW | {"holder_scope": "D", "account_type": "Individual"}), "2.3"),
        ("allocate", PLACEMENT, "2.1"),
        ("book-transactions", ALLOCATION, "legacy"),
    ],
)
def test_a_refusal_by_a_server_of_our_own_age_does_not_blame_the_dialect(
    tmp_path: Path, operation: str, row: Row, dialect: str
) -> None:
    assert "dialect" not in said(tmp_path, operation, row, server=dialect, ours=dialect)


KEYED = Reply(
    201, {"values": {}, "failed": {"IR_0001": {"id": "x", "type": "F", "detail": "The Scope field is required."}}}
)
READERS = [
    (KEYED, True),
    (refused({"[IR_0001].Scope": ["The Scope field is required."]}), True),
    (refused(detail="Required property 'scope' not found in JSON. Path '', line 1, position 2."), True),
    (refused(detail="Could not find member 'investorIdentifiers' on object of type 'Investor'."), True),
    (refused({"[IR_0001].displayName": ["The DisplayName field is required."]}), False),
    (refused(detail="The identifier's scope InvestorRecord/Scope/Code is unknown; a label is required."), False),
]


@pytest.mark.parametrize(("answer", "hint"), READERS)
def test_the_words_of_other_servers_are_understood_and_not_over_read(tmp_path: Path, answer: Reply, hint: bool) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with scripted(lambda _: answer) as (_, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "r", dialect=Dialect.V2_1)
    (failure,) = failures(report.run_dir)
    assert ("try --dialect 2.3" in failure["_message"]) is hint, failure["_message"]
