"""What to do about a run: its warnings, and the command to type next.

How the run ended decides the command. `resume` continues a run that stopped and sends nothing that is settled. `replay`
sends only the rows of a finished run that were not accepted: it reads unknown ones back first, holds those whose parent
is still missing, and links both runs. `load` follows a dry run.
"""

import shlex
import shutil
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.lusid.trust import is_named
from connectors.run_folder.folder import RunFolder
from pipelines.report.summary import Summary, given_up
from schemas.settings import RUNS, flag, flags
from schemas.states import STATES, State, Verdict
from schemas.texts import many, server_text

NAME = "bulkload"

CONTINUE = "Fix what the first line names, then type the same again: it loads what is not in, and nothing twice."
"""What to do about several loads of which one stopped."""


def warnings(run: Summary) -> list[str]:
    """Alarms first, then what the run noticed that is no row's fault."""
    return [*alarms(run), *(server_text(text, 1000) for text in run.manifest.warnings)]


def alerts(run: Summary) -> list[str]:
    """What LUSID took otherwise than it was meant."""
    return [server_text(text, 1000) for text in run.manifest.alerts]


def alarms(run: Summary) -> list[str]:
    """Rows that LUSID may or may not hold, and calls that the client gave up on."""
    said = []
    unknown = run.rows[State.UNKNOWN]
    if unknown:
        said.append(
            f"{many(unknown, 'row is', 'rows are')} unknown: sent, but the answer was lost and reading back was "
            f"inconclusive, so LUSID may or may not hold {'it' if unknown == 1 else 'them'}. `bulkload replay` checks "
            "before it sends anything that is not safe to send twice."
        )
    reasons = given_up(run.manifest)
    if reasons:
        rows = sum(reason.rows for reason in reasons)
        said.append(
            f"{many(rows, 'row was', 'rows were')} not sent, although the run continued: bulkload gave up on their "
            f"calls ({server_text(reasons[0].message, 300)}). `bulkload resume` sends them."
        )
    return said


def next_command(run: Summary) -> str:
    """The command to type next; empty when nothing is left to do."""
    if run.dry_run:
        return shlex.join(_load(run, [shown(file.path) for file in run.manifest.extracts]))
    if not run.to_correct:
        return ""
    verb = "resume" if run.verdict is Verdict.STOPPED else "replay"
    return command_on(verb, run.folder, run.manifest.target, run.manifest.over)


def command_on(verb: str, folder: RunFolder, target: str | None, over: Mapping[str, int] | None = None) -> str:
    """A command on an earlier run.

    Args:
        verb: the command.
        folder: the run's.
        target: the run's, if the command is to load into it.
        over: limits of the guard that the run is over, and what it would take to let it go on.
    """
    where = ["--target", target] if target is not None and not is_named(target) else []
    limits = [word for option, keys in (over or {}).items() for word in (flag(option), str(keys))]
    return shlex.join([program(), verb, folder.run_id, *_in(folder.path.parent), *where, *limits])


def command_on_all(verb: str, runs: Path) -> str:
    """A command on all runs of a folder."""
    return shlex.join([program(), verb, *_in(runs)])


def _in(runs: Path) -> list[str]:
    """The flag for the folder of the runs; none for the one that commands take by default."""
    return [] if shown(runs) == str(RUNS) else ["--runs", shown(runs)]


def next_step(run: Summary) -> str:
    """What to do before typing `next_command`."""
    if run.dry_run:
        return "Correct the extract, then load it." if run.to_correct else "Every row is valid: load them."
    if run.verdict is Verdict.STOPPED:
        if run.manifest.over:
            return "Look at what it would do. If that is meant, let it go on with a larger limit."
        return "Fix what stopped the run, then resume it; settled rows are not sent again."
    rows = run.rows
    if any(rows[state] for state in STATES if state.traits.correctable):
        return (
            "Correct the rows in failures.csv (leave the columns that begin with _ as they are), then replay the run: "
            "it sends only the rows that were not accepted."
        )
    if run.to_correct and run.to_correct == rows[State.STALE]:
        return (
            "Somebody changed in LUSID what was planned. Look at it there; if the extract is right all the same, "
            "replay the run: it sends those rows over it."
        )
    if run.to_correct:
        return "No cell is wrong. Fix the cause, then replay the run: it sends only the rows that were not accepted."
    return "Nothing is left to do."


def _load(run: Summary, extracts: Sequence[str]) -> list[str]:
    """The command that loads extracts with those of a run's flags that differ from the defaults."""
    return [program(), "load", run.operation, *extracts, *_flags(run)]


def _flags(run: Summary) -> Iterator[str]:
    return flag_words(run.manifest.options(run.folder.path.parent), {"dry_run"})


def flag_words(given: Mapping[str, Any], without: Container[str] = ()) -> Iterator[str]:
    """Options as they are typed, those alone that differ from the defaults.

    Args:
        given: options by name.
        without: options to leave out.
    """
    for name, option in flags().items():
        if name in given and name not in without and (value := given[name]) != option.default:
            yield flag(name)
            if value is not True:
                yield _typed(value)


def _typed(value: Any) -> str:
    """An option's value as it is typed: seconds without a point where they are whole."""
    if isinstance(value, Path):
        return shown(value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def program() -> str:
    """This program as it is typed here: by name where the shell finds it, otherwise by path."""
    called = Path(sys.argv[0])
    if called.name != NAME or shutil.which(NAME):
        return NAME
    return shown(called)


def shown(path: str | Path) -> str:
    """A path as it is typed here: relative where it lies below the working folder."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):  # it lies elsewhere; the working folder is gone
        return str(path)
