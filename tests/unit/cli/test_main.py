"""The command line, from a shell's point of view: what it prints, where, and with which exit code."""

import csv
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connectors.sandbox.server import Sandbox
from pipelines.cli import main as cli
from pipelines.history import listing
from pipelines.operations.table import OPERATIONS
from pipelines.options import Options
from pipelines.sample.plan import Plan
from pipelines.sample.planted import planted_rows
from schemas.errors import ConfigError
from schemas.states import STATES

ROOT = Path(__file__).resolve().parents[3]
INVESTORS = ROOT / "data" / "sample" / "investors.csv"
Capture = pytest.CaptureFixture[str]


def bulkload(*arguments: object, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The real command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli.main", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def counts(**states: int) -> dict[str, int]:
    return {**dict.fromkeys(STATES, 0), **states}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small sample without faults."""
    folder = tmp_path_factory.mktemp("good")
    arguments = ("--investors", "20", "--accounts", "10", "--blocks", "10", "--orders", "30", "--no-bad-rows")
    assert cli.run(["sample", str(folder), *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with one finished load of the committed investors."""
    runs = tmp_path_factory.mktemp("runs")
    assert cli.run(["load", "investor-records", str(INVESTORS), "--target", "sandbox", "--runs", str(runs)]) == 3
    return runs


# What goes wrong before a run: done-when 8 of the main job, each in a real process.


def refusals(folder: Path) -> Iterator[tuple[list[object], dict[str, str], int, str]]:
    """Arguments, environment, exit code, and what the one line says."""
    load = ["load", "investor-records"]
    flags = ["--runs", folder / "runs", "--target", "sandbox"]
    token = {"FBN_ACCESS_TOKEN": "MARKER-token"}
    garbage, misspelt, mapping, file = (folder / n for n in ("garbage.parquet", "misspelt.csv", "m.yaml", "file"))
    garbage.write_bytes(b"\x00\x93garbage" * 40)
    misspelt.write_text(INVESTORS.read_text("utf-8").replace("display_name", "dispaly_name", 1), "utf-8")
    mapped = (ROOT / "data" / "client" / "investor-records.yaml").read_text("utf-8")
    mapping.write_text(mapped.replace("full_name", "ful_name"), "utf-8")
    file.touch()
    yield (
        [*load, INVESTORS, "--runs", folder / "runs", "--target", "http://lusid.example.com/api"],
        token,
        2,
        "--target must begin with https://: "
        "a bearer token or password never travels over plain http except to loopback",
    )
    yield (
        [*load, INVESTORS, "--runs", folder / "runs", "--target", "http://127.0.0.1:9/api"],
        token,
        4,
        "http://127.0.0.1:9/api: connection refused (4 attempts): is FBN_LUSID_URL right?"
        "; nothing was sent: load again when it answers",
    )
    yield [*load, folder / "none.csv", *flags], {}, 2, f"{folder}/none.csv: there is no such file"
    yield [*load, garbage, *flags], {}, 2, f"{garbage}: is not a Parquet file, or is cut short: fetch it anew"
    yield (
        [*load, INVESTORS, "--runs", file / "runs", "--target", "sandbox"],
        {},
        2,
        f"the run folder {file}/runs cannot be written: Not a directory; choose another with --runs",
    )
    yield (
        [*load, misspelt, *flags],
        {},
        2,
        "the header: column dispaly_name is unknown; did you mean display_name?; needed column display_name is missing",
    )
    yield (
        [*load, ROOT / "data" / "client" / "investors.csv", "--mapping", mapping, *flags],
        {},
        2,
        "the mapping does not fit: column ful_name is not in the extract; did you mean full_name?",
    )
    yield (
        ["load", "investor-recrods", INVESTORS, *flags],
        {},
        2,
        f"there is no operation investor-recrods; did you mean investor-records? ({', '.join(OPERATIONS)})",
    )
    unset = "an empty text: is a shell variable unset?"
    yield [*load, "", *flags], {}, 2, f"an extract is a path, several paths or a DataFrame, not {unset}"
    for command in ("nightly", "trading-day"):
        yield [command, "", *flags], {}, 2, "Invalid value for 'FOLDER': is empty: is a shell variable unset?"
    for flag in ("--runs", "--mapping", "--done-marker"):
        yield [*load, INVESTORS, flag, ""], {}, 2, f"Invalid value for '{flag}': is empty: is a shell variable unset?"
    yield ["demo", "--runs", ""], {}, 2, "Invalid value for '--runs': is empty: is a shell variable unset?"
    yield (
        [*load, INVESTORS, *flags, "--delimiter", ""],
        {},
        2,
        f"--delimiter takes one character or several, not {unset}",
    )
    yield (
        [*load, INVESTORS, *flags, "--encoding", ""],
        {},
        2,
        f"--encoding takes a name such as utf-8 or cp1252, not {unset}",
    )
    yield [*load, INVESTORS, "--target", ""], {}, 2, f"--target takes a URL, sandbox or sandbox:FILE, not {unset}"


def test_whatever_is_wrong_before_a_run_is_one_clear_line_and_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for arguments, env, code, line in refusals(tmp_path):
        with monkeypatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            assert cli.run(list(map(str, arguments))) == code
        captured = capsys.readouterr()
        said = [
            each for each in captured.err.splitlines() if not each.startswith("waiting for LUSID")
        ]  # a slow machine
        assert (said, captured.out) == ([f"bulkload: {line}"], "")
        assert list((tmp_path / "runs").glob("*")) == []


@pytest.mark.parametrize("number", [0, 2, 5])
def test_a_process_of_its_own_says_the_same(number: int, tmp_path: Path) -> None:
    arguments, env, code, line = list(refusals(tmp_path))[number]
    done = bulkload(*arguments, env=env)
    assert (done.returncode, done.stderr, done.stdout) == (code, f"bulkload: {line}\n", "")


def test_a_wrong_password_is_one_clear_line_without_the_password(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        env = {
            "FBN_LUSID_URL": sandbox.url,
            "FBN_TOKEN_URL": sandbox.token_url,
            "FBN_USERNAME": "loader",
            "FBN_PASSWORD": "wrong",
            "FBN_CLIENT_ID": "client",
            "FBN_CLIENT_SECRET": "MARKER-secret",
        }
        done = bulkload("load", "investor-records", INVESTORS, "--runs", tmp_path, env=env)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("bulkload: ")
    assert "FBN_" in done.stderr
    assert "MARKER" not in done.stderr
    assert list(tmp_path.glob("*")) == []


def test_a_command_line_that_cannot_be_read_is_one_line_and_exit_code_2(capsys: Capture) -> None:
    assert cli.run(["load", "orders"]) == 2
    assert cli.run(["lod"]) == 2
    assert cli.run(["load", "orders", "x.csv", "--concurency", "1"]) == 2
    assert cli.run(["load", "orders", "x.csv", "--batch-size", "0"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "bulkload: Missing argument 'extracts'.",
        "bulkload: No such command 'lod'. Did you mean 'load'?",
        "bulkload: No such option: --concurency (Possible options: --concurrency, --once)",
        "bulkload: Invalid value for '--batch-size': Input should be greater than or equal to 1",
    ]


def test_with_json_an_error_is_a_document_too(capsys: Capture) -> None:
    assert cli.run(["load", "order", "x.csv", "--json"]) == 2
    captured = capsys.readouterr()
    message = f"there is no operation order; did you mean orders? ({', '.join(OPERATIONS)})"
    assert json.loads(captured.out) == {"verdict": "error", "exit_code": 2, "message": message}
    assert captured.err == f"bulkload: {message}\n"


# What goes wrong by our fault, and by the user's wish.


def _break(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: Path) -> list[Any]:
        raise error

    monkeypatch.setattr(listing, "past_runs", fail)


def test_a_bug_is_one_line_and_its_traceback_is_in_a_private_file_without_texts(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    cause = KeyError("MARKER-cell")
    error = RuntimeError("MARKER-secret")
    error.__cause__ = cause
    _break(monkeypatch, error)
    assert cli.run(["runs"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    start = "bulkload: this is a bug in bulkload, not in your data: RuntimeError; please report "
    assert line.startswith(start)
    file = Path(line.removeprefix(start))
    text, mode = file.read_text("utf-8"), stat.S_IMODE(file.stat().st_mode)
    file.unlink()
    assert mode == 0o600
    assert "test_main.py" in text
    assert "builtins.RuntimeError" in text
    assert "builtins.KeyError" in text
    assert "MARKER" not in text


def test_a_bug_whose_traceback_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _break(monkeypatch, RuntimeError("MARKER-secret"))
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    assert cli.run(["runs"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "bulkload: this is a bug in bulkload, not in your data: RuntimeError; the traceback could not be written "
        "(No such file or directory): run it again with --debug and report that"
    ]


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    assert cli.run(["report", "none"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert cli.run(["--debug", "report", "none"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_ends_with_exit_code_4(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    _break(monkeypatch, KeyboardInterrupt())
    assert cli.run(["runs"]) == 4
    assert capsys.readouterr().err == "bulkload: interrupted; `bulkload runs` shows how far it got\n"


def test_help_and_version(capsys: Capture) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "bulkload 0.1.0",
        "LUSID API dialects: 2.1, 2.3, legacy",
        "formats: run folders 1, feeds 1, nights 1",
    ]
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert cli.run([]) == 2
    assert capsys.readouterr().out == shown
    names = ("load", "nightly", "runs", "report", "operations", "columns", "template", "sample", "sandbox", "demo")
    assert all(f"  {name} " in shown for name in names)


def test_operations_and_columns_are_listed(capsys: Capture) -> None:
    assert cli.run(["operations", "--markdown"]) == 0
    assert capsys.readouterr().out.startswith("| operation | endpoint | modes |")
    assert cli.run(["operations"]) == 0
    assert capsys.readouterr().out.startswith("persons\n")
    assert cli.run(["columns", "investor-records", "--dialect", "2.3"]) == 0
    assert capsys.readouterr().out.splitlines()[2] == "scope  (needed)"
    assert cli.run(["columns", "investor-records", "--dialect", "legacy"]) == 2
    assert capsys.readouterr().err == "bulkload: investor-records has no dialect legacy: use --dialect 2.1 or 2.3\n"


def test_looking_things_up_imports_nothing_heavy() -> None:
    program = (
        "import sys; from pipelines.cli.main import run; run(['--help']); "
        "assert not {'pydantic', 'importlib.metadata'} & set(sys.modules); run(['columns', 'orders']); "
        "run(['operations']); "
        "heavy = {'pandas', 'prefect', 'uvicorn', 'fastapi', 'pyarrow', 'requests', 'jinja2', 'duckdb'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["investors", "accounts", "orders"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_reading_a_file_imports_no_pandas(name: str, form: str, tmp_path: Path) -> None:
    """It takes 35 MB, and longer than a small load; whoever asks Arrow to look at a Python value imports it."""
    names = {"investors": "investor-records", "accounts": "investment-accounts", "orders": "orders"}
    program = (
        "import sys; from pipelines.load import load; "
        "load(sys.argv[1], sys.argv[2], dry_run=True, runs=sys.argv[3]); sys.exit('pandas' in sys.modules)"
    )
    extract = ROOT / "data" / "sample" / f"{name}.{form}"
    done = subprocess.run([sys.executable, "-c", program, names[name], extract, tmp_path], cwd=ROOT, check=False)
    assert done.returncode == 0


# Loading.


@pytest.mark.untraced
def test_load_prints_one_document_and_its_counts_add_up_to_the_rows_of_the_file(tmp_path: Path) -> None:
    done = bulkload(
        "load", "investor-records", INVESTORS, "--json", "--runs", tmp_path, "--target", f"sandbox:{tmp_path}/s.db"
    )
    assert done.returncode == 3
    document = json.loads(done.stdout)
    with INVESTORS.open(encoding="utf-8", newline="") as file:
        in_file = sum(1 for _ in csv.reader(file)) - 1
    rows = document["rows"]
    assert rows == {"read": in_file, **counts(accepted=1000, invalid=7, duplicate=1)}
    assert sum(n for state, n in rows.items() if state != "read") == in_file
    assert document["verdict"] == "rejects"
    assert document["keys"] == counts(accepted=1000, invalid=6)

    failures = Path(document["run_dir"]) / "failures.csv"
    correct_investors(failures)
    again = bulkload(
        "load", "investor-records", failures, "--json", "--runs", tmp_path, "--target", f"sandbox:{tmp_path}/s.db"
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["rows"] == {"read": 7, **counts(accepted=6, duplicate=1)}


def correct_investors(failures: Path) -> None:
    """Corrects the planted rows in place, as a person would, by the cures the sample knows."""
    cures = {str(row.row): row.cure for row in planted_rows(Plan()).investors}
    with failures.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = [{**row, **cures[row["_row"]]} for row in reader]
        header = list(reader.fieldnames or ())
    with failures.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(rows)


def test_an_extract_without_fault_ends_0_and_leaves_nothing_to_do(good: Path, tmp_path: Path, capsys: Capture) -> None:
    flags = ["--runs", str(tmp_path), "--target", "sandbox", "--mode", "atomic"]
    assert cli.run(["load", "investor-records", str(good / "investors.csv"), *flags]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines()[0] == "✓ investor-records, green: complete: 20 rows, none to correct"
    assert captured.out.splitlines()[-2:] == ["Next", "  Nothing is left to do."]


def test_a_dry_run_sends_nothing_and_says_what_to_type_to_send_it(good: Path, tmp_path: Path, capsys: Capture) -> None:
    extract = good / "investors.csv"
    assert cli.run(["load", "investor-records", str(extract), "--runs", str(tmp_path), "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "✓ investor-records, green: dry run, nothing was sent: 0 of 20 rows must be corrected"
    assert lines[-2:] == [
        "  Every row is valid: load them.",
        f"  bulkload load investor-records {extract} --runs {tmp_path}",
    ]


def test_too_many_failures_stop_the_run_and_once_refuses_what_is_finished(
    good: Path, tmp_path: Path, capsys: Capture
) -> None:
    runs = ["--runs", str(tmp_path), "--target", "sandbox"]
    assert cli.run(["load", "investor-records", str(INVESTORS), *runs, "--max-failures", "0.5%"]) == 4
    assert "7 of 1,008 rows failed, more than --max-failures 0.5% allows" in "".join(capsys.readouterr())
    assert cli.run(["load", "investor-records", str(INVESTORS), *runs, "--max-failures", "few"]) == 2
    kept = ["--runs", str(tmp_path), "--target", f"sandbox:{tmp_path / 'kept.db'}"]
    load_once = ["load", "investor-records", str(good / "investors.csv"), *kept, "--once"]
    assert [cli.run(load_once), cli.run(load_once)] == [0, 2]


@pytest.mark.untraced
def test_nightly_holds_what_depends_on_a_failed_row(tmp_path: Path, capsys: Capture) -> None:
    arguments = ["nightly", str(ROOT / "data" / "sample"), "--direct", "--json", "--runs", str(tmp_path)]
    assert cli.run([*arguments, "--target", "sandbox"]) == 3
    runs = json.loads(capsys.readouterr().out)["runs"]
    assert [(run["operation"], run["rows"]["held"]) for run in runs] == [
        ("investor-records", 0),
        ("investment-accounts", 4),
        ("orders", 0),
    ]


@pytest.mark.parametrize(
    ("command", "called"),
    [
        (["nightly", "."], "pipelines.nights.nightly.nightly"),
        (["trading-day", "."], "pipelines.nights.trading_day.trading_day"),
        (["backfill", "{date}", "2026-01-05", "2026-01-06"], "pipelines.nights.backfill.backfill"),
    ],
)
def test_each_flag_of_loads_from_folders_reaches_their_options(
    command: list[str], called: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    taken: dict[str, Any] = {}

    def take(*_: object, **given: Any) -> None:
        taken.update(given)
        raise ConfigError("that will do")

    monkeypatch.setattr(called, take)
    flags = (
        f"--mode Atomic --target sandbox:a --dialect 2.3 --runs {tmp_path} --batch-size 7 --max-batch-bytes 700 "
        "--concurrency 3 --patience 9 --duplicates last --max-failures 5% --min-rows 2 --dry-run --again --direct"
    )
    assert cli.run([*command, *flags.split()]) == 2
    assert capsys.readouterr().err == "bulkload: that will do\n"
    assert taken.pop("again") is True
    del taken["progress"]
    wanted = Options.of(
        mode="Atomic",
        target="sandbox:a",
        dialect="2.3",
        runs=tmp_path,
        batch_size=7,
        max_batch_bytes=700,
        concurrency=3,
        patience=9,
        duplicates="last",
        max_failures="5%",
        expect={"min_rows": 2},
        dry_run=True,
    )
    assert taken == vars(wanted)


def test_a_night_with_a_wrong_header_shows_what_was_loaded_and_says_why(
    good: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "night").mkdir()
    shutil.copy(good / "investors.csv", tmp_path / "night")
    (tmp_path / "night" / "accounts.csv").write_text("nonsense\n1\n", "utf-8")
    runs = ["--runs", str(tmp_path / "runs"), "--target", "sandbox", "--direct"]
    assert cli.run(["nightly", str(tmp_path / "night"), *runs]) == 2
    captured = capsys.readouterr()
    head, first, *_ = captured.out.splitlines()
    assert head.startswith("✗ night of 20")
    assert f"red: investment-accounts ({tmp_path}/night/accounts.csv): the header: " in head
    assert first == "✓ investor-records, green: complete: 20 rows, none to correct"
    said = captured.err.splitlines()[-1]
    assert said.startswith(f"investment-accounts ({tmp_path}/night/accounts.csv)")
    assert "the header: no column of it is one of this operation's" in said


# Looking at runs.


def test_report_prints_again_what_load_printed(tmp_path: Path, good: Path, capsys: Capture) -> None:
    extract = str(good / "investors.csv")
    assert cli.run(["load", "investor-records", extract, "--target", "sandbox", "--runs", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert cli.run(["report", "latest", "--runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == printed


def test_a_run_is_found_by_id_prefix_path_and_as_the_latest(night: Path, capsys: Capture) -> None:
    (folder,) = night.iterdir()
    for name in (folder.name, folder.name[:20], str(folder), "latest"):
        assert cli.run(["report", name, "--runs", str(night), "--html"]) == 0
        assert capsys.readouterr().out == f"{folder}/report.html\n"
    assert cli.run(["report", "latest", "--runs", str(night), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == folder.name


def test_runs_are_listed_newest_first_and_other_folders_ignored(night: Path, tmp_path: Path, capsys: Capture) -> None:
    (folder,) = night.iterdir()
    assert cli.run(["runs", "--runs", str(night)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == folder.name
    assert second.endswith(" UTC  ! amber, rejects into sandbox: 1,008 read, 1,000 accepted, 7 to correct")
    assert cli.run(["runs", "--runs", str(night), "--json"]) == 0
    (document,) = json.loads(capsys.readouterr().out)
    assert (document["run_id"], document["verdict"], document["rows"]["read"]) == (folder.name, "rejects", 1008)
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "manifest.json").write_text("{")
    assert cli.run(["runs", "--runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"There are no runs in {tmp_path}.\n"


def manifest(runs: Path, run_id: str, **members: object) -> Path:
    folder = runs / run_id
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "run_id": run_id, **members}))
    return folder


def test_strange_manifests_keep_no_run_from_being_listed_and_found(
    night: Path, tmp_path: Path, capsys: Capture
) -> None:
    (folder,) = night.iterdir()
    (tmp_path / folder.name).symlink_to(folder)
    manifest(tmp_path, "zz-1", rows=5)
    manifest(tmp_path, "zz-2", rows={"read": "5"}, verdict=5, started=[])
    assert cli.run(["runs", "--runs", str(tmp_path)]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert {"zz-1", "zz-2", folder.name} <= set(listed)
    assert "   UTC  unfinished" in listed
    assert cli.run(["report", "latest", "--runs", str(tmp_path)]) == 0


def test_a_run_that_did_not_finish_says_why_and_an_ambiguous_name_is_refused(tmp_path: Path, capsys: Capture) -> None:
    manifest(tmp_path, "a1", started="2026-11-20T02:00:00+00:00")
    manifest(tmp_path, "a2", started="2026-11-21T02:00:00+00:00", verdict="stopped", error="interrupted by SIGINT")
    manifest(tmp_path, "0b", started="2026-11-19T02:00:00+00:00", format=99)
    runs = ["--runs", str(tmp_path)]
    assert [cli.run(["report", name, *runs]) for name in ("a", "a1", "latest", "0b", "c")] == [2, 0, 0, 2, 2]
    said = capsys.readouterr()
    assert "not finished, it was killed; silent since " in said.out
    assert "not finished: interrupted by SIGINT; silent since " in said.out
    assert said.err.splitlines() == [
        "bulkload: 2 runs begin with a: a1, a2",
        f"bulkload: {tmp_path}/0b was written by another version of bulkload",
        f"bulkload: there is no run c in {tmp_path}: `bulkload runs` lists them",
    ]
    assert cli.run(["runs", *runs]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a2",
        "  2026-11-21 02:00 UTC  ✗ red, stopped",
        "a1",
        "  2026-11-20 02:00 UTC  unfinished",
        "0b",
        "  2026-11-19 02:00 UTC  unfinished",
    ]


# Trying it out.


def test_template_is_a_header_that_loads_and_never_overwrites(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "investors.csv"
    assert cli.run(["template", "investor-records", "-o", str(file)]) == 0
    assert cli.run(["template", "investor-records"]) == 0
    assert capsys.readouterr().out == file.read_text("utf-8")
    assert cli.run(["template", "investor-records", "-o", str(file)]) == 2
    assert cli.run(["template", "investor-records", "-o", str(file / "x")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"bulkload: {file} is there already: name a new file",
        f"bulkload: {file}/x cannot be written: Not a directory",
    ]
    assert (
        cli.run(
            ["load", "investor-records", str(file), "--dry-run", "--runs", str(tmp_path / "runs"), "--min-rows", "0"]
        )
        == 0
    )


def test_sample_writes_what_was_asked_for_and_says_where(tmp_path: Path, capsys: Capture) -> None:
    few = ["--investors", "20", "--accounts", "10", "--blocks", "10", "--orders", "30", "--no-bad-rows"]
    assert cli.run(["sample", str(tmp_path), *few, "--format", "parquet"]) == 0
    names = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert names == ["investors.parquet", "accounts.parquet", "orders.parquet"]
    assert cli.run(["sample", str(tmp_path), *few, "--client"]) == 0
    assert Path(capsys.readouterr().out.splitlines()[1]).name == "investor-records.yaml"
    assert cli.run(["sample", str(tmp_path), "--client", "--format", "parquet"]) == 2
    assert capsys.readouterr().err == "bulkload: a client's sample is CSV: leave --format out\n"


def test_the_sandbox_says_what_to_export_and_stops_cleanly_on_ctrl_c(good: Path, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "pipelines.cli.main", "sandbox", "--port", "0"]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        exports = dict(
            line.removeprefix("export ").strip().split("=", 1)
            for line in iter(process.stdout.readline, "Ctrl-C stops it.\n")
            if line.startswith("export ")
        )
        done = bulkload("load", "investor-records", good / "investors.csv", "--runs", tmp_path, env=exports)
        answer = requests.get(exports["FBN_LUSID_URL"], timeout=5)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stdout.read() == "The sandbox has stopped.\n"
        assert process.stderr.read() == ""
    assert (done.returncode, done.stderr) == (0, "")
    assert answer.status_code == 404


def test_quiet_says_nothing_where_all_is_well_and_the_outcome_where_it_is_not(
    tmp_path: Path, good: Path, capsys: Capture
) -> None:
    flags = ["--runs", str(tmp_path), "--target", "sandbox", "--quiet"]
    capsys.readouterr()
    assert cli.run(["load", "investor-records", str(good / "investors.csv"), *flags]) == 0
    assert capsys.readouterr() == ("", "")
    assert cli.run(["load", "investor-records", str(INVESTORS), *flags]) == 3
    shown = capsys.readouterr()
    assert (shown.out.splitlines()[0], shown.err) == (
        "! investor-records, amber: finished: 7 of 1,008 rows not accepted",
        "",
    )
