"""The manifest: what a run was given, with which settings, and how it ended. No secrets, no cells."""

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from connectors.mapping_file import file_sha256
from pipelines.report import Report

if TYPE_CHECKING:
    from pipelines.load import Run

FORMAT = 1
"""Raised when a member changes its meaning."""


def opening(run: "Run") -> dict[str, Any]:
    """What is known before the first row is read; the hashes of the extracts come when they are read."""
    options = run.options
    mapping = options.mapping
    return {
        "format": FORMAT,
        "run_id": run.folder.run_id,
        "operation": run.operation.name,
        "mode": options.mode.value,
        "dialect": options.dialect.value,
        "target": run.target.url if run.target else None,
        "extracts": [{"name": s.name, "path": str(s.path.resolve()), "bytes": s.size} for s in run.extract.sources],
        "mapping": {"path": str(mapping.resolve()), "sha256": file_sha256(mapping)} if mapping else None,
        "settings": {
            "batch_size": options.batch_size,
            "max_batch_bytes": options.max_batch_bytes,
            "concurrency": options.concurrency,
            "duplicates": options.duplicates.value,
            "dry_run": options.dry_run,
        },
        "versions": {"bulkload": version("lusid-bulkload"), "python": platform.python_version()},
        "started": _now(),
    }


def closing(report: Report) -> dict[str, Any]:
    """How the run ended."""
    counts = report.as_json()
    return {
        "finished": _now(),
        "seconds": counts["seconds"],
        "rows": counts["rows"],
        "keys": counts["keys"],
        "requests": report.requests,
        "retries": report.retries,
        "reasons": [
            {"state": r.state.value, "code": r.code, "message": r.message, "rows": r.rows, "examples": r.examples}
            for r in report.reasons[:100]
        ],
        "warnings": list(report.warnings),
        "verdict": report.verdict.value,
        "exit_code": report.exit_code,
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
