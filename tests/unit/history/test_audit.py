"""A pack for an auditor: the same bytes each time, hashes that hold, rows counted anew, and nobody's data unasked."""

import hashlib
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import account, investor, order, read_csv, write_csv
from jsonschema import Draft202012Validator

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from docs.generate import DOCUMENTS_SCHEMA
from pipelines.cli import main as cli
from pipelines.load import load
from schemas.manifest import Manifest

Capture = pytest.CaptureFixture[str]
SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with two records that are in, one that lacks its name; and orders of which LUSID refuses one."""
    place = tmp_path_factory.mktemp("audit")
    rows = [investor(1), investor(2), investor(3, {"display_name": ""})]
    target = f"sandbox:{place}/kept.db"
    load("investor-records", write_csv(place / "a.csv", rows[:3]), runs=place / "runs", target=target)
    load(
        "orders",
        write_csv(place / "b.csv", [order(1, changes={"type": "Market"}), order(2, changes={"type": "Limit"})]),
        runs=place / "runs",
        target=target,
    )
    return place


def runs_of(place: Path) -> list[RunFolder]:
    return [RunFolder(path.parent) for path in sorted((place / "runs").glob("*/manifest.json"))]


def packed(run: RunFolder, out: Path, *words: str, code: int = 0) -> zipfile.ZipFile:
    assert cli.run(["audit", str(run.path), "--out", str(out), *words]) == code
    return zipfile.ZipFile(out)


def told(archive: zipfile.ZipFile) -> dict[str, Any]:
    (found,) = json.loads(archive.read("audit.json"))["runs"]
    return dict(found)


@pytest.mark.parametrize("words", [(), ("--with-personal-data",)])
def test_the_same_run_makes_the_same_bytes_and_its_hashes_hold(
    made: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    run = runs_of(made)[0]
    before = {path: path.read_bytes() for path in run.path.iterdir()}
    archive = packed(run, tmp_path / "a.zip", *words)
    packed(run, tmp_path / "b.zip", *words)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    archive.extractall(tmp_path / "out")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    sums = tmp_path / "out" / run.run_id / "files.sha256"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", str(sums)], cwd=run.path, check=True)
    assert {path.name for path in before} == {line[66:] for line in sums.read_text().splitlines()}
    assert {path: path.read_bytes() for path in run.path.iterdir()} == before
    assert {entry.filename for entry in archive.infolist()} == {
        *("README.txt", "SHA256SUMS", "audit.json"),
        *(f"{run.run_id}/{name}" for name in ("files.sha256", "manifest.json", "report.html")),
        *(f"{run.run_id}/{name}" for name in ("outcomes.parquet", "failures.csv") if words),
    }
    if words:
        for name in ("manifest.json", "report.html", "outcomes.parquet", "failures.csv"):
            assert archive.read(f"{run.run_id}/{name}") == (run.path / name).read_bytes()


def test_it_says_what_was_loaded_how_it_ended_and_that_the_counts_agree(
    made: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = runs_of(made)[0]
    assert cli.run(["verify", str(run.path)]) == 0
    capsys.readouterr()
    found = told(packed(run, tmp_path / "a.zip", "--json"))
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/AuditDocument"}).validate(document)
    assert document["sha256"] == hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()
    assert found["rows"] == {
        "read": 3,
        "in_outcomes": 3,
        "by_state": {"accepted": 2, "invalid": 1},
        "in_failures": 1,
        "forgotten": 0,
        "balanced": True,
    }
    assert found["extracts"][0]["sha256"] == hashlib.sha256((made / "a.csv").read_bytes()).hexdigest()
    assert found["verified"]["agree"] == 2
    assert found["journal"]["intact"]
    assert found["journal"]["calls"] == 1
    assert found["versions"]["bulkload"]
    (run.path / "verify.parquet").unlink()


def test_nobodys_data_is_in_it_unless_asked_for(made: Path, tmp_path: Path) -> None:
    for run in runs_of(made):
        people = [text for row in read_csv(run.failures) for text in (row["_key"], row.get("display_name")) if text]
        people += ["IR_0001", "IR_0002", "IR_0003", "B0001", "Investor 1"]
        content = packed(run, tmp_path / "a.zip")
        held = {name: content.read(name).decode() for name in content.namelist() if not name.endswith(".sha256")}
        assert [(name, text) for name, body in held.items() for text in people if text in body] == []
        manifest = Manifest.read(json.loads(held[f"{run.run_id}/manifest.json"]))
        assert manifest.rows == run.read_manifest().rows
        assert sum(reason.rows for reason in manifest.reasons) == sum(r.rows for r in run.read_manifest().reasons)
        asked = packed(run, tmp_path / "b.zip", "--with-personal-data")
        assert people[0].encode() in asked.read(f"{run.run_id}/failures.csv")


def test_what_may_name_a_key_is_left_out_of_alerts_warnings_and_errors(made: Path, tmp_path: Path) -> None:
    run = runs_of(made)[0]
    before = run.manifest.read_bytes()
    named = ("2 rows accepted, X: IR_0001 (row 1)", "LUSID answered IR_0002, which was not asked")
    reason = {"state": "not_sent", "code": "NotSent", "message": f"the run stopped first: {named[1]}", "rows": 1}
    old = {"state": "failed", "code": "X", "message": "IR_0001 is there", "rows": 1, "examples": ["IR_0001 (row 1)"]}
    said = orjson.loads(before) | {"alerts": named, "warnings": named, "error": named[1], "reasons": [reason, old]}
    try:
        run.manifest.write_bytes(orjson.dumps(said))
        content = packed(run, tmp_path / "a.zip")
        assert not any(b"IR_000" in content.read(name) for name in content.namelist())
        assert b"2 warnings left out" in content.read(f"{run.run_id}/manifest.json")
    finally:
        run.manifest.write_bytes(before)


@pytest.mark.parametrize("broken", ["failures.csv", "journal.jsonl", "outcomes.parquet"])
def test_what_was_changed_since_is_seen(made: Path, tmp_path: Path, capsys: Capture, broken: str) -> None:
    run = runs_of(made)[0]
    path = run.path / broken
    before = path.read_bytes()
    try:
        if broken == "outcomes.parquet":
            path.write_bytes(before[:-20])
            assert cli.run(["audit", str(run.path), "--out", str(tmp_path / "a.zip")]) == 2
            assert str(path) in capsys.readouterr().err
            assert not (tmp_path / "a.zip").exists()
            return
        path.write_bytes(before + b"x\n" if broken == "failures.csv" else before.replace(b'"sent":', b'"sent" :'))
        found = told(packed(run, tmp_path / "a.zip", code=5))
        assert found["rows"]["balanced"] is (broken != "failures.csv")
        assert found["journal"]["intact"] is (broken != "journal.jsonl")
    finally:
        path.write_bytes(before)


def test_a_run_whose_books_are_not_closed_is_refused_and_nothing_is_written(
    made: Path, tmp_path: Path, capsys: Capture
) -> None:
    run = runs_of(made)[0]
    out = ["--out", str(tmp_path / "a.zip")]
    journal = Journal(run.journal)
    assert cli.run(["audit", str(run.path), *out]) == 2
    assert capsys.readouterr().err == f"bulkload: a process is working on run {run.run_id}: wait until it has ended\n"
    journal.close()
    copy = tmp_path / "20261130T010000Z-orders-0000"
    copy.mkdir()
    left = orjson.loads(run.manifest.read_bytes())
    del left["rows"]
    (copy / "manifest.json").write_bytes(orjson.dumps(left | {"verdict": "unfinished"}))
    assert cli.run(["audit", str(copy), *out]) == 2
    assert "has no report" in capsys.readouterr().err
    for wrong in (run.path / "a.zip", tmp_path / "none" / "a.zip", tmp_path):
        assert cli.run(["audit", str(run.path), "--out", str(wrong)]) == 2
        assert capsys.readouterr().err.startswith(f"bulkload: --out {wrong}")
    assert not (tmp_path / "a.zip").exists()


def test_a_night_is_packed_with_all_its_runs(made: Path, tmp_path: Path, capsys: Capture) -> None:
    night = tmp_path / "tonight"
    night.mkdir()
    write_csv(night / "investor-records.csv", [investor(1)])
    write_csv(night / "investment-accounts.csv", [account(1)])
    runs = ["--runs", str(tmp_path / "runs")]
    assert cli.run(["nightly", str(night), *runs, "--target", "sandbox", "--date", "2026-11-20", "--quiet"]) == 0
    assert cli.run(["audit", "2026-11-20", "--out", str(tmp_path / "a.zip"), *runs]) == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        told = json.loads(archive.read("audit.json"))["runs"]
    assert [run["operation"] for run in told] == ["investor-records", "investment-accounts"]
    capsys.readouterr()
    assert cli.run(["audit", "2026-11-21", "--out", str(tmp_path / "b.zip"), *runs]) == 2
    assert "nor is there one night of this name" in capsys.readouterr().err
