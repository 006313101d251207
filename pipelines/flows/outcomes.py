"""How a flow ended, in the words that Prefect keeps: a state's name and message, and an artifact for people.

Prefect stores them, often outside the firm, so nothing in them comes from a row: no key, no cell, no name of a header,
which may be a row's, and for reasons only our own texts, never a server's, which may quote any of them. The run folder
has the rest.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from connectors.run_folder.folder import RunFolder
from pipelines.nights.backfill import BackfillReport
from pipelines.nights.report import UNFINISHED, NightlyReport
from pipelines.report.advice import CONTINUE, next_command
from pipelines.report.report import Report
from pipelines.report.summary import Summary
from schemas.manifest import Reason
from schemas.states import STATES, State
from schemas.texts import many
from schemas.verdicts import Colour, worst_of

Outcome = Report | NightlyReport | BackfillReport

RED, REJECTS, ALERTS = "Red", "Rejects", "Alerts"
"""The names of states: failed; completed with rows that are not in; completed with rows to look at. Automations of
`deploy` go by them."""

MOST_REASONS = 50
MOST_CHARACTERS = 200


class Load(NamedTuple):
    """One load of an outcome, and what it is called in it: its operation, in a backfill after its date."""

    name: str
    report: Report


def loads_of(outcome: Outcome) -> tuple[Load, ...]:
    """The loads that ended, in their order."""
    match outcome:
        case Report():
            return (Load(outcome.operation, outcome),)
        case NightlyReport():
            return tuple(Load(report.operation, report) for report in outcome.reports)
        case BackfillReport():
            return tuple(
                Load(f"{day} {report.operation}", report) for day, night in outcome.nights for report in night.reports
            )


def errors_of(outcome: Outcome) -> list[str]:
    """What is missing, what was refused, and what ended it where a load has no report; in words that quote no cell."""
    return [text for night in _nights_of(outcome) for text in _broken(night)]


def _broken(night: NightlyReport) -> Iterator[str]:
    yield from (each.shareable for each in night.missing)
    yield from (each.shareable for each in night.refused)
    if night.held:
        yield f"{' and '.join(night.held)} held"
    if night.error is not None:
        yield night.error.shareable


def colour_of(outcome: Outcome) -> Colour:
    """What its end amounts to."""
    if isinstance(outcome, BackfillReport):
        return worst_of(night.colour for _, night in outcome.nights)
    return outcome.colour


def state_name(outcome: Outcome) -> str | None:
    """The name of its state; None for a green one, which keeps Prefect's own."""
    match colour_of(outcome):
        case Colour.RED:
            return RED
        case Colour.AMBER:
            return REJECTS if _not_in(outcome).total() else ALERTS
        case Colour.GREEN:
            return None


def message(outcome: Outcome) -> str:
    """The message of its state: what ended it, the counts, the target, then each load."""
    where = f"into {outcome.target}" if outcome.target else "a dry run"
    parts = [*errors_of(outcome), f"{counts(outcome)}, {where}, exit code {outcome.exit_code}"]
    return "; ".join([*parts, *map(_in_words, loads_of(outcome))])


def counts(outcome: Outcome) -> str:
    """How many of all rows are not in, by state."""
    loads = loads_of(outcome)
    rows, bad = sum(load.report.rows_read for load in loads), _not_in(outcome)
    if not loads:
        return "no load ended" if errors_of(outcome) else "nothing to load"
    alerts = sum(len(load.report.alerts) for load in loads)
    beside = f", {many(alerts, 'alert', 'alerts')}" if alerts else ""
    if not bad:
        return f"{many(rows, 'row', 'rows')}, none to correct{beside}"
    return f"{bad.total():,} of {many(rows, 'row', 'rows')} not accepted: {_by_state(bad)}{beside}"


def page(outcome: Outcome) -> str:
    """The artifact of a flow run, in Markdown: verdict, loads, reasons, what to type next, and where the files are."""
    colour = colour_of(outcome)
    target = f"into {escaped(outcome.target)}" if outcome.target else "a dry run"
    ended = [f"- {escaped(text)}" for text in errors_of(outcome)]
    loads = loads_of(outcome)
    parts = [
        [f"# {colour.mark} {colour.value}: {escaped(counts(outcome))}"],
        [f"**{target}**, exit code {outcome.exit_code}"],
        ended,
        [*_load_table(loads)] if loads else [],
        [*_reason_table(loads)],
        [*_next(outcome)],
        [*_files(outcome)],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)


def failed_page(text: str) -> str:
    """The artifact of a flow run that ended before anything was loaded."""
    return f"# {Colour.RED.mark} {Colour.RED.value}: nothing was loaded\n\n- {escaped(text)}"


