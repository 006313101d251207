"""Texts that others wrote: a spreadsheet, a terminal and a manifest take no harm from them."""

import csv
import json
from pathlib import Path

import pytest
from builders import investor, write_csv
from old_runs import FINISHED, old_runs
from scripted_lusid import Call, Reply, ScriptedLusid, nothing_there

from pipelines.account.reasons import LONGEST_EXAMPLE, LONGEST_RULE, Reasons, RowReason
from pipelines.cli import main as cli
from pipelines.load import load
from schemas.states import State

FORMULA = '=HYPERLINK("https://evil.example","see")'


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_what_a_server_says_is_no_formula_in_failures_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    text = f"{first}1+1"

    def rule(call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        return Reply(201, {"values": {}, "failed": {k: {"type": text, "detail": text} for k in call.keys}})

    path = write_csv(tmp_path / "a.csv", [investor(1, {"display_name": FORMULA})])
    with ScriptedLusid(rule) as lusid:
        report = load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")
    with (report.run_dir / "failures.csv").open(newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["_code"], line["_message"]) == (f"'{text}", f"'{text}")
    assert line["display_name"] == FORMULA
    assert [(reason.code, reason.message) for reason in report.reasons] == [(text, text)]


def test_runs_and_report_print_no_raw_escape_of_a_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    escape = "\x1b]0;evil\x07"
    runs = old_runs(tmp_path)
    path = runs / FINISHED / "manifest.json"
    changed = {"started": f"{escape}2026", "replays": escape, "operation": escape}
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changed))
    (runs / FINISHED).rename(runs / f"{FINISHED}{escape}")
    assert cli.run(["runs", "--runs", str(runs)]) == 0
    assert cli.run(["report", FINISHED, "--runs", str(runs)]) == 0
    told = capsys.readouterr().out
    assert "\\x1b]0;evil\\x07" in told
    assert all(line.isprintable() for line in told.splitlines())


def test_huge_keys_make_no_huge_manifest() -> None:
    reasons = Reasons()
    reasons.count(RowReason(State.FAILED, "X", "m" * 900_000), "k" * 900_000, "row 7")
    (found,) = reasons.ranked()
    (example,) = found.examples
    assert (len(example), example[:2], example[-8:]) == (LONGEST_EXAMPLE + 1, "kk", " (row 7)")
    assert len(found.rule) == len(found.message) == LONGEST_RULE + 1
