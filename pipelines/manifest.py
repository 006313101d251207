"""The manifest: what a run was given, with which settings, and how it ended. No secrets, no cells."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from connectors.mapping_file import file_sha256
from connectors.run_folder import RunFolder
from pipelines.report import Report
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from pipelines.load import Run

FORMAT = 1
"""Raised when a member changes its meaning."""


@dataclass(frozen=True)
class Earlier:
    """A run that stopped, to go on with.

    Attributes:
        force: go on though the mapping or bulkload changed, where the keys are the same.
    """

    folder: RunFolder
    force: bool = False


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
            "patience": options.patience,
            "dry_run": options.dry_run,
            "encoding": options.encoding,
            "delimiter": options.delimiter,
            "once": options.once,
            "max_failures": str(options.max_failures) if options.max_failures else None,
        },
        "versions": {"bulkload": version("lusid-bulkload"), "python": platform.python_version()},
        "expect": options.expect.model_dump(mode="json", exclude_unset=True),
        "replays": run.replayed.run_id if run.replayed else None,
        "followed": options.followed,
        "started": moment(),  # the loads of a night may begin within one second
    }


def add_digests(manifest: dict[str, Any], digests: Sequence[str]) -> None:
    """Adds the content hash of each extract, once it has been read."""
    for source, digest in zip(manifest["extracts"], digests, strict=True):
        source["sha256"] = digest


def begun(manifest: Mapping[str, Any]) -> bool:
    """Whether a run had read its extract, and so may have sent something."""
    return all("sha256" in source for source in manifest["extracts"])


def go_on(before: Mapping[str, Any], now: dict[str, Any]) -> list[str]:
    """Makes the manifest of a process that goes on with a run tell the whole run's story.

    Returns:
        What the user should know of it.
    """
    now["started"] = before["started"]
    for was, source in zip(before["extracts"], now["extracts"], strict=True):
        source.update({name: was[name] for name in ("path", "copy") if "copy" in was})
    now["resumed"] = [*before.get("resumed", ()), {"at": moment(), "target": now["target"], **now["versions"]}]
    if before["target"] == now["target"] or not begun(before):
        return []
    return [f"what is settled was settled with {before['target']} and is not sent to {now['target']}"]


def check_same(
    before: Mapping[str, Any], now: Mapping[str, Any], digests: Sequence[str], *, force: bool = False
) -> None:
    """Makes sure that a run goes on with what it began with; a run that had not read its extract yet may begin anew.

    Args:
        digests: the content hash of each extract as it is now.
        force: another mapping, or another version of this program, will do: what they make is compared by key.

    Raises:
        ConfigError: one line that names everything that changed.
    """
    if not begun(before):
        return
    fixed = {
        f"the format of the run folder (was {before['format']})": before["format"] != now["format"],
        "the content of the extract": [source["sha256"] for source in before["extracts"]] != list(digests),
    }
    lenient = {
        "the mapping": (before["mapping"] or {}).get("sha256") != (now["mapping"] or {}).get("sha256"),
        f"bulkload (was {before['versions']['bulkload']})": before["versions"]["bulkload"]
        != now["versions"]["bulkload"],
    }
    changed = [name for name, differs in {**fixed, **({} if force else lenient)}.items() if differs]
    if changed:
        hint = "" if any(fixed.values()) else "; --force goes on all the same, if it still makes the same keys"
        raise ConfigError(f"the run cannot go on, this changed since it began: {', '.join(changed)}{hint}")


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


def moment() -> str:
    """This moment, to the millisecond, as manifests write it: such texts compare as moments do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
