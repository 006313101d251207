"""How a run can end, and the exit code of each ending."""

from collections.abc import Mapping
from enum import StrEnum

from schemas.states import GOOD, State, good_in


class Verdict(StrEnum):
    """How a run ended; each that a report can have has one exit code."""

    COMPLETE = "complete"
    """Every row was accepted, or is a duplicate."""
    REJECTS = "rejects"
    """Finished; some rows were not accepted."""
    STOPPED = "stopped"
    """Stopped early; can be resumed."""
    UNBALANCED = "unbalanced"
    """The books do not balance: a defect."""
    DRY_RUN = "dry run"
    """Validated only, as asked."""
    ERROR = "error"
    """Ended before its books were closed, by wrong input or a defect: it has no report."""
    UNFINISHED = "unfinished"
    """Still at work, or killed: what is said of a run whose manifest names no verdict."""


FINISHED = frozenset({Verdict.COMPLETE, Verdict.REJECTS})
"""Of runs that sent everything they had."""

OVER = FINISHED | {Verdict.DRY_RUN, Verdict.UNBALANCED}
"""Of runs that nobody can go on with."""

EXIT_CODES: Mapping[Verdict, int] = {
    Verdict.COMPLETE: 0,
    Verdict.REJECTS: 3,
    Verdict.STOPPED: 4,
    Verdict.UNBALANCED: 5,
    Verdict.DRY_RUN: 0,
}

FINISHED_CODES = frozenset(EXIT_CODES[verdict] for verdict in FINISHED)
"""Exit codes after which what follows may begin."""


def verdict_of(rows: Mapping[State, int], *, stopped: bool, dry_run: bool = False) -> Verdict:
    """The verdict that the states of a run's rows amount to.

    Args:
        stopped: something stopped the run; where that left nothing to go on with, it came too late to matter.
    """
    found = {state for state, n in rows.items() if n}
    if dry_run:  # what is held waits for rows of another run, which counts them
        return Verdict.REJECTS if found - good_in(dry_run=True) - {State.HELD} else Verdict.DRY_RUN
    if any(state.traits.unfinished or (stopped and state.traits.in_doubt) for state in found):
        return Verdict.STOPPED
    return Verdict.REJECTS if found - GOOD else Verdict.COMPLETE
