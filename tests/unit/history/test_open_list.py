"""What is still not in, over all runs made by real loads, compared with what a person would work out by hand."""

import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import investor, read_csv, write_csv
from jsonschema import Draft202012Validator

from docs.generate import DOCUMENTS_SCHEMA
from pipelines.cli import main as cli
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report

Capture = pytest.CaptureFixture[str]
SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())


def key_of(number: int) -> str:
    return f"IR_{number:04}"


def loaded(place: Path, rows: dict[int, bool], target: str = "kept", **options: Any) -> Report:
    """Loads the records of these numbers; those that are not good lack their name."""
    extract = [investor(n, {} if good else {"display_name": ""}) for n, good in rows.items()]
    goal = None if options.get("dry_run") else f"sandbox:{place}/{target}.db"
    return load("investor-records", write_csv(place / "a.csv", extract), runs=place / "runs", target=goal, **options)


def replayed(run: Report, rows: dict[int, bool]) -> Report:
    """Replays the failures of a run that have these numbers; the good ones are corrected."""
    good = {key_of(number): is_good for number, is_good in rows.items()}
    extract = [row for row in read_csv(run.run_dir / "failures.csv") if row["_key"] in good]
    for row in extract:
        row["display_name"] = "Found" if good[row["_key"]] else ""
    file = write_csv(run.run_dir.parent.parent / "corrected.csv", extract)
    return replay(run.run_id, file, runs=run.run_dir.parent)


