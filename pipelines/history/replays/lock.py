"""Locks a chain of replays: one process at a time decides which rows of a run are still to be sent.

Also decides when a replay that died checks its rows again before it is resumed.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from pipelines.history.replays.check import check_rows
from pipelines.history.replays.lineage import earlier_run
from pipelines.history.replays.rows import ReplayRows, failure_rows
from pipelines.operations.operation import Operation
from schemas.manifest import Manifest


@contextmanager
def rows_to_replay(path: Path, run: RunFolder, operation: Operation) -> Iterator[ReplayRows]:
    """The rows of a run that a failures file replays; no other process may replay them while the block lasts.

    Args:
        path: the file.
        run: the run that the file comes from.
        operation: what the run loaded.

    Raises:
        ConfigError: as `check_rows` raises it.
        RunFolderError: another process is working on the run.
    """
    with closing(Journal(_first(run).journal)):
        yield check_rows(failure_rows(path), path, run, operation)


@contextmanager
def rows_of_resumed_replay(manifest: Manifest, folder: RunFolder, operation: Operation) -> Iterator[ReplayRows | None]:
    """The rows of a replay that is resumed; None for a run that is no replay.

    A replay that had not begun has sent nothing, and others did not wait for it, so its rows are checked again.

    Args:
        manifest: the replay's.
        folder: the replay's.
        operation: what the replay loads.

    Raises:
        OSError, ValueError: what the replay kept in its folder cannot be read.
    """
    if manifest.replays is None:
        yield None
        return
    run = RunFolder(folder.path.parent / manifest.replays)
    if manifest.begun:
        yield ReplayRows.read(run, folder.taken)
        return
    (file,) = manifest.extracts
    with rows_to_replay(Path(file.path), run, operation) as replayed:
        yield replayed


def _first(run: RunFolder) -> RunFolder:
    """The first run of a chain of replays, as far back as runs are still there."""
    earlier = earlier_run(run)
    return _first(earlier) if earlier is not None else run
