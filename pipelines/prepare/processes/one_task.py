"""Prepares one portion of an extract, in whichever process."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack

from pipelines.prepare.completeness import Gate
from pipelines.prepare.portion import Portion, PortionFiles
from pipelines.prepare.processes.workers import Outcome, Progress, Task
from schemas.expectations import Expectations
from schemas.rows.binding import Binding

_SECONDS_BETWEEN = 0.05
"""How often it is said how far this is; to hear it costs time."""


def prepared(task: Task, scratch: Sequence[int], progress: Progress) -> Outcome:
    """Prepares a portion.

    Args:
        task: what is prepared; its extract is closed then.
        scratch: descriptors of the `PortionFiles` that it fills, which are closed then.
        progress: see `reading.prepare`, of the portion.

    Raises:
        ExtractError, RunFolderError: as `reading.prepare` raises them.
        MisalignedError: a shard does not end where a record does.
    """
    extract, rules, given = task.extract, task.rules, task.workers
    operation = rules.operation
    shape = operation.rows(strict=given.strict)
    binding = Binding(extract.columns, shape, rules.dialect, operation.key, given.mapping, extract.kinds, given.null)
    with ExitStack() as files, extract:
        opened = PortionFiles(*(files.enter_context(os.fdopen(each, "w+b", buffering=1 << 20)) for each in scratch))
        portion = Portion(extract, binding, rules, opened, files)
        gate, found, said = Gate(Expectations(), extract), [], 0.0
        for shard in task.shards:
            batches = extract.shard(shard, binding.used_columns)
            for batch in batches if shard.end else gate.through(batches):
                portion.take(batch)
                if time.monotonic() >= said + _SECONDS_BETWEEN:
                    progress(len(portion.book), portion.refused)
                    said = time.monotonic()
            found.append((shard.begin.source, extract.found_in(shard)))
        progress(len(portion.book), portion.refused)
        return Outcome(None, portion.keep(), found, gate.trailers)
