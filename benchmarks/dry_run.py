"""Our command with `--dry-run`, as anyone would type it: all rows are read and prepared, none is sent.

    python dry_run.py OPERATION FILE RUNS WORKERS

Prints {"rows", "seconds"}. The seconds are those from when the load begins until its requests are prepared: what the
command needs to start, and to close the books, is not among them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

LOAD = "pipelines.load"
"""The module with the steps of a load."""
STEPS = FIRST, NEXT = "open_run", "look_ahead"
"""Its first step, and the one behind preparing."""
INSIDE = "--inside"


class Stopwatch(MetaPathFinder):
    """Says on stderr when steps of a load begin; the command itself imports their module, when it needs it."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Has the module with the steps watched as soon as it is imported; any other is found as ever."""
        if name != LOAD:
            return None
        sys.meta_path.remove(self)
        found = find_spec(name)
        assert found is not None  # noqa: S101  # it is ours
        assert found.loader is not None  # noqa: S101
        execute = found.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            for step in STEPS:
                setattr(module, step, _told(step, getattr(module, step)))

        found.loader.exec_module = exec_module  # type: ignore[method-assign]
        return found


def _told(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    def tell(*args: Any) -> Any:
        sys.stderr.write(f"{name} {time.monotonic()}\n")
        return step(*args)

    return tell


if __name__ == "__main__":
    if sys.argv[1] == INSIDE:
        import bulkload

        sys.argv[:2] = ["bulkload"]
        sys.meta_path.insert(0, Stopwatch())
        bulkload.main()
    _, operation, file, runs, workers = sys.argv
    words = ["load", operation, file, "--runs", runs, "--workers", workers, "--dry-run", "--json", "--quiet"]
    ended = subprocess.run([sys.executable, __file__, INSIDE, *words], capture_output=True, text=True, check=True)
    said = json.loads(ended.stdout)
    times = dict(line.split() for line in ended.stderr.splitlines() if line.startswith(STEPS))
    print(json.dumps({"rows": said["rows"]["read"], "seconds": float(times[NEXT]) - float(times[FIRST])}))
