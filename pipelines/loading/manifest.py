"""The manifest: what a run was given, with which settings, and how it ended. No secrets, no cells."""

import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from connectors.extracts.mapping_file import file_sha256
from connectors.extracts.source_files import Source
from pipelines.options import Options
from pipelines.report.report import Report
from schemas.manifest import FORMAT, moment


def opening(
    run_id: str,
    operation: str,
    options: Options,
    *,
    target: str | None,
    sources: Sequence[Source],
    replays: str | None,
) -> dict[str, Any]:
    """What is known before the first row is read; the hashes of the extracts come when they are read.

    Args:
        run_id: the name of the run's folder.
        operation: the operation's name.
        options: what the load was told.
        target: the target's URL; None in a dry run.
        sources: the files of the extract.
        replays: the id of the run whose failures the extract is.
    """
    mapping = options.mapping
    return {
        "format": FORMAT,
        "run_id": run_id,
        "operation": operation,
        "mode": options.mode.value,
        "dialect": options.dialect.value,
        "duplicates": options.duplicates.value,
        "target": target,
        "extracts": [{"name": s.name, "path": str(s.path.resolve()), "bytes": s.size} for s in sources],
        "mapping": {"path": str(mapping.resolve()), "sha256": file_sha256(mapping)} if mapping else None,
        "settings": {
            "batch_size": options.batch_size,
            "max_batch_bytes": options.max_batch_bytes,
            "concurrency": options.concurrency,
            "patience": options.patience,
            "dry_run": options.dry_run,
            "encoding": options.encoding,
            "delimiter": options.delimiter,
            "once": options.once,
            "max_failures": str(options.max_failures) if options.max_failures else None,
        },
        "versions": {"bulkload": version("lusid-bulkload"), "python": platform.python_version()},
        "expect": options.expect.model_dump(mode="json", exclude_unset=True),
        "replays": replays,
        "followed": options.followed,
        "started": moment(),  # the loads of a night may begin within one second
    }


def add_digests(manifest: dict[str, Any], digests: Sequence[str]) -> None:
    """Adds the content hash of each extract, once it has been read."""
    for source, digest in zip(manifest["extracts"], digests, strict=True):
        source["sha256"] = digest


def closing(report: Report) -> dict[str, Any]:
    """How the run ended."""
    counts = report.as_json()
    return {
        "finished": moment(),
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
