"""Two processes that are told to load the same thing at once: one does, the other waits or names it."""

import os
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from builders import investor, rows_for, write_csv
from scripted_lusid import Call, Reply, ScriptedLusid, done, nothing_there

RUN = r"\d{8}T\d{6}Z-investor-records-[0-9a-f]{4}"


class Slow:
    """A LUSID whose first write waits until it may go on."""

    def __init__(self) -> None:
        self.posted: Counter[str] = Counter()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        self.posted.update(call.keys)
        if not self.reached.is_set():
            self.reached.set()
            assert self.go_on.wait(60)
        return done(call)


class Place:
    """A night's folder, its LUSID, and processes that load it."""

    def __init__(self, tmp_path: Path, lusid: Slow, url: str) -> None:
        self.lusid, self.night, self.runs = lusid, tmp_path / "20261127", tmp_path / "runs"
        self.night.mkdir()
        self.extract = write_csv(self.night / "investors.csv", [investor(1), investor(2)])
        write_csv(self.night / "orders.csv", rows_for("orders", 2))
        self._url = url

    def start(self, *words: str | Path, url: str | None = None) -> subprocess.Popen[str]:
        """A process of the command line; its target is spelt as the test likes."""
        flags = ["--target", url or self._url, "--runs", str(self.runs)]
        return subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli.main", *map(str, words), *flags],
            env={**os.environ, "FBN_ACCESS_TOKEN": "token"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    @property
    def other_spelling(self) -> str:
        """The same target, spelt otherwise."""
        return self._url.replace("http", "HTTP") + "/"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    lusid = Slow()
    with ScriptedLusid(lusid) as server:
        yield Place(tmp_path, lusid, server.url)
        lusid.go_on.set()


@contextmanager
def under_way(place: Place, *words: str | Path) -> Iterator[None]:
    """One process is in the middle of its first call while the block lasts; then it ends, and all went well."""
    with place.start(*words) as first:
        assert place.lusid.reached.wait(60)
        yield
        place.lusid.go_on.set()
        assert first.wait(60) == 0
    assert set(place.lusid.posted.values()) == {1}
    assert list(place.runs.glob("*.lock")) == []


def words_of(place: Place, command: str) -> list[str | Path]:
    day, pattern = "2026-11-27", place.night.parent / "{date:%Y%m%d}"
    words: dict[str, list[str | Path]] = {
        "nightly": ["nightly", place.night],
        "once": ["load", "investor-records", place.extract, "--once"],
        "backfill": ["backfill", pattern, day, day],
        "feed": ["load", "investor-records", place.extract, "--feed", "crm", "--changed-only"],
    }
    return words[command]


SAID = {
    "nightly": r"{night}: RUN is loading this night into \S+; --wait SECONDS waits for it",
    "once": r"--once: RUN is loading this extract; --wait SECONDS waits for it",
    "backfill": r"{pattern}: RUN is loading this backfill into \S+; --wait SECONDS waits for it",
    "feed": r"--feed crm: RUN is loading this feed; --wait SECONDS waits for it",
}


@pytest.mark.parametrize("command", ["nightly", "once", "backfill", "feed"])
def test_the_second_one_ends_with_2_and_names_the_run_that_works(place: Place, command: str) -> None:
    words = words_of(place, command)
    with under_way(place, *words), place.start(*words, url=place.other_spelling) as second:
        _, told = second.communicate(timeout=60)
        assert second.returncode == 2
        said = SAID[command].format(night=place.night, pattern=re.escape(str(words[1]))).replace("RUN", RUN)
        assert re.fullmatch(f"bulkload: {said}", told.splitlines()[-1])


@pytest.mark.parametrize(("command", "code"), [("nightly", 0), ("once", 2), ("backfill", 0), ("feed", 0)])
def test_the_second_one_waits_and_loads_nothing_again(place: Place, command: str, code: int) -> None:
    words = words_of(place, command)
    with place.start(*words) as first:
        assert place.lusid.reached.wait(60)
        with place.start(*words, "--wait", "60") as second:
            assert second.stderr is not None
            line = next(line for line in second.stderr if "waiting" in line)
            assert "waiting for it, 60 s at most" in line
            place.lusid.go_on.set()
            assert (first.wait(60), second.wait(60)) == (0, code)
    assert set(place.lusid.posted.values()) == {1}


def test_once_sees_a_load_under_way_that_does_not_say_once(place: Place) -> None:
    words: list[str | Path] = ["load", "investor-records", place.extract]
    with under_way(place, *words), place.start(*words, "--once") as second:
        _, told = second.communicate(timeout=60)
        assert second.returncode == 2
        assert re.search(f"--once: {RUN} is loading this extract", told)


def test_a_night_that_died_holds_no_lock(place: Place) -> None:
    words = words_of(place, "nightly")
    with place.start(*words) as first:
        assert place.lusid.reached.wait(60)
        first.kill()
        first.wait(60)
    place.lusid.go_on.set()
    with place.start(*words) as second:
        second.communicate(timeout=60)
    assert second.returncode == 0
