"""Runs that an earlier version left are resumed, replayed, reported and purged by this one."""

from pathlib import Path

import orjson
import pytest
from old_runs import ALL, FINISHED, REPLAY, STOPPED, STOPPED_ORDERS, moved, old_runs
from run_checks import check_books
from scripted_lusid import ScriptedLusid, Taking

from pipelines.cli import main as cli
from pipelines.history.catalog import past_runs
from pipelines.replay import replay
from pipelines.resume import resume
from schemas.states import Verdict

OLDER = {"bulkload": "0.0.9", "python": "3.11.7"}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    return old_runs(tmp_path, versions=OLDER)


@pytest.mark.parametrize(
    ("run_id", "rest"),
    [
        (STOPPED, ["IR_0002", "IR_0003", "IR_0004", "IR_0005"]),
        (STOPPED_ORDERS, ["MyScope/B0002", "MyScope/B0003"]),
    ],
)
def test_a_run_that_an_earlier_version_began_is_resumed(runs: Path, run_id: str, rest: list[str]) -> None:
    lusid = Taking()
    with ScriptedLusid(lusid) as server:
        moved(runs, server.url)
        report = resume(run_id, runs=runs, target=server.url)
    check_books(report)
    assert (report.run_id, report.verdict) == (run_id, Verdict.COMPLETE)
    assert dict(lusid.posted) == dict.fromkeys(rest, 1)
    manifest = orjson.loads((runs / run_id / "manifest.json").read_bytes())
    assert manifest["settings"]["batch_size"] == 2
    assert manifest["settings"]["patience"] == 0
    assert [each["target"] for each in manifest["resumed"]] == [server.url]


def test_the_newest_that_an_earlier_version_left_is_found_and_what_it_refused_stays(runs: Path) -> None:
    with ScriptedLusid(Taking()) as server:
        moved(runs, server.url)
        (runs / STOPPED / "manifest.json").write_text("{")
        assert resume("latest", runs=runs, target=server.url).run_id == STOPPED_ORDERS


def test_a_run_that_an_earlier_version_finished_is_replayed_and_so_is_its_replay(runs: Path) -> None:
    lusid = Taking()
    with ScriptedLusid(lusid) as server:
        assert cli.run(["replay", FINISHED, "--runs", str(runs), "--target", server.url]) == 2
        report = replay(REPLAY, runs=runs, target=server.url)
    check_books(report)
    assert dict(lusid.posted) == {"IR_0001": 1}
    assert (report.verdict, report.rows_read) == (Verdict.REJECTS, 2)
    assert next(run.manifest.replays for run in past_runs(runs)) == REPLAY


def test_runs_of_an_earlier_version_are_listed_reported_and_purged(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["runs", "--runs", str(runs)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert set(ALL) <= set(listed)
    assert f"  replayed by {REPLAY}: 1 of 3 rows resolved" in listed
    assert [cli.run(["report", run_id, "--runs", str(runs)]) for run_id in ALL] == [0, 0, 0, 0]
    assert "finished: 3 of 5 rows not accepted" in capsys.readouterr().out
    assert cli.run(["purge", "--older-than", "0h", "--runs", str(runs)]) == 0
    assert sorted(path.name for path in runs.iterdir()) == ["extracts"]


def test_a_damaged_manifest_is_one_line_where_its_run_is_named_and_hides_it_from_no_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = old_runs(tmp_path, keys=5, settings={"batch_size": 0})
    flags = ["--runs", str(runs)]
    commands = [["report", FINISHED], ["replay", FINISHED], ["resume", STOPPED]]
    assert [cli.run([*command, *flags]) for command in commands] == [2, 2, 2]
    manifest = runs / FINISHED / "manifest.json"
    assert capsys.readouterr().err.splitlines() == [
        f"bulkload: {manifest} is damaged, or was written by a later version of bulkload",
        f"bulkload: {manifest} is damaged: the run cannot be resumed",
        f"bulkload: {runs / STOPPED / 'manifest.json'} is damaged: the run cannot be resumed",
    ]
    assert cli.run(["runs", *flags]) == 0
    assert set(ALL) <= set(capsys.readouterr().out.splitlines())
