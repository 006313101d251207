"""What --changed-only saves: a feed is loaded whole, then with 0.5 % of its rows changed, beside each other.

    python benchmarks/changed_only.py [--rows N] [--delay SECONDS]

The server answers each call after a delay, as a LUSID some way off does; both loads have the default concurrency.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from answer_server import AnswerServer, answer_to  # type: ignore[import-not-found]  # a script beside this one

HERE = Path(__file__).parent
SHARE = 200
"""One row in so many changes."""


class Server(AnswerServer):  # type: ignore[misc]
    """A server that counts the records it is sent, and takes its time over each call."""

    def __init__(self, delay: float) -> None:
        super().__init__()
        self.delay, self.records, self._lock = delay, 0, threading.Lock()

    def answer(self, body: bytes) -> bytes:
        """The answer to a call, late."""
        time.sleep(self.delay)
        found: bytes = answer_to(body)
        with self._lock:
            self.records += found.count(b":{}") - 1
        return found


def changed(path: Path, to: Path) -> int:
    """Writes an extract of which one row in `SHARE` has another name; returns how many."""
    count = 0
    with path.open(newline="", encoding="utf-8") as given, to.open("w", newline="", encoding="utf-8") as made:
        rows = csv.reader(given)
        writer = csv.writer(made)
        header = next(rows)
        writer.writerow(header)
        place = header.index("display_name")
        for number, row in enumerate(rows):
            if number % SHARE == 0:
                row[place] += " (new)"
                count += 1
            writer.writerow(row)
    return count


def loaded(url: str, path: Path, runs: Path, date: str) -> dict[str, float]:
    """One load in a process of its own: seconds, MB, and rows by state."""
    code = (
        "import json,resource,sys,time\n"
        "from pipelines.load import load\n"
        "started,cpu=time.perf_counter(),time.process_time()\n"
        "r=load('investor-records',sys.argv[2],target=sys.argv[1],runs=sys.argv[3],feed='bench',date=sys.argv[4],"
        "changed_only=True)\n"
        "peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024\n"
        "print(json.dumps({'seconds':time.perf_counter()-started,'cpu':time.process_time()-cpu,'peak_mb':peak,'calls':r.requests,"
        "**{k.value:n for k,n in r.rows.items() if n}}))\n"
    )
    command = [sys.executable, "-c", code, url, str(path), str(runs), date]
    environment = {**os.environ, "FBN_ACCESS_TOKEN": "token"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--delay", type=float, default=0.1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Server(given.delay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = Path(folder)
        subprocess.run([sys.executable, HERE / "make_extract.py", place / "x", str(given.rows)], check=True)
        first = place / "x" / "investors.csv"
        count = changed(first, place / "second.csv")
        print(
            "| | rows | sent | calls | seconds | of them at work | peak memory |\n|---|---:|---:|---:|---:|---:|---:|"
        )
        for name, path, date in (
            ("whole", first, "2026-11-01"),
            (f"{count:,} changed", place / "second.csv", "2026-11-02"),
        ):
            before = server.records
            run = loaded(server.url, path, place / "runs", date)
            print(
                f"| {name} | {given.rows:,} | {server.records - before:,} | {run['calls']:,.0f} | {run['seconds']:.1f} "
                f"| {run['cpu']:.1f} | {run['peak_mb']:.0f} MB |",
                flush=True,
            )


if __name__ == "__main__":
    main()
