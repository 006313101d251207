"""Taking up what a run did not get in: one process at a time decides which rows of it are still to be sent.

Owns the lock on a chain of replays, and when a replay that died looks again at what became of its rows meanwhile.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from pipelines.history.replay_check import check_rows
from pipelines.history.replay_rows import ReplayRows, failure_rows
from pipelines.operations.operation import Operation
from schemas.manifest import Manifest


@contextmanager
def rows_to_replay(path: Path, run: RunFolder, operation: Operation) -> Iterator[ReplayRows]:
    """The rows that a file of failures takes up of a run; nobody else may take them up while the block lasts.

    Raises:
        ConfigError: as `check_rows` raises it.
        RunFolderError: another process is working on the run.
    """
    with closing(Journal(_first(run).journal)):
        yield check_rows(failure_rows(path), path, run, operation)


@contextmanager
def rows_replayed(manifest: Manifest, folder: RunFolder, operation: Operation) -> Iterator[ReplayRows | None]:
    """The rows of a replay that goes on; None of a run that is no replay.

    One that had not begun has sent nothing, and others did not wait for it: what it takes up is asked anew.

    Raises:
        OSError, ValueError: what the replay kept cannot be read.
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
    """The run at the beginning of a chain of replays, as far as it is there."""
    before = run.read_manifest().replays
    earlier = RunFolder(run.path.parent / before) if before is not None else None
    return _first(earlier) if earlier is not None and earlier.manifest.exists() else run
