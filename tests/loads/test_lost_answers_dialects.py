"""Bad nights against servers of other ages: records and accounts as 2.3 has them, allocating and booking as legacy
servers do. What is read back there has other addresses and other shapes.
"""

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import Row, account, investor, write_csv
from killable import KILLED, Killable
from lost_calls import APPLIED, LOST, executions, ids, names, orders, placements
from reconcile import documents
from run_checks import check_books, check_folder, check_journal, outcomes, states
from scripted_lusid import open_at

from connectors.sandbox.server import Sandbox
from pipelines.load import load
from pipelines.report.report import Report
from schemas.states import Verdict

REFUSED_UNREAD = ("429", "503")
FAULTS = (*LOST, *REFUSED_UNREAD)

Night = Callable[..., tuple[Report, Sandbox]]


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """One load into a sandbox of some age that keeps what it holds, and misbehaves if told to."""

    def go(operation: str, rows: list[Row], age: str, faults: str = "", **options: Any) -> tuple[Report, Sandbox]:
        path = write_csv(tmp_path / f"{operation}.csv", rows)
        options = {"batch_size": 1, "concurrency": 1, "dialect": age, "runs": tmp_path / "runs", **options}
        with (
            Sandbox(database=tmp_path / "sandbox.db", dialect=age, faults=faults or None) as lusid,
            open_at(lusid.url, lusid.access_token, retries=1) as target,
        ):
            report = load(operation, path, target=target, **options)
        check_books(report)
        return report, lusid

    return go


def a_record(serial: int) -> Row:
    return investor(serial, {"scope": "Desk"})


def an_account(serial: int) -> Row:
    return account(serial, 1, {"scope": "Desk", "holder_scope": "Desk", "account_type": "Individual"})


@pytest.mark.parametrize(
    ("operation", "kind", "make"),
    [
        ("investor-records", "investorrecords", a_record),
        ("investment-accounts", "investmentaccounts", an_account),
    ],
)
def test_upserts_in_dialect_2_3_are_settled_by_what_lusid_holds(
    night: Night, tmp_path: Path, operation: str, kind: str, make: Callable[[int], Row]
) -> None:
    """Each fault meets a request and its repetition, so that only reading back can tell; the next one is well."""
    if operation == "investment-accounts":
        night("investor-records", [a_record(1)], "2.3")
    rows = [make(n) for n in range(2 * len(FAULTS))]
    script = ";".join(f"{fault};{fault};ok" for fault in FAULTS)
    report, lusid = night(operation, rows, "2.3", f"script={script},retry-after=0")
    assert lusid.faults_met == dict.fromkeys(FAULTS, 2)
    settled = dict.fromkeys(LOST, "unknown") | dict.fromkeys(APPLIED, "accepted")
    settled |= dict.fromkeys(REFUSED_UNREAD, "not_sent")
    expected = [state for fault in FAULTS for state in (settled[fault], "accepted")]
    assert list(states(report).values()) == expected
    held = [each["displayName"] for each in documents(tmp_path / "sandbox.db", kind)]
    good = [row["display_name"] for row, state in zip(rows, expected, strict=True) if state == "accepted"]
    assert held == good
    again, _ = night(operation, rows, "2.3", batch_size=100)
    assert again.verdict is Verdict.COMPLETE
    held = [each["displayName"] for each in documents(tmp_path / "sandbox.db", kind)]
    assert sorted(held) == sorted(row["display_name"] for row in rows)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a legacy sandbox in which every order is placed and executed; legacy has 2.1's orders."""
    folder = tmp_path_factory.mktemp("executed")
    path = folder / "sandbox.db"
    with Sandbox(database=path, dialect="legacy") as lusid, open_at(lusid.url, lusid.access_token, 1) as target:
        for operation, rows in (("orders", orders), ("place-blocks", placements), ("executions", executions)):
            given = write_csv(folder / f"{operation}.csv", rows())
            assert load(operation, given, target=target, runs=folder / "runs").verdict is Verdict.COMPLETE
    return path


def copied(database: Path, folder: Path) -> Path:
    return Path(shutil.copy(database, folder / "sandbox.db"))


def allocated(database: Path) -> dict[str, int]:
    """How much was allocated of the execution of each placement."""
    found: Counter[str] = Counter()
    for each in documents(database, "allocations"):
        found[each["placementIds"][0]["code"]] += each["quantity"]
    return dict(found)


def booked(database: Path) -> list[str]:
    """The allocation of each transaction."""
    return [each["allocationId"]["code"] for each in documents(database, "transactions")]


def bookings(database: Path) -> list[Row]:
    found = [each["id"] for each in documents(database, "allocations")]
    return [{"allocation_scope": each["scope"], "allocation_code": each["code"]} for each in found]


