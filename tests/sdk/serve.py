"""Run the other scripts in forks of one process that has imported the SDK: importing takes up to eleven seconds.

Runs inside an SDK's environment. stdin: one JSON object a line, {"script", "environ", "stdin", "stdout", "stderr"}: a
script's path, its environment, and the files it reads and writes. stdout: for each, a line with its exit code.
"""

import json
import os
import runpy
import sys
import traceback
from typing import Any

import models  # noqa: F401  # so that forks need not import it


def _carry_out(job: dict[str, Any]) -> int:
    """Become the script: its streams, its environment, its code."""
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, (name, flags) in enumerate((("stdin", os.O_RDONLY), ("stdout", write), ("stderr", write))):
        os.dup2(os.open(job[name], flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in enumerate(("r", "w", "w")))
    os.environ.clear()
    os.environ.update(job["environ"])
    try:
        runpy.run_path(job["script"], run_name="__main__")
    except SystemExit as ending:
        return int(bool(ending.code))
    except BaseException:  # noqa: BLE001  # as the interpreter does: whatever it is, it is told on stderr
        traceback.print_exc()
        return 1
    return 0


for line in sys.stdin:
    child = os.fork()
    if not child:
        code = _carry_out(json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
    sys.stdout.flush()
