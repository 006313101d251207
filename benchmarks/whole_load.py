"""Our load, whole, measured from inside: `load()` as anyone would call it, with all its accounting.

python whole_load.py URL FILE RUNS      prints {"rows", "seconds", "peak_mb", "stages"}
"""

import json
import resource
import sys
import time

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
    started = time.perf_counter()
    report = load("investor-records", sys.argv[2], target=sys.argv[1], runs=sys.argv[3], progress=watch)
    ended = time.perf_counter()
    stages = {"read": watch.read_at - started, "send": watch.sent_at - watch.read_at, "account": ended - watch.sent_at}
    found = {
        "rows": report.rows_read,
        "accepted": sum(n for state, n in report.rows.items() if state == "accepted"),
        "seconds": ended - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "stages": stages,
    }
    print(json.dumps(found))