def accepted(report: Report) -> set[str]:
    """The codes of what was accepted; the rest must be unknown, for none of it was refused."""
    found = states(report)
    assert set(found.values()) <= {"accepted", "unknown"}
    return {key.rpartition("/")[2] for key, state in found.items() if state == "accepted"}


def test_legacy_servers_allocate_and_book_once_whatever_becomes_of_the_answers(
    night: Night, tmp_path: Path, executed: Path
) -> None:
    database = copied(executed, tmp_path)
    script = f"script=429;ok;503;{';ok;'.join(LOST)},retry-after=0"
    placed = ids("placement", "P")
    report, lusid = night("allocate", placed, "legacy", script)
    assert set(lusid.faults_met) == set(FAULTS)
    assert accepted(report) <= set(allocated(database))
    assert night("allocate", placed, "legacy", batch_size=100)[0].verdict is Verdict.COMPLETE
    assert allocated(database) == dict.fromkeys(names("P"), 100)

    rows = bookings(database)
    report, lusid = night("book-transactions", rows, "legacy", script)
    assert set(lusid.faults_met) == set(FAULTS)
    assert accepted(report) <= set(booked(database))
    assert night("book-transactions", rows, "legacy", batch_size=100)[0].verdict is Verdict.COMPLETE
    assert sorted(booked(database)) == sorted(row["allocation_code"] for row in rows)


def test_a_legacy_booking_that_was_done_is_not_asked_for_again(night: Night, tmp_path: Path, executed: Path) -> None:
    database = copied(executed, tmp_path)
    night("allocate", ids("placement", "P"), "legacy", batch_size=100)
    rows = bookings(database)[:4]
    report, lusid = night("book-transactions", rows, "legacy", "script=cut-after;ok;cut-during;ok")
    assert lusid.faults_met == {"cut-after": 1, "cut-during": 1}
    assert lusid.requests_served == len(rows)
    assert {row["allocation_code"] for row in rows[1::2]} <= accepted(report) <= set(booked(database))


SENDERS = 4


@dataclass
class Crashes:
    """Loads of one operation into legacy sandboxes, each a copy of another, in processes that can be killed."""

    server: Killable
    operation: str
    database: Path
    rows: list[Row]

    def load(self, folder: Path, **failpoint: Any) -> tuple[int, int]:
        """Loads, and resumes if the process was killed; gives how it ended and how many calls were made."""
        folder.mkdir()
        path = write_csv(folder / "extract.csv", self.rows)
        with Sandbox(database=copied(self.database, folder), dialect="legacy", token="t") as lusid:
            given = {"operation": self.operation, "extract": path, "runs": folder / "runs", "target": lusid.url}
            given |= {"dialect": "legacy", "batch_size": 1, "concurrency": SENDERS}
            job = {"token": "t", "log": folder / "log.txt"}
            code = self.server.run({**job, "load": given, "failpoint": {"folder": str(folder / "runs"), **failpoint}})
            if code == KILLED:
                code = self.server.run({**job, "resume": {"name": "latest", "runs": folder / "runs"}})
            return code, lusid.requests_served

    def points(self, folder: Path, count: int) -> list[int]:
        """Some operations on the journal while calls are in flight, drawn; senders that share a sync make fewer."""
        assert self.load(folder, die_at=0, told=str(folder.parent / "points.txt"))[0] == 0
        told = (folder.parent / "points.txt").read_text().splitlines()
        sending = [n for n, what in enumerate(told, 1) if what.endswith("journal.jsonl")]
        return random.Random(count).sample(sending[3 : -len(self.rows)], count)


@pytest.mark.parametrize("operation", ["allocate", "book-transactions"])
def test_a_process_that_dies_while_a_legacy_server_allocates_or_books_doubles_nothing(
    night: Night, tmp_path: Path, executed: Path, forks: Killable, operation: str
) -> None:
    database, rows = copied(executed, tmp_path), ids("placement", "P")
    if operation == "book-transactions":
        night("allocate", rows, "legacy", batch_size=100)
        rows = bookings(database)
    crashes = Crashes(forks, operation, database, rows[:6])
    for point in crashes.points(tmp_path / "undisturbed", 3):
        folder = tmp_path / str(point)
        code, calls = crashes.load(folder, die_at=point)
        assert code in (0, 3), (folder / "log.txt").read_text()
        (run,) = (folder / "runs").iterdir()
        check_folder(run)
        check_journal(run)
        found = {line["key"].rpartition("/")[2]: line["state"] for line in outcomes(run)}
        assert set(found.values()) <= {"accepted", "unknown"}
        done = allocated(folder / "sandbox.db") if operation == "allocate" else booked(folder / "sandbox.db")
        assert {code for code, state in found.items() if state == "accepted"} <= set(done) <= set(found)
        assert len(set(done)) == len(done), "booked twice"
        # what was on its way when the process died may have to be asked for again: one call of each sender
        assert operation == "allocate" or calls <= len(found) + SENDERS, "a booking was asked for again"
