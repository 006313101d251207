"""Killed at operations on files while a feed is loaded: no key looks accepted that was not, no accepted date is lost.

As in `test_crash_points`, the points are found by instrumentation: those on the feed's own files and around them here,
in `make soak` all of them.
"""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import IR_ID, Row, investor, write_csv
from keeping_lusid import Keeping
from killable import KILLED, Killable
from run_checks import outcomes
from scripted_lusid import ScriptedLusid

pytestmark = pytest.mark.untraced

OLD = dict.fromkeys(range(8), "Old")
NEW = {0: "New", 1: "New", 2: "Refused", 3: "Old", 4: "New", 5: "Old", 8: "New", 9: "New"}
"""What is loaded of the second day: changed, refused, unchanged, and new keys; two have left."""

FINISHED = 3


def key(serial: int) -> str:
    return str(investor(serial)[IR_ID])


def people(names: dict[int, str]) -> list[Row]:
    return [investor(serial, {"display_name": name}) for serial, name in names.items()]


class Days:
    """One feed's first day, loaded, to which each test returns; then loads that may be killed."""

    def __init__(self, server: Killable, folder: Path, lusid: ScriptedLusid) -> None:
        self.server, self.folder, self.lusid = server, folder, lusid
        for name, names in (("old", OLD), ("new", NEW)):
            write_csv(folder / f"{name}.csv", people(names))
        (folder / "first").mkdir()
        lusid.rule = Keeping()
        assert self.load("first", "old", 1) == 0
        self._keeping = copy.deepcopy(lusid.rule)

    @property
    def keeping(self) -> Keeping:
        assert isinstance(self.lusid.rule, Keeping)
        return self.lusid.rule

    @property
    def held(self) -> dict[str, str]:
        return {k: each["displayName"] for k, each in self.keeping.held.items()}

    def after_the_first(self, name: str) -> None:
        shutil.copytree(self.folder / "first", self.folder / name)
        self.lusid.rule = copy.deepcopy(self._keeping)

    def load(self, name: str, extract: str, day: int, failpoint: dict[str, Any] | None = None, **options: Any) -> int:
        given = {"operation": "investor-records", "extract": str(self.folder / f"{extract}.csv"), "feed": "crm"}
        given |= {"target": self.lusid.url, "date": f"2026-11-0{day}", "batch_size": 2, "concurrency": 1}  # type: ignore[dict-item]
        return self._run(name, {"load": {**given, "changed_only": True, **options}}, failpoint)

    def resume(self, name: str) -> int:
        return self._run(name, {"resume": {"name": "latest"}}, None)

    def _run(self, name: str, job: dict[str, dict[str, Any]], failpoint: dict[str, Any] | None) -> int:
        runs = str(self.folder / name)
        for given in job.values():
            given["runs"] = runs
        armed = {"failpoint": {"folder": runs, **failpoint}} if failpoint else {}
        return self.server.run({"token": "t", "log": self.folder / "log.txt", **job, **armed})

    def newest(self, name: str) -> Path:
        found = {p.parent: json.loads(p.read_bytes())["started"] for p in (self.folder / name).glob("*/manifest.json")}
        return max(found, key=found.__getitem__)

    def states(self, name: str) -> dict[str, str]:
        return {line["key"]: line["state"] for line in outcomes(self.newest(name))}


@pytest.fixture(scope="module")
def days(forks: Killable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    with ScriptedLusid(Keeping()) as lusid:
        yield Days(forks, tmp_path_factory.mktemp("feeds"), lusid)


@pytest.fixture(scope="module")
def points(days: Days) -> list[str]:
    """Every operation on a file of the second day's load, and how that ends undisturbed."""
    days.after_the_first("undisturbed")
    told = days.folder / "points.txt"
    assert days.load("undisturbed", "new", 2, {"die_at": 0, "told": str(told)}) == FINISHED
    assert days.held == AFTER
    return told.read_text().splitlines()


AFTER = {key(n): NEW[n] if NEW.get(n, "Old") == "New" else "Old" for n in range(10)}
"""What LUSID holds after both days."""


def check_resumed(days: Days, point: int) -> None:
    """Resumed, it is as if nothing had been, and the next day nothing is sent but what was refused."""
    name = f"resumed-{point}"
    days.after_the_first(name)
    runs = len(list((days.folder / name).glob("*/manifest.json")))
    assert days.load(name, "new", 2, {"die_at": point}) == KILLED
    if len(list((days.folder / name).glob("*/manifest.json"))) == runs:
        assert days.load(name, "new", 2) == FINISHED
    elif json.loads((days.newest(name) / "manifest.json").read_bytes()).get("verdict") is None:
        assert days.resume(name) == FINISHED, (days.folder / "log.txt").read_text()
    assert days.held == AFTER
    wanted = {key(n): "failed" if name == "Refused" else "accepted" for n, name in NEW.items()}
    assert days.states(name) == wanted | {key(3): "unchanged", key(5): "unchanged"}
    before = len(days.keeping.sent)
    assert days.load(name, "new", 3) == FINISHED
    assert days.keeping.sent[before:] == [[key(2)]]


def check_followed(days: Days, point: int) -> None:
    """Not resumed: a backfill of the first day replaces nothing that was accepted; the second day again gets all in."""
    name = f"followed-{point}"
    days.after_the_first(name)
    assert days.load(name, "new", 2, {"die_at": point}) == KILLED
    held = days.held
    assert days.load(name, "old", 1, changed_only=False) == 0, (days.folder / "log.txt").read_text()
    assert days.held == held
    assert days.load(name, "new", 2) == FINISHED
    assert days.held == AFTER


def of_the_feed(points: list[str]) -> list[int]:
    """The points on the feed's own files."""
    own = ("pending.parquet", "state.parquet", ".lock")
    return [n for n, what in enumerate(points, 1) if any(name in what for name in own)]


def test_the_instruments_see_what_is_done_with_a_feeds_files(points: list[str]) -> None:
    seen = set(points)
    assert {"rename pending.parquet.part", "rename state.parquet.part", "remove pending.parquet"} <= seen
    first_call = points.index("write journal.jsonl", points.index("rename pending.parquet.part"))
    assert points.index("rename pending.parquet.part") < first_call < points.index("rename state.parquet.part")
    assert points.index("rename state.parquet.part") < points.index("remove pending.parquet")


def test_a_load_that_dies_at_a_point_of_its_feed_is_resumed_as_if_nothing_had_been(
    days: Days, points: list[str]
) -> None:
    for point in of_the_feed(points)[::2]:
        check_resumed(days, point)


def test_what_a_load_that_died_got_in_is_not_replaced_by_an_older_date(days: Days, points: list[str]) -> None:
    sends = [n for n, what in enumerate(points, 1) if what == "write journal.jsonl"]
    for point in [*of_the_feed(points)[1::3], *sends[2:6:2]]:
        check_followed(days, point)


@pytest.mark.soak
def test_wherever_a_load_of_a_feed_dies_no_key_is_lost_and_none_wrongly_unchanged(
    days: Days, points: list[str]
) -> None:
    for point in range(1, len(points) + 1):
        check_resumed(days, point)
        check_followed(days, point)
