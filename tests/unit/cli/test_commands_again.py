"""Earlier runs on the command line: resume, replay, purge, backfill, and the flags of the completeness gate."""

import csv
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import account, investor, write_csv
from scripted_lusid import Call, Reply, ScriptedLusid, done

from connectors.sandbox.server import Sandbox
from pipelines.cli import main as cli

Capture = pytest.CaptureFixture[str]
LOAD = ["load", "investor-records"]


@pytest.fixture(name="place")
def folder(tmp_path: Path) -> Path:
    """A folder with an extract of five investors, one of them without a name."""
    rows = [investor(n) for n in range(5)]
    rows[2]["display_name"] = ""
    write_csv(tmp_path / "a.csv", rows)
    return tmp_path


def flags(place: Path) -> list[str]:
    return ["--runs", str(place / "runs"), "--target", f"sandbox:{place / 'kept.db'}"]


def loaded(place: Path, *more: str) -> int:
    return cli.run([*LOAD, str(place / "a.csv"), *flags(place), *more])


def error(capsys: Capture) -> str:
    """The one line that a refusal prints on stderr, after which run `latest` is, with nothing on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = (each for each in captured.err.splitlines() if not each.startswith(("resuming ", "replaying ")))
    return line.removeprefix("bulkload: ")


def the_run(place: Path) -> Path:
    (found,) = (place / "runs").iterdir()
    return found


def document(capsys: Capture) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_stopped_run_is_resumed_and_a_finished_one_refused(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--max-failures", "0", "--json") == 4
    assert document(capsys)["rows"]["not_sent"] == 4
    runs = ["--runs", str(place / "runs")]
    assert cli.run(["resume", "latest", *runs, "--json"]) == 3
    found = document(capsys)
    assert (found["rows"]["accepted"], found["rows"]["invalid"], found["rows"]["not_sent"]) == (4, 1, 0)
    run = the_run(place).name
    assert cli.run(["resume", run, *runs]) == 2
    assert error(capsys) == f"{run} is finished (rejects): there is nothing to resume"
    assert cli.run(["resume", "latest", *runs]) == 2
    said = f"there is nothing to resume in {place / 'runs'}: {run} is the newest run (rejects)"
    assert error(capsys) == said
    assert cli.run(["resume", "nothing", *runs]) == 2
    assert error(capsys) == f"there is no run nothing in {place / 'runs'}: `bulkload runs` lists them"


def test_the_latest_is_for_each_command_the_newest_run_it_applies_to(place: Path, capsys: Capture) -> None:
    """A later run, finished or without failures, must not hide the one there is something to do with."""
    runs = ["--runs", str(place / "runs"), "--json"]
    assert loaded(place, "--json") == 3
    rejects = document(capsys)["run_id"]
    assert loaded(place, "--max-failures", "0", "--batch-size", "2", "--json") == 4
    stopped = document(capsys)["run_id"]
    write_csv(place / "a.csv", [investor(n) for n in range(7)])
    shutil.copy(place / "a.csv", place / "b.csv")
    assert cli.run([*LOAD, str(place / "b.csv"), *flags(place), "--json"]) == 0
    later = document(capsys)["run_id"]
    assert cli.run(["runs", *runs]) == 0
    assert [run["run_id"] for run in json.loads(capsys.readouterr().out)] == [later, stopped, rejects]
    assert cli.run(["report", "latest", *runs]) == 0
    assert document(capsys)["run_id"] == later
    rows = [investor(n) for n in range(5)]
    rows[2]["display_name"] = ""
    write_csv(place / "a.csv", rows)
    assert cli.run(["resume", "latest", *runs]) == 3
    captured = capsys.readouterr()
    assert (json.loads(captured.out)["run_id"], captured.err) == (stopped, f"resuming {stopped} (stopped)\n")
    assert cli.run(["replay", "latest", *runs]) == 3
    captured = capsys.readouterr()
    assert captured.err == f"replaying {stopped} (rows not accepted: 1)\n"


def test_a_stopped_run_whose_extract_was_loaded_anew_is_not_resumed(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--max-failures", "0", "--json") == 4
    assert loaded(place, "--json") == 3
    run = json.loads(capsys.readouterr().out.split("\n}\n")[1] + "}")["run_id"]
    assert cli.run(["resume", "latest", "--runs", str(place / "runs")]) == 2
    assert error(capsys) == f"there is nothing to resume in {place / 'runs'}: {run} is the newest run (rejects)"


def test_a_run_whose_failures_are_all_in_a_replay_is_not_replayed(place: Path, capsys: Capture) -> None:
    runs = ["--runs", str(place / "runs")]
    assert loaded(place, "--json") == 3
    first = the_run(place)
    fixed = corrected(first / "failures.csv", display_name="Found")
    assert cli.run(["replay", "latest", str(fixed), *runs, "--json"]) == 0
    capsys.readouterr()
    assert cli.run(["replay", "latest", *runs]) == 2
    said = f"there is nothing to replay in {place / 'runs'}: no finished run has rows that are still to be sent"
    assert error(capsys) == said


def test_a_stopped_run_whose_extract_changed_is_not_resumed(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--max-failures", "0", "--json") == 4
    capsys.readouterr()
    write_csv(place / "a.csv", [investor(n) for n in range(6)])
    assert cli.run(["resume", "latest", "--runs", str(place / "runs")]) == 2
    assert error(capsys) == "the run cannot be resumed, this has changed since it began: the content of the extract"


def corrected(path: Path, **changes: str) -> Path:
    """failures.csv with cells put right."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return write_csv(path.with_name("corrected.csv"), [row | changes for row in rows])


