"""The manifest: what a run was given, with which settings, and how it ended. No secrets, no cells."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from connectors.mapping_file import file_sha256
from pipelines.report import Report
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.load import Run

FORMAT = 1
"""Raised when a member changes its meaning."""

PINNED = ("format", "operation", "mode", "dialect", "duplicates")
"""Members that decide which requests a run makes and how they are judged: a resumed run has the same."""


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
        "duplicates": options.duplicates.value,
        "target": run.target.url if run.target else None,
        "extracts": [{"name": s.name, "path": str(s.path.resolve()), "bytes": s.size} for s in run.extract.sources],
        "mapping": {"path": str(mapping.resolve()), "sha256": file_sha256(mapping)} if mapping else None,
        "settings": {
            "batch_size": options.batch_size,
            "max_batch_bytes": options.max_batch_bytes,
            "concurrency": options.concurrency,
            "dry_run": options.dry_run,
            "encoding": options.encoding,
            "delimiter": options.delimiter,
            "max_failures": str(options.max_failures) if options.max_failures else None,
        },
        "versions": {"bulkload": version("lusid-bulkload"), "python": platform.python_version()},
        "expect": options.expect.model_dump(mode="json", exclude_unset=True),
        "replays": run.replayed.run_id if run.replayed else None,
        "started": _now(),
    }


def add_digests(manifest: dict[str, Any], digests: Sequence[str]) -> None:
    """Adds the content hash of each extract, once it has been read."""
    for source, digest in zip(manifest["extracts"], digests, strict=True):
        source["sha256"] = digest


def check_same(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Makes sure that a run goes on with what it began with; a run that had not read its extract yet may begin anew.

    Raises:
        ConfigError: one line that names everything that changed.
    """
    hashes = [source.get("sha256") for source in before["extracts"]]
    if None in hashes:
        return
    changed = [f"{member} (was {before[member]})" for member in PINNED if before[member] != now[member]]
    if hashes != [source["sha256"] for source in now["extracts"]]:
        changed.append("the content of the extract")
    if (before["mapping"] or {}).get("sha256") != (now["mapping"] or {}).get("sha256"):
        changed.append("the mapping")
    if changed:
        raise ConfigError(f"the run cannot go on, this changed since it began: {', '.join(changed)}")


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
