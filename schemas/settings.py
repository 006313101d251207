"""What a load is told where nobody says otherwise: the same in Python, in the command line and in what to type next."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.dialects import Dialect
from schemas.states import Duplicates, Mode

MODE: Final = Mode.PARTIAL
DIALECT: Final = Dialect.V2_1
DUPLICATES: Final = Duplicates.REFUSE
RUNS: Final = Path("runs")

BATCH_SIZE: Final = 1000
"""Requests in one call."""

MAX_BATCH_BYTES: Final = 8 << 20
"""Bytes in one call."""

CONCURRENCY: Final = 4
"""Calls in flight."""

PATIENCE_SECONDS: Final = 300.0
"""Longer than a restart, a deployment or a network's bad minute; an outage beyond it is for the morning."""

LEAST: Final = 1
"""Requests in one call, bytes in one call, calls in flight: fewer would send nothing."""

MOST_IN_FLIGHT: Final = 64
"""Calls in flight: more only wait for each other, and no server was seen to take as many."""


@dataclass(frozen=True)
class Settings:
    """What the manifest keeps of a load's options as its `settings`, in this order.

    Attributes:
        batch_size: requests in one call, at most; max_batch_bytes: bytes in one call, at most.
        concurrency: calls in flight.
        patience: seconds for which a call is tried on while LUSID is away or turns it away.
        dry_run: stop before anything is sent.
        encoding, delimiter: of CSV; win over the mapping's, which are UTF-8 and a comma by default.
        once: refuse an extract that a run has already finished.
        max_failures: rows that may fail, `50` or `2.5%`, before the run stops.
    """

    batch_size: int = BATCH_SIZE
    max_batch_bytes: int = MAX_BATCH_BYTES
    concurrency: int = CONCURRENCY
    patience: float = PATIENCE_SECONDS
    dry_run: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    once: bool = False
    max_failures: str | None = None
