"""Answers lost before and after applying, for every operation that may not be repeated blindly: no doubles, no false
failures, and nothing that is known to be in is sent again.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import COUNTRY, Row, account, investor, write_csv
from lost_calls import COUNT, EACH_THEN_ONE_GOOD, LOST, NOT_APPLIED, executions, ids, moves, names, orders, placements
from reconcile import documents
from run_checks import check_books, states
from scripted_lusid import Call, Reply, open_at, scripted

from connectors.sandbox.server import Sandbox
from connectors.sandbox.web.fault_injection import MEANINGS
from pipelines.load import load
from pipelines.operations.table import OPERATIONS
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.states import Verdict

EXTRACTS: dict[str, Callable[[], list[Row]]] = {
    "orders": orders,
    "move-orders": moves,
    "cancel-orders": lambda: ids("order", "O"),
    "place-blocks": placements,
    "cancel-placements": lambda: ids("placement", "P"),
    "executions": executions,
    "allocate": lambda: ids("placement", "P"),
}
BEFORE: dict[str, list[str]] = {
    "orders": [],
    "move-orders": ["orders"],
    "cancel-orders": ["orders"],
    "place-blocks": ["orders"],
    "cancel-placements": ["orders", "place-blocks"],
    "executions": ["orders", "place-blocks"],
    "book-transactions": ["orders", "place-blocks", "executions", "allocate"],
}
"""The operations that may not be repeated blindly, and those that must have been done before."""

BEFORE_ALL = {**BEFORE, "allocate": ["orders", "place-blocks", "executions"]}


def in_lusid(database: Path, operation: str) -> list[str]:
    """The codes of what an operation did, from the sandbox's database, as often as it is there."""
    effects: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "orders": ("orders", lambda _: True),
        "move-orders": ("orders", lambda each: each["id"]["code"] in together(database)),
        "cancel-orders": ("orders", lambda each: each["state"] == "Cancelled"),
        "place-blocks": ("placements", lambda _: True),
        "cancel-placements": ("placements", lambda each: each["state"] == "Cancelled"),
        "executions": ("executions", lambda _: True),
    }
    kind, done = effects[operation]
    return sorted(each["id"]["code"] for each in documents(database, kind) if done(each))


def together(database: Path) -> list[str]:
    (block,) = [each for each in documents(database, "blocks") if each["id"]["code"] == "TOGETHER"]
    return [each["code"] for each in block["orderIds"]]


@pytest.fixture
def night(tmp_path: Path) -> Callable[..., tuple[Report, Sandbox]]:
    """Loads what must be there before on a good night, then one operation on a bad one."""

    def go(operation: str, rows: Callable[[], list[Row]], faults: str, **options: Any) -> tuple[Report, Sandbox]:
        database = tmp_path / "sandbox.db"
        for before in BEFORE_ALL[operation]:
            with Sandbox(database=database) as lusid:
                assert one_load(lusid, before, EXTRACTS[before]()).verdict is Verdict.COMPLETE
        with Sandbox(database=database, faults=faults) as lusid:
            return one_load(lusid, operation, rows(), **options), lusid

    def one_load(lusid: Sandbox, operation: str, rows: list[Row], **options: Any) -> Report:
        path = write_csv(tmp_path / f"{operation}.csv", rows)
        with open_at(lusid.url, lusid.access_token, retries=1) as target:
            report = load(operation, path, target=target, runs=tmp_path / "runs", **options)
        check_books(report)
        return report

    return go


def test_every_operation_that_may_not_be_repeated_is_here() -> None:
    assert set(BEFORE) == {name for name, declared in OPERATIONS.items() if not declared.idempotent}
    assert {fault for fault in MEANINGS if fault not in LOST} == {"429", "503", "slow"}


@pytest.mark.parametrize("operation", [name for name in BEFORE if name != "book-transactions"])
def test_lost_answers_double_nothing_and_fail_nothing(
    night: Callable[..., tuple[Report, Sandbox]], tmp_path: Path, operation: str
) -> None:
    faults = f"script={EACH_THEN_ONE_GOOD}"
    report, lusid = night(operation, EXTRACTS[operation], faults, batch_size=1, concurrency=1)
    assert set(states(report).values()) == {"accepted"}
    assert report.verdict is Verdict.COMPLETE
    assert set(lusid.faults_met) == set(LOST)
    assert lusid.requests_served == COUNT + len(NOT_APPLIED), "what was in was sent again"
    letter = {"place-blocks": "P", "cancel-placements": "P", "executions": "E"}.get(operation, "O")
    assert in_lusid(tmp_path / "sandbox.db", operation) == names(letter)


def test_a_booking_whose_answer_is_lost_is_found_by_its_transaction_and_never_booked_twice(
    night: Callable[..., tuple[Report, Sandbox]], tmp_path: Path
) -> None:
    database = tmp_path / "sandbox.db"

    def bookings() -> list[Row]:
        codes = [each["id"] for each in documents(database, "allocations")]
        return [{"allocation_scope": each["scope"], "allocation_code": each["code"]} for each in codes]

    options = {"batch_size": 1, "concurrency": 1}
    report, lusid = night("book-transactions", bookings, f"script={EACH_THEN_ONE_GOOD}", **options)
    assert list(states(report).values()) == ["accepted"] * COUNT
    assert lusid.requests_served == COUNT + len(NOT_APPLIED), "what was booked was sent again"
    booked = [each["allocationId"]["code"] for each in documents(database, "transactions")]
    assert len(set(booked)) == len(booked) == COUNT


