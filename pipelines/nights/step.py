"""One load of a night or a trading day: which operation, and what it reads."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors.targets import Target
from pipelines.nights.folder import NightExtract
from pipelines.report.report import Report


class Step(NamedTuple):
    """One load of a night.

    Attributes:
        extract: given the target and the reports so far, what to load; None when there is nothing after all.
        given: what is loaded, where it is known before the night begins.
    """

    operation: str
    extract: Callable[[Target | None, Sequence[Report]], NightExtract | None]
    given: NightExtract | None = None

    @classmethod
    def of(cls, extract: NightExtract) -> "Step":
        """The load of an extract that is there."""
        return cls(extract.operation, lambda _target, _reports: extract, extract)
