"""The failure budget: how many rows may fail before a run stops, as a number or a share of the rows read."""

import re
from dataclasses import dataclass

from schemas.errors import ConfigError, StoppedError

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
