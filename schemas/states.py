"""How rows and runs can end: the states, each with all that the rest of the code asks of it, and the verdicts.

README: How it ends. To add a state, write it here, settle rows in it where it comes to be, and run `make docs`. What a
trait's default says keeps rows in failures.csv and counted as failed: a trait that is forgotten drops none.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Self

from schemas.traits import Colours, Traits


class State(StrEnum):
    """Exactly one for each row read, in the order of the reports."""

    traits: Traits

    def __new__(cls, traits: Any) -> Self:  # Traits; whoever has a text calls State(text) too, and gets the state of it
        """A state is its text."""
        state = str.__new__(cls, traits.text)
        state._value_, state.traits = traits.text, traits
        return state

    def __repr__(self) -> str:
        """Its text in quotes, so that counts by state print plainly."""
        return repr(self.value)

    ACCEPTED = Traits(
        "accepted",
        "LUSID's answer lists its key as done",
        "nothing",
        Colours("#1a7f4b", "#3fb950", "green"),
        good=True,
        sent=True,
        counted=False,
        rejected=False,
    )
    INVALID = Traits(
        "invalid",
        "malformed, or failed validation; never sent",
        "correct it, `replay`",
        Colours("#c2410c", "#f0883e", "red"),
        correctable=True,
        shareable=True,
    )
    DUPLICATE = Traits(
        "duplicate",
        "an exact copy of a row that was sent (`Copy`), or, with `--duplicates first` or `last`, a row in whose place "
        "another of its key stands (`Superseded`)",
        "nothing",
        Colours("#7b8794", "#8b949e", "green"),
        good=True,
        counted=False,
        rejected=False,
        copy=True,
    )
    UNCHANGED = Traits(
        "unchanged",
        *("LUSID has it already: its feed last had the same accepted, or the plan found it there; not sent", "nothing"),
        Colours("#0f766e", "#2dd4bf", "green"),
        good=True,
        counted=False,
        rejected=False,
    )
    OUTDATED = Traits(
        "outdated",
        *("a later date of its feed was loaded for its key; not sent", "nothing; `--even-if-newer` sends it"),
        Colours("#8a7a5c", "#b5a482", "green"),
        good=True,
        counted=False,
        rejected=False,
    )
    STALE = Traits(
        "stale",
        "LUSID changed its key since the plan that the load follows; not sent",
        "`plan` again to see both; `replay` sends the row over what LUSID holds now",
        Colours("#b45309", "#fbbf24", "red"),
    )
    HELD = Traits(
        "held",
        "what it depends on failed in this run, or is not in LUSID; not sent",
        "`replay` what it depends on, then this run: it looks whether that is in",
        Colours("#a16207", "#d4a72c", "red"),
        rejected=False,
        siblings="HELD",
    )
    FAILED = Traits(
        "failed",
        "LUSID refused its key",
        "correct it, or LUSID's set-up; `replay`",
        Colours("#b91c1c", "#f85149", "red"),
        sent=True,
        correctable=True,
    )
    ROLLED_BACK = Traits(
        "rolled_back",
        "innocent: refused only together with others (Atomic; in Partial where a whole call is refused alike)",
        "`replay` once the others are corrected",
        Colours("#7e22ce", "#bc8cff", "red"),
        sent=True,
    )
    UNKNOWN = Traits(
        "unknown",
        "sent, the answer was lost, and reading back could not settle it: LUSID may hold it",
        "`replay`, as it is: it reads back before it sends what is not safe to send twice; where LUSID holds it `not "
        "as it was sent`, compare the two",
        Colours("#be185d", "#f778ba", "red"),
        sent=True,
        again=True,
    )
    NOT_SENT = Traits(
        "not_sent",
        "the run stopped first, or its call was given up",
        "`resume`",
        Colours("#475569", "#8494a7", "red"),
        rejected=False,
        again=True,
    )


STATES: tuple[State, ...] = tuple(State)
"""Every state; a state's code in our arrays is its index here."""

