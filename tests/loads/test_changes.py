"""Whether keys were created, updated or the same stands in every file of a run."""

import json
from pathlib import Path

from builders import investor, write_csv
from run_checks import check_books, outcomes
from scripted_lusid import Call, Reply, done, scripted

from connectors.run_folder.folder import RunFolder
from pipelines.load import load
from pipelines.report.summary import Summary

LONG_AGO = {"asAtVersionNumber": 3, "asAtModified": "2020-01-01T00:00:00.0000000+00:00"}
NOW = {"asAtVersionNumber": 1, "asAtModified": "2999-01-01T00:00:00.0000000+00:00"}


def test_what_was_created_and_what_was_updated_is_told(tmp_path: Path) -> None:
    target = f"sandbox:{tmp_path / 'kept.db'}"
    first = load(
        "investor-records", write_csv(tmp_path / "a.csv", [investor(1), investor(2)]), target=target, runs=tmp_path
    )
    path = write_csv(tmp_path / "b.csv", [investor(2, {"display_name": "Other"}), investor(3)])
    second = load("investor-records", path, target=target, runs=tmp_path)
    assert [line["change"] for line in outcomes(first.run_dir)] == ["created", "created"]
    assert [line["change"] for line in outcomes(second.run_dir)] == ["updated", "created"]
    assert (dict(first.changes), dict(second.changes)) == ({"created": 2}, {"updated": 1, "created": 1})
    check_books(second)


def test_what_was_the_same_and_what_is_not_told(tmp_path: Path) -> None:
    versions = {"IR_0001": NOW, "IR_0002": LONG_AGO, "IR_0003": None}

    def rule(call: Call) -> Reply:
        values = {key: {"version": versions[key]} for key in call.body or ()}
        return Reply(200 if call.method == "GET" else 201, {"values": values, "failed": {}})

    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2), investor(3)])
    with scripted(rule) as (_, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs")
    assert [line["change"] for line in outcomes(report.run_dir)] == ["created", "same", None]
    folder = RunFolder(report.run_dir)
    assert json.loads(folder.manifest.read_bytes())["changes"] == {"created": 1, "same": 1}
    assert report.document().as_json()["changes"] == {"created": 1, "same": 1}
    assert Summary.of_run(report.run_dir).changes == "accepted keys: 1 created, 1 same"
    assert "Accepted keys: 1 created, 1 same." in folder.report.read_text()


def test_a_lusid_that_does_not_tell_is_believed_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with scripted(done) as (_, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs")
    assert [line["change"] for line in outcomes(report.run_dir)] == [None]
    assert Summary.of_run(report.run_dir).changes == ""
