"""One load of a night or a trading day: its operation and its extract."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from connectors.targets import Target
from pipelines.nights.folder import NightExtract
from pipelines.report.report import Report


class Step(NamedTuple):
    """One load of a night.

    Attributes:
        extract: returns what to load, given the target and the reports so far; None where there is nothing to load.
        given: the extract, where it is known before the night begins.
    """

    operation: str
    extract: Callable[[Target | None, Sequence[Report]], NightExtract | None]
    given: NightExtract | None = None

    @classmethod
    def of(cls, extract: NightExtract) -> "Step":
        """The step that loads an extract of the folder."""
        return cls(extract.operation, lambda _target, _reports: extract, extract)
