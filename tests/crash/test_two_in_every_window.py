"""Two processes on one runs folder: one stops at an operation on a file, the other works in the meantime, both go on.

Reads count, so that every window between a look at the folder and what follows from it is among the points; a sample of
them at each change of the code, all of them in `make soak`.
"""

import random
import re
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import order, write_csv
from crash_desk import FINISHED
from keeping_lusid import Keeping
from killable import KILLED, Killable, killable
from scripted_lusid import ScriptedLusid

REFUSED = 12
"""How a forked process ends that is refused: 10 and the exit code."""

FAILED = 14
"""The same of one that could not work in the runs folder."""

DAY = "2026-11-27"

GOOD = [order(n, n) for n in range(4)]
SPOILT = [*GOOD, order(5, 5, {"quantity": "666"})]

pytestmark = pytest.mark.untraced

Job = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def other() -> Iterator[Killable]:
    with killable() as server:
        yield server


@dataclass
class Stage:
    """Where two processes meet: a runs folder, extracts, and a LUSID.

    Attributes:
        place: its folder.
        begin: brings the runs folder into its first state.
        run: the run that is resumed or replayed.
        middle: an operation on a file of a load, between its second call and its third.
    """

    first: Killable
    second: Killable
    lusid: ScriptedLusid
    place: Path
    begin: Callable[["Stage"], None] = lambda _: None
    run: str = field(default="", init=False)
    middle: int = field(default=0, init=False)

    @property
    def runs(self) -> Path:
        return self.place / "runs"

    @property
    def times(self) -> Counter[str]:
        """How often each order was sent."""
        assert isinstance(self.lusid.rule, Keeping)
        return Counter(key for sent in self.lusid.rule.sent for key in sent)

    def again(self) -> None:
        """Sets it up anew."""
        shutil.rmtree(self.runs, ignore_errors=True)
        self.lusid.rule = Keeping()
        self.begin(self)

    def job(self, work: str, failpoint: dict[str, Any] | None = None) -> Job:
        """A piece of work, by its name."""
        load = {"operation": "orders", "extract": str(self.place / DAY / "orders.csv"), "once": True}
        sends = {"target": self.lusid.url, "batch_size": 1, "concurrency": 1}
        again = {"name": self.run}
        given: Job = {
            "load": {**load, **sends},
            "nightly": {"folder": str(self.place / DAY), **sends},
            "backfill": {"folder_pattern": f"{self.place}/{{date:%Y-%m-%d}}", "first": DAY, "last": DAY, **sends},
            "resume": {**again, "target": self.lusid.url},
            "replay": {**again, "target": self.lusid.url, "corrected": str(self.place / "corrected.csv")},
            "purge": {"older_than": "0h"},
        }
        job: Job = {work: {**given[work], "runs": str(self.runs)}, "token": "t", "log": self.place / "log.txt"}  # type: ignore[dict-item]
        return {**job, "failpoint": {"folder": str(self.runs), **failpoint}} if failpoint else job

    def alone(self, work: str) -> int:
        """Carries out one piece of work."""
        return self.first.run(self.job(work))

    def only_run(self) -> str:
        (manifest,) = self.runs.glob("*/manifest.json")
        return manifest.parent.name

    def points(self, work: str) -> list[str]:
        """The operations on files of a piece of work, as `open journal.jsonl`, reads included."""
        self.again()
        told = self.place / "points.txt"
        told.unlink(missing_ok=True)
        self.first.run(self.job(work, {"die_at": 0, "told": str(told), "stops": True}))
        return told.read_text().splitlines()

    def point_of_second_call(self) -> int:
        """The write to the journal that comes after two calls of a load."""
        told = self.place / "load.txt"
        self.first.run(self.job("load", {"die_at": 0, "told": str(told)}))
        writes = [n for n, line in enumerate(told.read_text().splitlines(), 1) if line == "write journal.jsonl"]
        return writes[len(writes) // 2]

    def meet(self, one: str, two: str, point: int) -> "Met":
        """One process stops at a point, another carries out all of its work, and the first continues."""
        self.again()
        (self.place / "log.txt").write_text("")
        before, locks = self.times.total(), set(self.runs.glob("*.lock"))
        self.first.start(self.job(one, {"die_at": point, "stops": True}))
        stopped = self.first.wait_until_stopped()
        sent = self.times.total() - before
        ended = self.second.run(self.job(two))
        return Met((self.first.go_on() if stopped else self.first.ended(), ended), sent, locks)


@dataclass(frozen=True)
class Met:
    """How two processes ended, and how many orders the first had sent when it stopped.

    Attributes:
        locks_before: those that a run left which was killed before they met.
    """

    codes: tuple[int, int]
    sent_before: int
    locks_before: set[Path]


def stopped_in_the_middle(stage: Stage) -> None:
    """A run that died when some of its orders were sent."""
    job = stage.job("load", {"die_at": stage.middle})
    job["load"]["once"] = False  # its lock would stand in for that of the run
    assert stage.first.run(job) == KILLED
    assert 0 < len(stage.times) < len(GOOD)
    stage.run = stage.only_run()


def with_a_failure(stage: Stage) -> None:
    """A run with an order that LUSID refused, and its failures.csv corrected."""
    assert stage.alone("load") == FINISHED
    stage.run = stage.only_run()
    text = (stage.runs / stage.run / "failures.csv").read_text(encoding="utf-8-sig")
    (stage.place / "corrected.csv").write_text(text.replace("666", "7"), encoding="utf-8")
    stage.lusid.rule.sent.clear()  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Meeting:
    """What two processes do, and how often each order may have been sent in the end.

    Attributes:
        spoilt: whether LUSID refuses one order of the run that is there before.
        sent: of each order, in the end; None where the second may follow the first in peace.
    """

    begin: Callable[[Stage], None] = lambda _: None
    spoilt: bool = False
    sent: tuple[int, ...] | None = (1,)


MEETINGS = {
    ("load", "load"): Meeting(),
    ("nightly", "nightly"): Meeting(sent=None),
    ("nightly", "load"): Meeting(sent=None),
    ("backfill", "nightly"): Meeting(),
    ("backfill", "backfill"): Meeting(),
    ("resume", "resume"): Meeting(stopped_in_the_middle),
    ("resume", "purge"): Meeting(stopped_in_the_middle, sent=(0, 1)),
    ("purge", "resume"): Meeting(stopped_in_the_middle, sent=(0, 1)),
    ("replay", "replay"): Meeting(with_a_failure, spoilt=True),
    ("replay", "purge"): Meeting(with_a_failure, spoilt=True, sent=(0, 1)),
    ("purge", "replay"): Meeting(with_a_failure, spoilt=True, sent=(0, 1)),
}


def check(stage: Stage, meeting: Meeting, point: int, one: str, two: str) -> None:
    """What must hold of one meeting."""
    met = stage.meet(one, two, point)
    where = f"{one} stopped at operation {point}, {two} in the meantime: {met}"
    said = (stage.place / "log.txt").read_text()
    assert set(met.codes) <= {0, FINISHED, REFUSED, FAILED}, f"{where}\n{said}"
    orders = ["MyScope/B0005"] if meeting.spoilt else [f"MyScope/B{n:04d}" for n in range(len(GOOD))]
    times = [stage.times[key] for key in orders]
    if two == "nightly" and met.sent_before == len(GOOD):
        assert set(times) <= {1, 2}, where  # a night after the one that is over
    elif meeting.sent is not None:
        assert set(times) <= set(meeting.sent), f"{where}: sent {times}\n{said}"
    elif 0 < met.sent_before < len(GOOD):
        assert met.codes[1] == REFUSED, f"{where}\n{said}"
        assert set(times) == {1}, where
    if two == "purge" and met.sent_before:
        assert met.codes[1] == FAILED, where
    for folder in {*stage.runs.glob("*/")} - {stage.runs / "nights"}:
        assert orjson.loads((folder / "manifest.json").read_bytes())["verdict"] != "unfinished", where
    assert set(stage.runs.glob("*.lock")) <= met.locks_before, where


def stage_of(forks: Killable, other: Killable, lusid: ScriptedLusid, place: Path, meeting: Meeting) -> Stage:
    stage = Stage(forks, other, lusid, place)
    (place / DAY).mkdir()
    write_csv(place / DAY / "orders.csv", SPOILT if meeting.spoilt else GOOD)
    stage.again()
    stage.middle = stage.point_of_second_call()
    stage.begin = meeting.begin
    return stage


def a_sample(points: list[str], seed: int) -> list[int]:
    """Where one process takes a lock, where it is half-way through its journal, and some place else."""
    numbered = list(enumerate(points, 1))
    locks = [n for n, point in numbered if re.fullmatch(r"open \S+\.lock", point)]
    opened = [n for n, point in numbered if point == "open journal.jsonl"][:1]
    written = [n for n, point in numbered if point == "write journal.jsonl"]
    chosen = {*locks[:3], *opened, *written[len(written) // 2 :][:1], random.Random(seed).randint(1, len(points))}
    return sorted(chosen)


@pytest.mark.parametrize(("one", "two"), MEETINGS)
@pytest.mark.parametrize("which", ["sample", pytest.param("all", marks=pytest.mark.soak)])
def test_two_processes_never_pass_each_other(
    forks: Killable, other: Killable, tmp_path: Path, one: str, two: str, which: str
) -> None:
    meeting = MEETINGS[one, two]
    with ScriptedLusid(Keeping()) as lusid:
        stage = stage_of(forks, other, lusid, tmp_path, meeting)
        points = stage.points(one)
        seed = zlib.crc32(f"{one} {two}".encode())
        for point in a_sample(points, seed) if which == "sample" else range(1, len(points) + 1):
            check(stage, meeting, point, one, two)
