"""The states a row can end in (README: A bad night), and how rows and keys carry them."""

from enum import StrEnum


class State(StrEnum):
    """Exactly one for each row read."""

    ACCEPTED = "accepted"
    """LUSID's answer lists this key as done."""
    INVALID = "invalid"
    """Malformed or failed validation; never sent."""
    DUPLICATE = "duplicate"
    """An exact copy of a row that was sent (code Copy), or another of its key stands in its place (Superseded)."""
    HELD = "held"
    """What it depends on failed in this run; not sent."""
    FAILED = "failed"
    """LUSID refused this key."""
    ROLLED_BACK = "rolled_back"
    """Innocent key of an Atomic request that failed because of another; in Partial mode, refused only together."""
    UNKNOWN = "unknown"
    """Sent, the answer was lost, and reading back could not settle it."""
    NOT_SENT = "not_sent"
    """The run stopped first."""


STATES: tuple[State, ...] = tuple(State)
"""Every state, in the order of the reports; a state's code in our arrays is its index here."""

GOOD = frozenset({State.ACCEPTED, State.DUPLICATE})
"""States that need nothing from anyone; every other row stands in failures.csv."""


class Mode(StrEnum):
    """How a request with a bad key ends: all of it refused, or only that key."""

    PARTIAL = "Partial"
    ATOMIC = "Atomic"


class Duplicates(StrEnum):
    """What happens to rows of one key that differ."""

    REFUSE = "refuse"
    FIRST = "first"
    LAST = "last"
