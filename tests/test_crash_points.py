"""Killed before every single operation on a file of the run, one after another: resumed, it is as if nothing had been.

The points are found by instrumentation (`failpoints`), so that a new write is a new point without anybody's doing.
"""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from builders import Row, investor, order, write_csv
from keeping_lusid import Keeping
from killable import KILLED, Killable, killable
from run_checks import FILES, check_folder, check_journal, failures, journal, outcomes
from scripted_lusid import Call, Reply, ScriptedLusid

from pipelines.history import purge
from pipelines.past_runs import past_runs
from pipelines.resume import resume
from schemas.errors import ConfigError

FINISHED = 3
"""How a load with rows that were refused ends."""

ROWS = {
    "investor-records": [
        *(investor(n) for n in range(5)),
        investor(5, {"display_name": "Refused"}),
        investor(6, {"display_name": ""}),
        investor(2),
        investor(8),
    ],
    "orders": [
        *(order(n, n) for n in range(4)),
        order(5, 5, {"quantity": "666"}),
        order(6, 6),
        order(7, 7, {"side": ""}),
    ],
}


@dataclass(frozen=True)
class Ended:
    """What a finished run says, without what may differ from one run to the next: calls, request ids, reading back."""

    rows: Any
    keys: Any
    outcomes: list[tuple[Any, ...]]
    failures: list[dict[str, str]]
    held: dict[str, Any]


class Leisurely(Keeping):
    """Takes its time, so that calls are in flight together."""

    def __call__(self, call: Call) -> Reply:
        time.sleep(0.005)
        return super().__call__(call)


@dataclass
class Desk:
    """One load into a LUSID that keeps and records, as often as it is asked for, each time in a folder of its own.

    Attributes:
        options: of the load.
        keeps: the kind of LUSID.
    """

    server: Killable
    folder: Path
    operation: str
    lusid: ScriptedLusid
    options: dict[str, Any] = field(default_factory=lambda: {"batch_size": 3, "concurrency": 1})
    keeps: type[Keeping] = Keeping

    @property
    def keeping(self) -> Keeping:
        assert isinstance(self.lusid.rule, Keeping)
        return self.lusid.rule

    def load(self, name: str, **failpoint: Any) -> int:
        """Loads into an empty LUSID; gives how the process ended."""
        self.lusid.rule = self.keeps()
        path = self.folder / "extract.csv"
        given: dict[str, Any] = {"operation": self.operation, "extract": str(path), "target": self.lusid.url}
        given |= {"runs": self.folder / name, **self.options}
        (self.folder / name).mkdir()
        armed = {"folder": str(self.folder / name), **failpoint}
        return self.server.run({"token": "t", "log": self.folder / "log.txt", "load": given, "failpoint": armed})

    def resume(self, name: str) -> int:
        """Goes on with it in another process; gives how that ended."""
        given = {"name": "latest", "runs": self.folder / name}
        return self.server.run({"token": "t", "log": self.folder / "log.txt", "resume": given})

    def run_folder(self, name: str) -> Path | None:
        """Where the run is; None where it died before it was one."""
        found = [path.parent for path in (self.folder / name).glob("*/manifest.json")]
        return found[0] if found else None

    def ended(self, name: str) -> Ended:
        """What the finished run says."""
        folder = self.run_folder(name)
        assert folder is not None
        manifest = json.loads((folder / "manifest.json").read_bytes())
        lines = sorted((x["source"], x["rows"], x["key"], x["state"], *_reason(x)) for x in outcomes(folder))
        told = [{k: v for k, v in line.items() if k != "_request_id"} for line in failures(folder)]
        check_folder(folder)
        check_journal(folder)
        return Ended(manifest["rows"], manifest["keys"], lines, told, self.keeping.held)

    @cached_property
    def undisturbed(self) -> Ended:
        """How the load ends that nothing happens to."""
        assert self.load("undisturbed", die_at=0, told=str(self.folder / "points.txt")) == FINISHED
        return self.ended("undisturbed")

    @cached_property
    def points(self) -> list[str]:
        """Every operation on a file of the run, as `fsync journal.jsonl`."""
        assert self.undisturbed.rows["read"] == len(ROWS[self.operation])
        return (self.folder / "points.txt").read_text().splitlines()


def _reason(line: dict[str, Any]) -> tuple[str, str, str]:
    if line["code"] == "ReadBack":
        return "", "", ""
    return line["code"] or "", line["message"] or "", line["lusid_id"] or ""


@pytest.fixture(scope="module")
def server() -> Iterator[Killable]:
    with killable() as opened:
        yield opened


