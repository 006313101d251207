"""How runs and nights ended: the verdict that rows amount to, and its colour, for who looks at a list of them.

Green needs nothing from anyone, amber somebody today, red somebody now. From which share of rejects on a run is red,
the firm says (`--red-at`).
"""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

from schemas.errors import ConfigError
from schemas.option_types.budget import FailureBudget
from schemas.states import GOOD, STATES, Alerts, State, Verdict, good_in

LEAST_ROWS = 10
"""Of an extract that is judged by its share of rejects: of fewer rows one alone would be a large share."""

_FORM = re.compile(r"^(\d+(?:\.\d+)?)%$")


class Colour(StrEnum):
    """From the best to the worst."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"

    @property
    def mark(self) -> str:
        """The colour for those who see none."""
        return {Colour.GREEN: "✓", Colour.AMBER: "!", Colour.RED: "✗"}[self]


class RedAt(FailureBudget):
    """`--red-at`: from which share of an extract's rows on rejects are red."""

    @classmethod
    def parse(cls, text: str) -> "RedAt":
        """Reads `N%`; raises ConfigError for anything else."""
        match = _FORM.match(text.strip())
        if match is None or Decimal(match[1]) > 100:
            raise ConfigError(f"--red-at takes a percentage up to 100%, not {text}")
        return cls(Decimal(match[1]), percent=True)

    def reached(self, rejected: int, rows: int) -> bool:
        """Whether so many of an extract's rows are red; 0% is reached by the first."""
        return rows >= LEAST_ROWS and rejected > 0 and rejected * 100 >= rows * self.amount


RED_AT = RedAt(Decimal(5), percent=True)

REJECTED = tuple(state for state in STATES if state.traits.rejected)
"""The states that count towards red."""


def verdict_of(
    rows: Mapping[State, int], *, stopped: bool, dry_run: bool = False, alerts: Alerts | None = None
) -> Verdict:
    """The verdict that the states of a run's rows amount to.

    Args:
        rows: how many ended in each state.
        stopped: something stopped the run; where that left nothing to go on with, it came too late to matter.
        dry_run: nothing was to be sent.
        alerts: what the alerts of the run do; None where it has none.
    """
    found = {state for state, n in rows.items() if n}
    if dry_run:  # what is held waits for rows of another run, which counts them
        return Verdict.REJECTS if found - good_in(dry_run=True) - {State.HELD} else Verdict.DRY_RUN
    if any(state.traits.unfinished or (stopped and state.traits.in_doubt) for state in found):
        return Verdict.STOPPED
    if found - GOOD:
        return Verdict.REJECTS
    if alerts is None:
        return Verdict.COMPLETE
    return Verdict.FAILED_BY_ALERTS if alerts is Alerts.FAIL else Verdict.ALERTS


_OF = {
    Verdict.COMPLETE: Colour.GREEN,
    Verdict.DRY_RUN: Colour.GREEN,
    Verdict.ALERTS: Colour.AMBER,
    Verdict.FAILED_BY_ALERTS: Colour.AMBER,
    Verdict.REJECTS: Colour.AMBER,
}


def colour_of(verdict: Verdict, rows: Mapping[str, int] | None, red_at: RedAt | None) -> Colour | None:
    """The colour of a run; None while it is under way.

    Args:
        verdict: how it ended.
        rows: extract rows, `read` and by state; None where its books are not closed.
        red_at: as the run was given it; None for the default.
    """
    if verdict is Verdict.UNFINISHED:
        return None
    colour = _OF.get(verdict, Colour.RED)
    if colour is not Colour.AMBER or not rows:
        return colour
    rejected = sum(rows.get(state, 0) for state in REJECTED)
    if rows.get(State.UNKNOWN, 0) or (red_at or RED_AT).reached(rejected, rows["read"]):
        return Colour.RED
    return colour


def worst_of(colours: Iterable[Colour | None]) -> Colour:
    """The worst of several colours; what is under way has none, and nothing at all is green."""
    found = {colour for colour in colours if colour is not None}
    return next((colour for colour in (Colour.RED, Colour.AMBER) if colour in found), Colour.GREEN)
