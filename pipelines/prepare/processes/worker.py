"""The process that prepares a portion for another one; see `workers`, which starts it."""

import gc
import os
import pickle
import sys
import time
from contextlib import ExitStack

import pyarrow as pa

from connectors.processes import say
from pipelines.prepare.completeness import Gate
from pipelines.prepare.portion import Portion, PortionFiles
from pipelines.prepare.processes.outcome_files import write_outcome
from pipelines.prepare.processes.workers import Outcome, Task
from schemas.expectations import Expectations
from schemas.rows.binding import Binding

_SECONDS_BETWEEN = 0.05
"""How often this process says how far it is; to hear it costs the other process time."""


def main() -> None:
    """Prepares the portion that is named on standard input."""
    gc.disable()  # its scans would cost more than the work itself; this process ends soon
    pa.set_memory_pool(pa.system_memory_pool())  # as in `pipelines.loading.collector`
    task: Task = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started this one
    with os.fdopen(task.files[-1], "wb") as file:
        try:
            outcome = prepared(task)
        except MemoryError:
            raise  # this process dies of it, and another one may have more luck
        except Exception as error:  # noqa: BLE001  # whatever it is, the other process says it
            outcome = Outcome(error)
        write_outcome(outcome, file)
    os._exit(0)  # all is written; to take Python down in good order would take a tenth of a second


def prepared(task: Task) -> Outcome:
    """Prepares a portion; its entries, keys and notes are in the task's files.

    Raises:
        ExtractError, RunFolderError: as `reading.prepare` raises them.
        MisalignedError: a shard does not end where a record does.
    """
    extract, rules, given = task.extract, task.rules, task.workers
    operation = rules.operation
    shape = operation.rows(strict=given.strict)
    binding = Binding(extract.columns, shape, rules.dialect, operation.key, given.mapping, extract.kinds, given.null)
    *scratch, _ = task.files
    with ExitStack() as files, extract:
        opened = PortionFiles(*(files.enter_context(os.fdopen(each, "w+b", buffering=1 << 20)) for each in scratch))
        portion = Portion(extract, binding, rules, opened, files)
        gate, found, said = Gate(Expectations(), extract), [], 0.0
        for shard in task.shards:
            batches = extract.shard(shard, binding.used_columns)
            for batch in batches if shard.end else gate.through(batches):
                portion.take(batch)
                if time.monotonic() >= said + _SECONDS_BETWEEN:
                    say(len(portion.book), portion.refused)
                    said = time.monotonic()
            found.append((shard.begin.source, extract.found_in(shard)))
        say(len(portion.book), portion.refused)
        return Outcome(None, portion.keep(), found, gate.trailers)


if __name__ == "__main__":
    main()
