"""What is told while LUSID takes no calls."""

from datetime import datetime
from typing import NamedTuple


class Waiting(NamedTuple):
    """A wait that begins.

    Attributes:
        whom: who is waited for, in a few words.
        cause: what came of the last attempt.
        since: when the first attempt failed after which none succeeded.
        seconds: how long it is until the next attempt.
    """

    whom: str
    cause: str
    since: datetime
    seconds: float


def nobody_listens(_: Waiting) -> None:
    """Takes a wait that begins."""
