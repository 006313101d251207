"""Speed and memory of a whole load, beside a bare script, a native engine and, on demand, the official SDK's loop.

Everything is measured in one run, each contender in a process of its own, against a server that only answers.
Contenders take turns and medians are compared, so that a busy machine slows all of them and not one.

    python benchmarks/load_speed.py [--rows N] [--repeats N] [--sdk] [--memory] [--check] [--save]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"
MARKS = ("<!-- measured: written by benchmarks/load_speed.py --save -->\n", "<!-- end -->\n")

LEAST_RATIO = 0.60
"""Rows/s of our load beside the bare script's: what `--check` demands."""
MOST_MB = 600
"""Resident memory of our load at its peak, whatever the rows: what `--check` demands."""

MEMORY_ROWS = 5_000_000
SDK_ROWS = 5_000
"""The SDK's loop takes as long for each thousand as for the first: few rows tell its rate."""
MOST_SECONDS = 1_800
"""Until one contender is given up."""

OURS, BARE, NATIVE, SDK = "whole load", "bare script", "native engine", "official SDK's loop"
ALONE = "whole load, --workers 1"


@dataclass(frozen=True)
class Measured:
    """One contender's runs: rows per second of each, their peak, our load's stages in seconds, and processor seconds.

    Attributes:
        cpu: seconds of processor time for a million rows, start-up and processes of its own included.
    """

    name: str
    rows: int
    rates: list[float]
    peak_mb: float
    stages: dict[str, float]
    cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Rows per second, the median of the runs."""
        return median(self.rates)


class Course:
    """What contenders run on: an extract, a server that only answers, and a folder for what they leave."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._found: dict[str, list[dict[str, Any]]] = {}

    def extract(self, rows: int) -> Path:
        """A generated CSV of so many investors."""
        made = self.folder / f"extract-{rows}"
        _run([sys.executable, HERE / "make_extract.py", made, rows])
        return made / "investors.csv"

    def bare(self, extract: Path) -> None:
        """Runs the bare script once."""
        self._measure(BARE, [sys.executable, HERE / "bare_script.py", self.url, extract])

    def native(self, extract: Path) -> None:
        """Runs the native engine once, with two threads."""
        self._measure(NATIVE, [sys.executable, HERE / "native_engine.py", self.url, extract])

    def ours(self, extract: Path, *, alone: bool = False) -> None:
        """Runs our load once, in a run folder that is thrown away; `alone` without further processes."""
        with tempfile.TemporaryDirectory(dir=self.folder) as runs:
            command = [sys.executable, HERE / "whole_load.py", self.url, extract, runs, *([1] if alone else [])]
            self._measure(ALONE if alone else OURS, command)

    def sdk(self, extract: Path) -> None:
        """Runs the SDK's loop once, in its own environment."""
        sys.path.insert(0, str(HERE.parent / "tests"))
        from sdk_env import sdk_python  # only --sdk needs the tests' environments

        self._measure(SDK, [sdk_python("2.1"), HERE / "sdk_loop.py", self.url, extract])

    def results(self) -> list[Measured]:
        """Every contender's runs so far."""
        return [_measured(name, runs) for name, runs in self._found.items()]

    def _measure(self, name: str, command: Sequence[object]) -> None:
        before = _cpu_of_children()
        found = json.loads(_run(command))
        found["cpu"] = 1e6 * (_cpu_of_children() - before) / found["rows"]
        self._found.setdefault(name, []).append(found)
        rate = found["rows"] / found["seconds"]
        print(f"  {name}: {found['rows']:,} rows, {rate:,.0f} rows/s, peak {found['peak_mb']:.0f} MB", flush=True)


def _measured(name: str, runs: list[dict[str, Any]]) -> Measured:
    rates = [run["rows"] / run["seconds"] for run in runs]
    names = runs[0].get("stages", ())
    stages = {stage: median(run["stages"][stage] for run in runs) for stage in names}
    cpu = median(run["cpu"] for run in runs)
    return Measured(name, runs[0]["rows"], rates, max(run["peak_mb"] for run in runs), stages, cpu)


