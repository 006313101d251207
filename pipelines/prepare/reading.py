"""The first half of a load: every row is read, validated and keyed, every request written down. Nothing is sent.

Nothing here knows HTTP. A large extract is cut into portions, which several processes prepare side by side.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from connectors.extracts.extract import Extract
from connectors.run_folder.private_files import open_private
from pipelines.prepare.completeness import Gate
from pipelines.prepare.finishing import Prepared, Requests, finished
from pipelines.prepare.portion import Portion, PortionFiles, Rules
from pipelines.prepare.processes.apart import prepare_apart
from pipelines.prepare.processes.early import stop_waiting
from pipelines.prepare.processes.workers import Workers
from schemas.rows.binding import Binding

__all__ = ["Prepared", "Requests", "Rules", "Workers", "prepare"]


def prepare(
    extract: Extract,
    binding: Binding,
    rules: Rules,
    folder: Path,
    progress: Callable[[int, int], None] = lambda _read, _refused: None,
    workers: Workers | None = None,
) -> Prepared:
    """Reads and validates a whole extract.

    Args:
        extract: read once, streamed.
        binding: the extract's header bound to the operation.
        rules: how rows become requests.
        folder: where the scratch files go; at most the size of the requests.
        progress: told the rows read so far, and how many of them cannot be sent; repeats are known at the end only.
        workers: the processes that may share the work; by default this one does it.

    Raises:
        ExtractError: the extract cannot be read on, changed while it was read, or is not complete.
        RunFolderError: the scratch files cannot be written.
    """
    with ExitStack() as files:
        gate = Gate(rules.expect, extract, binding.amount_reader)
        portion = Portion(extract, binding, rules, _place(folder, workers, files), files, gate.columns)
        is_done = workers is not None and not gate.columns and prepare_apart(portion, folder, gate, workers, progress)
        stop_waiting()  # they would take memory for as long as it takes to send all
        if not is_done:
            for batch in gate.through(extract.batches(gate.columns.union(binding.used_columns))):
                portion.take(batch)
                progress(len(portion.book), portion.refused)
            portion.finish()
        extract.check_unchanged()
        gate.check()
        prepared = finished(portion, extract.records - gate.trailers)
        files.pop_all()
    return prepared


def _place(folder: Path, workers: Workers | None, files: ExitStack) -> Path | PortionFiles:
    """Where this process's own scratch files go."""
    if workers is None or workers.crew is None or not workers.crew.shares_files:
        return folder
    names = [folder.absolute() / f"{name}.tmp" for name in PortionFiles._fields]
    return PortionFiles(*(files.enter_context(open_private(name, named=True)) for name in names))
