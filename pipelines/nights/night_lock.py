"""One night of a folder into a target at a time: the lock, and who holds it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from connectors.run_folder.locks import LockedError, lock_path, locked
from connectors.targets import Target, lasts
from pipelines.history.catalog import past_runs
from schemas.errors import ConfigError
from schemas.manifest import moment
from schemas.same_load import Aspect, is_same, place_of
from schemas.states import Verdict

_NIGHT = "a night that began at "


@contextmanager
def night_lock(
    runs: Path, folder: Path, target: Target | None, wait: float, note: Callable[[str], None], kind: str = "night"
) -> Iterator[str | None]:
    """Keeps other nights of a folder into a target away while the block lasts.

    Yields when the night began that this one had to wait for, as an ISO 8601 text; None where there was none.

    Args:
        runs: where runs are kept.
        folder: the night's.
        target: the night's; a dry run (None) and a sandbox in memory need no lock.
        wait: seconds to wait for another night to end.
        note: receives a note if it waits.
        kind: `night`, or `backfill` for many, whose folder is a pattern.

    Raises:
        ConfigError: another night is under way; the message names its run.
    """
    if target is None or not lasts(target.url):
        yield None
        return
    path = lock_path(runs, kind, str(folder.resolve()), str(place_of(target.url)))
    with ExitStack() as lock:
        try:
            before = lock.enter_context(locked(path, f"{_NIGHT}{moment()}", wait, note))
        except LockedError as error:
            name = _working(runs, target, error.message.removeprefix(_NIGHT)) or error.message
            raise ConfigError(
                f"{folder}: {name} is loading this {kind} into {target.url}; --wait SECONDS waits for it"
            ) from None
        yield before and before.removeprefix(_NIGHT)


def _working(runs: Path, target: Target, since: str) -> str | None:
    """The run that the other night is working on, or else its last one."""
    load = {Aspect.TARGET: place_of(target.url)}
    known = [run for run in past_runs(runs) if run.manifest.started >= since and is_same(run.manifest, load)]
    known.sort(key=lambda run: run.verdict is not Verdict.UNFINISHED)
    return known[0].run_id if known else None