def _cpu_of_children() -> float:
    """Seconds of processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def course() -> Iterator[Course]:
    """A server in a process of its own, and a folder; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bulkload-bench-") as folder:
        command = [sys.executable, str(HERE / "answer_server.py")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None  # noqa: S101  # it is piped
                yield Course(Path(folder), server.stdout.readline().strip())
            finally:
                server.terminate()


def _run(command: Sequence[object]) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FBN_") and not k.lower().endswith("_proxy")}
    done = subprocess.run(
        [str(word) for word in command],
        env={**environment, "FBN_ACCESS_TOKEN": "benchmark"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=MOST_SECONDS,
        check=True,
    )
    return done.stdout


def measure(rows: int, repeats: int, *, with_sdk: bool) -> list[Measured]:
    """Runs the contenders in turns.

    Args:
        rows: investors in the extract.
        repeats: turns.
        with_sdk: whether the SDK's loop takes part, with at most `SDK_ROWS`.
    """
    with course() as on:
        print(f"generating {rows:,} investors")
        extract = on.extract(rows)
        few = on.extract(min(rows, SDK_ROWS)) if with_sdk else None
        for _ in range(repeats):
            on.bare(extract)
            on.native(extract)
            on.ours(extract, alone=True)
            on.ours(extract)
            if few is not None:
                on.sdk(few)
        return on.results()


def measure_memory(rows: int) -> list[Measured]:
    """Runs our load alone, once."""
    with course() as on:
        print(f"generating {rows:,} investors")
        on.ours(on.extract(rows))
        return on.results()


def table(results: Sequence[Measured]) -> str:
    """What was measured, as a Markdown table; `ours / it` is our rate beside each."""
    ours = next(r for r in results if r.name == OURS)
    heads = ["", "rows", "rows/s", "ours / it", "CPU s per million", "peak memory"]
    lines = [f"| {' | '.join(heads)} |".replace("|  |", "| |"), f"|---|{'---:|' * 5}"]
    lines += [
        f"| {r.name} | {r.rows:,} | {r.rate:,.0f} | {_times(ours.rate / r.rate)} | {r.cpu:.1f} | {r.peak_mb:,.0f} MB |"
        for r in results
    ]
    parts = ", ".join(f"{name} {1e6 * seconds / ours.rows:.1f}" for name, seconds in ours.stages.items())
    return "\n".join([*lines, "", f"Where our time goes, in µs a row: {parts}.", ""])


def _times(ratio: float) -> str:
    return f"{ratio:.0%}" if ratio < 2 else f"{ratio:.0f} times"


def shortfalls(results: Sequence[Measured]) -> list[str]:
    """What `--check` refuses, one line each."""
    rates = {r.name: r.rate for r in results}
    ours = next(r for r in results if r.name == OURS)
    found = []
    if BARE in rates and (ratio := ours.rate / rates[BARE]) < LEAST_RATIO:
        found.append(f"our load runs at {ratio:.0%} of the bare script; at least {LEAST_RATIO:.0%} is wanted")
    if ours.peak_mb > MOST_MB:
        found.append(f"our load takes {ours.peak_mb:.0f} MB; at most {MOST_MB} MB are allowed")
    return found


def save(text: str) -> None:
    """Puts the table into docs/speed.md, in place of the last one."""
    begin, end = MARKS
    head, rest = PAGE.read_text("utf-8").split(begin)
    PAGE.write_text(f"{head}{begin}{text}{end}{rest.split(end)[1]}", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table, and answers 1 when `--check` finds too little speed or too much memory."""
    parser = argparse.ArgumentParser(description="Speed and memory of a whole load.")
    parser.add_argument(
        "--rows", type=int, help="investors in the extract (default 1,000,000; with --memory 5,000,000)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="turns that each contender takes (default 3)")
    parser.add_argument("--sdk", action="store_true", help="also the official SDK's loop, on fewer rows")
    parser.add_argument("--memory", action="store_true", help="our load alone, once, on many rows")
    parser.add_argument("--check", action="store_true", help="exit 1 when it is too slow or too large")
    parser.add_argument("--save", action="store_true", help="write the table into docs/speed.md")
    given = parser.parse_args(arguments)
    if given.memory:
        results = measure_memory(given.rows or MEMORY_ROWS)
    else:
        results = measure(given.rows or 1_000_000, given.repeats, with_sdk=given.sdk)
    text = table(results)
    print(f"\n{text}")
    if given.save:
        save(text)
    found = shortfalls(results) if given.check else []
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
