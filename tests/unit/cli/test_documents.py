"""What --json prints of each command: the schema in the documents says it, and the summary says no more."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import account, investor, write_csv
from jsonschema import Draft202012Validator
from old_runs import FINISHED, REPLAY, STOPPED, old_runs

from docs.generate import DOCUMENTS_SCHEMA, documents_schema
from pipelines.cli import main as cli

SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())


def told(capsys: pytest.CaptureFixture[str], kind: str, code: int, *words: object) -> dict[str, Any]:
    """The document that a command prints, once it validates."""
    capsys.readouterr()
    assert cli.run([*map(str, words), "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{kind}"}]}).validate(found)
    assert found["exit_code"] == code
    return found


def test_the_schema_in_the_documents_is_current() -> None:
    assert DOCUMENTS_SCHEMA.read_text("utf-8") == documents_schema()


def test_each_command_prints_the_document_of_its_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, target = ["--runs", tmp_path / "runs"], ["--target", f"sandbox:{tmp_path}/s.db"]
    path = write_csv(tmp_path / "a.csv", [investor(n, {"display_name": ""} if n > 3 else {}) for n in range(6)])
    load = told(capsys, "RunDocument", 3, "load", "investor-records", path, *runs, *target, "--date", "2026-11-30")
    assert load["reasons"] == [
        {
            "state": "invalid",
            "code": "Missing",
            "rule": "display_name (column 2): is missing",
            "message": "display_name (column 2): is missing",
            "rows": 2,
            "keys": 2,
            "examples": ["IR_0004 (row 5)", "IR_0005 (row 6)"],
            "owner": "source team",
        }
    ]
    named = {name: load[name] for name in ("target", "failures", "feed", "date", "alerts", "warnings", "replays")}
    assert named == {
        **{"target": f"sandbox:{tmp_path}/s.db", "failures": f"{load['run_dir']}/failures.csv"},
        **{"feed": None, "date": "2026-11-30", "alerts": [], "warnings": [], "replays": None},
    }
    assert load["next"].startswith(f"bulkload replay {load['run_id']} --runs ")
    assert told(capsys, "RunDocument", 3, "replay", load["run_id"], *runs)["replays"] == load["run_id"]
    spent = told(capsys, "RunDocument", 4, "load", "investor-records", path, *runs, *target, "--max-failures", "0")
    assert spent["next"].startswith(f"bulkload resume {spent['run_id']} --runs ")
    assert any("failure budget" in text or "--max-failures" in text for text in spent["warnings"])
    assert told(capsys, "RunDocument", 3, "resume", spent["run_id"], *runs)["verdict"] == "rejects"
    dry = told(capsys, "RunDocument", 3, "load", "investor-records", path, *runs, "--dry-run")
    assert (dry["target"], dry["next"].startswith("bulkload load investor-records ")) == (None, True)
    assert json.dumps(dry["rows"]) == json.dumps(
        {"read": 6} | dict.fromkeys(load["keys"], 0) | {"invalid": 2, "not_sent": 4}
    )


def test_a_night_holds_the_documents_of_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, target = ["--direct", "--runs", tmp_path / "runs"], ["--target", f"sandbox:{tmp_path}/s.db"]
    night = tmp_path / "20261126"
    night.mkdir()
    write_csv(night / "investors.csv", [investor(n, {"display_name": ""} if n > 3 else {}) for n in range(6)])
    write_csv(night / "accounts.csv", [account(n, n) for n in range(6)])
    found = told(capsys, "NightDocument", 3, "nightly", night, *runs, *target)
    assert (found["night"], found["verdict"], found["target"]) == (str(night), "rejects", f"sandbox:{tmp_path}/s.db")
    assert [(run["operation"], [r["code"] for r in run["reasons"]]) for run in found["runs"]] == [
        ("investor-records", ["Missing"]),
        ("investment-accounts", ["ParentFailed"]),
    ]
    assert found["next"] == found["runs"][0]["next"]
    (night / "accounts.csv").write_text("nonsense\n1\n")
    stopped = told(capsys, "NightDocument", 2, "nightly", night, *runs, *target, "--again")
    assert (stopped["verdict"], len(stopped["refused"])) == ("error", 1)
    assert (
        stopped["next"] == f"bulkload nightly {night} --direct --runs {tmp_path}/runs --target sandbox:{tmp_path}/s.db"
    )
    dates = [str(tmp_path / "{date:%Y%m%d}"), "2026-11-26", "2026-11-26"]
    filled = told(capsys, "BackfillDocument", 2, "backfill", *dates, *runs, *target)
    assert (filled["nights"][0]["date"], filled["next"].split()[:2]) == ("2026-11-26", ["bulkload", "backfill"])


def test_an_older_run_has_a_document_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = old_runs(tmp_path)
    for run_id, code in ((FINISHED, 3), (REPLAY, 3), (STOPPED, 4)):
        capsys.readouterr()
        assert cli.run(["report", run_id, "--runs", str(runs), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        Draft202012Validator(SCHEMA).validate(found)
        assert found["exit_code"] == code
        good = {"accepted", "duplicate"}
        rows = sum(n for state, n in found["rows"].items() if state not in good | {"read"})
        assert sum(reason["rows"] for reason in found["reasons"]) == rows


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["load", "order", "x.csv", "--dry-run"], 2),
        (["load", "investor-records", "gone.csv", "--dry-run"], 2),
        (["load", "--no-such-flag"], 2),
        (["report", "latest", "--runs", "gone"], 2),
        (["load", "investor-records", "a.csv", "--target", "http://127.0.0.1:9/api", "--patience", "0"], 4),
    ],
)
def test_where_there_is_no_run_the_document_says_what_stderr_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    write_csv(tmp_path / "a.csv", [investor()])
    capsys.readouterr()
    assert cli.run([*words, "--json"]) == code
    said = capsys.readouterr()
    found = json.loads(said.out)
    Draft202012Validator(SCHEMA).validate(found)
    assert found == {"verdict": "error", "exit_code": code, "message": found["message"]}
    assert f"bulkload: {found['message']}" in said.err
