"""What LUSID accepts otherwise than it was meant is said, wherever a run is told of."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import investor, order, write_csv
from run_checks import check_books, outcomes
from scripted_lusid import Call, Reply, done, scripted

from connectors.run_folder.folder import RunFolder
from pipelines.load import load
from pipelines.nights.nightly import nightly
from pipelines.report.report import Report
from schemas.states import Verdict

UNKNOWN = "LUID_ZZZZZZZZ"
TOLD = (
    "2 rows accepted, UnknownInstrument: LUSID took it on the unknown instrument (LUID_ZZZZZZZZ): it resolved none of "
    "the identifiers: "
)


def unresolved(call: Call) -> Reply:
    """Takes the second block's orders on the unknown instrument."""
    reply = done(call)
    for each in reply.body["values"] if isinstance(reply.body, dict) and "requests" in (call.body or {}) else ():
        unknown = each["block"]["id"]["code"].endswith("2")
        each["orders"] = [{**o, "lusidInstrumentId": UNKNOWN if unknown else "LUID_00000001"} for o in each["orders"]]
    return reply


def loaded(folder: Path, rule: Any = unresolved, **options: Any) -> Report:
    path = write_csv(folder / "orders.csv", [order(1, 1), order(2, 2), order(2, 3), order(3, 4)])
    with scripted(rule) as (_, target):
        return load("orders", path, target=target, runs=folder / "runs", **options)


def test_an_order_on_the_unknown_instrument_is_an_alert_everywhere(tmp_path: Path) -> None:
    report = loaded(tmp_path)
    check_books(report)
    assert (report.verdict, report.exit_code) == (Verdict.ALERTS, 0)
    (alert,) = report.alerts
    assert alert.startswith(TOLD)
    assert "(row 2)" in alert
    assert "(row 3)" in alert
    lines = {line["key"]: (line["state"], line["code"]) for line in outcomes(report.run_dir)}
    assert list(lines.values()) == [("accepted", None), ("accepted", "UnknownInstrument"), ("accepted", None)]
    folder = RunFolder(report.run_dir)
    assert json.loads(folder.manifest.read_bytes())["alerts"] == [alert]
    assert report.document().as_json()["alerts"] == [alert]
    assert report.document().as_json()["verdict"] == "complete with alerts"
    assert "LUID_ZZZZZZZZ" in folder.report.read_text()
    assert folder.failures.read_text().count("\n") == 1


def test_alerts_fail_a_run_where_the_operator_says_so(tmp_path: Path) -> None:
    report = loaded(tmp_path, alerts="fail")
    assert (report.verdict, report.exit_code) == (Verdict.FAILED_BY_ALERTS, 3)
    assert loaded(tmp_path, done, alerts="fail").verdict is Verdict.COMPLETE


def test_rows_that_were_not_accepted_weigh_more_than_alerts(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [order(2, 2), order(3, 4, {"quantity": "x"})])
    with scripted(unresolved) as (_, target):
        report = load("orders", path, target=target, runs=tmp_path / "runs")
    assert (report.verdict, len(report.alerts)) == (Verdict.REJECTS, 1)


@pytest.mark.parametrize("metadata", [{"IR_0002": [{"description": "is odd"}, {"type": "x"}]}, {"IR_0002": ["?"]}])
def test_a_warning_in_an_answers_metadata_is_an_alert_of_its_key(tmp_path: Path, metadata: Any) -> None:
    def warned(call: Call) -> Reply:
        reply = done(call)
        return Reply(reply.status, {**reply.body, "metadata": metadata})

    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2)])
    with scripted(warned) as (_, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs")
    check_books(report)
    (alert,) = report.alerts
    said = "is odd" if isinstance(metadata["IR_0002"][0], dict) else "LUSID does not say what it is"
    assert alert == (
        f"1 row accepted, LusidWarning: LUSID took it with a warning: {said}: IR_0002 (row 2) (see outcomes.parquet)"
    )


def test_a_night_with_alerts_says_so(tmp_path: Path) -> None:
    write_csv(tmp_path / "investors.csv", [investor(1)])
    write_csv(tmp_path / "orders.csv", [order(2, 2)])
    with scripted(unresolved) as (_, target):
        night = nightly(tmp_path, target=target, runs=tmp_path / "runs")
    assert (night.exit_code, night.verdict) == (0, Verdict.ALERTS)
