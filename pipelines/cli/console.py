"""The terminal: the outcome of runs on stdout, and where progress goes.

Nothing from outside is ever read as markup: texts are printed as `Text`, as they are. Where a stream is no terminal its
lines are plain, and the same on every machine.
"""

import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from pipelines.cli.progress import Closed, QuietProgress, TerminalProgress
from pipelines.options import Progress
from pipelines.report import advice
from pipelines.report.summary import Group, Summary, groups_of
from pipelines.report.unfinished import UnfinishedRun
from schemas.states import STATES
from schemas.texts import many, one_line
from schemas.verdicts import Colour

PLAIN_WIDTH = 80
WIDEST = 120

_STYLES = {Colour.GREEN: "green", Colour.AMBER: "yellow", Colour.RED: "red"}

Line = tuple[str, str]
"""A text and its style; the style is lost where the stream is no terminal."""


def stdout_console() -> Console:
    """The console of outcomes."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def stderr_console() -> Console:
    """The console of progress and notes."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


@contextmanager
def progress(*, quiet: bool = False, closed: Closed = lambda _: None) -> Iterator[Progress]:
    """Shows progress and notes on stderr, or none of it.

    Args:
        quiet: show none.
        closed: told of each run whose books are closed, shown or not.
    """
    if quiet:
        yield QuietProgress(closed)
        return
    with TerminalProgress(stderr_console(), closed=closed) as shown:
        yield shown


def print_summaries(
    summaries: Sequence[Summary], console: Console, more: Iterable[Line] = (), repeat: str = ""
) -> None:
    """Prints how one run ended, or several of one night.

    Args:
        summaries: at least one, in the order of their runs.
        console: where to print.
        more: lines between the outcome and what to do next.
        repeat: the command that continues a night that stopped; empty where none did.
    """
    print_lines(outcome_lines(summaries, width_of(console)), console)
    print_lines(more, console)
    print_lines(ending_lines(summaries, repeat, width_of(console)), console)


def print_unfinished(run: UnfinishedRun, console: Console) -> None:
    """Prints what the journal knows of a run whose books are not closed."""
    print_lines(_unfinished_lines(run, width_of(console)), console)


def _unfinished_lines(run: UnfinishedRun, width: int) -> Iterator[Line]:
    yield f"{run.manifest.operation}: {run.headline}", "bold"
    yield f"  into {run.manifest.target or 'nothing: a dry run'}", "dim"
    yield f"  {run.progress}", ""
    yield "", ""
    counted = [(state, count) for state, count in run.settled.items() if count]
    yield from table([("", "requests"), *((state, f"{count:,}") for state, count in counted)])
    yield from _group_reasons("Why requests were not accepted so far", groups_of(run.reasons), width)
    yield "", ""
    yield "Next", "bold"
    yield f"  {run.next_step}", ""
    yield f"  {run.next_command}", "bold"


def print_lines(lines: Iterable[Line], console: Console) -> None:
    """Prints styled lines; nothing in them is markup."""
    for text, style in lines:
        console.print(Text(one_line(text), style=style))


def width_of(console: Console) -> int:
    """Width of wrapped texts in characters: the terminal's, or a fixed one where there is none."""
    return min(console.width, WIDEST) if console.is_terminal else PLAIN_WIDTH


def outcome_lines(summaries: Sequence[Summary], width: int) -> Iterator[Line]:
    """How runs of one night ended, and why rows were not accepted."""
    for summary in summaries:
        colour = summary.colour
        yield f"{colour.mark} {summary.operation}, {colour}: {summary.headline}", f"bold {_STYLES[colour]}"
        yield f"  {summary.way}, {summary.effort}", "dim"
        if summary.why_red:
            yield f"  {summary.why_red}", "bold"
        if summary.replay_line:
            yield f"  {summary.replay_line}", "bold"
        if summary.changes:
            yield f"  {summary.changes}", "dim"
        for warning in [*advice.alerts(summary), *advice.warnings(summary)]:
            yield from _wrapped(warning, "  ! ", "    ", width, "yellow")
    yield "", ""
    yield from _counts(summaries)
    for summary in summaries:
        yield from _reasons(summary, width)


def _counts(summaries: Sequence[Summary]) -> Iterator[Line]:
    """Counts by state: the rows of each run and, for a single run, its keys."""
    lines: dict[str, Mapping[str, int]] = {s.operation: s.rows for s in summaries}
    if len(summaries) == 1:
        keys = summaries[0].keys
        lines = {"rows": summaries[0].rows, "keys": Counter({"read": sum(keys.values()), **keys})}
    yield from table(
        [("", *_columns(lines)), *((n, *(f"{c[s]:,}" for s in _columns(lines))) for n, c in lines.items())]
    )


def _columns(lines: Mapping[str, Mapping[str, int]]) -> list[str]:
    """`read`, `accepted` and every state that occurs."""
    return ["read", *(s for s in STATES if s == "accepted" or any(counts[s] for counts in lines.values()))]


def table(rows: Sequence[Sequence[str]]) -> Iterator[Line]:
    """Aligns rows in columns, the first to the left and the others to the right; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for number, row in enumerate(rows):
        first, *others = (
            cell.ljust(w) if place == 0 else cell.rjust(w)
            for place, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([f"  {first}", *others]).rstrip(), "" if number else "bold"


def _reasons(summary: Summary, width: int) -> Iterator[Line]:
    return _group_reasons(f"Why {summary.operation} rows were not accepted", summary.groups, width)


def _group_reasons(title: str, groups: Iterable[Group], width: int) -> Iterator[Line]:
    for number, group in enumerate(groups):
        if number == 0:
            yield "", ""
            yield title, "bold"
        yield f"  {group.rows:,} {group.state}: {group.code}", group.state.traits.colours.console
        yield from _group_lines(group, width)


def _group_lines(group: Group, width: int) -> Iterator[Line]:
    for rule in group.rules:
        yield from _wrapped(rule.text, "    ", "    ", width, "")
        yield from _wrapped(rule.examples, "      ", "      ", width, "dim")
    if group.more:
        yield f"    and {many(group.more, 'row', 'rows')} for other reasons with this code: see failures.csv", "dim"


def ending_lines(summaries: Sequence[Summary], repeat: str, width: int) -> Iterator[Line]:
    """The files, and the command to type next; paths and commands are never wrapped."""
    yield "", ""
    yield "Files", "bold"
    for summary in summaries:
        yield f"  {advice.shown(summary.folder.path)}/", ""
        for path, about in summary.files:
            yield f"    {path.name:<16}  {about}", "dim"
    yield "", ""
    yield "Next", "bold"
    commands = {command: advice.next_step(s) for s in summaries if (command := advice.next_command(s))}
    if repeat:
        commands = {repeat: advice.CONTINUE}
    if not commands:
        yield f"  {advice.next_step(summaries[0])}", ""
    for step in dict.fromkeys(commands.values()):
        yield from _wrapped(step, "  ", "  ", width, "")
        for command in (c for c, s in commands.items() if s == step):
            yield f"  {command}", "bold"


def _wrapped(text: str, first: str, further: str, width: int, style: str) -> Iterator[Line]:
    """A text in lines of at most `width` characters, unless a word is longer."""
    lines = textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )
    return ((line, style) for line in lines)
