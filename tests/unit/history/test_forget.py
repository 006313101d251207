"""Forgetting a person: nothing of theirs is in any file, the rows of others are as they were, and runs still work."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow.parquet as pq
import pytest
from builders import IR_ID, account, investor, read_csv, write_csv
from jsonschema import Draft202012Validator

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from connectors.run_folder.journal_lines import journal_lines
from docs.generate import DOCUMENTS_SCHEMA
from pipelines.cli import main as cli
from pipelines.load import load
from pipelines.replay import replay

Capture = pytest.CaptureFixture[str]
SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())
NAMES = ("Zoe Quill", "Zoe Q. Quill", "IR_0003")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a night, a replay and a data frame in which Zoe Quill, IR_0003, is everywhere that she can be."""
    place = tmp_path_factory.mktemp("forget")
    given: dict[str, Any] = {"runs": place / "runs", "target": f"sandbox:{place}/kept.db"}
    bad = {"display_name": "Zoe Quill", "investor_type": "Persn"}
    night = place / "tonight"
    night.mkdir()
    write_csv(night / "investor-records.csv", [investor(1), investor(2, {"display_name": ""}), investor(3, bad)])
    write_csv(night / "investment-accounts.csv", [account(1, 1), account(7, 3), account(8, 2)])
    words = ["--runs", str(place / "runs"), "--target", str(given["target"]), "--xlsx"]
    assert cli.run(["nightly", str(night), *words]) == 3
    records = next(run for run in runs_of(place) if run.failed.exists())
    rows = read_csv(records.failures)
    fixed = [row | {"display_name": {"IR_0002": "Found", "IR_0003": "Zoe Q. Quill"}[row["_key"]]} for row in rows]
    replay(records.run_id, write_csv(place / "corrected.csv", fixed), runs=place / "runs")
    load(
        "investor-records",
        pd.DataFrame([investor(4), investor(3, {"display_name": "Zoe Quill"})]),
        feed="crm",
        date="2026-11-30",
        **given,
    )
    load("investor-records", write_csv(place / "b.csv", [investor(3, bad)]), runs=place / "runs", dry_run=True)
    shutil.rmtree(night)
    journal = Journal(records.journal)
    journal.append(
        {"call": 9, "settled": [[2, "failed", "X", "IR_0003 is there"]], "named": [["IR_0003", 3]], "ids": None}
    )
    journal.close()
    return place


@pytest.fixture
def place(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path / "x")
    return tmp_path / "x"


def runs_of(place: Path) -> list[RunFolder]:
    return [RunFolder(path.parent) for path in sorted((place / "runs").glob("*/manifest.json"))]