GOOD = frozenset(state for state in State if state.traits.good)
"""States that need nothing from anyone."""

PENDING = 255
"""The code of what has not ended in a state yet."""

_CODE = {state: code for code, state in enumerate(STATES)}


def code_of(state: State) -> int:
    """The byte that stands for a state."""
    return _CODE[state]


COUNTED = tuple(code_of(state) for state in STATES if state.traits.counted)
"""Codes of the states that count against the failure budget."""


def by_state(counts: Iterable[int]) -> dict[State, int]:
    """Counts by code, as counts by state; what stands beyond the states is left out."""
    return {state: int(count) for state, count in zip(STATES, counts, strict=False)}


def good_in(*, dry_run: bool) -> frozenset[State]:
    """States that need nothing from anyone: in a dry run, a valid row was not sent because none was to be."""
    return GOOD | {State.NOT_SENT} if dry_run else GOOD


class Verdict(StrEnum):
    """How a run ended; each that a report can have has one exit code."""

    COMPLETE = "complete"
    """Every row was accepted, or is a duplicate."""
    ALERTS = "complete with alerts"
    """The same, but LUSID took some rows otherwise than they were meant: somebody must look at them."""
    FAILED_BY_ALERTS = "failed by alerts"
    """The same with `--alerts fail`."""
    REJECTS = "rejects"
    """Finished; some rows were not accepted."""
    STOPPED = "stopped"
    """Stopped early; can be resumed."""
    UNBALANCED = "unbalanced"
    """The books do not balance: a defect."""
    DRY_RUN = "dry run"
    """Validated only, as asked."""
    MISSING = "extracts missing"
    """Of a night alone: an extract that it requires has not come, is stale or is not whole."""
    DIFFERENCES = "differences"
    """Of a night alone: LUSID does not hold all that it had accepted as it was sent (`--verify`)."""
    ERROR = "error"
    """Ended before its books were closed, by wrong input or a defect: it has no report."""
    UNFINISHED = "unfinished"
    """Still at work, or killed: what is said of a run whose manifest names no verdict."""


class Status(StrEnum):
    """How a run is now: a dry run that ended, a run that is under way or was killed, and otherwise its verdict."""

    COMPLETE = "complete"
    ALERTS = "complete-with-alerts"
    FAILED_BY_ALERTS = "failed-by-alerts"
    REJECTS = "rejects"
    STOPPED = "stopped"
    UNBALANCED = "unbalanced"
    ERROR = "error"
    DRY_RUN = "dry-run"
    UNDER_WAY = "under-way"
    KILLED = "killed"


FINISHED = frozenset({Verdict.COMPLETE, Verdict.ALERTS, Verdict.FAILED_BY_ALERTS, Verdict.REJECTS})
"""Of runs that sent everything they had."""

OVER = FINISHED | {Verdict.DRY_RUN, Verdict.UNBALANCED}
"""Of runs that nobody can go on with."""

EXIT_CODES: Mapping[Verdict, int] = {
    Verdict.COMPLETE: 0,
    Verdict.ALERTS: 0,
    Verdict.FAILED_BY_ALERTS: 3,
    Verdict.REJECTS: 3,
    Verdict.STOPPED: 4,
    Verdict.UNBALANCED: 5,
    Verdict.DRY_RUN: 0,
}

FINISHED_CODES = frozenset(EXIT_CODES[verdict] for verdict in FINISHED)
"""Exit codes after which what follows may begin."""


class _Word(StrEnum):
    """A word that is read whatever its case."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return next((each for each in cls if str(each).casefold() == str(value).casefold()), None)


class Alerts(_Word):
    """What alerts do to the exit code of a run that is otherwise complete."""

    REPORT = "report"
    FAIL = "fail"


class Mode(_Word):
    """How a request with a bad key ends: all of it refused, or only that key."""

    PARTIAL = "Partial"
    ATOMIC = "Atomic"


class Duplicates(_Word):
    """What happens to rows of one key that differ."""

    REFUSE = "refuse"
    FIRST = "first"
    LAST = "last"
