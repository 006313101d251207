"""What a night's page shows, as values: whoever looks at earlier runs fills them in, and the page renders them."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.report.summary import Rule, Summary
from schemas.nights.owners import Party
from schemas.nights.record import NightRecord
from schemas.states import State
from schemas.verdicts import Colour


@dataclass(frozen=True)
class Since:
    """Keys that are not in, compared with the night before.

    Attributes:
        new: not in tonight, and not named by the night before.
        still: not in on both nights.
        since: the date of the first of the unbroken row of nights; None where all are new.
        cured: not in on the night before, and in tonight.
        gone: not in on the night before, and not in tonight's extract.
    """

    new: int = 0
    still: int = 0
    since: str | None = None
    cured: int = 0
    gone: int = 0


@dataclass(frozen=True)
class NightReason:
    """Rows of all loads that are in one state with one code.

    Attributes:
        rows: of each load, by operation. keys: by operation.
        rules: the most frequent ones, each with the operation it is of; more: rows that broke others.
        party: who looks after them; owner: what that party is called here.
        holds: rows of other loads that wait for them.
        since: what is new and what is not; None where there is no night to compare with.
        trend: rows of the last nights, tonight's last.
    """

    state: State
    code: str
    rows: Mapping[str, int]
    rules: tuple[tuple[str, Rule], ...]
    more: int
    party: Party
    owner: str
    holds: int
    since: Since | None
    trend: tuple[int, ...]

    @property
    def total(self) -> int:
        """Rows of all loads."""
        return sum(self.rows.values())


@dataclass(frozen=True)
class Cause:
    """A row that holds others.

    Attributes:
        text: what is said of it, where its own row is not known.
        operation, key, row, why: its own row: its load, key, number and reason; None where they are not known.
        held: rows that wait for it, by operation; examples: some of their keys.
    """

    text: str
    operation: str | None
    key: str | None
    row: int | None
    why: str | None
    held: Mapping[str, int]
    examples: tuple[str, ...]

    @property
    def total(self) -> int:
        """Rows that wait for it."""
        return sum(self.held.values())


@dataclass(frozen=True)
class Pace:
    """How fast a load's calls were answered, from the first one sent to the last one settled.

    Attributes:
        begins: seconds from the run's beginning to the first call; seconds: from there to the end of the last one.
        rates: requests settled in a second, in each of equal parts of that time.
        answers: milliseconds that an answer took in each part in which one came, the median.
        again: attempts beyond the first, in each part.
        median, most_of, slowest: milliseconds of an answer: of half of them, of 95%, of all.
        waited: seconds for which calls that were sent again were held up, summed over all of them.
    """

    begins: float
    seconds: float
    rates: tuple[int, ...]
    answers: tuple[int, ...]
    again: tuple[int, ...]
    median: int
    most_of: int
    slowest: int
    waited: float


@dataclass(frozen=True)
class NightLoadPart:
    """One load of the night.

    Attributes:
        summary: of its run; None where the run's folder is no longer there.
        operation: its name.
        still_open: its rows that are not in by now, after replays and later loads.
        replays: run ids of its replays, oldest first.
        pace: of its calls; None where that is not known.
    """

    summary: Summary | None
    operation: str
    run_id: str
    still_open: int
    replays: tuple[str, ...]
    pace: Pace | None = None


@dataclass(frozen=True)
class TrendNight:
    """One of the last nights.

    Attributes:
        folder: the name of its folder, beside this night's; empty where its page was removed.
    """

    date: str
    folder: str
    colour: Colour
    read: int
    accepted: int
    not_accepted: int
    seconds: float


@dataclass(frozen=True)
class NightFacts:
    """Everything that a night's page shows.

    Attributes:
        causes: rows that hold others, those with the most first; more_causes: how many others there are.
        since: over all loads; None where there is no night to compare with, which `before` dates.
        trend: oldest first, tonight's last.
        unkeyed: rows without a key, which cannot be found again on another night.
        as_of: when the facts were gathered.
    """

    record: NightRecord
    loads: tuple[NightLoadPart, ...]
    reasons: tuple[NightReason, ...]
    causes: tuple[Cause, ...]
    more_causes: int
    since: Since | None
    before: str | None
    unkeyed: int
    trend: tuple[TrendNight, ...]
    as_of: str
