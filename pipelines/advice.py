"""What to do about a run: what must be said loudly of it, and what to type next.

The right command differs by how the run ended: `resume` goes on with one that stopped and sends nothing that is
settled; `replay` sends what a finished one did not get in, and only that: it reads back what is unknown, holds what
still lacks its parent, and links both runs; `load` is for what a dry run found valid.
"""

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import defaults
from pipelines.report import Verdict
from schemas.answers import server_text
from schemas.states import State

if TYPE_CHECKING:
    from pipelines.summary import Summary

NAME = "bulkload"

STOPPED_FIRST = "NotSent"
"""The code of rows that were left because the run stopped; any other code of `not_sent` is of a call given up."""

_CORRECTABLE = (State.INVALID, State.FAILED)


def given_up(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The reasons of rows whose calls were repeated as often as we repeat, while the run went on."""
    found = (r for r in manifest["reasons"] if r["state"] == State.NOT_SENT and r["code"] != STOPPED_FIRST)
    return [] if manifest["settings"]["dry_run"] else list(found)


def alarms(run: "Summary") -> list[str]:
    """What nobody may overlook: rows that LUSID may or may not hold, and calls that were given up."""
    said = []
    unknown = run.rows[State.UNKNOWN]
    if unknown:
        said.append(
            f"{many(unknown, 'row is', 'rows are')} unknown: sent, the answer was lost, and reading back could not "
            f"settle it, so LUSID may hold {'it' if unknown == 1 else 'them'} or not. `bulkload replay` finds out "
            "before it sends anything that is not safe to send twice."
        )
    reasons = given_up(run.manifest)
    if reasons:
        rows = sum(reason["rows"] for reason in reasons)
        said.append(
            f"{many(rows, 'row was', 'rows were')} not sent, though the run went on: their calls were given up "
            f"({server_text(reasons[0]['message'], 300)}). `bulkload resume` sends them."
        )
    return said


def next_command(run: "Summary") -> str:
    """What to type next; empty when nothing is left to do."""
    if run.dry_run:
        return shlex.join(_load(run, [shown(extract["path"]) for extract in run.manifest["extracts"]]))
    if not run.to_correct:
        return ""
    runs = [] if run.folder.path.parent == defaults.RUNS else ["--runs", shown(run.folder.path.parent)]
    verb = "resume" if run.verdict is Verdict.STOPPED else "replay"
    return shlex.join([program(), verb, run.folder.run_id, *runs])


def next_step(run: "Summary") -> str:
    """What to do before typing it."""
    if run.dry_run:
        return "Correct the extract, then load it." if run.to_correct else "Every row is valid: load them."
    if run.verdict is Verdict.STOPPED:
        return "When what stopped the run is mended, go on with it; what is settled is not sent again."
    if any(run.rows[state] for state in _CORRECTABLE):
        return (
            "Correct the rows in failures.csv (columns that begin with _ stay as they are), then send again what did "
            "not get in, and only that."
        )
    if run.to_correct:
        return "No cell is wrong: once the cause is mended, send again what did not get in, and only that."
    return "Nothing is left to do."


def _load(run: "Summary", extracts: Sequence[str]) -> list[str]:
    """The load of extracts with a run's flags, but for those that say what holds anyway."""
    manifest, settings = run.manifest, run.manifest["settings"]
    mapping, target = manifest["mapping"], manifest["target"]
    flags = {
        "--mode": (manifest["mode"], defaults.MODE),
        "--mapping": (shown(mapping["path"]) if mapping else None, None),
        "--target": (target, None),
        "--dialect": (manifest["dialect"], defaults.DIALECT),
        "--encoding": (settings.get("encoding"), None),
        "--delimiter": (settings.get("delimiter"), None),
        "--runs": (run.folder.path.parent, defaults.RUNS),
        "--batch-size": (settings["batch_size"], defaults.BATCH_SIZE),
        "--max-batch-bytes": (settings["max_batch_bytes"], defaults.MAX_BATCH_BYTES),
        "--concurrency": (settings["concurrency"], defaults.CONCURRENCY),
        "--patience": (settings.get("patience"), defaults.PATIENCE_SECONDS),
        "--duplicates": (manifest["duplicates"], defaults.DUPLICATES),
        "--max-failures": (settings["max_failures"], None),
    }
    told = [(name, value) for name, (value, default) in flags.items() if value is not None and value != default]
    return [program(), "load", run.operation, *extracts, *(str(word) for flag in told for word in flag)]


def program() -> str:
    """This program as a person would type it here: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != NAME or shutil.which(NAME):
        return NAME
    return shown(called)


def shown(path: str | Path) -> str:
    """A path as a person would type it here: relative where it lies below the working folder."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # it lies elsewhere; the working folder is gone
        return str(path)


def many(count: int, one: str, more: str) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else more}"
