"""SQL over all runs: the views are as documented; a query reaches nothing else, changes nothing, prints plain text."""

import csv
import json
import re
import shlex
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import investor, read_csv, write_csv
from jsonschema import Draft202012Validator
from old_runs import FINISHED, old_runs

from docs.generate import DOCUMENTS_SCHEMA, SQL, with_parts
from docs.sql_views import view_tables
from pipelines.cli import main as cli
from pipelines.load import load
from pipelines.replay import replay
from pipelines.resume import resume

Capture = pytest.CaptureFixture[str]
TEXT = SQL.read_text("utf-8")
SCHEMA = orjson.loads(DOCUMENTS_SCHEMA.read_bytes())
HOSTILE = "a\x1b[31m\x9b2J\u202eb\r\n\x07,\"'é日"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two runs: two records of which one has a name that no terminal should see, and a dry run."""
    column = next(name for name in investor() if name.startswith("identifier:"))
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2, {"display_name": "", column: HOSTILE})])
    load("investor-records", path, runs=tmp_path / "runs", target="sandbox")
    load("investor-records", path, runs=tmp_path / "runs", dry_run=True)
    return tmp_path


def asked(place: Path, capsys: Capture, query: str, *words: str) -> str:
    capsys.readouterr()
    assert cli.run(["sql", query, "--runs", str(place / "runs"), *words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def rows(place: Path, capsys: Capture, query: str) -> list[list[Any]]:
    """The rows of the document that --json prints, once it validates."""
    document = json.loads(asked(place, capsys, query, "--json"))
    Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": "#/$defs/QueryDocument"}).validate(document)
    found: list[list[Any]] = document["rows"]
    return found


def test_the_tables_of_the_documents_are_current_and_true_of_real_runs(place: Path, capsys: Capture) -> None:
    tables = view_tables()
    assert with_parts(TEXT, tables) == TEXT, "run `make docs`"
    for view, table in tables.items():
        documented = re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
        assert [(name, kind) for name, kind, *_ in rows(place, capsys, f"DESCRIBE {view}")] == documented


def test_the_queries_of_the_documents_run(place: Path, capsys: Capture) -> None:
    block, _ = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    commands = shlex.split(block)
    queries = [commands[n + 2] for n, word in enumerate(commands) if word == "bulkload"]
    assert len(queries) == 5
    for query in queries:
        asked(place, capsys, query)


def test_the_views_say_what_the_manifests_and_outcomes_say(place: Path, capsys: Capture) -> None:
    counted = "SELECT status, target, read, accepted, invalid, not_sent FROM runs ORDER BY started"
    assert rows(place, capsys, counted) == [["rejects", "sandbox", 2, 1, 1, 0], ["dry-run", None, 2, 0, 1, 1]]
    by_state = "SELECT dry_run, state, sum(len(rows)) FROM outcomes JOIN runs USING (run_id) GROUP BY ALL ORDER BY ALL"
    assert [[*row[:2], int(row[2])] for row in rows(place, capsys, by_state)] == [
        [False, "accepted", 1],
        [False, "invalid", 1],
        [True, "invalid", 1],
        [True, "not_sent", 1],
    ]
    manifests = [json.loads(path.read_bytes()) for path in (place / "runs").glob("*/manifest.json")]
    reasons = [[run["run_id"], each["code"], each["rows"]] for run in manifests for each in run["reasons"]]
    found = rows(place, capsys, "SELECT run_id, code, rows FROM reasons")
    assert sorted(found) == sorted(each for each in reasons if each[1] != "NotSent")


def test_runs_of_an_older_version_have_every_column(tmp_path: Path, capsys: Capture) -> None:
    old_runs(tmp_path)
    found = rows(tmp_path, capsys, "SELECT DISTINCT run_id, state, change FROM outcomes ORDER BY state")
    assert [row[1:] for row in found if row[0] == FINISHED] == [["accepted", None], ["failed", None], ["invalid", None]]


def test_calls_have_their_times_and_those_of_older_runs_none(place: Path, tmp_path: Path, capsys: Capture) -> None:
    query = "SELECT started, sent_at, settled_at, answer_ms, attempts FROM calls JOIN runs USING (run_id)"
    ((_, sent, settled, took, attempts),) = rows(place, capsys, query)
    assert 0 < sent <= settled
    assert 0 <= took <= settled - sent + 1
    assert attempts == 1
    old = tmp_path / "old"
    old_runs(old)
    found = rows(old, capsys, query)
    assert found
    assert {tuple(row[1:]) for row in found} == {(None, None, None, None)}


@pytest.mark.parametrize("words", [(), ("--csv",), ("--json",)])
def test_no_control_character_of_a_cell_reaches_the_terminal(
    place: Path, capsys: Capture, words: tuple[str, ...]
) -> None:
    text = asked(
        place, capsys, "SELECT key, [key] AS more, {'a': key} AS x FROM outcomes WHERE state = 'invalid'", *words
    )
    assert all(line.isprintable() for line in text.split("\n"))
    assert "é日" in text
    if words == ("--json",):
        key = HOSTILE.replace("\u202e", "")  # reading takes marks of direction out of a key
        assert json.loads(text)["rows"][0] == [key, [key], {"a": key}]
    if words == ("--csv",):
        assert [len(line) for line in csv.reader(text.splitlines())] == [3, 3, 3]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELEC 1",
        "SELECT nothing FROM runs",
        "SELECT 1; SELECT 2",
        "SELECT 1) SELECT (2",
        "DELETE FROM runs",
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO '{place}/runs/x.csv'",
        "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1",
        "ATTACH '{place}/runs/x.db'",
        "SET threads = 1",
        "INSTALL httpfs",
        "CALL pragma_version()",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('{place}/a.csv')",
        "SELECT * FROM glob('{place}/*')",
        "SELECT * FROM read_text('{manifest}')",
        "SELECT * FROM 'https://example.com/x.parquet'",
        "SELECT 'x'::INTEGER",
    ],
)
def test_what_is_wrong_or_reaches_further_is_one_line_and_changes_nothing(
    place: Path, capsys: Capture, query: str
) -> None:
    (manifest, *_) = (place / "runs").glob("*/manifest.json")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    capsys.readouterr()
    told = query.format(place=place, manifest=manifest)
    for words in ([], ["--json"]):
        assert cli.run(["sql", told, "--runs", str(place / "runs"), *words]) == 2
        said = capsys.readouterr()
        (line,) = said.err.splitlines()
        assert line.startswith(("bulkload: the query is wrong: ", "bulkload: the query is not one SELECT: "))
        assert not words or json.loads(said.out)["verdict"] == "error"
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_a_damaged_file_is_named(place: Path, capsys: Capture) -> None:
    (first, _) = sorted((place / "runs").glob("*/outcomes.parquet"))
    first.write_bytes(b"PAR1")
    assert cli.run(["sql", "SELECT * FROM outcomes", "--runs", str(place / "runs")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "an outcomes.parquet is missing or damaged: " in line
    assert str(first) in line


def test_a_folder_without_runs_has_empty_views(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "runs").mkdir()
    assert asked(tmp_path, capsys, "SELECT key, state FROM outcomes", "--csv") == "key,state\n"
    assert rows(tmp_path, capsys, "SELECT * FROM runs") == []


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: Capture) -> None:
    assert cli.run(["sql", "SELECT 1", "--runs", str(tmp_path / "runs")]) == 2
    assert f"there is no folder {tmp_path / 'runs'}" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_long_table_is_cut_and_says_so(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "runs").mkdir()
    runs = ["--runs", str(tmp_path / "runs")]
    assert cli.run(["sql", "SELECT range FROM range(1001)", *runs]) == 0
    said = capsys.readouterr()
    assert said.out.split() == ["range", *map(str, range(1000))]
    assert said.err == "There are more than 1,000 rows: --csv or --json prints all.\n"
    assert len(asked(tmp_path, capsys, "SELECT range FROM range(1001)", "--csv").splitlines()) == 1002


def numbers(place: Path, capsys: Capture, columns: str, run_id: str) -> list[Any]:
    ((*found,),) = rows(place, capsys, f"SELECT {columns} FROM runs WHERE run_id = '{run_id}'")  # noqa: S608
    return found


def test_the_numbers_of_dry_stopped_resumed_and_half_replayed_runs_are_right_everywhere(
    tmp_path: Path, capsys: Capture
) -> None:
    """In the view, in `runs --json`, and in outcomes and failures, which are counted here."""
    goal: dict[str, Any] = {"runs": tmp_path / "runs"}
    kept = f"sandbox:{tmp_path}/kept.db"
    bad = {"display_name": ""}
    extract = write_csv(tmp_path / "a.csv", [investor(n, bad if n < 3 else {}) for n in range(6)])
    dry = load("investor-records", extract, dry_run=True, **goal)
    stopped = load("investor-records", extract, target=kept, max_failures=0, **goal)
    columns = "status, dry_run, exit_code, read, accepted, invalid, not_sent"
    assert numbers(tmp_path, capsys, columns, dry.run_id) == ["dry-run", True, 3, 6, 0, 3, 3]
    assert numbers(tmp_path, capsys, columns, stopped.run_id) == ["stopped", False, 4, 6, 0, 3, 3]
    assert listed(tmp_path, capsys, dry.run_id) == [3, 0, 0, 0]
    assert listed(tmp_path, capsys, stopped.run_id) == [3, 3, 0, 0]
    resume(stopped.run_id, runs=tmp_path / "runs")
    assert numbers(tmp_path, capsys, columns, stopped.run_id) == ["rejects", False, 3, 6, 3, 3, 0]
    failures = read_csv(stopped.run_dir / "failures.csv")
    first, second = failures[0] | {"display_name": "Found"}, failures[1]
    replayed = replay(stopped.run_id, write_csv(tmp_path / "b.csv", [first, second]), runs=tmp_path / "runs")
    assert numbers(tmp_path, capsys, columns, replayed.run_id) == ["rejects", False, 3, 2, 1, 1, 0]
    assert numbers(tmp_path, capsys, "replays", replayed.run_id) == [stopped.run_id]
    assert listed(tmp_path, capsys, stopped.run_id) == [3, 0, 1, 0]
    for run in (dry, stopped, replayed):
        in_outcomes = rows(tmp_path, capsys, "SELECT run_id, state, sum(len(rows))::INT FROM outcomes GROUP BY ALL")
        states = {state: n for of, state, n in in_outcomes if of == run.run_id}
        named = ["accepted", "invalid", "not_sent"]
        assert numbers(tmp_path, capsys, ", ".join(named), run.run_id) == [states.get(name, 0) for name in named]
        assert states["invalid"] == len(read_csv(run.run_dir / "failures.csv"))


def listed(place: Path, capsys: Capture, run_id: str) -> list[int]:
    """To correct, to resume, resolved and pending of a run, as `runs --json` has them."""
    capsys.readouterr()
    assert cli.run(["runs", "--runs", str(place / "runs"), "--json"]) == 0
    (run,) = (each for each in json.loads(capsys.readouterr().out) if each["run_id"] == run_id)
    return [run[name] for name in ("to_correct", "to_resume", "resolved", "pending")]


def test_calls_are_those_of_the_journal_and_nights_those_of_their_records(tmp_path: Path, capsys: Capture) -> None:
    night = tmp_path / "tonight"
    night.mkdir()
    write_csv(night / "investor-records.csv", [investor(n) for n in range(5)])
    words = ["--runs", str(tmp_path / "runs"), "--target", "sandbox", "--batch-size", "2", "--date", "2026-11-20"]
    assert cli.run(["nightly", str(night), *words]) == 0
    calls = rows(tmp_path, capsys, "SELECT call, requests, accepted, refused, unsettled FROM calls ORDER BY call")
    assert sorted(calls) == [[1, 2, 2, 0, 0], [2, 2, 2, 0, 0], [3, 1, 1, 0, 0]]
    joined = (
        "SELECT count(DISTINCT request_id) FROM outcomes JOIN calls USING (run_id, request_id) WHERE request = call"
    )
    assert rows(tmp_path, capsys, joined) == [[3]]
    shown = (
        "SELECT name, date, colour, nights.exit_code, nights.read, nights.accepted, len(runs.run_id) > 0 FROM nights "
    )
    both = rows(tmp_path, capsys, f"{shown} JOIN runs ON list_contains(nights.runs, runs.run_id)")
    assert both == [["tonight", "2026-11-20", "green", 0, 5, 5, True]]
    (journal,) = (tmp_path / "runs").glob("*/journal.jsonl")
    journal.write_bytes(journal.read_bytes().replace(b'"sent":', b'"sEnt":'))
    assert cli.run(["sql", "SELECT * FROM calls", *words[:2]]) == 2
    assert "is damaged" in capsys.readouterr().err
    assert cli.run(["sql", "SELECT * FROM runs", *words[:2]]) == 0
