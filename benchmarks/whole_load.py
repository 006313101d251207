"""Our load, whole, measured from inside: `load()` as anyone would call it, with all its accounting.

python whole_load.py URL FILE RUNS [WORKERS]      prints {"rows", "seconds", "peak_mb", "stages"}

The peak is that of this process and, for each process that prepares rows, that of the largest: no sum was higher.
"""

import json
import resource
import sys
import time

from connectors.processes import cores
from pipelines.load import load
from pipelines.options import Progress


class _Stopwatch(Progress):
    """Notes when the last row was read and when the last request was settled."""

    def __init__(self) -> None:
        self.read_at = self.sent_at = 0.0

    def reading(self, rows: int) -> None:
        self.read_at = time.perf_counter()

    def sending(self, settled: int, total: int) -> None:
        self.sent_at = time.perf_counter()


if __name__ == "__main__":
    watch = _Stopwatch()
    _, url, file, runs, *told = sys.argv
    workers = int(told[0]) if told else None
    started = time.perf_counter()
    report = load("investor-records", file, target=url, runs=runs, progress=watch, workers=workers)
    ended = time.perf_counter()
    own, largest = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    stages = {"read": watch.read_at - started, "send": watch.sent_at - watch.read_at, "account": ended - watch.sent_at}
    found = {
        "rows": report.rows_read,
        "accepted": sum(n for state, n in report.rows.items() if state == "accepted"),
        "seconds": ended - started,
        "peak_mb": own + largest * (workers or cores()),
        "stages": stages,
    }
    print(json.dumps(found))
