"""The views of `bulkload sql` as tables for people: what duckdb says of them, and what each column means."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from docs.run_files import OUTCOMES
from pipelines.history.run_views import CALLS_VIEW, NIGHTS_VIEW, REASONS_VIEW, RUNS_VIEW, answer_to

_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "runs": {name: meaning for name, (_, meaning) in RUNS_VIEW.items()},
    "outcomes": {"run_id": "the run", **OUTCOMES},
    "reasons": {name: meaning for name, (_, meaning) in REASONS_VIEW.items()},
    "nights": {name: meaning for name, (_, meaning) in NIGHTS_VIEW.items()},
    "calls": {name: meaning for name, (_, meaning) in CALLS_VIEW.items()},
}


def view_tables() -> dict[str, str]:
    """A Markdown table of each view."""
    return {name: _table(name) for name in _MEANINGS}


def _table(view: str) -> str:
    with tempfile.TemporaryDirectory() as runs, answer_to(f"DESCRIBE {view}", Path(runs)) as answer:
        lines = [f"| `{name}` | {kind} | {_MEANINGS[view][name]} |" for name, kind, *_ in answer.rows]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *lines])
