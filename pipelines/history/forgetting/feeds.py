"""Takes a person's keys out of what feeds remember: hashes, which a guess could be tested with."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from connectors.run_folder.locks import LockedError, lock_path, locked
from pipelines.feeds.place import FOLDER, FeedPlace, hasher_of
from pipelines.feeds.state import FeedState
from pipelines.history.forgetting.person import Person
from schemas.errors import ConfigError

_COLUMNS = ("keys", "requests", "undated", "first_from", "dates", "gone")


def forget_in_feeds(runs: Path, person: Person, *, carry_out: bool) -> list[tuple[Path, int]]:
    """The states of feeds that hold keys of the person, and how many; they are taken out where that is asked for.

    Raises:
        ConfigError: a load of the feed is under way, or a state is damaged.
        RunFolderError: a state cannot be written.
    """
    return [*_forget(runs, person, carry_out=carry_out)] if (runs / FOLDER / "key").exists() else []


def _forget(runs: Path, person: Person, *, carry_out: bool) -> Iterator[tuple[Path, int]]:
    hashes = hasher_of(runs).all([text.encode() for text in person.words])
    for folder in sorted((runs / FOLDER).glob("*/*/")):
        place = FeedPlace.at(folder)
        if not place.state.exists():
            continue
        try:
            with locked(lock_path(runs, "feed", *place.about), "bulkload forget"):
                state = FeedState.read(place.state)
                stays = ~np.isin(state.keys, hashes)
                count = len(state) - int(stays.sum())
                if count and carry_out:
                    replace(state, **{name: getattr(state, name)[stays] for name in _COLUMNS}).write(place.state)
        except LockedError as error:
            raise ConfigError(f"feed {place.feed}: {error.message} is loading it; wait until it has ended") from None
        if count:
            yield place.state, count
