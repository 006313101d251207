"""What rows say of the whole call they go in: an algorithm, properties of every transaction.

Rows that say differently go in different calls.
"""

from array import array
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from schemas.requests.allocations import CallParameters
from schemas.rows.columns import Row

PLAIN = CallParameters()
"""A call of which rows say nothing."""


class ParametersOfCalls:
    """What each row says of its call, by ordinal; for most operations nothing."""

    def __init__(self, say: Callable[[Row], CallParameters] | None) -> None:
        """Reads rows with `say`; None where the operation has nothing of the kind."""
        self._say = say
        self._numbers: dict[CallParameters, int] = {PLAIN: 0}
        self._of = array("i")

    @property
    def needed(self) -> bool:
        """Whether rows of this operation say anything of their call."""
        return self._say is not None

    def add(self, ordinal: int, row: Row) -> None:
        """Notes what a validated row says."""
        if self._say is not None:
            self._of.extend([0] * (ordinal + 1 - len(self._of)))
            self._of[ordinal] = self._numbers.setdefault(self._say(row), len(self._numbers))

    def of(self, ordinal: int) -> CallParameters:
        """What a row says."""
        return list(self._numbers)[self.number(ordinal)]

    def number(self, ordinal: int) -> int:
        """The same number for rows that say the same."""
        return self._of[ordinal] if ordinal < len(self._of) else 0

    def parted(self, requests: npt.NDArray[np.int64], first_row: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Requests in groups that may share a call, each ascending."""
        if len(self._numbers) == 1:
            return [requests]
        numbers = np.array(self._of, np.int32)[first_row[requests]]
        return [requests[numbers == number] for number in np.unique(numbers)]
