"""Killed again while going on, and killed while replaying: at every third operation on a file, in `make soak` at every.

As in `test_crash_points`, the points are found by instrumentation, and the end must be that of an undisturbed run.
"""

import copy
import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import write_csv
from crash_desk import FINISHED, ROWS, Desk, Ended, request_keys, settled_keys
from keeping_lusid import Keeping
from killable import KILLED, Killable
from run_checks import failures
from scripted_lusid import ScriptedLusid

OVER = 12
"""How a forked process ends that has nothing to resume: 10 and the exit code."""

CURED = {"investor-records": {"display_name": "Cured"}, "orders": {"quantity": "7", "side": "Sell"}}
"""What every row of failures.csv is corrected to."""

pytestmark = pytest.mark.untraced


@pytest.fixture(scope="module", params=sorted(ROWS))
def desk(forks: Killable, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp(request.param)
    write_csv(folder / "extract.csv", ROWS[request.param])
    with ScriptedLusid(Keeping()) as lusid:
        yield Desk(forks, folder, request.param, lusid)


class Scene:
    """A moment of a night to which a test returns: the folder of runs, and what LUSID holds."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk, self._runs = desk, desk.folder / name
        self._keeping = copy.deepcopy(desk.keeping)

    def again(self, name: str) -> None:
        """Sets it up in another folder."""
        shutil.copytree(self._runs, self._desk.folder / name)
        self._desk.lusid.rule = copy.deepcopy(self._keeping)


def points_of(desk: Desk) -> range:
    """The points that the file `points.txt` tells of."""
    return range(1, len((desk.folder / "again.txt").read_text().splitlines()) + 1)


def told(desk: Desk) -> dict[str, str | int]:
    """A failpoint that only counts."""
    (desk.folder / "again.txt").unlink(missing_ok=True)
    return {"die_at": 0, "told": str(desk.folder / "again.txt")}


EACH = [3, pytest.param(1, marks=pytest.mark.soak)]


@pytest.mark.parametrize("each", EACH)
def test_a_run_that_dies_again_while_it_goes_on_ends_as_if_nothing_had_happened(desk: Desk, each: int) -> None:
    writes = [n for n, what in enumerate(desk.points, 1) if what == "write journal.jsonl"]
    undisturbed, keys = desk.undisturbed, request_keys(desk)
    assert desk.load(f"died-{each}", die_at=writes[len(writes) // 2]) == KILLED
    scene = Scene(desk, f"died-{each}")
    scene.again(f"counted-{each}")
    assert desk.resume(f"counted-{each}", **told(desk)) == FINISHED
    for point in points_of(desk)[::each]:
        name = f"again-{each}-{point}"
        scene.again(name)
        assert desk.resume(name, die_at=point) == KILLED
        folder, before = desk.run_folder(name), len(desk.keeping.sent)
        assert folder is not None
        settled = settled_keys(folder, keys)
        assert desk.resume(name) in (FINISHED, OVER), (desk.folder / "log.txt").read_text()
        assert desk.ended(name) == undisturbed
        assert not settled & {key for sent in desk.keeping.sent[before:] for key in sent}
        assert not desk.keeping.conflicts


def corrected(desk: Desk, name: str) -> Path:
    """The failures of a run, every one of them cured."""
    folder = desk.run_folder(name)
    assert folder is not None
    lines = [line | CURED[desk.operation] for line in failures(folder)]
    path = desk.folder / "corrected.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


@pytest.mark.parametrize("each", EACH)
def test_a_replay_that_dies_at_any_point_ends_as_if_nothing_had_happened(desk: Desk, each: int) -> None:
    name = f"replayed-{each}"
    assert desk.load(name) == FINISHED
    run, path, scene = desk.run_folder(name), corrected(desk, name), Scene(desk, name)
    assert run is not None
    scene.again(f"cured-{each}")
    assert desk.replay(f"cured-{each}", run.name, path, **told(desk)) == 0
    cured = desk.ended(f"cured-{each}")
    assert cured.rows["accepted"] == cured.rows["read"] == len(failures(run))
    for point in points_of(desk)[::each]:
        scene.again(f"replay-{each}-{point}")
        check_replay(desk, f"replay-{each}-{point}", run.name, path, point, cured)


def check_replay(desk: Desk, name: str, run: str, path: Path, point: int, cured: Ended) -> None:
    """A replay dies at one point, and its user does what the tool tells him: resumes it, or begins it again."""
    before = len(desk.keeping.sent)
    assert desk.replay(name, run, path, die_at=point) == KILLED
    folder = desk.run_folder(name)
    assert folder is not None
    if folder.name == run:
        assert len(desk.keeping.sent) == before
        assert desk.replay(name, run, path) == 0, (desk.folder / "log.txt").read_text()
    else:
        settled = settled_keys(folder, [key for _, _, key, *_ in cured.outcomes])
        before = len(desk.keeping.sent)
        assert desk.resume(name) in (0, OVER), (desk.folder / "log.txt").read_text()
        assert not settled & {key for sent in desk.keeping.sent[before:] for key in sent}
    assert desk.ended(name) == cured
    assert not desk.keeping.conflicts
