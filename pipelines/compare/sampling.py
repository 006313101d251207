"""How many of the keys of a run are read back: all, a number, or a percentage, chosen at random."""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigError

_FORM = re.compile(r"(\d+(?:\.\d+)?)(%?)", re.ASCII)


@dataclass(frozen=True)
class Sample:
    """`--sample`: 500, or 2.5%.

    Attributes:
        amount: keys, or a percentage of the keys that the run had accepted.
        percent: whether it is a percentage.
    """

    amount: Decimal
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Sample":
        """Reads `N` or `N%`; raises ConfigError for anything else, and for a sample of nothing."""
        match = _FORM.fullmatch(text.strip())
        if match is None or (not match[2] and "." in match[1]) or (match[2] and Decimal(match[1]) > 100):
            raise ConfigError(f"--sample takes a number of keys or a percentage up to 100%, not {text}")
        if not Decimal(match[1]):
            raise ConfigError(f"--sample {text} would read nothing back: leave it out, and all keys are read")
        return cls(Decimal(match[1]), bool(match[2]))

    def of(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Some of the places, shape (n,), ascending as they were given; at least one of any."""
        wanted = self.amount
        if self.percent:
            wanted = (len(places) * self.amount / 100).to_integral_value(ROUND_CEILING)
        if wanted >= len(places):
            return places
        return np.sort(np.random.default_rng().choice(places, int(wanted), replace=False))