@pytest.fixture(scope="module", params=sorted(ROWS))
def desk(server: Killable, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp(request.param)
    rows: list[Row] = ROWS[request.param]
    write_csv(folder / "extract.csv", rows)
    with ScriptedLusid(Keeping()) as lusid:
        yield Desk(server, folder, request.param, lusid)


@pytest.fixture(scope="module", params=sorted(ROWS))
def crowd(server: Killable, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The same rows in dialect 2.3, one in each call, and four senders."""
    folder = tmp_path_factory.mktemp(f"{request.param}-crowd")
    scope: Row = {"scope": "Desk"} if request.param == "investor-records" else {}
    write_csv(folder / "extract.csv", [row | scope for row in ROWS[request.param]])
    options = {"batch_size": 1, "concurrency": 4, "dialect": "2.3"}
    with ScriptedLusid(Keeping()) as lusid:
        yield Desk(server, folder, request.param, lusid, options, Leisurely)


def settled_keys(folder: Path, keys: list[str]) -> set[str]:
    """The keys that whole lines of a journal say are settled, for good."""
    found: set[str] = set()
    for line in (folder / "journal.jsonl").read_bytes().splitlines(keepends=True):
        record = json.loads(line) if line.endswith(b"\n") else {}
        found |= {keys[r] for first, count in record.get("accepted", ()) for r in range(first, first + count)}
        found |= {keys[r] for r, state, *_ in record.get("settled", ()) if state not in ("unknown", "not_sent")}
    return found


def request_keys(desk: Desk) -> list[str]:
    """The key of each request by its number: those of the rows that were sent, in reading order."""
    lines = sorted(desk.undisturbed.outcomes, key=lambda line: line[1])
    return [key for _, _, key, state, *_ in lines if state not in ("invalid", "duplicate")]


def check_crash(desk: Desk, point: int, *, torn: bool = False) -> None:
    """Dies at one point, goes on, and is compared with the undisturbed run."""
    name = f"{'torn' if torn else 'point'}-{point}"
    assert desk.load(name, die_at=point, torn=torn) == KILLED
    before = len(desk.keeping.sent)
    folder = desk.run_folder(name)
    if folder is None:
        assert before == 0
        check_no_run(desk.folder / name)
        return
    manifest = json.loads((folder / "manifest.json").read_bytes())
    settled = settled_keys(folder, request_keys(desk))
    if manifest.get("verdict"):
        assert {path.name for path in folder.iterdir()} >= FILES
        assert len(settled) == len(request_keys(desk))
    code = desk.resume(name)
    assert code == (12 if manifest.get("verdict") else FINISHED), (desk.folder / "log.txt").read_text()
    assert desk.ended(name) == desk.undisturbed
    again = [key for keys in desk.keeping.sent[before:] for key in keys]
    assert not settled & set(again)
    assert not desk.keeping.conflicts


def check_no_run(runs: Path) -> None:
    """A folder that has no manifest is no run, for anybody; nothing was sent, and it can be purged."""
    assert past_runs(runs) == []
    with pytest.raises(ConfigError, match="there is no run latest"):
        resume("latest", runs=runs)
    left = sorted(path.name for path in runs.iterdir())
    assert purge(runs, "90d") == []
    assert purge(runs, "0h") == left
    assert list(runs.iterdir()) == []


def test_the_instruments_see_every_kind_of_operation(desk: Desk) -> None:
    seen = set(desk.points)
    assert {f"write {name}" for name in ("journal.jsonl",)} <= seen
    assert {f"rename {name}.part" for name in FILES - {"journal.jsonl"}} <= seen
    assert {f"fsync {name}.part" for name in FILES - {"journal.jsonl"}} | {"fsync journal.jsonl"} <= seen
    assert {"open entries.tmp", "mkdir scratch", "rmdir scratch"} <= seen
    assert desk.points.count("write journal.jsonl") == 1 + 2 * len(desk.keeping.sent)


def test_a_run_that_dies_at_any_point_ends_as_if_nothing_had_happened(desk: Desk) -> None:
    """Every other point, odd ones of one operation and even ones of the other; `make soak` takes all of both."""
    for point in range(1 + (desk.operation == "orders"), len(desk.points) + 1, 2):
        check_crash(desk, point)


def test_a_line_that_a_crash_tore_is_no_line(desk: Desk) -> None:
    writes = [n for n, what in enumerate(desk.points, 1) if what == "write journal.jsonl"]
    for point in writes:
        check_crash(desk, point, torn=True)


def drawn(desk: Desk, count: int) -> list[int]:
    """Points while calls are in flight; senders that share a sync make fewer of them, so none of the last."""
    sending = [n for n, what in enumerate(desk.points, 1) if what.endswith("journal.jsonl")]
    return random.Random(count).sample(sending[1 : -len(desk.keeping.sent)], count)


def test_senders_that_are_all_in_flight_when_the_process_dies_lose_nothing(crowd: Desk) -> None:
    points = drawn(crowd, 6)
    assert max(in_flight(crowd, "undisturbed")) > 1
    for point in points[:4]:
        check_crash(crowd, point)
    for point in points[4:]:
        check_crash(crowd, point, torn=True)


def in_flight(desk: Desk, name: str) -> list[int]:
    """How many calls were under way after each line of a journal."""
    folder = desk.run_folder(name)
    assert folder is not None
    under_way: set[int] = set()
    counts = []
    for line in journal(folder):
        (under_way.add if "sent" in line else under_way.discard)(line.get("call", 0))
        counts.append(len(under_way))
    return counts


@pytest.mark.soak
def test_senders_that_are_all_in_flight_lose_nothing_wherever_the_process_dies(crowd: Desk) -> None:
    for point in drawn(crowd, len(crowd.points) // 2 - len(crowd.keeping.sent)):
        check_crash(crowd, point)


@pytest.mark.soak
def test_a_run_that_dies_at_every_point_there_is_ends_as_if_nothing_had_happened(desk: Desk) -> None:
    for point in range(2 - (desk.operation == "orders"), len(desk.points) + 1, 2):
        check_crash(desk, point)
