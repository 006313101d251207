"""The list of runs: which are listed, and what it says of runs of every kind, made by real loads."""

import json
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import investor, read_csv, write_csv
from jsonschema import Draft202012Validator

from connectors.run_folder.folder import RunFolder
from docs.generate import DOCUMENTS_SCHEMA
from pipelines.cli import main as cli
from pipelines.history.ages import moment_since
from pipelines.history.catalog import PastRun
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.states import Verdict

Capture = pytest.CaptureFixture[str]
SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())
COUNTS = ("to_correct", "to_resume", "resolved", "pending")


def loaded(place: Path, bad: int, good: int = 2, **options: Any) -> Report:
    rows = [investor(n, {"display_name": ""} if n < bad else {}) for n in range(bad + good)]
    target = None if options.get("dry_run") else f"sandbox:{place}/kept.db"
    return load("investor-records", write_csv(place / "a.csv", rows), runs=place / "runs", target=target, **options)


def replayed(run: Report, keep: int, cured: int, **options: Any) -> Report:
    """Replays the first rows of a run's failures, of which the first are corrected."""
    rows = read_csv(run.run_dir / "failures.csv")[:keep]
    for row in rows[:cured]:
        row["display_name"] = "Found"
    file = write_csv(run.run_dir.parent.parent / "corrected.csv", rows)
    return replay(run.run_id, file, runs=run.run_dir.parent, **options)


def asked(capsys: Capture, place: Path, *words: str) -> list[dict[str, Any]]:
    """What `runs --json` prints, once it validates."""
    capsys.readouterr()
    assert cli.run(["runs", "--runs", str(place / "runs"), "--json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/PastRunDocument"}).validate(found[0])
    Draft202012Validator(SCHEMA).validate(found)
    return found


def lines(capsys: Capture, place: Path, *words: str) -> list[str]:
    capsys.readouterr()
    assert cli.run(["runs", "--runs", str(place / "runs"), *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_numbers_of_a_run_of_each_kind_are_right(tmp_path: Path, capsys: Capture) -> None:
    kinds: dict[str, tuple[Report, str, str, tuple[int, ...]]] = {
        "complete": (loaded(tmp_path, 0), "complete", "2 read, 2 accepted, 0 to correct", (0, 0, 0, 0)),
        "stopped": (
            loaded(tmp_path, 1, max_failures=0),
            "stopped",
            "3 read, 0 accepted, 1 to correct, 2 to resume",
            (1, 2, 0, 0),
        ),
        "dry": (loaded(tmp_path, 1, dry_run=True), "dry-run", "3 read, 2 valid, 1 to correct", (1, 0, 0, 0)),
        "clean dry": (loaded(tmp_path, 0, dry_run=True), "dry-run", "2 read, 2 valid, 0 to correct", (0, 0, 0, 0)),
        "half": (
            half := loaded(tmp_path, 4),
            "rejects",
            "6 read, 2 accepted, 4 to correct, 1 resolved by replays",
            (4, 0, 1, 0),
        ),
        "its replay": (replayed(half, 3, 1), "rejects", "3 read, 1 accepted, 2 to correct", (2, 0, 0, 0)),
    }
    found = {each["run_id"]: each for each in asked(capsys, tmp_path)}
    said = lines(capsys, tmp_path)
    for name, (report, status, line, counts) in kinds.items():
        document = found[report.run_id]
        assert (document["status"], tuple(document[count] for count in COUNTS)) == (status, counts), name
        assert f"{said[said.index(report.run_id) + 1]};".rpartition(": ")[2].startswith(f"{line};"), name
    assert found[half.run_id]["replayed_by"] == [kinds["its replay"][0].run_id]
    assert sum("dry run, rejects: 3 read" in line for line in said) == 1
    assert sum("UTC  ✓ green, dry run: 2 read" in line for line in said) == 1


def test_a_row_that_a_replay_of_a_replay_got_in_is_resolved_in_each_run_that_had_it(
    tmp_path: Path, capsys: Capture
) -> None:
    first = loaded(tmp_path, 3)
    second = replayed(first, 3, 1)
    third = replayed(second, 2, 2)
    fourth = replayed(loaded(tmp_path, 2), 2, 0)
    found = {each["run_id"]: each["resolved"] for each in asked(capsys, tmp_path)}
    assert [found[each.run_id] for each in (first, second, third, fourth)] == [3, 2, 0, 0]


def test_where_a_file_of_a_replay_is_gone_the_run_is_listed_and_says_so(tmp_path: Path, capsys: Capture) -> None:
    run = loaded(tmp_path, 2)
    (replayed(run, 2, 1).run_dir / "outcomes.parquet").unlink()
    assert asked(capsys, tmp_path)[1]["resolved"] is None
    assert any("2 to correct, not known what its replays resolved" in line for line in lines(capsys, tmp_path))


def test_the_runs_that_are_asked_for_are_listed_and_no_others(tmp_path: Path, capsys: Capture) -> None:
    old, new = loaded(tmp_path, 1), loaded(tmp_path, 0)
    orders = shutil.copytree(old.run_dir, old.run_dir.with_name("20251101T000000Z-orders-0000"))
    changes = {"operation": "orders", "started": "2025-11-01T00:00:00.000+00:00"}
    content = orjson.loads((orders / "manifest.json").read_bytes())
    (orders / "manifest.json").write_bytes(orjson.dumps(content | changes))

    def names(*words: str) -> list[str]:
        return [each["run_id"] for each in asked(capsys, tmp_path, *words)]

    assert names() == [new.run_id, old.run_id, orders.name]
    assert names("--limit", "2") == [new.run_id, old.run_id]
    assert names("--since", "7d") == [new.run_id, old.run_id]
    assert names("--since", "2025-11-01") == [new.run_id, old.run_id, orders.name]
    assert names("--since", "2025-11-01T00:00:00.001Z", "--verdict", "REJECTS") == [old.run_id]
    assert names("--operation", "orders") == [orders.name]
    assert names("--verdict", "rejects", "--limit", "1") == [old.run_id]
    assert lines(capsys, tmp_path, "--verdict", "killed") == [f"There are no such runs in {tmp_path / 'runs'}."]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--since", "yesterday"],
            "--since takes a date such as 2026-11-20, or an age such as 7d or 12h, not yesterday",
        ),
        (["--since", ""], "--since takes a date"),
        (["--operation", "order"], "order"),
        (["--verdict", "well"], "well"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(words: list[str], said: str, capsys: Capture) -> None:
    assert cli.run(["runs", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_date_is_utc_unless_it_says_otherwise() -> None:
    assert moment_since("2026-11-20").isoformat() == "2026-11-20T00:00:00+00:00"
    assert moment_since("2026-11-20T01:00:00+02:00").isoformat() == "2026-11-19T23:00:00+00:00"
    with pytest.raises(ConfigError):
        moment_since("0001-01-01T00:00:00+02:00")


def test_a_run_of_every_verdict_has_a_status(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    told = {
        verdict: PastRun(
            folder, Manifest.read({"verdict": verdict, "settings": {"dry_run": verdict is Verdict.DRY_RUN}})
        ).status
        for verdict in Verdict
        if verdict not in {Verdict.MISSING, Verdict.DIFFERENCES}  # no run has them
    }
    assert told.pop(Verdict.UNFINISHED) == "killed"
    assert told.pop(Verdict.DRY_RUN) == "dry-run"
    assert told == {verdict: verdict.replace(" ", "-") for verdict in told}
