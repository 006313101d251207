"""The references that a load failed to bring into LUSID, for the loads that depend on it.

Decides which references count as failed, and how many are kept. Knows neither LUSID nor the loads that follow.
"""

from collections.abc import Callable, Sequence

from pipelines.operations.operation import Operation
from schemas.rows.columns import Cell, Row

MOST = 200_000
"""References kept, about 60 MB; with more, the loads that depend on this one cannot tell which rows to hold."""


class FailedRefs:
    """References of the rows that were not accepted.

    Attributes:
        unknown: why the failed references are not known; None when they are.
    """

    def __init__(self, operation: Operation, raw: Callable[[Sequence[Cell]], Row]) -> None:
        """Starts empty.

        Args:
            operation: says which references a row brings in.
            raw: makes the canonical row of a record's cells.
        """
        self.unknown: str | None = None
        self._operation, self._raw = operation, raw
        self._brought: dict[str, str] = {}
        self._completed: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether an accepted row may still strike a reference off."""
        return bool(self._brought)

    def failed(self, cells: Sequence[Cell], why: str) -> None:
        """Notes the references of a row that was not accepted, and why (`is invalid (row 42)`)."""
        if self.unknown is not None:
            return
        raw = self._raw(cells)
        self._brought.update(dict.fromkeys(self._operation.provides(raw), why))
        self._completed.update(dict.fromkeys(self._operation.completes(raw), why))
        if len(self._brought) + len(self._completed) > MOST:
            self.lose(f"more than {MOST:,} references failed")

    def accepted(self, cells: Sequence[Cell]) -> None:
        """Strikes off the references of an accepted row, even if other rows that bring them in failed."""
        for ref in self._operation.provides(self._raw(cells)):
            self._brought.pop(ref, None)

    def lose(self, why: str) -> None:
        """Drops all references, because which ones failed can no longer be known."""
        self.unknown = why
        self._brought, self._completed = {}, {}

    def found(self) -> dict[str, str]:
        """Each failed reference and why it failed; empty when they are not known."""
        return {**self._brought, **self._completed}
