"""Killed before every single operation on a file of the run, one after another: resumed, it is as if nothing had been.

The points are found by instrumentation (`failpoints`), so that a new write is a new point without anybody's doing.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import Row, write_csv
from crash_desk import FINISHED, ROWS, Desk, Leisurely, request_keys, settled_keys
from keeping_lusid import Keeping
from killable import KILLED, Killable
from run_checks import FILES, journal
from scripted_lusid import ScriptedLusid

from pipelines.history.catalog import past_runs
from pipelines.history.retention import purge
from pipelines.resume import resume
from schemas.errors import ConfigError

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module", params=sorted(ROWS))
def desk(forks: Killable, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp(request.param)
    rows: list[Row] = ROWS[request.param]
    write_csv(folder / "extract.csv", rows)
    with ScriptedLusid(Keeping()) as lusid:
        yield Desk(forks, folder, request.param, lusid)


@pytest.fixture(scope="module", params=sorted(ROWS))
def crowd(forks: Killable, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """The same rows in dialect 2.3, one in each call, and four senders."""
    folder = tmp_path_factory.mktemp(f"{request.param}-crowd")
    scope: Row = {"scope": "Desk"} if request.param == "investor-records" else {}
    write_csv(folder / "extract.csv", [row | scope for row in ROWS[request.param]])
    options = {"batch_size": 1, "concurrency": 4, "dialect": "2.3"}
    with ScriptedLusid(Keeping()) as lusid:
        yield Desk(forks, folder, request.param, lusid, options, Leisurely)


def check_crash(desk: Desk, point: int, **how: bool) -> None:
    """Dies at one point, perhaps `torn` or `unsynced`, goes on, and is compared with the undisturbed run."""
    name = "-".join([f"{len(list(desk.folder.iterdir()))}", *how, f"{point}"])
    assert desk.load(name, die_at=point, **how) == KILLED
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
    assert purge(runs, "0h", damaged=True) == left
    assert list(runs.iterdir()) == []


def test_the_instruments_see_every_kind_of_operation(desk: Desk) -> None:
    seen = set(desk.points)
    assert {f"write {name}" for name in ("journal.jsonl",)} <= seen
    assert {f"rename {name}.part" for name in FILES - {"journal.jsonl"}} <= seen
    assert {f"fsync {name}.part" for name in FILES - {"journal.jsonl"}} | {"fsync journal.jsonl"} <= seen
    assert {"open entries.tmp", "mkdir scratch", "rmdir scratch"} <= seen
    assert desk.points.count("write journal.jsonl") == 1 + 2 * len(desk.keeping.sent)


def test_a_run_that_dies_at_any_point_ends_as_if_nothing_had_happened(desk: Desk) -> None:
    for point in range(1, len(desk.points) + 1):
        check_crash(desk, point)


def test_a_line_that_a_crash_tore_is_no_line(desk: Desk) -> None:
    writes = [n for n, what in enumerate(desk.points, 1) if what == "write journal.jsonl"]
    for point in writes:
        check_crash(desk, point, torn=True)


def test_a_machine_that_stops_takes_what_was_not_synced_and_nothing_is_lost_or_doubled(desk: Desk) -> None:
    journaled = [n for n, what in enumerate(desk.points, 1) if what.endswith("journal.jsonl")]
    for point in journaled[1:]:
        check_crash(desk, point, unsynced=True)


def while_sending(desk: Desk) -> list[int]:
    """Points while calls are in flight; senders that share a sync make fewer of them, so none of the last."""
    assert desk.undisturbed.held
    sending = [n for n, what in enumerate(desk.points, 1) if what.endswith("journal.jsonl")]
    return sending[1 : -len(desk.keeping.sent)]


def test_senders_that_are_all_in_flight_when_the_process_dies_lose_nothing(crowd: Desk) -> None:
    points = random.Random(6).sample(while_sending(crowd), 6)
    assert max(in_flight(crowd, "undisturbed")) > 1
    for point in points[:4]:
        check_crash(crowd, point)
    for point in points[4:]:
        check_crash(crowd, point, torn=True)
    for point in points:
        check_crash(crowd, point, unsynced=True)


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
    points = while_sending(crowd)
    assert len(points) > len(crowd.undisturbed.held)
    for point in points:
        check_crash(crowd, point)
        check_crash(crowd, point, torn=True)
        check_crash(crowd, point, unsynced=True)
