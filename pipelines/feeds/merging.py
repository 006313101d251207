"""Merges what became of a load's requests into what its feed holds.

Pure, but for reading the journal of a run that died. What is not known to have been accepted is never kept as if it
had been: it is sent again.
"""

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.run_folder.journal_lines import journal_lines
from pipelines.feeds.decision import present
from pipelines.feeds.fingerprints import CANONICAL, NEVER, Fingerprints
from pipelines.feeds.place import HASH
from pipelines.feeds.state import NO_DAY, FeedState, Found, day_of
from schemas.errors import RunFolderError
from schemas.states import STATES, State, code_of


class Became(IntEnum):
    """What became of a request, as far as a feed is concerned."""

    KEPT = 0
    """Nothing that this load has to say: it was not sent for its date, or another merge has told it."""
    ACCEPTED = 1
    SAME = 2
    """Found unchanged: as good as accepted, for this date too."""
    REFUSED = 3
    """Not accepted, and LUSID holds nothing of it."""
    DOUBTFUL = 4
    """Sent, and not known to be accepted."""


Outcomes = npt.NDArray[np.uint8]
"""What became of each request, by its number."""


def became(state: State) -> Became:
    """What a state means for a feed."""
    if state in _BECAME:
        return _BECAME[state]
    return Became.DOUBTFUL if state.traits.in_doubt else Became.REFUSED


_BECAME = {State.ACCEPTED: Became.ACCEPTED, State.UNCHANGED: Became.SAME, State.OUTDATED: Became.KEPT}
OF_CODE = np.array([became(state) for state in STATES], np.uint8)
"""By a state's code."""


def of_journal(path: Path, begun: Outcomes, offset: int) -> Outcomes:
    """What became of the requests of a run that died; where its journal does not tell, they are doubtful.

    Args:
        path: the journal.
        begun: what was decided of them before they were sent; KEPT where they were to be sent.
        offset: where the journal ended then.
    """
    found = begun.copy()
    try:
        for at, line in journal_lines(path):
            if at >= offset:
                _read(line, found)
    except (RunFolderError, LookupError, TypeError, ValueError):
        found = np.where(begun == Became.KEPT, np.uint8(Became.DOUBTFUL), begun)
    return found


def _read(line: dict[str, object], found: Outcomes) -> None:
    ranges: dict[str, Became] = {"sent": Became.DOUBTFUL, "accepted": Became.ACCEPTED, "unchanged": Became.DOUBTFUL}
    for member, outcome in ranges.items():
        for first, count in line.get(member) or ():  # type: ignore[attr-defined]  # what it is not is caught
            if not 0 <= first < first + count <= len(found):
                raise IndexError(first)
            found[first : first + count] = outcome
    for request, state, *_ in line.get("settled") or ():  # type: ignore[attr-defined]  # the same
        found[range(len(found))[request]] = OF_CODE[code_of(State(state))]


@dataclass(frozen=True)
class Load:
    """A load as a merge sees it.

    Attributes:
        prints: of its requests.
        outcomes: what became of them.
        overtaken: those that were sent although a later date was loaded, since all they change is effective-dated.
        day: its business date.
        forced: whether it was to replace later dates (`--even-if-newer`).
        is_whole: whether it had the whole extract, so that what is not in it has gone.
    """

    prints: Fingerprints
    outcomes: Outcomes
    overtaken: npt.NDArray[np.bool_]
    day: date
    forced: bool
    is_whole: bool


def merged(state: FeedState, load: Load) -> FeedState:
    """What a feed holds after a load."""
    day = day_of(load.day)
    state, found = _with_new(state, load, day)
    if not len(state):
        return state
    requests, undated = state.requests.copy(), state.undated.copy()
    dates, first_from, gone = state.dates.copy(), state.first_from.copy(), state.gone.copy()
    _unsettle(state, load, day, requests)
    places, known = found
    current = known & ((dates[places] <= day) | load.forced)
    for outcome in (Became.ACCEPTED, Became.REFUSED, Became.DOUBTFUL):
        at = np.flatnonzero(current & (load.outcomes == outcome) & ~load.overtaken)
        accepted = outcome is Became.ACCEPTED
        requests[places[at]] = load.prints.requests[at] if accepted else b""
        if accepted:
            undated[places[at]], first_from[places[at]] = load.prints.undated[at], load.prints.first_from[at]
            dates[places[at]] = day
        elif outcome is Became.DOUBTFUL:
            dates[places[at]] = np.maximum(dates[places[at]], day)
    same = np.flatnonzero(current & (load.outcomes == Became.SAME))
    dates[places[same]] = np.maximum(dates[places[same]], day)
    behind = np.flatnonzero(known & load.overtaken & np.isin(load.outcomes, (Became.ACCEPTED, Became.DOUBTFUL)))
    first_from[places[behind]] = np.minimum(first_from[places[behind]], load.prints.first_from[behind])
    about = {**state.about, "canonical": str(CANONICAL)}
    if load.is_whole and (state.latest is None or load.day >= state.latest):
        there = present(state, load.prints, found)
        gone[there] = NO_DAY
        gone[~there & (gone == NO_DAY)] = day
        about["latest"] = load.day.isoformat()
    return FeedState(state.keys, requests, undated, first_from, dates, gone, about)


def _with_new(state: FeedState, load: Load, day: int) -> tuple[FeedState, Found]:
    """The state with a line for each key that LUSID has now, or may have, and had not; where the load's keys stand."""
    found = state.found(load.prints.keys)
    new = np.flatnonzero(~found.known & np.isin(load.outcomes, (Became.ACCEPTED, Became.DOUBTFUL)))
    if not len(new):
        return state, found
    count = len(new)
    keys = np.concatenate((state.keys, load.prints.keys[new]))
    order = np.argsort(keys, kind="stable")
    none = np.zeros(count, HASH)
    wider = FeedState(
        keys[order],
        np.concatenate((state.requests, none))[order],
        np.concatenate((state.undated, none))[order],
        np.concatenate((state.first_from, np.full(count, NEVER, np.int64)))[order],
        np.concatenate((state.dates, np.full(count, day, np.int32)))[order],
        np.concatenate((state.gone, np.full(count, NO_DAY, np.int32)))[order],
        state.about,
    )
    return wider, wider.found(load.prints.keys)


def _unsettle(state: FeedState, load: Load, day: int, requests: npt.NDArray[np.bytes_]) -> None:
    """Takes note of keys whose rows went into no request: what was accepted before is to be sent again."""
    places, known = state.found(load.prints.loose)
    at = places[known]
    requests[at[(state.dates[at] <= day) | load.forced]] = b""
