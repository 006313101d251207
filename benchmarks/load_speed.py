"""Speed and memory of whole loads, beside a bare script, a native engine and, on demand, the official SDK's loop.

Everything is measured in one run, each contender in a process of its own, against a server that only answers.
Contenders take turns and medians are compared, so that a busy machine slows all of them and not one.

    python benchmarks/load_speed.py [--rows N] [--repeats N] [--only WORDS] [--delay S] [--sdk] [--check] [--save]
"""

import argparse
import sys
from collections.abc import Sequence

from bars import (  # type: ignore[import-not-found]  # scripts beside this one
    ACCOUNTS,
    BARE,
    NATIVE,
    ORDERS,
    RECORDS,
    bars,
    shortfalls,
)
from course import HERE, Load, Measured, course  # type: ignore[import-not-found]

PAGE = HERE.parent / "docs" / "speed.md"
MARKS = ("<!-- measured: written by benchmarks/load_speed.py --save -->\n", "<!-- end -->\n")

SDK = "official SDK's loop"
SDK_ROWS = 5_000
"""The SDK's loop takes as long for each thousand as for the first: few rows tell its rate."""

_FEED = {"feed": "bench"}
LOADS = (
    *(
        Load(what, operation, f"{file}.{form}", workers)
        for what, operation, file in (
            (RECORDS, "investor-records", "investors"),
            (ACCOUNTS, "investment-accounts", "accounts"),
            (ORDERS, "orders", "orders"),
        )
        for form in ("csv", "parquet")
        for workers in (1, 2)
    ),
    *(Load(f"{RECORDS} on Dask", "investor-records", "investors.csv", n, {"engine": "dask"}) for n in (1, 2, 4)),
    Load(
        *("records of a feed, changed ones only", "investor-records", "changed.csv", 1),
        options={**_FEED, "date": "2026-11-03", "changed_only": True},
        before="investors.csv",
        options_before={**_FEED, "date": "2026-11-02"},
    ),
)
"""Our loads that are measured."""

DRY = [load for load in LOADS if load.file.endswith("csv") and not load.options]
"""Those that are measured as dry runs, too: preparing alone."""


def measure(rows: int, repeats: int, *, only: str = "", delay: float = 0.0, with_sdk: bool = False) -> list[Measured]:
    """Runs the contenders in turns.

    Args:
        rows: of each extract, about.
        repeats: turns.
        only: of our loads, those whose names begin with this.
        delay: seconds that an answer takes.
        with_sdk: whether the SDK's loop takes part, with at most `SDK_ROWS`.
    """
    with course(delay) as on:
        print(f"generating {rows:,} rows of each")
        extracts = on.extracts(rows)
        for _ in range(repeats):
            on.script(BARE, "bare_script.py", extracts / "investors.csv")
            on.script(NATIVE, "native_engine.py", extracts / "investors.csv")
            if with_sdk:
                sys.path.insert(0, str(HERE.parent / "tests" / "support"))
                from sdk_env import sdk_python  # only --sdk needs the tests' environments

                few = on.extracts(min(rows, SDK_ROWS)) / "investors.csv"
                on.script(SDK, "sdk_loop.py", few, sdk_python("2.1"))
            for load in LOADS:
                if load.name.startswith(only):
                    on.load(load, extracts)
                    if load in DRY:
                        on.dry_run(load, extracts)
        found: list[Measured] = on.results()
        return found


def table(results: Sequence[Measured]) -> str:
    """What was measured, as Markdown: each contender beside our load of records, then the bars."""
    ours = next((r for r in results if r.name == f"{RECORDS}, CSV, 2 workers"), next(r for r in results if r.stages))
    heads = [
        "rows",
        "rows/s",
        "beside ours",
        "CPU s per million",
        "prepare, send, account: s",
        "peak memory",
        "at once",
    ]
    lines = [f"| | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for r in results:
        peak = r.peak
        others = f" + {peak.others} x {peak.others_mb:,.0f}" if peak.others else ""
        stages = ", ".join(f"{seconds:.1f}" for seconds in r.stages.values())
        lines.append(
            f"| {r.name} | {r.rows:,} | {r.rate:,.0f} | {r.rate / ours.rate:.0%} | {r.cpu:.1f} | {stages} "
            f"| {peak.own_mb:,.0f}{others} MB | {peak.sum_mb:,.0f} MB |"
        )
    lines += ["", f"Ours is {ours.name}.", "", "| bar | wanted | measured |", "|---|---:|---:|"]
    lines += [f"| {bar.name} | {bar.wanted:.2f} | {bar.measured:.2f} |" for bar in bars(results)]
    return "\n".join([*lines, ""])


def save(text: str) -> None:
    """Puts the table into docs/speed.md, in place of the last one."""
    begin, end = MARKS
    head, rest = PAGE.read_text("utf-8").split(begin)
    PAGE.write_text(f"{head}{begin}{text}{end}{rest.split(end)[1]}", "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints the table, and answers 1 when `--check` finds too little speed or too much memory."""
    parser = argparse.ArgumentParser(description="Speed and memory of whole loads.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each extract, about (default 1,000,000)")
    parser.add_argument("--repeats", type=int, default=3, help="turns that each contender takes (default 3)")
    parser.add_argument("--only", default="", help='of our loads, those that begin so: "records, CSV"')
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that an answer takes (default 0)")
    parser.add_argument("--sdk", action="store_true", help="also the official SDK's loop, on fewer rows")
    parser.add_argument("--check", action="store_true", help="exit 1 when something is too slow or too large")
    parser.add_argument("--save", action="store_true", help="write the table into docs/speed.md")
    given = parser.parse_args(arguments)
    if not any(load.name.startswith(given.only) for load in LOADS):
        parser.error(f"--only: no load begins so; there are: {'; '.join(load.name for load in LOADS)}")
    results = measure(given.rows, given.repeats, only=given.only, delay=given.delay, with_sdk=given.sdk)
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
