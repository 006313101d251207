"""What a plan says, key by key, and what the load that follows it then does."""

from typing import Any

import pyarrow.parquet as pq

from pipelines.compare.plan import PlanReport
from pipelines.planning.effect import Effect

WHAT_IT_DOES = {
    Effect.CREATE: ("accepted", "created"),
    Effect.CHANGE: ("accepted", "updated"),
    Effect.SAME: ("unchanged", None),
    Effect.REFUSE: ("invalid", None),
}
"""The state of a key and its change, by the effect that was planned for it."""


def lines(planned: PlanReport) -> list[dict[str, Any]]:
    """The lines of plan.parquet."""
    found: list[dict[str, Any]] = pq.read_table(planned.plan.file).to_pylist()
    return found
