"""A feed that a load holds, from reading its state to writing it back.

Before anything is sent, what is to be sent is on disk as `pending.parquet`; after the load it is merged into
`state.parquet`, which is replaced as a whole, and removed. A load that dies leaves it behind: whoever opens the feed
next merges what its journal tells. So a key never looks accepted that was not, and no accepted date is forgotten.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from connectors.run_folder.arrays import numbers_of
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.locks import LockedError, lock_path, locked
from pipelines.deliver.ledger import Ledger
from pipelines.feeds.decision import UNCHANGED, Decision, Wanted, decided, later
from pipelines.feeds.fingerprints import Fingerprints, fingerprints, parted
from pipelines.feeds.merging import OF_CODE, Became, Load, merged, of_journal
from pipelines.feeds.place import FeedPlace, Hasher, hasher_of
from pipelines.feeds.state import FeedState, Found, hash_column, read_columns, remove, write_table
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.manifest import moment
from schemas.states import State


@dataclass(frozen=True)
class Feed:
    """A feed that is held: no other process reads or writes it.

    Attributes:
        place: where its files are.
        hasher: makes its hashes.
        state: what it holds.
    """

    place: FeedPlace
    hasher: Hasher
    state: FeedState

    def take(self, prepared: Prepared, wanted: Wanted) -> "FeedLoad":
        """Decides which requests of a load are not sent.

        Args:
            prepared: the requests.
            wanted: what may be left out.
        """
        prints = fingerprints(prepared, self.hasher)
        found = self.state.found(prints.keys)
        prints = parted(prints, prepared, self.hasher, np.flatnonzero(later(self.state, found, wanted)))
        decision = decided(self.state, prints, found, wanted)
        sent = np.ones(len(prints), bool)
        for left_out in (decision.unchanged, *decision.outdated.values(), np.flatnonzero(decision.overtaken)):
            sent[left_out] = False
        return FeedLoad(self, wanted, parted(prints, prepared, self.hasher, np.flatnonzero(sent)), found, decision)


@contextmanager
def held_feed(
    place: FeedPlace, holder: str, wait: float = 0.0, note: Callable[[str], None] = lambda _: None
) -> Iterator[Feed]:
    """Holds a feed while the block lasts, up to date with what runs that died got in.

    Args:
        place: where its files are.
        holder: what to say of who holds it.
        wait: seconds to wait for another load of it.
        note: told that this waits.

    Raises:
        ConfigError: another load of the feed is under way, or its files are damaged.
        RunFolderError: its files cannot be written.
    """
    try:
        with locked(lock_path(place.runs, "feed", *place.about), holder, wait, note):
            place.make()
            hasher = hasher_of(place.runs)
            yield Feed(place, hasher, _up_to_date(place, hasher))
    except LockedError as error:
        raise ConfigError(
            f"--feed {place.feed}: {error.message} is loading this feed; --wait SECONDS waits for it"
        ) from None


def _up_to_date(place: FeedPlace, hasher: Hasher) -> FeedState:
    """What a feed holds, on disk as a whole again where a run died."""
    held = _on_disk(place, hasher)
    state = _with_pending(place, hasher, held)
    if state is not held:
        state.write(place.state)
    if place.pending.exists():
        remove(place.pending)
    return state


def _on_disk(place: FeedPlace, hasher: Hasher) -> FeedState:
    state = FeedState.read(place.state)
    if state.about.get("key", hasher.name) != hasher.name:
        raise ConfigError(
            f"{place.state} was written with another key than {place.runs / 'feeds' / 'key'}: restore that key, or "
            f"remove {place.folder} to begin the feed anew"
        )
    return state


def _with_pending(place: FeedPlace, hasher: Hasher, state: FeedState) -> FeedState:
    """The state with what a run that died, or is under way, got in."""
    if not place.pending.exists():
        return state
    columns, about = read_columns(place.pending)
    if about["key"] != hasher.name or about["load"] == state.about.get("load"):
        return state
    return merged(state, _load_that_died(columns, about, place.runs)).saying(key=hasher.name, load=about["load"])


def _load_that_died(columns: Mapping[str, Any], about: dict[str, str], runs: Path) -> Load:
    names = ("keys", "requests", "undated", "first_from", "last_from")
    prints = Fingerprints(**{name: columns[name] for name in names}, loose=columns["keys"][:0])
    journal = RunFolder(runs / about["run"]).journal
    outcomes = of_journal(journal, columns["begun"], int(about["offset"]))
    overtaken = columns["overtaken"].astype(bool)
    day = date.fromisoformat(about["day"])
    return Load(prints, outcomes, overtaken, day, forced=about["forced"] == "1", is_whole=False)


def foreseen(place: FeedPlace, prepared: Prepared, wanted: Wanted) -> Decision | None:
    """What a feed would decide of a load; reads its files and writes none, so it is not held. None where it has none.

    Args:
        place: where its files are.
        prepared: the requests.
        wanted: what may be left out.

    Raises:
        ConfigError: its files are damaged, or written with another key.
    """
    if not place.state.exists() and not place.pending.exists():
        return None
    hasher = hasher_of(place.runs)
    state = _with_pending(place, hasher, _on_disk(place, hasher))
    return Feed(place, hasher, state).take(prepared, wanted).decision


@dataclass(frozen=True)
class FeedLoad:
    """One load of a feed: what of it is sent, and what became of that.

    Attributes:
        prints: of its requests.
        found: where their keys stand in the feed's state.
        decision: what is not sent.
    """

    feed: Feed
    wanted: Wanted
    prints: Fingerprints
    found: Found
    decision: Decision

    @property
    def vanished(self) -> int:
        """Keys that were in the last extract and are not in this one."""
        return len(self.decision.vanished)

    @property
    def known(self) -> int:
        """Keys that were in the last extract."""
        return int(np.count_nonzero(self.feed.state.gone == np.iinfo(np.int32).min))

    @property
    def doing(self) -> tuple[int, int, int] | None:
        """Keys of the extract, those that are new to the feed, and those that it had accepted otherwise.

        What is outdated is neither, for it is not sent. None where the feed has nothing to compare with.
        """
        state = self.feed.state
        if not len(state) or not state.is_comparable:
            return None
        places, known = self.found
        sent = np.ones(len(self.prints), bool)
        sent[[*chain.from_iterable(self.decision.outdated.values())]] = False
        other = known & (self.prints.requests != state.requests[places])
        keys = len(self.prints) + len(np.unique(self.prints.loose))
        return keys, int(np.count_nonzero(sent & ~known)), int(np.count_nonzero(sent & other))

    @property
    def is_begun(self) -> bool:
        """Whether something of it may have been sent: `begin` was called, and `settle` was not."""
        return self.feed.place.pending.exists()

    def withhold(self, ledger: Ledger) -> None:
        """Settles what is not sent, of what the ledger has not settled."""
        for why, requests in self.decision.outdated.items():
            ledger.withhold(requests, State.OUTDATED, "Outdated", why)
        ledger.withhold(self.decision.unchanged, State.UNCHANGED, "Unchanged", UNCHANGED)

    def begin(self, folder: RunFolder, offset: int) -> None:
        """Writes down what is about to be sent.

        Args:
            folder: the run's.
            offset: where its journal ended when this process opened it; what it says before that is in the state.

        Raises:
            RunFolderError: it cannot be written; nothing may be sent.
        """
        begun = np.zeros(len(self.prints), np.uint8)
        begun[self.decision.unchanged] = Became.SAME
        columns = {name: hash_column(getattr(self.prints, name)) for name in ("keys", "requests", "undated")}
        more: dict[str, Any] = {
            "first_from": self.prints.first_from,
            "last_from": self.prints.last_from,
            "begun": begun,
        }
        more["overtaken"] = self.decision.overtaken.astype(np.uint8)
        about = {
            "key": self.feed.hasher.name,
            "run": folder.run_id,
            "load": f"{folder.run_id} from byte {offset}",
            "offset": str(offset),
            "day": self.wanted.day.isoformat(),
            "forced": "1" if self.wanted.even_if_newer else "0",
        }
        write_table(
            self.feed.place.pending, columns | {name: numbers_of(values) for name, values in more.items()}, about
        )

    def settle(self, ledger: Ledger, folder: RunFolder, offset: int, *, is_whole: bool, is_full: bool) -> None:
        """Merges what became of the requests into the feed's state, and writes that.

        Args:
            ledger: what became of each; what it had settled before `offset` is in the state already.
            folder: the run's.
            offset: as for `begin`.
            is_whole: whether the load had the whole extract, and not only rows of it.
            is_full: whether all that was to be sent was, changed or not.

        Raises:
            RunFolderError: it cannot be written.
        """
        states = np.frombuffer(ledger.states, np.uint8)
        settled_at = np.asarray(ledger.settled_at)
        outcomes = np.full(len(states), Became.REFUSED, np.uint8)
        ended = states < len(OF_CODE)
        outcomes[ended] = OF_CODE[states[ended]]
        outcomes[(settled_at >= 0) & (outcomes == Became.SAME)] = (
            Became.DOUBTFUL
        )  # a plan found it, by what LUSID shows
        outcomes[(settled_at >= 0) & (settled_at < offset)] = Became.KEPT
        load = Load(
            self.prints, outcomes, self.decision.overtaken, self.wanted.day, self.wanted.even_if_newer, is_whole
        )
        about = {"key": self.feed.hasher.name, "load": f"{folder.run_id} from byte {offset}", "at": moment()}
        if is_whole:
            about["run"] = folder.run_id
        if is_full and is_whole:
            about["full"] = self.wanted.day.isoformat()
        merged(self.feed.state, load).saying(**about).write(self.feed.place.state)
        remove(self.feed.place.pending)
