"""Feeds that are not loaded any more are removed with the runs of their time."""

import os
import time
from pathlib import Path

from connectors.run_folder.locks import lock_path, locked
from pipelines.feeds.place import FeedPlace, hasher_of
from pipelines.history.retention import purge


def a_feed(runs: Path, name: str, days: float) -> FeedPlace:
    place = FeedPlace.of(runs, name, "investor-records", "2.1", "https://x/api")
    place.make()
    hasher_of(runs)
    place.state.write_bytes(b"")
    os.utime(place.state, (time.time() - days * 86_400,) * 2)
    return place


def test_a_feed_goes_when_it_was_not_loaded_for_so_long_and_the_key_with_the_last(tmp_path: Path) -> None:
    old, young = a_feed(tmp_path, "old", 91), a_feed(tmp_path, "young", 89)
    notes: list[str] = []
    assert purge(tmp_path, "90d", notes.append) == []
    assert notes == [f"feed old: what it held of {old.folder.name} was removed"]
    assert (old.folder.parent.exists(), young.state.exists()) == (False, True)
    assert (tmp_path / "feeds" / "key").exists()
    purge(tmp_path, "88d")
    assert list(tmp_path.iterdir()) == []


def test_a_feed_that_is_being_loaded_stays(tmp_path: Path) -> None:
    place = a_feed(tmp_path, "old", 91)
    assert FeedPlace.at(place.folder) == place
    notes: list[str] = []
    with locked(lock_path(tmp_path, "feed", *place.about), "a run"):
        purge(tmp_path, "90d", notes.append)
    assert notes == ["feed old stays: a run is loading it"]
    assert place.state.exists()
