"""What a load did not bring into LUSID, by reference, for the loads that depend on it.

Owns which references count as failed, and the bound on how many are kept. Knows no LUSID, and no load that follows.
"""

from collections.abc import Callable, Sequence

from pipelines.operations.operation import Operation
from schemas.rows.columns import Cell, Row

MOST = 200_000
"""References kept, about 60 MB of them; past that, nothing that depends on the load can be told from the rest."""


class FailedRefs:
    """References of the rows that were not accepted.

    Attributes:
        unknown: why it cannot be said which they are; None when it can.
    """

    def __init__(self, operation: Operation, raw: Callable[[Sequence[Cell]], Row]) -> None:
        """Starts without any.

        Args:
            operation: says what a row brings in.
            raw: the canonical row of a record's cells.
        """
        self.unknown: str | None = None
        self._operation, self._raw = operation, raw
        self._brought: dict[str, str] = {}
        self._completed: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether an accepted row may still take one away."""
        return bool(self._brought)

    def failed(self, cells: Sequence[Cell], told: str) -> None:
        """Notes what a row that was not accepted would have brought in, and what became of it."""
        if self.unknown is not None:
            return
        raw = self._raw(cells)
        self._brought.update(dict.fromkeys(self._operation.provides(raw), told))
        self._completed.update(dict.fromkeys(self._operation.completes(raw), told))
        if len(self._brought) + len(self._completed) > MOST:
            self.lose(f"more than {MOST:,} references failed")

    def accepted(self, cells: Sequence[Cell]) -> None:
        """Notes a row that is in: what it brought has not failed, whatever became of other rows that name it."""
        for ref in self._operation.provides(self._raw(cells)):
            self._brought.pop(ref, None)

    def lose(self, why: str) -> None:
        """Gives up: from now on nobody can say which references failed."""
        self.unknown = why
        self._brought, self._completed = {}, {}

    def found(self) -> dict[str, str]:
        """Each reference that failed, with what is said of it; empty when that is not known."""
        return {**self._brought, **self._completed}
