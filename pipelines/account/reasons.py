"""Why rows did not make it: reasons counted, with examples, in bounded memory. failures.csv has every one in full."""

from pipelines.account.settlement_details import Settlement
from schemas.manifest import Reason
from schemas.states import State

MOST_REASONS = 1000
"""Reasons told apart in summaries."""

EXAMPLES = 3
"""Rows named for each reason in summaries."""


class Reasons:
    """The reasons of one run."""

    def __init__(self) -> None:
        self._found: dict[tuple[State, str, str], Reason] = {}

    def count(self, found: Settlement, example: str) -> None:
        """Adds a row to its reason; past a bound, reasons that differ only in their text are one."""
        name = (found.state, found.code, found.message)
        if name not in self._found and len(self._found) >= MOST_REASONS:
            name = (found.state, found.code, "(various)")
        reason = self._found.setdefault(name, Reason(*name))
        reason.rows += 1
        if len(reason.examples) < EXAMPLES:
            reason.examples.append(example)

    def ranked(self) -> list[Reason]:
        """The reasons, the most frequent first."""
        return sorted(self._found.values(), key=lambda r: -r.rows)
