"""What must hold of every finished run, read from its folder with code that shares only the states with the loader."""

import csv
import json
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines.report.report import Report
from schemas.states import GOOD, State

FILES = {"manifest.json", "journal.jsonl", "outcomes.parquet", "failures.csv", "report.html"}
AGAIN = {state for state in State if state.traits.again}


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """The lines of outcomes.parquet."""
    found: list[dict[str, Any]] = pq.read_table(folder / "outcomes.parquet").to_pylist()
    return found


def failures(folder: Path) -> list[dict[str, str]]:
    """The lines of failures.csv."""
    with (folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def journal(folder: Path) -> list[dict[str, Any]]:
    """The lines of the journal."""
    return [json.loads(line) for line in (folder / "journal.jsonl").read_bytes().splitlines()]


def journal_lines(runs: Path) -> int:
    """How many whole lines the journals of all runs have so far."""
    return sum(path.read_bytes().count(b"\n") for path in runs.glob("*/journal.jsonl"))


def states(report: Report) -> dict[str, str]:
    """The state of each key of a run whose keys have one each."""
    found = [(line["key"], line["state"]) for line in outcomes(report.run_dir)]
    assert len(dict(found)) == len(found)
    return dict(found)


def row_states(folder: Path) -> dict[tuple[str, int], str]:
    """The state of each row, by source and `_row`; fails when a row is there twice."""
    return states_of_rows(outcomes(folder))


def states_of_rows(lines: Sequence[dict[str, Any]]) -> dict[tuple[str, int], str]:
    """The same of lines that were read."""
    places = [(line["source"], row, line["state"]) for line in lines for row in line["rows"]]
    found = {(source, row): state for source, row, state in places}
    assert len(found) == len(places), "a row is accounted for twice"
    return found


def check_books(report: Report) -> list[dict[str, Any]]:
    """Rows, states and files of a run agree with one another; gives the lines of its outcomes."""
    folder = report.run_dir
    lines = outcomes(folder)
    by_row = states_of_rows(lines)
    counted = Counter(by_row.values())
    assert len(by_row) == report.rows_read
    assert {state.value: n for state, n in report.rows.items() if n} == counted
    assert sum(report.keys.values()) == len({line["key"] for line in lines if line["key"] is not None})
    told = failures(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    well = GOOD | {State.NOT_SENT} if manifest["settings"]["dry_run"] else GOOD
    assert {(line["_source"], int(line["_row"])): line["_state"] for line in told} == {
        place: state for place, state in by_row.items() if state not in well
    }
    assert len(told) == len({(line["_source"], line["_row"]) for line in told})
    assert sum(reason["rows"] for reason in manifest["reasons"]) == len(told)
    for state in counted.keys() - well:
        reasons = [reason for reason in manifest["reasons"] if reason["state"] == state]
        assert sum(reason["rows"] for reason in reasons) == counted[state]
        assert sum(reason["keys"] for reason in reasons) == report.keys[State(state)]
    assert manifest["verdict"] == report.verdict.value
    assert manifest["rows"] == report.document().rows
    page = (folder / "report.html").read_text("utf-8")
    assert [state for state in counted if f"</span>{state}</td>" not in page] == []
    check_folder(folder)
    check_journal(folder)
    return lines


def check_folder(folder: Path) -> None:
    """Nobody else may read it, and nothing of the work is left."""
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    kept = {
        "extract.parquet",
        "hold.json",
        "failed.json",
        "taken.parquet",
        "corrected.csv",
        "corrected.csv.gz",
        "vanished.csv",
        "plan.parquet",
        "plan.html",
    }
    assert FILES <= set(found) <= FILES | kept
    assert set(found.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def check_journal(folder: Path) -> None:
    """Intent comes before settlement, and what is settled for good is never sent again."""
    sent: set[int] = set()
    final: set[int] = set()
    for line in journal(folder):
        if "sent" in line:
            part = {r for first, count in line["sent"] for r in range(first, first + count)}
            assert not part & final, "a settled request was sent again"
            sent |= part
        elif "settled" in line:
            accepted = {r for first, count in line.get("accepted", ()) for r in range(first, first + count)}
            settled = {r: state for r, state, _, _ in line["settled"]}
            assert line["call"] == 0 or (accepted | set(settled)) <= sent, "settled, never sent"
            final |= accepted | {r for r, state in settled.items() if state not in AGAIN}
