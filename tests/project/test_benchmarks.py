"""The benchmark works and says what it found; its figures are for quiet machines, not for tests."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load_speed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("load_speed")


def contender(load_speed: Any, name: str, rates: list[float], peak_mb: float) -> Any:
    return load_speed.Measured(name, 1000, rates, peak_mb, {"read": 0.016, "send": 0.004})


def test_a_tiny_run_loads_every_row_with_each_contender() -> None:
    command = [sys.executable, str(BENCHMARKS / "load_speed.py"), "--rows", "300", "--repeats", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    rows = [line.split("|")[1:3] for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["", "rows"],
        ["bare script", "300"],
        ["whole load", "300"],
    ]


def test_the_table_compares_medians(load_speed: Any) -> None:
    results = [
        contender(load_speed, "bare script", [100_000, 90_000, 10_000], 47.2),
        contender(load_speed, "whole load", [45_000, 1_000, 46_000], 180.6),
        contender(load_speed, "official SDK's loop", [2_000], 211.9),
    ]
    assert load_speed.table(results) == (
        "| | rows | rows/s | ours / it | peak memory |\n"
        "|---|---:|---:|---:|---:|\n"
        "| bare script | 1,000 | 90,000 | 50% | 47 MB |\n"
        "| whole load | 1,000 | 45,000 | 100% | 181 MB |\n"
        "| official SDK's loop | 1,000 | 2,000 | 22 times | 212 MB |\n"
        "\n"
        "Where our time goes, in µs a row: read 16.0, send 4.0.\n"
    )


def test_a_load_that_is_slow_or_large_falls_short(load_speed: Any) -> None:
    bare = contender(load_speed, "bare script", [100_000], 47)
    assert load_speed.shortfalls([bare, contender(load_speed, "whole load", [60_000], 600)]) == []
    assert load_speed.shortfalls([bare, contender(load_speed, "whole load", [59_000], 601)]) == [
        "our load runs at 59% of the bare script; at least 60% is wanted",
        "our load takes 601 MB; at most 600 MB are allowed",
    ]


def test_the_server_answers_the_keys_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    answer_to = importlib.import_module("answer_server").answer_to
    record = {"identifiers": {"A/B/C": {"key": "A/B/C"}}, "displayName": "O'Hara"}
    compact = orjson.dumps({"IR_1": record, "IR 2": record})
    spaced = b'{"IR_1": {"identifiers": {}}, "IR 2": {}}'
    for body in (compact, spaced):
        assert orjson.loads(answer_to(body)) == {"values": {"IR_1": {}, "IR 2": {}}, "failed": {}}