def escaped(text: str) -> str:
    """Escapes a text so that Markdown shows it as it is, on one line of bounded length, with no table, link or HTML."""
    flat = " ".join(text.split())
    short = flat if len(flat) <= MOST_CHARACTERS else f"{flat[: MOST_CHARACTERS - 3]}..."
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", short)


def _nights_of(outcome: Outcome) -> tuple[NightlyReport, ...]:
    match outcome:
        case NightlyReport():
            return (outcome,)
        case BackfillReport():
            return tuple(night for _, night in outcome.nights)
        case Report():
            return ()


def _bad_rows(report: Report) -> Counter[State]:
    """The rows of a load that need somebody, by state."""
    return Counter({state: report.rows[state] for state in STATES if report.rows[state] and state not in report.good})


def _not_in(outcome: Outcome) -> Counter[State]:
    return sum((_bad_rows(load.report) for load in loads_of(outcome)), Counter())


def _by_state(rows: Counter[State]) -> str:
    return ", ".join(f"{rows[state]:,} {state.value}" for state in STATES if rows[state])


def _in_words(load: Load) -> str:
    """A load in one line."""
    report, bad = load.report, _by_state(_bad_rows(load.report))
    return f"{load.name}: {many(report.rows_read, 'row', 'rows')} read{f', {bad}' if bad else ''} ({report.run_id})"


def _load_table(loads: tuple[Load, ...]) -> Iterator[str]:
    used = [state for state in STATES if any(load.report.rows[state] for load in loads)]
    yield f"| load | verdict | read |{''.join(f' {escaped(state.value)} |' for state in used)} calls | seconds |"
    yield f"|---|---|---:|{'---:|' * len(used)}---:|---:|"
    for name, report in loads:
        states = "".join(f" {report.rows[state]:,} |" for state in used)
        verdict = f"{report.colour.mark} {escaped(report.verdict.value)}"
        yield (
            f"| {escaped(name)} | {verdict} | {report.rows_read:,} |{states} {report.requests:,} "
            f"| {report.seconds:.1f} |"
        )


def _reason_table(loads: tuple[Load, ...]) -> Iterator[str]:
    found = [(load.name, reason) for load in loads for reason in load.report.reasons]
    if not found:
        return
    yield "## Why rows were not accepted"
    yield ""
    yield "| rows | state | code | rule | load |"
    yield "|---:|---|---|---|---|"
    for name, reason in sorted(found, key=lambda each: -each[1].rows)[:MOST_REASONS]:
        yield (
            f"| {reason.rows:,} | {escaped(reason.state.value)} | {escaped(reason.code)} | {_rule(reason)} "
            f"| {escaped(name)} |"
        )
    if (more := len(found) - MOST_REASONS) > 0:
        yield f"| | | | {many(more, 'more reason', 'more reasons')} | |"


def _rule(reason: Reason) -> str:
    """What the rows have in common, in our words; a server's words stay in the run folder."""
    return escaped(reason.rule) if reason.state.traits.shareable else ""


def _next(outcome: Outcome) -> Iterator[str]:
    runs = [load.report.run_dir for load in loads_of(outcome)]
    commands = [next_command(Summary.of_run(run)) for run in runs if RunFolder(run).manifest.is_file()]
    commands = [command for command in dict.fromkeys(commands) if command]
    if not commands and not errors_of(outcome):
        return
    yield "## Next"
    yield ""
    if outcome.exit_code in UNFINISHED and not isinstance(outcome, Report):
        yield f"{CONTINUE} In Prefect: run the deployment again with the same parameters."
        return
    yield "```text"
    yield from commands
    yield "```"


def _files(outcome: Outcome) -> Iterator[str]:
    loads, pages = loads_of(outcome), [night.page for night in _nights_of(outcome) if night.page is not None]
    if not loads and not pages:
        return
    yield "## Files"
    yield ""
    yield from (
        f"- [{path.name}]({_link(path)}), the page of the night, in {escaped(str(path.parent))}" for path in pages
    )
    for name, report in loads:
        folder = RunFolder(report.run_dir)
        named = [folder.report, *([folder.failures] if _bad_rows(report) else [])]
        links = ", ".join(f"[{path.name}]({_link(path)})" for path in named)
        yield f"- {escaped(name)}: {links} in {escaped(str(report.run_dir))}"


def _link(path: Path) -> str:
    """A link that opens where the runs' folder is mounted; all that Markdown reads otherwise is encoded."""
    return path.absolute().as_uri().replace("(", "%28").replace(")", "%29")
