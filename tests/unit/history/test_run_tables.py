"""Files of earlier runs as tables: any name is a name, nothing else is reached, and what does not fit is said."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.run_folder.folder import RunFolder
from pipelines.history.run_tables import run_tables, view
from schemas.errors import ConfigError, RunFolderError

ROOT = Path(__file__).parents[3]
NAMES = [
    "it's",
    'say "x"',
    "**",
    "a*",
    "a?b",
    "[ab]",
    "[!a]",
    "[",
    "{a,b}",
    "source=1",
    "back\\slash",
    "; DROP TABLE x; --",
    "$1 ? :x",
    "Straße 日本 é",
    "line\nend",
    "~",
    "s3:",
]


def run(path: Path, mark: str = "mine") -> RunFolder:
    path.mkdir(parents=True)
    folder = RunFolder(path)
    pq.write_table(pa.table({"source": [mark]}), folder.outcomes)
    return folder


def marks(folder: RunFolder, path: Path | None = None) -> list[Any]:
    with run_tables(folder) as sql, view(sql, "outcomes", path or folder.outcomes):
        return sql.execute("SELECT * FROM outcomes").fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_that_file_alone(tmp_path: Path, name: str) -> None:
    for other in ("a", "ab", "a1b", "b"):
        run(tmp_path / "runs" / other / "run", "another's")
    assert marks(run(tmp_path / "runs" / name / "run")) == [("mine", 0)]
    assert marks(run(tmp_path / name / "runs" / "run")) == [("mine", 0)]


@pytest.mark.parametrize("name", ["runs/run", "./runs/run", "runs/../runs/run", "other/../runs/run", "link/run"])
def test_a_run_is_read_by_whatever_path_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run(tmp_path / "runs" / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("runs")
    (tmp_path / "runs" / "moved").symlink_to("run")
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(Path(name))
    assert marks(folder) == [("mine", 0)]
    assert marks(RunFolder(folder.path.with_name("moved"))) == [("mine", 0)]


@pytest.mark.parametrize("place", ["elsewhere.parquet", "runs/../elsewhere.parquet", "runs-too/elsewhere.parquet"])
def test_nothing_beside_the_runs_is_read(tmp_path: Path, place: str) -> None:
    folder = run(tmp_path / "runs" / "run")
    outside = tmp_path / place
    outside.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"x": [1]}), outside)
    with run_tables(folder) as sql, pytest.raises(duckdb.PermissionException):
        sql.read_parquet(str(outside))


@pytest.mark.parametrize(
    "statement",
    [
        "FROM 'https://example.com/x.parquet'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SET enable_external_access = true",
        "SET temp_directory = '/tmp'",
    ],
)
def test_neither_the_network_nor_an_extension_nor_another_place_is_reached(tmp_path: Path, statement: str) -> None:
    with (
        run_tables(run(tmp_path / "runs" / "run")) as sql,
        pytest.raises(duckdb.Error, match=r"disabled|Cannot enable"),
    ):
        sql.execute(statement)


def test_memory_and_threads_are_bounded_and_what_does_not_fit_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    folder = run(tmp_path / "runs" / "run")
    with run_tables(folder) as sql:
        settings = "SELECT current_setting('memory_limit'), current_setting('threads')"
        assert sql.execute(settings).fetchall() == [("244.1 MiB", 2)]
        sql.execute("SET memory_limit = '20MB'")
        sql.execute("CREATE TABLE big AS SELECT hash(range) || 'some text' AS x FROM range(1000000)")
        assert sql.execute("SELECT count(*), max(length(x)) FROM big").fetchall() == [(1_000_000, 29)]
        (private,) = set(folder.path.iterdir()) - {folder.outcomes}
        assert any(private.iterdir())
        assert private.stat().st_mode & 0o077 == 0
    assert list(folder.path.iterdir()) == [folder.outcomes]


def test_what_fits_neither_into_memory_nor_on_the_disk_is_one_line_and_no_damage(tmp_path: Path) -> None:
    folder = run(tmp_path / "runs" / "run")
    with pytest.raises(RunFolderError) as caught, run_tables(folder) as sql, view(sql, "outcomes", folder.outcomes):
        sql.execute(
            "SET memory_limit = '20MB'; SET max_temp_directory_size = '1MB';"
            "CREATE TABLE big AS SELECT hash(range) || 'some text' AS x FROM range(2000000)"
        )
    said = f"{folder.path}: rows cannot be compared with this run: Out of Memory Error: "
    assert caught.value.message.startswith(said)
    assert "\n" not in caught.value.message
    assert list(folder.path.iterdir()) == [folder.outcomes]


def test_a_run_that_is_gone_is_one_line(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "run")
    with pytest.raises(RunFolderError) as caught, run_tables(folder):
        pass
    said = f"{folder.path}: rows cannot be compared with this run: No such file or directory"
    assert caught.value.message == said


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "text", "column"])
def test_a_file_that_is_gone_or_damaged_is_named(tmp_path: Path, damage: str) -> None:
    folder = run(tmp_path / "runs" / "run")
    table = pa.table({"source": ["x" * 99, "ü" * 99]})
    pq.write_table(table, folder.outcomes, compression="none", use_dictionary=False)
    if damage == "gone":
        folder.outcomes.unlink()
    elif damage == "column":
        pq.write_table(table.rename_columns(["another"]), folder.outcomes)
    else:
        data = folder.outcomes.read_bytes()
        left = {"empty": b"", "cut": data[:100], "text": data.replace("ü".encode(), b"\xc3\x28")}
        folder.outcomes.write_bytes(left[damage])
    with (
        pytest.raises(ConfigError) as caught,
        run_tables(folder) as sql,
        view(sql, "outcomes", folder.outcomes),
    ):
        sql.execute("SELECT source FROM outcomes").fetchall()
    assert caught.value.message == (
        f"{folder.outcomes} is missing or damaged, so it is not known which rows LUSID has; "
        "load them with `bulkload load`"
    )


def ask_for_ever(folder: RunFolder) -> None:
    with run_tables(folder) as sql:
        while True:
            sql.execute("SELECT sum(hash(range)) FROM range(1000000)")


def test_an_interrupt_ends_a_query_as_an_interrupt(tmp_path: Path) -> None:
    """duckdb makes a RuntimeError of whatever the signal's handler raises, which would read as a defect of ours."""
    folder = run(tmp_path / "runs" / "run")
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            ask_for_ever(folder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert list(folder.path.iterdir()) == [folder.outcomes]


def test_a_defect_in_the_block_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a defect"), run_tables(run(tmp_path / "runs" / "run")):
        raise RuntimeError("a defect")


def test_a_load_imports_no_duckdb(tmp_path: Path) -> None:
    program = (
        "import sys; from pipelines.load import load; import pipelines.resume, pipelines.replay; "
        "load('investor-records', sys.argv[1], runs=sys.argv[2], dry_run=True); sys.exit('duckdb' in sys.modules)"
    )
    extract = ROOT / "tests" / "samples" / "investor-records" / "full.csv"
    given = [sys.executable, "-c", program, str(extract), str(tmp_path / "runs")]
    done = subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")