def texts(place: Path) -> Iterator[tuple[Path, bytes]]:
    """What every file of the runs says, whatever it is packed into."""
    for path in sorted((place / "runs").rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()
            if path.suffix == ".parquet":
                yield path, repr(pq.read_table(path).to_pylist()).encode()
            if path.suffix == ".xlsx":
                shutil.unpack_archive(path, path.parent.parent.parent / "unpacked", "zip")
                for part in (path.parent.parent.parent / "unpacked").rglob("*.xml"):
                    yield path, part.read_bytes()


def naming(place: Path, *names: str) -> set[str]:
    return {path.name for path, text in texts(place) if any(name.encode() in text for name in names or NAMES)}


def forgotten(place: Path, capsys: Capture, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.run(["forget", *words, "--runs", str(place / "runs"), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/ForgetDocument"}).validate(found)
    assert found["places"] == sum(each["places"] for each in found["files"])
    return found


@pytest.mark.parametrize("words", [("--key", "IR_0003"), ("--value", "zoe quill")])
def test_nothing_of_theirs_is_left_in_any_file_and_it_says_where_it_was(
    place: Path, capsys: Capture, words: tuple[str, ...]
) -> None:
    before = naming(place)
    assert {
        "failures.csv",
        "failures.xlsx",
        "outcomes.parquet",
        "report.html",
        "manifest.json",
        "extract.parquet",
    } <= before
    assert {"taken.parquet", "night.html", "journal.jsonl", "corrected.csv", "hold.json", "failed.json"} <= before
    bytes_before = dict(texts(place))
    dry = forgotten(place, capsys, *words)
    assert dict(texts(place)) == bytes_before, "a dry run changes nothing"
    assert before - {Path(each["file"]).name for each in dry["files"]} == set()
    assert not dry["done"]
    done = forgotten(place, capsys, *words, "--yes")
    assert [each["file"] for each in done["files"]] == [each["file"] for each in dry["files"]]
    assert naming(place) == set()
    assert any("state.parquet" in each["file"] for each in done["files"])
    assert forgotten(place, capsys, *words)["files"] == []


def test_everybody_else_is_as_they_were(place: Path, capsys: Capture) -> None:
    def others() -> list[Any]:
        found: list[Any] = []
        for run in runs_of(place):
            lines = pq.read_table(run.outcomes).to_pylist()
            found += [line for line in lines if line["key"] in ("IR_0001", "IR_0002", "IR_0004", "IA_0001", "IA_0008")]
            found += [row for row in read_csv(run.failures) if row["_key"] not in ("IR_0003", "IA_0007")]
        return found

    before, counts = others(), [run.read_manifest().rows for run in runs_of(place)]
    assert before
    forgotten(place, capsys, "--key", "IR_0003", "--yes")
    assert others() == before
    assert [run.read_manifest().rows for run in runs_of(place)] == counts
    for run in runs_of(place):
        assert (
            len(list(journal_lines(run.journal))) == run.journal.read_bytes().count(b"\n")
            if run.journal.exists()
            else True
        )
    frame = next(pq.read_table(run.frame).to_pylist() for run in runs_of(place) if run.frame.exists())
    assert (frame[0][IR_ID], set(frame[1].values())) == ("IR_0004", {None})


def test_the_runs_still_work_and_nobody_loads_what_was_forgotten(place: Path, capsys: Capture) -> None:
    old = {
        run.run_id: (place / f"{run.run_id}.csv", shutil.copy(run.failures, place / f"{run.run_id}.csv"))
        for run in runs_of(place)
    }
    forgotten(place, capsys, "--key", "IR_0003", "--yes")
    runs = ["--runs", str(place / "runs")]
    for command in (["runs"], ["open"], ["sql", "SELECT * FROM outcomes"], ["report", "latest"]):
        assert cli.run([*command, *runs]) == 0
    said = capsys.readouterr().out
    assert "IR_0003" not in said
    assert cli.run(["open", *runs, "--json"]) == 0
    still = json.loads(capsys.readouterr().out)
    assert {e.split(" ")[0] for run in still["runs"] for r in run["reasons"] for e in r["examples"]} == {"IA_0008"}
    records = next(run for run in runs_of(place) if run.failed.exists())
    assert cli.run(["audit", records.run_id, "--out", str(place / "a.zip"), *runs]) == 0
    assert cli.run(["replay", records.run_id, str(old[records.run_id][0]), *runs]) == 2
    assert f"not among the failures of {records.run_id}" in capsys.readouterr().err
    note = records.read_manifest().forgotten[0]
    assert note.rows == 1
    assert note.places > 3
    assert "a person was forgotten on " in records.report.read_text("utf-8")


def test_what_is_forgotten_is_not_read_back_and_the_rest_still_agrees(tmp_path: Path, capsys: Capture) -> None:
    runs, target = tmp_path / "runs", f"sandbox:{tmp_path}/kept.db"
    both = [investor(4), investor(3, {"display_name": "Zoe Quill"})]
    from_file = load("investor-records", write_csv(tmp_path / "a.csv", both), runs=runs, target=target)
    from_frame = load("investor-records", pd.DataFrame(both), runs=runs, target=target)
    assert cli.run(["forget", "--key", "IR_0003", "--yes", "--runs", str(runs)]) == 0
    said = capsys.readouterr()
    assert f"{tmp_path}/a.csv: was loaded by a run with rows of theirs" in said.out + said.err
    assert "extract.parquet: was loaded" not in said.out + said.err, "it is among the files that were changed"
    for run, unsure in ((from_file, False), (from_frame, True)):
        assert cli.run(["verify", run.run_id, "--runs", str(runs), "--json"]) == 0
        told = capsys.readouterr()
        found = json.loads(told.out)
        assert (found["accepted"], found["checked"], found["agree"], found["missing"]) == (1, 1, 1, 0)
        assert (found["existence_only"] is not None) == unsure
        assert "1 key was forgotten and is not read back" in told.err


def test_a_run_under_way_is_refused_and_so_is_what_names_nobody(place: Path, capsys: Capture) -> None:
    run = runs_of(place)[0]
    before = dict(texts(place))
    journal = Journal(run.journal)
    assert cli.run(["forget", "--key", "IR_0003", "--yes", "--runs", str(place / "runs")]) == 2
    assert f"{run.run_id}: a process is working on it" in capsys.readouterr().err
    journal.close()
    for words in ([], ["--key", "a", "--value", "b"], ["--value", " x "]):
        assert cli.run(["forget", *words, "--yes", "--runs", str(place / "runs")]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert dict(texts(place)) == before
    assert cli.run(["forget", "--key", "IR_00", "--yes", "--runs", str(place / "runs")]) == 0
    assert capsys.readouterr().out == "They are in no file.\n"
    assert dict(texts(place)) == before


def test_a_file_that_is_damaged_or_of_another_kind_is_named(place: Path, capsys: Capture) -> None:
    (place / "runs" / "mail.txt").write_text("about IR_0003")
    packed = runs_of(place)[0].path / "corrected.csv.gz"
    packed.write_bytes(gzip.compress(b"_key,a\nIR_0003,x\nIR_0004,y\n"))
    found = forgotten(place, capsys, "--key", "IR_0003", "--yes")
    assert found["left"] == [str(place / "runs" / "mail.txt")]
    rows = gzip.decompress(packed.read_bytes()).decode("utf-8-sig").splitlines()
    assert (rows[0], rows[1].startswith("forgotten-"), rows[1].endswith(","), rows[2]) == (
        "_key,a",
        True,
        True,
        "IR_0004,y",
    )
    runs_of(place)[0].outcomes.write_bytes(b"PAR1")
    assert cli.run(["forget", "--key", "IR_0001", "--yes", "--runs", str(place / "runs")]) == 2
    assert "outcomes.parquet is damaged" in capsys.readouterr().err
