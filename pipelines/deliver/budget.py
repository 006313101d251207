"""What of the failure budget is spent: while rows are validated, before the first request, and while they are sent."""

import numpy as np
import numpy.typing as npt

from pipelines.deliver.ledger import Ledger
from pipelines.options import Progress
from pipelines.prepare.reading import Prepared
from schemas.budget import FailureBudget
from schemas.errors import StoppedError
from schemas.states import COUNTED


class Watch:
    """The budget while rows are validated: the first moment it is surely spent is said, and reading goes on.

    A share is of all rows, so it is not known before the last.
    """

    def __init__(self, budget: FailureBudget | None, progress: Progress) -> None:
        self._budget, self._progress = budget, progress

    def reading(self, rows: int, refused: int) -> None:
        """Passes on how many rows were read, and says so when too many of them were refused."""
        self._progress.reading(rows)
        budget = self._budget
        if budget is None or budget.percent or refused <= budget.amount:
            return
        self._budget = None
        self._progress.note(
            f"{refused} of the first {rows} rows cannot be sent, more than --max-failures {budget} allows: nothing "
            "will be sent; the rest is read all the same, so that failures.csv lists every row to correct"
        )


class Spending:
    """What of the budget is spent: rows refused in validation, then rows of requests that failed."""

    def __init__(self, budget: FailureBudget | None, prepared: Prepared, ledger: Ledger) -> None:
        self._budget, self._ledger = budget, ledger
        self._rows = prepared.rows_read
        in_request = prepared.book.requests[prepared.book.requests >= 0]
        self._rows_of = np.bincount(in_request, minlength=len(prepared)) if budget else np.zeros(0, np.int64)
        self._failed = sum(n for state, n in prepared.book.counts().items() if state.traits.counted)

    def add(self, batch: npt.NDArray[np.int64]) -> None:
        """Counts the rows of a batch's requests that were settled otherwise than accepted."""
        if self._budget is not None:
            states = np.frombuffer(self._ledger.states, np.uint8)[batch]  # a view: the run's states are not copied
            self._failed += int(self._rows_of[batch][np.isin(states, COUNTED)].sum())

    def over(self) -> StoppedError | None:
        """The error that stops the run once the budget is spent."""
        return self._budget.exceeded(self._failed, self._rows) if self._budget else None
