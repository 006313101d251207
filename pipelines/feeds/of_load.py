"""The feed that a load's options name: whether there is one, what may be left out, and which keys have gone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from connectors.run_folder.folder import RunFolder
from connectors.targets import lasts
from pipelines.feeds.decision import Decision, Wanted
from pipelines.feeds.feed import Feed, FeedLoad, foreseen, held_feed
from pipelines.feeds.place import HASH, FeedPlace
from pipelines.feeds.state import FeedState, latest_of
from pipelines.operations.operation import Operation
from pipelines.options import Options
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.option_types import business_dates
from schemas.same_load import place_of


def check_feed(operation: Operation, options: Options) -> None:
    """Raises ConfigError for options that need a feed, or an operation that feeds remember, and have none."""
    if not options.changed_only:
        return
    if not operation.remembered:
        raise ConfigError(f"{operation.name} has no --changed-only: what is sent twice is done twice, or refused")
    if options.feed is None:
        raise ConfigError("--changed-only needs --feed NAME: without one nothing is remembered")


@contextmanager
def feed_of(
    operation: Operation, options: Options, target: str | None, run_id: str, note: Callable[[str], None]
) -> Iterator[Feed | None]:
    """Holds the feed of a load while the block lasts; None where the load has none.

    A dry run has none, and neither has a load into a sandbox in memory, of which nothing is left to remember.

    Args:
        operation, options: of the load.
        target: its URL; None in a dry run.
        run_id: its run, named to whoever waits.
        note: told that this waits.

    Raises:
        ConfigError: another load of the feed is under way, its files are damaged, or there is nothing to remember.
        RunFolderError: its files cannot be written.
    """
    if target is None or options.feed is None:
        yield None
        return
    if not lasts(target):
        if options.changed_only:
            raise ConfigError("--changed-only: a sandbox in memory is empty at each start; use --target sandbox:FILE")
        yield None
        return
    place = _place(operation, options, options.feed, target)
    with held_feed(place, run_id, options.wait, note) as feed:
        yield feed if operation.remembered else None


def wanted_of(options: Options, day: date, state: FeedState) -> Wanted:
    """What of a load may be left out, by its options and by how old the feed's last full load is."""
    is_full = options.full or (options.full_every is not None and _is_due(options.full_every, day, state))
    return Wanted(day, changed_only=options.changed_only and not is_full, even_if_newer=options.even_if_newer)


def loaded_until(operation: Operation, options: Options, target: str | None) -> date | None:
    """The latest business date that the feed of a load has loaded whole; None where there is none.

    Args:
        operation, options: of the load.
        target: its URL; None in a dry run.

    Raises:
        ConfigError: the feed's state is damaged.
    """
    if target is None or options.feed is None or not operation.remembered or not lasts(target):
        return None
    return latest_of(_place(operation, options, options.feed, target).state)


def foreseen_by_feed(
    operation: Operation, options: Options, target: str, prepared: Prepared, day: date
) -> Decision | None:
    """What the feed of a load would decide of it, nothing being written; None where the load has no feed.

    Args:
        operation, options: of the load.
        target: its URL.
        prepared: its requests.
        day: its business date.

    Raises:
        ConfigError: the feed's files are damaged.
    """
    if options.feed is None or not operation.remembered:
        return None
    nothing = np.zeros(0, np.int64)
    place = _place(operation, options, options.feed, target)
    wanted = Wanted(day, even_if_newer=options.even_if_newer)
    found = foreseen(place, prepared, wanted) if lasts(target) else None
    return found or Decision(nothing, {}, np.zeros(len(prepared), bool), nothing)


def _place(operation: Operation, options: Options, feed: str, target: str) -> FeedPlace:
    return FeedPlace.of(options.runs, feed, operation.name, options.dialect, str(place_of(target)))


def _is_due(every: str, day: date, state: FeedState) -> bool:
    last = state.about.get("full")
    return last is None or (day - date.fromisoformat(last)).days >= business_dates.days(every)


def vanished_keys(load: FeedLoad, runs: Path) -> list[str] | None:
    """The keys that were in the last extract and are not in this one; None where the last run is gone, or unreadable.

    The feed has hashes alone: the names are those of the last run's outcomes.
    """
    state = load.feed.state
    gone = state.keys[load.decision.vanished]
    if not len(gone):
        return []
    outcomes = RunFolder(runs / state.about.get("run", "")).outcomes
    try:
        named = pq.read_table(outcomes, columns=["key"])["key"].unique().drop_null().to_pylist()
    except (OSError, ValueError):
        return None
    hashes = load.feed.hasher.all(key.encode() for key in named) if named else np.zeros(0, HASH)
    return [named[place] for place in np.flatnonzero(np.isin(hashes, gone)).tolist()]
