"""The summary of a finished run whose manifest a test words as it needs it."""

from pathlib import Path
from typing import Any

from connectors.run_folder.folder import RunFolder
from pipelines.report.summary import Summary
from schemas.manifest import Manifest
from schemas.states import STATES

HOSTILE = "[bold]not markup[/bold] \x1b[35mpink\x1b[0m\nsecond line"


def manifest(**changes: Any) -> dict[str, Any]:
    """A finished run's manifest."""
    none = {state.value: 0 for state in STATES}
    return {
        "format": 1,
        "run_id": "20261121T020000Z-orders-7f3a",
        "operation": "orders",
        "mode": "Partial",
        "dialect": "2.1",
        "duplicates": "refuse",
        "target": "https://acme.lusid.com/api",
        "extracts": [{"name": "orders.csv", "path": "/extracts/orders.csv", "bytes": 1234, "sha256": "ab" * 32}],
        "mapping": None,
        "settings": {
            "batch_size": 1000,
            "max_batch_bytes": 8 << 20,
            "concurrency": 4,
            "dry_run": False,
            "max_failures": None,
        },
        "versions": {"bulkload": "0.1.0", "python": "3.11.9"},
        "started": "2026-11-21T02:00:00+00:00",
        "finished": "2026-11-21T02:00:09+00:00",
        "seconds": 9.04,
        "rows": {"read": 10, **none, "accepted": 7, "failed": 2, "duplicate": 1},
        "keys": {**none, "accepted": 4, "failed": 1},
        "requests": 3,
        "retries": 1,
        "reasons": [
            {"state": "failed", "code": "Conflict", "message": "it is there", "rows": 2, "examples": ["S/B (row 4)"]}
        ],
        "warnings": [],
        "verdict": "rejects",
        "exit_code": 3,
        **changes,
    }


def typed(**changes: Any) -> Manifest:
    """The same, as it is read."""
    return Manifest.read(manifest(**changes))


def summary(**changes: Any) -> Summary:
    return Summary.of(RunFolder(Path("runs/20261121T020000Z-orders-7f3a")), typed(**changes))
