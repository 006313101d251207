"""Our load, whole, measured from inside: `load()` as anyone would call it, with all its accounting.

    python whole_load.py OPERATION FILE OPTIONS      OPTIONS of `load`, as a JSON object

Prints {"rows", "accepted", "seconds", "stages"}. The stages are the seconds until the first call is settled, until all
are, and until the books are closed.
"""

import json
import sys
import time

from pipelines.load import load
from pipelines.options import Progress


class _Stopwatch(Progress):
    """Notes when the first requests were settled, and when the last ones."""

    def __init__(self) -> None:
        self.first_at = self.last_at = 0.0

    def sending(self, settled: int, total: int) -> None:
        self.last_at = time.perf_counter()
        self.first_at = self.first_at or self.last_at


if __name__ == "__main__":
    watch = _Stopwatch()
    _, operation, file, options = sys.argv
    started = time.perf_counter()
    report = load(operation, file, progress=watch, **json.loads(options))
    ended = time.perf_counter()
    found = {
        "rows": report.rows_read,
        "accepted": sum(n for state, n in report.rows.items() if state in ("accepted", "unchanged")),
        "seconds": ended - started,
        "stages": {
            "prepare": watch.first_at - started,
            "send": watch.last_at - watch.first_at,
            "account": ended - watch.last_at,
        },
    }
    print(json.dumps(found))
