"""A finished run, night or backfill at a glance, for a prompt and for a notebook: no more than a screen.

Made from the summary, so that it says the same as the terminal; the report has everything.
"""

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from pipelines.report.summary import Group, Summary
from schemas.states import STATES
from schemas.texts import many

MOST_GROUPS = 5
"""Reasons shown; each on two lines at most."""

MOST_LINES = 11
"""Loads of a night, or nights of a backfill, that are shown."""

WIDTH = 100


def as_text(run: Summary) -> str:
    """The run in at most sixteen lines of at most a hundred characters, but for the path of its folder."""
    lines = [f"{run.operation}, {run.colour}: {run.headline}"]
    lines += [f"  {run.way}, {run.effort}", f"  rows: {_counts(run)}"]
    for group, more in _groups(run):
        lines.append(f"  {group.rows:,} {group.state}: {group.code}")
        lines.append(f"    {_rule(group)}")
        if more:
            lines.append(f"  and {many(more, 'row', 'rows')} for other reasons: report.reasons, report.failures")
    return "\n".join([*map(_bounded, lines), f"  {run.folder.path}"])


def as_html(run: Summary) -> str:
    """The same as two tables; nothing from outside is read as HTML."""
    head = f"<b>{escape(run.operation)}, {escape(run.colour)}: {escape(run.headline)}</b>"
    states = [state for state in ("read", *STATES) if state in ("read", "accepted") or run.rows[state]]
    names = "".join(f"<th>{escape(name)}</th>" for name in states)
    counts = "".join(f"<td>{run.rows[name]:,}</td>" for name in states)
    reasons = "".join(
        f"<tr><td>{group.rows:,}</td><td>{escape(group.state)}</td><td>{escape(group.code)}</td>"
        f"<td style='text-align:left'>{escape(_rule(group))}</td></tr>"
        + (f"<tr><td>{more:,}</td><td colspan='3' style='text-align:left'>for other reasons</td></tr>" if more else "")
        for group, more in _groups(run)
    )
    why = f"<table><tr><th>rows</th><th>state</th><th>code</th><th>rule</th></tr>{reasons}</table>" if reasons else ""
    way = f"<br>{escape(run.way)}, {escape(run.effort)}"
    return f"<div>{head}{way}<table><tr>{names}</tr><tr>{counts}</tr></table>{why}{escape(str(run.folder.path))}</div>"


def lines_as_text(head: str, lines: Sequence[tuple[str, str]], foot: str) -> str:
    """Several runs, or nights, in at most sixteen lines; the path below them is not cut."""
    shown = [f"  {name}  {told}" for name, told in _some(lines)]
    top = textwrap.wrap(head, WIDTH, max_lines=3, placeholder=" ...")
    return "\n".join([*map(_bounded, [*top, *shown]), *_foot(foot)])


def lines_as_html(head: str, lines: Sequence[tuple[str, str]], foot: str) -> str:
    """The same as a table; nothing from outside is read as HTML."""
    cell = "<td style='text-align:left'>"
    rows = "".join(
        f"<tr>{cell}{escape(name)}</td>{cell}{escape(_bounded(told))}</td></tr>" for name, told in _some(lines)
    )
    top = escape(textwrap.shorten(head, 3 * WIDTH, placeholder=" ..."))
    return f"<div><b>{top}</b><table>{rows}</table>{escape(foot)}</div>"


def _some(lines: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The last lines, and how many come before them: what is newest needs somebody."""
    if (more := len(lines) - MOST_LINES) > 0:
        yield "...", f"{more:,} before these"
    yield from lines[-MOST_LINES:]


def _foot(path: str) -> list[str]:
    return [f"  {path}"] if path else []


def _bounded(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 4]} ..."


def _counts(run: Summary) -> str:
    return ", ".join(f"{run.rows[s]:,} {s}" for s in ("read", *STATES) if s in ("read", "accepted") or run.rows[s])


def _groups(run: Summary) -> Iterator[tuple[Group, int]]:
    """The most frequent reasons; with the last of them, how many rows have others."""
    shown, others = run.groups[:MOST_GROUPS], run.groups[MOST_GROUPS:]
    for group in shown:
        yield group, sum(each.rows for each in others) if group is shown[-1] else 0


def _rule(group: Group) -> str:
    return textwrap.shorten(group.rules[0].text, WIDTH - 4, placeholder=" ...") if group.rules else ""