def still_open(place: Path, capsys: Capture) -> dict[str, Any]:
    """What `open --json` prints, once it validates."""
    capsys.readouterr()
    assert cli.run(["open", "--runs", str(place / "runs"), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/OpenDocument"}).validate(found)
    assert found["rows"] == sum(run["rows"] for run in found["runs"])
    assert all(run["rows"] == sum(reason["rows"] for reason in run["reasons"]) for run in found["runs"])
    return found


def places(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """The run that each open key is in, and since when it is open."""
    return {
        example.partition(" ")[0]: (run["run_id"], reason["since"])
        for run in found["runs"]
        for reason in run["reasons"]
        for example in reason["examples"]
    }


def started(run: Report) -> str:
    found: str = orjson.loads((run.run_dir / "manifest.json").read_bytes())["started"]
    return found


def test_a_row_that_a_replay_got_in_is_not_open_and_the_others_are_in_the_replay(
    tmp_path: Path, capsys: Capture
) -> None:
    first = loaded(tmp_path, {0: True, 1: False, 2: False, 3: False})
    second = replayed(first, {1: True, 2: False})
    found = still_open(tmp_path, capsys)
    assert places(found) == {
        key_of(3): (first.run_id, started(first)),
        key_of(2): (second.run_id, started(first)),
    }
    assert [run["next"].split()[:3] for run in found["runs"]] == [
        ["bulkload", "replay", run.run_id] for run in (second, first)
    ]
    replayed(second, {2: True})
    replayed(first, {3: True})
    assert still_open(tmp_path, capsys)["runs"] == []


def test_a_later_load_of_the_key_closes_it_in_its_target_alone(tmp_path: Path, capsys: Capture) -> None:
    loaded(tmp_path, {1: True})
    run = loaded(tmp_path, {1: False})
    loaded(tmp_path, {1: True}, dry_run=True)
    loaded(tmp_path, {1: True}, "another")
    found = still_open(tmp_path, capsys)
    assert (places(found), found["rehearsals"]) == ({key_of(1): (run.run_id, started(run))}, 1)
    loaded(tmp_path, {1: True})
    assert places(still_open(tmp_path, capsys)) == {}


def test_a_key_that_every_load_refuses_is_open_once_in_the_newest_since_the_first(
    tmp_path: Path, capsys: Capture
) -> None:
    first = loaded(tmp_path, {1: False, 2: False, 3: True})
    second = loaded(tmp_path, {1: False, 3: False})
    assert places(still_open(tmp_path, capsys)) == {
        key_of(1): (second.run_id, started(first)),
        key_of(2): (first.run_id, started(first)),
        key_of(3): (second.run_id, started(second)),
    }


def test_rows_without_a_key_are_open_until_their_extract_is_loaded_again(tmp_path: Path, capsys: Capture) -> None:
    column = next(name for name in investor() if name.startswith("identifier:"))
    path = write_csv(tmp_path / "b.csv", [investor(1, {column: ""}), investor(2)])
    for _ in range(2):
        again = load("investor-records", path, runs=tmp_path / "runs", target=f"sandbox:{tmp_path}/kept.db")
    found = still_open(tmp_path, capsys)
    assert (found["rows"], found["keys"], [run["run_id"] for run in found["runs"]]) == (1, 0, [again.run_id])


def test_what_a_stopped_run_did_not_send_is_open_and_resumed(tmp_path: Path, capsys: Capture) -> None:
    run = loaded(tmp_path, {1: False, 2: True}, max_failures=0)
    found = still_open(tmp_path, capsys)
    assert places(found) == dict.fromkeys((key_of(1), key_of(2)), (run.run_id, started(run)))
    assert [each["next"].split()[:3] for each in found["runs"]] == [["bulkload", "resume", run.run_id]]


def test_a_run_whose_files_are_gone_is_listed_and_says_which(tmp_path: Path, capsys: Capture) -> None:
    run, other = loaded(tmp_path, {1: False}), loaded(tmp_path, {2: False})
    (run.run_dir / "outcomes.parquet").unlink()
    found = still_open(tmp_path, capsys)
    assert [(each["run_id"], each["rows"]) for each in found["runs"]] == [(other.run_id, 1), (run.run_id, 0)]
    assert f"{run.run_dir}/outcomes.parquet is missing or damaged" in found["runs"][1]["error"]


def test_what_is_open_is_said_in_lines(tmp_path: Path, capsys: Capture) -> None:
    run = loaded(tmp_path, {1: False, 2: True})
    loaded(tmp_path, {1: True}, dry_run=True)
    runs = ["--runs", str(tmp_path / "runs")]
    capsys.readouterr()
    assert cli.run(["open", *runs]) == 0
    since = started(run)[:16].replace("T", " ")
    assert capsys.readouterr().out.splitlines() == [
        "1 row of 1 key still not in:",
        "",
        run.run_id,
        f"  investor-records into sandbox:{tmp_path}/kept.db: rejects",
        f"    1 row invalid: Missing, since {since} UTC (0 days), source team",
        "      display_name (column 2): is missing",
        f"        {key_of(1)} (row 1)",
        f"  bulkload replay {run.run_id} --runs {tmp_path}/runs",
        "",
        "Left out: 1 dry run or load into a sandbox in memory.",
    ]
    replayed(run, {1: True})
    assert cli.run(["open", *runs]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "Everything is in."


@pytest.mark.parametrize("seed", range(4))
def test_what_is_open_after_any_loads_and_replays_is_what_a_person_works_out(
    tmp_path: Path, capsys: Capture, seed: int
) -> None:
    chance = random.Random(seed)
    expected: dict[tuple[str, str], tuple[str, str]] = {}
    failures: list[tuple[Report, str, set[int]]] = []
    for _ in range(8):
        if failures and chance.random() < 0.5:
            run, target, left = failures[-1]
            numbers = chance.sample(sorted(left), chance.randint(1, len(left)))
            rows = {n: chance.random() < 0.5 for n in numbers}
            done = replayed(run, rows)
            left.difference_update(n for n, good in rows.items() if good)
            if not left:
                failures.pop()
        else:
            target = chance.choice(["one", "two"])
            rows = {n: chance.random() < 0.6 for n in chance.sample(range(5), chance.randint(1, 5))}
            done = loaded(tmp_path, rows, target)
            failures = [(done, target, {n for n, good in rows.items() if not good})]
            failures = [each for each in failures if each[2]]
        for n, good in rows.items():
            where = (target, key_of(n))
            if good:
                expected.pop(where, None)
            else:
                _, since = expected.get(where, ("", started(done)))
                expected[where] = (done.run_id, since)
    found = still_open(tmp_path, capsys)
    for target in ("one", "two"):
        runs = [run for run in found["runs"] if run["target"] == f"sandbox:{tmp_path}/{target}.db"]
        mine = {key: at for (name, key), at in expected.items() if name == target}
        assert {key: at for key, at in places({"runs": runs}).items() if key not in mine} == {}
        assert sum(run["keys"] for run in runs) == len(mine)
        assert places({"runs": runs}).items() <= mine.items()