@pytest.mark.parametrize(("fault", "state"), [("cut-after", "accepted"), ("cut-before", "unknown")])
def test_an_allocation_none_of_whose_answers_came_is_found_by_its_quantities(
    night: Callable[..., tuple[Report, Sandbox]], fault: str, state: str
) -> None:
    report, _ = night("allocate", EXTRACTS["allocate"], f"{fault}=1", batch_size=COUNT, concurrency=1)
    assert list(states(report).values()) == [state] * COUNT


@pytest.mark.parametrize("operation", ["orders", "place-blocks", "executions", "cancel-orders"])
def test_one_blip_that_cuts_every_call_in_flight_does_not_end_the_night(
    night: Callable[..., tuple[Report, Sandbox]], tmp_path: Path, operation: str
) -> None:
    faults = "script=cut-after;cut-before;cut-after;cut-before;cut-before"
    report, _ = night(operation, EXTRACTS[operation], faults, batch_size=2, concurrency=4)
    assert report.verdict is Verdict.COMPLETE
    assert len(in_lusid(tmp_path / "sandbox.db", operation)) == COUNT


UPSERTS: dict[str, tuple[Callable[..., Row], Row]] = {
    "investor-records": (investor, {COUNTRY: "Chad"}),
    "investment-accounts": (account, {"portfolio_code": "ELSEWHERE"}),
}


@pytest.mark.parametrize("fault", ["cut-before", "cut-after"])
@pytest.mark.parametrize("operation", sorted(UPSERTS))
def test_what_was_in_lusid_yesterday_is_not_taken_for_what_was_sent_today(
    tmp_path: Path, operation: str, fault: str
) -> None:
    """Every answer is lost, so that only reading back can tell; the change is in what is easily overlooked."""
    make, change = UPSERTS[operation]
    database = tmp_path / "sandbox.db"
    yesterday = write_csv(tmp_path / "yesterday.csv", [make(1), make(2)])
    today = write_csv(tmp_path / "today.csv", [make(1), make(2) | change])
    with Sandbox(database=database) as lusid, open_at(lusid.url, lusid.access_token, retries=1) as target:
        load("investor-records", write_csv(tmp_path / "i.csv", [investor(1)]), target=target, runs=tmp_path / "runs")
        first = load(operation, yesterday, target=target, runs=tmp_path / "runs")
        assert first.verdict is Verdict.COMPLETE
    with (
        Sandbox(database=database, faults=f"{fault}=1") as lusid,
        open_at(lusid.url, lusid.access_token, retries=1) as target,
    ):
        report = load(operation, today, target=target, runs=tmp_path / "runs")
    same, changed = states(report).values()
    assert (same, changed) == ("accepted", "accepted" if fault == "cut-after" else "unknown")


def test_a_key_that_is_called_failed_after_a_lost_answer_may_have_been_done_by_it(tmp_path: Path) -> None:
    """The first call is applied late: not seen when read back, then a reason to refuse the second."""

    def rule(call: Call) -> Reply:
        posts = len(lusid.posted)
        if call.method == "GET":
            scope, code = call.path.split("/")[-2:]
            return Reply(200, {"id": {"scope": scope, "code": code}, "state": "New" if posts < 2 else "Cancelled"})
        failed = {key: {"id": key, "type": "OrderCancelledFailure", "detail": "is cancelled"} for key in call.keys}
        return Reply(cut=True) if posts == 1 else Reply(200, {"values": {}, "failed": failed})

    with scripted(rule) as (lusid, target):
        path = write_csv(tmp_path / "a.csv", ids("order", "O"))
        report = load("cancel-orders", path, target=target, runs=tmp_path / "runs")
    check_books(report)
    assert set(states(report).values()) == {"accepted"}
    assert len(lusid.posted) == 2


def test_what_was_done_and_could_not_be_written_down_is_not_called_unsent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full for the one moment in which an answer should be journaled."""
    write, full = os.write, [True]

    def once_full(handle: int, content: bytes) -> int:
        if b'"accepted":[[' in content and full:
            full.pop()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    monkeypatch.setattr(os, "write", once_full)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")
    with Sandbox(database=tmp_path / "sandbox.db", token="t") as lusid:
        path = write_csv(tmp_path / "a.csv", orders())
        report = load("orders", path, target=lusid.url, runs=tmp_path / "runs", batch_size=6, concurrency=1)
        check_books(report)
        assert report.verdict is Verdict.STOPPED
        assert list(states(report).values()) == ["unknown"] * 6 + ["not_sent"] * (COUNT - 6)
        again = resume("latest", runs=tmp_path / "runs")
        assert lusid.requests_served == 1 + -(-(COUNT - 6) // 6)
    check_books(again)
    assert again.verdict is Verdict.COMPLETE
