"""What is in doubt: requests whose answer was lost, since when, and which attempts may have applied them.

Pure. What LUSID holds of them, and what follows, is for `read_back`.
"""

import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipelines.deliver.culprits import too_much
from pipelines.operations.evidence import Origin
from schemas.answers import Problem
from schemas.errors import FatalError, PerhapsAppliedError, RejectedError

TRIES = 6
"""How often a request whose answer was lost, and which reading back did not find, is sent in all."""

CLOCKS = timedelta(seconds=60)
"""By how much the clocks of LUSID's servers are taken to differ: what is younger may be of this run."""

_THERE = re.compile(r"already|exists|duplicate|conflict|in ?use|cancell?ed|booked|\.id\b", re.IGNORECASE)
"""Words of a refusal that may mean what an earlier attempt did: LUSID documents none."""


@dataclass(frozen=True)
class Before:
    """What is known of requests from before this process: of a run that goes on, and of one that is replayed.

    Attributes:
        doubtful: those that a call whose answer was lost may have applied.
        refused: those that were sent, and refused or not answered; they are looked for before they are sent again.
        held: those that were held; they are sent when what they need is there by now.
    """

    doubtful: Set[int] = frozenset()
    refused: Set[int] = frozenset()
    held: Set[int] = frozenset()


@dataclass
class Doubt:
    """One request in doubt.

    Attributes:
        since: when its last answer was lost, by the client's clock.
        why: what became of that answer.
        ids: for each attempt that may have applied it, LUSID's id of the call; None where it is not known.
        tries: how often it was sent, calls that were too large apart: those go in smaller ones.
        again: whether it may be sent again once it is surely not there.
        too_large: what was said of it where a call of its own was too large, twice in a row: anybody may say so once.
        locked_out: how often somebody who is not LUSID said what would have stopped the run, had LUSID said it.
    """

    since: float
    why: str
    ids: list[str | None] = field(default_factory=list)
    tries: int = 0
    again: bool = True
    too_large: Problem | None = None
    maybe_too_large: bool = False
    locked_out: int = 0

    def lost(self, error: PerhapsAppliedError, now: float, *, alone: bool) -> None:
        """Another attempt's answer is lost; `alone` says whether the call was of this request only."""
        self.since, self.why = now, error.message
        self.ids.append(error.request_id)
        self.locked_out += isinstance(error.refusal, FatalError)
        said = too_large(error)
        self.tries += said is None or alone
        self.too_large = said if alone and self.maybe_too_large else None
        self.maybe_too_large = alone and said is not None

    def not_told(self, why: str, now: float) -> None:
        """LUSID's own answer came and does not say what became of it: asking again would not change that."""
        self.since, self.why, self.again = now, why, False

    @property
    def is_used_up(self) -> bool:
        """Whether it was sent as often as it may be."""
        return self.tries >= TRIES

    def is_ours(self, origins: Iterable[Origin]) -> bool:
        """Whether attempts of ours made all that LUSID shows, as its versions say."""
        made_by = {origin.request_id for origin in origins}
        return bool(made_by) and None not in made_by and made_by <= set(self.ids)

    def is_anothers(self, origins: Sequence[Origin], began: datetime | None) -> bool:
        """Whether none of our attempts can have made what LUSID shows: it is older, or another request made it.

        Args:
            origins: what made each entity.
            began: when this run first asked LUSID for anything, by LUSID's clock; None where that is not known, or the
                request may have been sent before.
        """
        made = [origin for origin in origins if not is_older([origin], began)]
        others = None not in self.ids and all(each.request_id not in (None, *self.ids) for each in made)
        return bool(origins) and (others or not made)


def is_older(origins: Sequence[Origin], began: datetime | None) -> bool:
    """Whether all that LUSID shows was there before this run began."""
    latest = None if began is None else began - CLOCKS
    return bool(origins) and all(latest and origin.at and origin.at < latest for origin in origins)


def too_large(error: PerhapsAppliedError) -> Problem | None:
    """What was said of a call that is too large; None where nobody said so."""
    problem = error.refusal.problem if isinstance(error.refusal, RejectedError) else None
    return problem if problem is not None and too_much(problem) else None


def says_it_is_there(code: str, message: str) -> bool:
    """Whether a refusal may mean that what is asked for has been done already."""
    return bool(_THERE.search(f"{code} {message}"))