def test_only_what_failed_is_sent_again_from_the_corrected_file(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--json") == 3
    first = the_run(place)
    capsys.readouterr()
    runs = ["--runs", str(place / "runs"), "--json"]
    assert cli.run(["replay", first.name, *runs]) == 3
    assert document(capsys)["rows"]["invalid"] == 1
    fixed = shutil.move(corrected(first / "failures.csv", display_name="Found"), place / "fixed.csv")
    assert cli.run(["replay", first.name, str(fixed), *runs]) == 0
    found = document(capsys)
    assert (found["rows"]["read"], found["rows"]["accepted"]) == (1, 1)
    manifest = json.loads((Path(found["run_dir"]) / "manifest.json").read_bytes())
    assert manifest["replays"] == first.name


def test_a_replay_says_what_it_resolved_and_both_runs_name_each_other(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--json") == 3
    first = the_run(place)
    fixed = corrected(first / "failures.csv", display_name="Found")
    runs = ["--runs", str(place / "runs")]
    capsys.readouterr()
    assert cli.run(["replay", first.name, str(fixed), *runs]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[2] == f"  replays {first.name}: 1 of 1 row resolved"
    assert cli.run(["runs", *runs]) == 0
    second, told, _, _, cured = capsys.readouterr().out.splitlines()
    assert told.endswith(
        f"complete into sandbox:{place / 'kept.db'}: 1 read, 1 accepted, 0 to correct; replays {first.name}"
    )
    assert cured == f"  replayed by {second}: 1 of 1 row resolved"
    assert cli.run(["report", first.name, *runs]) == 0
    assert f"replayed by {second}: 1 of 1 row resolved" in capsys.readouterr().out.splitlines()


def test_calls_that_were_given_up_are_named_with_what_sends_them(
    place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that did not stop ends `stopped` all the same where LUSID had no time for some of its calls."""
    busy = {"IR_0002"}

    def rule(call: Call) -> Reply:
        if call.method == "POST" and busy & set(call.keys):
            return Reply(429, {}, headers=(("Retry-After", "0"),))
        return Reply(200, {}) if call.method == "GET" else done(call)

    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.0)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    write_csv(place / "a.csv", [investor(n) for n in range(6)])
    runs = ["--runs", str(place / "runs")]
    with ScriptedLusid(rule) as lusid:
        given = ["--target", lusid.url, "--batch-size", "2", "--patience", "0", *runs]
        assert cli.run([*LOAD, str(place / "a.csv"), *given]) == 4
        lines = capsys.readouterr().out.splitlines()
        busy.clear()
        assert cli.run(["resume", "latest", *runs, "--json"]) == 0
    assert lines[0] == "✗ investor-records, red: not complete: 2 of 6 rows not accepted (0 to correct, 2 to resume)"
    told = " ".join(lines[2:5]).replace("     ", " ")
    assert told.startswith(
        "  ! 2 rows were not sent, although the run continued: bulkload gave up on their calls (POST /api/"
    )
    assert lines[-1] == f"  bulkload resume {the_run(place).name} --runs {place / 'runs'}"


def test_a_row_that_a_replay_had_accepted_is_not_replayed(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--json") == 3
    run = the_run(place)
    strangers = shutil.move(corrected(run / "failures.csv", _row="1"), place / "strangers.csv")
    capsys.readouterr()
    assert cli.run(["replay", "latest", str(strangers), "--runs", str(place / "runs")]) == 2
    said = f"{strangers}: row 1: not among the failures of {run.name}; load it as an extract instead"
    assert error(capsys) == said
    assert len(list((place / "runs").iterdir())) == 1


def test_what_was_held_is_released_by_a_replay_once_its_parent_is_in(place: Path, capsys: Capture) -> None:
    night = place / "night"
    night.mkdir()
    shutil.copy(place / "a.csv", night / "investors.csv")
    write_csv(night / "accounts.csv", [account(n, n) for n in range(5)])
    assert cli.run(["nightly", str(night), *flags(place), "--direct", "--json"]) == 3
    investors, accounts = (run["run_id"] for run in document(capsys)["runs"])
    again = ["replay", accounts, "--runs", str(place / "runs"), "--json"]
    assert cli.run(again) == 3
    found = document(capsys)["rows"]
    assert (found["read"], found["held"]) == (1, 1)
    fixed = corrected(place / "runs" / investors / "failures.csv", display_name="Found")
    assert cli.run(["replay", investors, str(fixed), "--runs", str(place / "runs"), "--json"]) == 0
    capsys.readouterr()
    assert cli.run(again) == 0
    assert document(capsys)["rows"]["accepted"] == 1


def test_old_runs_are_purged_and_named(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--json") == 3
    run, runs = the_run(place), ["--runs", str(place / "runs")]
    capsys.readouterr()
    assert cli.run(["purge", "--older-than", "90d", *runs]) == 0
    assert capsys.readouterr().out == f"0 runs removed from {place / 'runs'}.\n"
    manifest = json.loads((run / "manifest.json").read_bytes())
    manifest["started"] = (datetime.now(UTC) - timedelta(days=91)).isoformat()
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert cli.run(["purge", "--older-than", "90d", *runs]) == 0
    assert capsys.readouterr().out == f"{run.name}\n1 run removed from {place / 'runs'}.\n"
    assert not run.exists()
    assert cli.run(["purge", "--older-than", "soon", *runs]) == 2
    assert error(capsys) == "--older-than takes days or hours such as 90d or 12h, not soon"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--expect-rows", "6"], "the extract is not complete: 5 rows, not the 6 expected; nothing was sent"),
        (["--min-rows", "6"], "the extract is not complete: 5 rows, fewer than the 6 expected; nothing was sent"),
        (["--trailer", "END=2"], "the extract is not complete: {}/a.csv does not end in the trailer; nothing was sent"),
        (["--done-marker", "{}/done"], "the done-marker {}/done is not there: the extract is not complete yet"),
        (
            ["--control-total", "amount=1"],
            "control total: column amount is not in the extract",
        ),
        (["--control-total", "amount"], "--control-total takes COLUMN=SUM, not amount"),
        (
            ["--expect-rows", "1", "--min-rows", "2"],
            "--expect-rows is less than --min-rows; see `bulkload load --help`",
        ),
    ],
)
def test_an_extract_that_is_not_whole_is_one_line_and_nothing_is_sent(
    place: Path, capsys: Capture, given: list[str], said: str
) -> None:
    with Sandbox() as lusid, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_ACCESS_TOKEN", lusid.access_token)
        arguments = [each.replace("{}", str(place)) for each in given]
        code = cli.run([*LOAD, str(place / "a.csv"), "--runs", str(place / "runs"), "--target", lusid.url, *arguments])
        assert [called for called in lusid.calls if called[0] == "POST"] == []
    assert code == 2
    assert error(capsys) == said.replace("{}", str(place))


def test_a_file_that_may_still_be_growing_is_refused(place: Path, capsys: Capture) -> None:
    assert loaded(place, "--settled", "3600") == 2
    assert error(capsys).endswith("s ago and may still be growing: it must have been left alone for 3600 s")


def test_an_extract_that_is_as_expected_is_loaded(place: Path, capsys: Capture) -> None:
    with (place / "a.csv").open("a", encoding="utf-8") as file:
        file.write("END,5\n")
    (place / "done").touch()
    gate = ["--expect-rows", "5", "--min-rows", "5", "--trailer", "END=2", "--done-marker", str(place / "done")]
    assert loaded(place, *gate, "--settled", "0", "--json") == 3
    assert document(capsys)["rows"]["read"] == 5


def test_a_backfill_loads_each_date_once_and_names_missing_folders(place: Path, capsys: Capture) -> None:
    for day in ("20260105", "20260106"):
        (place / day).mkdir()
        write_csv(place / day / "investors.csv", [investor(1, {"display_name": day})])
    pattern = f"{place}/{{date:%Y%m%d}}"
    dates = ["2026-01-05", "2026-01-06"]
    command = ["backfill", pattern, *dates, *flags(place), "--direct", "--json"]
    assert cli.run(command) == 0
    found = document(capsys)
    assert [night["date"] for night in found["nights"]] == ["2026-01-05", "2026-01-06"]
    assert cli.run(command) == 0
    again = document(capsys)
    assert (again["nights"], again["done_before"]) == ([], ["2026-01-05", "2026-01-06"])
    assert cli.run(command[:-1]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"  night of {day}: an earlier run had finished it" for day in dates
    ]
    assert cli.run([*command, "--again", "--dry-run"]) == 0
    dry = document(capsys)
    assert [run["verdict"] for night in dry["nights"] for run in night["runs"]] == ["dry run", "dry run"]
    assert cli.run(["backfill", pattern, "2026-01-05", "2026-01-07", *flags(place), "--direct"]) == 2
    assert "20260107" in error(capsys)


def test_an_empty_feed_is_refused_each_night_until_the_flag_says_that_it_may_be(place: Path, capsys: Capture) -> None:
    for day, serials in (("20260105", [1]), ("20260106", [])):
        (place / day).mkdir()
        write_csv(place / day / "investors.csv", [investor(n) for n in serials], columns=list(investor(1)))
    empty = place / "20260106" / "investors.csv"
    said = (
        f"{empty} holds no row: pass --min-rows 0, or put `expect: {{min_rows: 0}}` into the mapping, if that is meant"
    )
    night = ["nightly", str(empty.parent), *flags(place), "--direct"]
    assert cli.run(night) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"investor-records: {said}"
    assert cli.run([*night, "--min-rows", "0"]) == 0
    assert cli.run([*night, "--again"]) == 2
    capsys.readouterr()
    dates = [f"{place}/{{date:%Y%m%d}}", "2026-01-05", "2026-01-06"]
    assert cli.run(["backfill", *dates, *flags(place), "--direct", "--again"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"investor-records: {said}"
    assert cli.run(["backfill", *dates, *flags(place), "--direct", "--again", "--min-rows", "0"]) == 0


def test_no_replay_of_a_replay_sends_what_another_replay_of_the_first_run_got_in(place: Path, capsys: Capture) -> None:
    assert loaded(place) == 3
    first = the_run(place)
    runs = ["--runs", str(place / "runs")]
    assert cli.run(["replay", first.name, *runs]) == 3
    (second,) = {*(place / "runs").iterdir()} - {first}
    fixed = corrected(first / "failures.csv", display_name="Found")
    assert cli.run(["replay", first.name, str(fixed), *runs]) == 0
    (third,) = {*(place / "runs").iterdir()} - {first, second}
    again = corrected(second / "failures.csv", display_name="Found")
    capsys.readouterr()
    assert cli.run(["replay", second.name, str(again), *runs]) == 2
    said = f"bulkload: {again}: row 1: {third.name} has sent it already, and it was accepted; take it out"
    assert capsys.readouterr().err.splitlines()[-1] == said
