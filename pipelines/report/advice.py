"""What to do about a run: what must be said loudly of it, and what to type next.

The right command differs by how the run ended: `resume` goes on with one that stopped and sends nothing that is
settled; `replay` sends what a finished one did not get in, and only that: it reads back what is unknown, holds what
still lacks its parent, and links both runs; `load` is for what a dry run found valid.
"""

import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.report.summary import Summary, given_up, many
from schemas.answers import server_text
from schemas.settings import RUNS, flag, flags
from schemas.states import STATES, State
from schemas.verdicts import Verdict

NAME = "bulkload"


def warnings(run: Summary) -> list[str]:
    """What nobody may overlook, then what the run noticed that is no row's fault."""
    return [*alarms(run), *(server_text(text, 1000) for text in run.manifest.warnings)]


def alarms(run: Summary) -> list[str]:
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
        rows = sum(reason.rows for reason in reasons)
        said.append(
            f"{many(rows, 'row was', 'rows were')} not sent, though the run went on: their calls were given up "
            f"({server_text(reasons[0].message, 300)}). `bulkload resume` sends them."
        )
    return said


def next_command(run: Summary) -> str:
    """What to type next; empty when nothing is left to do."""
    if run.dry_run:
        return shlex.join(_load(run, [shown(file.path) for file in run.manifest.extracts]))
    if not run.to_correct:
        return ""
    runs = [] if run.folder.path.parent == RUNS else ["--runs", shown(run.folder.path.parent)]
    verb = "resume" if run.verdict is Verdict.STOPPED else "replay"
    return shlex.join([program(), verb, run.folder.run_id, *runs])


def next_step(run: Summary) -> str:
    """What to do before typing it."""
    if run.dry_run:
        return "Correct the extract, then load it." if run.to_correct else "Every row is valid: load them."
    if run.verdict is Verdict.STOPPED:
        return "When what stopped the run is mended, go on with it; what is settled is not sent again."
    if any(run.rows[state] for state in STATES if state.traits.correctable):
        return (
            "Correct the rows in failures.csv (columns that begin with _ stay as they are), then send again what did "
            "not get in, and only that."
        )
    if run.to_correct:
        return "No cell is wrong: once the cause is mended, send again what did not get in, and only that."
    return "Nothing is left to do."


def _load(run: Summary, extracts: Sequence[str]) -> list[str]:
    """The load of extracts with a run's flags, but for those that say what holds anyway."""
    return [program(), "load", run.operation, *extracts, *_flags(run)]


def _flags(run: Summary) -> Iterator[str]:
    given = run.manifest.options(run.folder.path.parent)
    for name, option in flags().items():
        if name != "dry_run" and (value := given[name]) != option.default:
            yield flag(name)
            if value is not True:
                yield shown(value) if isinstance(value, Path) else str(value)


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
