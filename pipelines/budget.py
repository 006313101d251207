"""The failure budget: how many rows may fail before a run stops, as a number or a share of the rows read."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.book import PENDING, code_of
from pipelines.ledger import Ledger
from pipelines.prepare import Prepared
from schemas.errors import ConfigError, StoppedError
from schemas.states import GOOD

_FORM = re.compile(r"^(\d+(?:\.\d+)?)(%?)$")


@dataclass(frozen=True)
class Budget:
    """`--max-failures`: 50, or 2.5%.

    Attributes:
        amount: rows, or percent of the rows read.
    """

    amount: float
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Reads `N` or `N%`; raises ConfigError for anything else."""
        match = _FORM.match(text.strip())
        if match is None or (not match[2] and "." in match[1]) or (match[2] and float(match[1]) > 100):
            raise ConfigError(f"--max-failures takes a number of rows or a percentage up to 100%, not {text}")
        return cls(float(match[1]), bool(match[2]))

    def __str__(self) -> str:
        return f"{self.amount}%" if self.percent else f"{self.amount:.0f}"

    def exceeded(self, failed: int, rows: int) -> StoppedError | None:
        """The error that stops the run, when more rows failed than the budget allows."""
        allowed = rows * self.amount / 100 if self.percent else self.amount
        if failed <= allowed:
            return None
        return StoppedError(f"{failed} of {rows} rows failed, more than --max-failures {self} allows")


class Spending:
    """What of the budget is spent: rows refused in validation, then rows of requests that failed."""

    def __init__(self, budget: Budget | None, prepared: Prepared, ledger: Ledger) -> None:
        self._budget, self._ledger = budget, ledger
        self._rows = prepared.rows_read
        in_request = prepared.book.requests[prepared.book.requests >= 0]
        self._rows_of = np.bincount(in_request, minlength=len(prepared)) if budget else np.zeros(0, np.int64)
        self._failed = sum(n for state, n in prepared.book.counts().items() if state not in GOOD)

    def add(self, batch: npt.NDArray[np.int64]) -> None:
        """Counts the rows of a batch's requests that were settled otherwise than accepted."""
        if self._budget is not None:
            states = np.frombuffer(self._ledger.states, np.uint8)[batch]  # a view: the run's states are not copied
            self._failed += int(self._rows_of[batch][~np.isin(states, _NOT_FAILED)].sum())

    def over(self) -> StoppedError | None:
        """The error that stops the run once the budget is spent."""
        return self._budget.exceeded(self._failed, self._rows) if self._budget else None


_NOT_FAILED = [PENDING, *(code_of(state) for state in GOOD)]
