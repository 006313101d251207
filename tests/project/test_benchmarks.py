"""The benchmark works and says what it found; its figures are for quiet machines, not for tests."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from pipelines.sample.write import write_sample

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module(name)


@pytest.fixture
def load_speed(monkeypatch: pytest.MonkeyPatch) -> Any:
    return script("load_speed", monkeypatch)


def contender(
    load_speed: Any, name: str, rates: list[float], *peak: float, workers: int = 0, prepare: float = 0.0
) -> Any:
    stages = {"prepare": prepare, "send": 0.4} if prepare else {}
    peak_of = importlib.import_module("memory").Peak
    return load_speed.Measured(name, 1000, rates, 17.25, peak_of(*peak), workers, stages)


@pytest.mark.parametrize(
    ("only", "loads"),
    [
        (
            "orders, CSV",
            [f"orders, CSV, {n}{dry}" for n in ("1 worker", "2 workers") for dry in ("", ", dry run")],
        ),
        ("records of a feed", ["records of a feed, changed ones only, CSV, 1 worker"]),
        ("records on Dask, CSV, 1", ["records on Dask, CSV, 1 worker"]),
    ],
)
def test_a_tiny_run_loads_every_row_with_each_contender(only: str, loads: list[str]) -> None:
    command = [sys.executable, str(BENCHMARKS / "load_speed.py"), "--rows", "300", "--repeats", "1", "--only", only]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    table = done.stdout.partition("\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table.splitlines()]
    assert [name for name, _ in rows] == ["", "---", "bare script", "native engine", *loads]
    assert all(int(count) in range(290, 311) for _, count in rows[2:])


def test_the_native_engine_sends_what_the_bare_script_sends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_sample(tmp_path, investors=300, accounts=10, blocks=4, orders=8, bad_rows=False)
    extract = tmp_path / "investors.csv"
    native, bare = script("native_engine", monkeypatch), script("bare_script", monkeypatch)
    found: dict[str, Any] = {}
    for members, passes in duckdb.execute(native.query(extract)).fetchall():
        assert passes
        found |= orjson.loads(f"{{{members}}}")
    with extract.open(encoding="utf-8", newline="") as file:
        rows = {row[bare.EXTERNAL_CELL]: row for row in csv.DictReader(file)}
    assert found == orjson.loads(orjson.dumps({key: bare.request_of(row) for key, row in rows.items()}))


def test_the_table_compares_medians(load_speed: Any) -> None:
    results = [
        contender(load_speed, "bare script", [100_000, 90_000, 10_000], 47.2, 0, 0, 46.4),
        contender(load_speed, "records, CSV, 1 worker", [40_000], 180.6, 0, 0, 180, prepare=1.7),
        contender(load_speed, "records, CSV, 2 workers", [45_000, 1_000, 46_000], 240, 170, 2, 511, prepare=1.0),
        contender(load_speed, "records, CSV, 1 worker, dry run", [50_000], 180.6, 0, 0, 180),
        contender(load_speed, "records, CSV, 2 workers, dry run", [85_000], 240, 170, 2, 511),
    ]
    assert load_speed.table(results) == (
        "| | rows | rows/s | beside ours | CPU s per million | prepare, send, account: s | peak memory | at once |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|\n"
        "| bare script | 1,000 | 90,000 | 200% | 17.2 |  | 47 MB | 46 MB |\n"
        "| records, CSV, 1 worker | 1,000 | 40,000 | 89% | 17.2 | 1.7, 0.4 | 181 MB | 180 MB |\n"
        "| records, CSV, 2 workers | 1,000 | 45,000 | 100% | 17.2 | 1.0, 0.4 | 240 + 2 x 170 MB | 511 MB |\n"
        "| records, CSV, 1 worker, dry run | 1,000 | 50,000 | 111% | 17.2 |  | 181 MB | 180 MB |\n"
        "| records, CSV, 2 workers, dry run | 1,000 | 85,000 | 189% | 17.2 |  | 240 + 2 x 170 MB | 511 MB |\n"
        "\n"
        "Ours is records, CSV, 2 workers.\n"
        "\n"
        "| bar | wanted | measured |\n"
        "|---|---:|---:|\n"
        "| records beside the bare script | 0.60 | 0.50 |\n"
        "| records, prepared by two beside one | 1.70 | 1.70 |\n"
    )


def test_a_load_that_is_surely_slow_or_large_falls_short(load_speed: Any) -> None:
    def found(accounts: float, at_once: float) -> list[str]:
        records = contender(
            load_speed, "records, CSV, 2 workers", [100_000], 600, 250, 2, at_once, workers=2, prepare=1.0
        )
        others = contender(
            load_speed, "accounts, CSV, 2 workers", [accounts], 600, 250, 2, 1_100, workers=2, prepare=1.0
        )
        lines: list[str] = load_speed.shortfalls([records, others])
        return lines

    assert found(43_000, 1_100) == []
    assert found(41_000, 1_101) == [
        "accounts beside records, CSV: 0.41; 0.60 is wanted, less than 0.42 refused",
        "records, CSV, 2 workers: 1,101 MB; at most 1,100 MB are allowed",
    ]


def test_the_memory_of_all_processes_is_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first takes 64 MB and gives them back, before it starts another that takes as much."""
    taking = "a = bytearray(64 << 20); time.sleep(0.4)"
    again = f"subprocess.run([sys.executable, '-c', 'import time; {taking}'])"
    command = [sys.executable, "-c", f"import subprocess, sys, time; {taking}; del a; {again}; print('done')"]
    said, peak = script("memory", monkeypatch).run_watched(command, {}, 60)
    assert (said, peak.others) == ("done\n", 1)
    assert min(peak.own_mb, peak.others_mb) > 64
    assert 64 < peak.sum_mb < 128


def test_the_server_answers_the_keys_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    answer_to = script("answer_server", monkeypatch).answer_to
    record = {"identifiers": {"A/B/C": {"key": "A/B/C"}}, "displayName": "O'Hara"}
    compact = orjson.dumps({"IR_1": record, "IR 2": record})
    spaced = b'{"IR_1": {"identifiers": {}}, "IR 2": {}}'
    for body in (compact, spaced):
        assert orjson.loads(answer_to(body)) == {"values": {"IR_1": {}, "IR 2": {}}, "failed": {}}
    ids = [{"scope": "S", "code": code} for code in ("B1", "B 2")]
    blocks = orjson.dumps({"requests": [{"blockId": each, "orders": [{"id": each}]} for each in ids]})
    assert orjson.loads(answer_to(blocks)) == {"values": [{"block": {"id": each}} for each in ids]}
