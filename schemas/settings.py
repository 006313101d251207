"""What a load is told where nobody says otherwise: the same in Python, in the command line and in what to type next."""

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
