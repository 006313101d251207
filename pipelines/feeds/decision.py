"""Decides which requests of a load are not sent: older than what LUSID was last given, or the same.

Pure. `outdated` comes before `unchanged`.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from pipelines.feeds.fingerprints import Fingerprints
from pipelines.feeds.state import NO_DAY, FeedState, Found, date_of, day_of

UNCHANGED = "is the same as what this feed last had accepted"
_LATER = "of this feed was loaded for this key; --even-if-newer sends it all the same"


@dataclass(frozen=True)
class Wanted:
    """What of a load may be left out.

    Attributes:
        day: its business date.
        changed_only: what has not changed since.
        even_if_newer: nothing for its date.
    """

    day: date
    changed_only: bool = False
    even_if_newer: bool = False


@dataclass(frozen=True)
class Decision:
    """What is not sent, by the numbers of the requests.

    Attributes:
        unchanged: requests equal to what was last accepted.
        outdated: requests of which a later date was loaded, by what is said of them.
        overtaken: requests that are sent although a later date was loaded, since all they change is effective-dated.
        vanished: places in the state of keys that were in the last extract and are not in this one.
    """

    unchanged: npt.NDArray[np.int64]
    outdated: dict[str, npt.NDArray[np.int64]]
    overtaken: npt.NDArray[np.bool_]
    vanished: npt.NDArray[np.int64]


def later(state: FeedState, found: Found, wanted: Wanted) -> npt.NDArray[np.bool_]:
    """Of which requests, found by their keys, a later date was loaded."""
    return found.known & (state.dates[found.places] > day_of(wanted.day)) if len(state) else found.known


def decided(state: FeedState, prints: Fingerprints, found: Found, wanted: Wanted) -> Decision:
    """What of a load is not sent.

    Args:
        state: what the feed holds.
        prints: of the load's requests.
        found: where their keys stand in it.
        wanted: what may be left out.
    """
    places, known = found
    if not len(state):
        none = np.zeros(0, np.int64)
        return Decision(none, {}, np.zeros(len(prints), bool), none)
    newer = later(state, found, wanted)
    same_rest = prints.undated == state.undated[places] if state.is_comparable else np.zeros(len(prints), bool)
    dated = prints.last_from >= prints.first_from
    overtaken = newer & same_rest & dated & (prints.last_from < state.first_from[places])
    old = newer & ~overtaken & (not wanted.even_if_newer)
    same = known & ~old & (prints.requests == state.requests[places])
    unchanged = np.flatnonzero(same) if wanted.changed_only and state.is_comparable else np.zeros(0, np.int64)
    return Decision(unchanged, _told(state, places, old), overtaken, _vanished(state, prints, found, wanted.day))


def _told(
    state: FeedState, places: npt.NDArray[np.int64], old: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.int64]]:
    """The outdated requests by what is said of them, which names the later date."""
    requests = np.flatnonzero(old)
    days = state.dates[places[requests]]
    return {f"{date_of(day)} {_LATER}": requests[days == day] for day in np.unique(days).tolist()}


def _vanished(state: FeedState, prints: Fingerprints, found: Found, day: date) -> npt.NDArray[np.int64]:
    """The places of keys that are missing from an extract for the first time; an old extract tells nothing of that."""
    if state.latest is not None and day < state.latest:
        return np.zeros(0, np.int64)
    return np.flatnonzero(~present(state, prints, found) & (state.gone == NO_DAY))


def present(state: FeedState, prints: Fingerprints, found: Found) -> npt.NDArray[np.bool_]:
    """Which keys of the state are in the extract, in a request (`found`) or in a row that went into none."""
    there = np.zeros(len(state), bool)
    for places, known in (found, state.found(prints.loose)):
        there[places[known]] = True
    return there
