"""How nights ended, on the terminal: a line for each night first, then its loads, then one thing to do next."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from pipelines.cli.console import Line, ending_lines, outcome_lines, print_lines, table, width_of
from pipelines.report import advice
from pipelines.report.summary import Summary
from schemas.history_documents import ComparisonDocument, NightFactsDocument
from schemas.texts import many, one_line
from schemas.verdicts import Colour

_STYLES = {Colour.GREEN.mark: "bold green", Colour.AMBER.mark: "bold yellow", Colour.RED.mark: "bold red"}

Told = tuple[str, Sequence[Summary], Path | None]
"""How a night ended, in one line, its loads, and its page."""

OPEN = "Rows of several loads are not in: this lists them, why, and what to type for each."


def print_nights(nights: Sequence[Told], console: Console, repeat: str = "", *, many: bool = False) -> None:
    """Prints how nights ended.

    Args:
        nights: in their order.
        console: where to print.
        repeat: the command that continues what stopped; empty where nothing did.
        many: they are those of a backfill, which ends with one command.
    """
    print_lines(_lines(nights, width_of(console)), console)
    summaries = [summary for _, loads, _ in nights for summary in loads]
    if many and not repeat and sum(bool(advice.next_command(summary)) for summary in summaries) > 1:
        command = advice.command_on_all("open", summaries[0].folder.path.parent)
        print_lines([("", ""), ("Next", "bold"), (f"  {OPEN}", ""), (f"  {command}", "bold")], console)
    elif summaries:
        print_lines(ending_lines(summaries, repeat, width_of(console)), console)
    elif repeat:
        print_lines([("", ""), ("Next", "bold"), (f"  {advice.CONTINUE}", ""), (f"  {repeat}", "bold")], console)


def _lines(nights: Sequence[Told], width: int) -> Iterator[Line]:
    for number, (head, summaries, page) in enumerate(nights):
        if number and summaries:
            yield "", ""
        yield one_line(head), _STYLES.get(head[:1], "")
        if summaries:
            yield from outcome_lines(summaries, width)
        if page is not None:
            yield "", ""
            yield f"  {advice.shown(page)}  the night on one page", "dim"


def night_lines(night: NightFactsDocument) -> Iterator[Line]:
    """How a night is by now: its verdict, its reasons with who must act, its page, and what to type next."""
    yield one_line(night.headline), _STYLES.get(night.headline[:1], "")
    if night.not_accepted:
        yield f"  {night.open:,} of {night.not_accepted:,} rows that were not accepted are still open", ""
    if night.new is not None:
        new = many(night.new, "key", "keys")
        yield f"  {new} new, {night.still:,} still failing, {night.cured:,} cured since the night before", ""
    if night.reasons:
        yield "", ""
        head = ("reason", "rows", "who acts", "new", "still", "since")
        yield from table([head, *(_reason_cells(night, number) for number in range(len(night.reasons)))])
    yield "", ""
    yield f"  {night.page}", "bold"
    for command in night.next:
        yield f"  {command}", "bold"


def _reason_cells(night: NightFactsDocument, number: int) -> tuple[str, ...]:
    reason = night.reasons[number]
    told = [f"{count:,}" if count is not None else "" for count in (reason.new, reason.still)]
    rows = sum(reason.rows.values())
    return (f"{reason.state}: {one_line(reason.code)}", f"{rows:,}", reason.owner, *told, reason.since or "")


def comparison_lines(found: ComparisonDocument) -> Iterator[Line]:
    """How a run differs from an earlier one."""
    yield f"{found.operation}: {found.run_id} compared with {found.compared_with}", "bold"
    yield "", ""
    states = [(state, before, now) for state, (before, now) in found.rows.items() if before or now]
    yield from table([("", "before", "now", "more"), *((s, f"{b:,}", f"{n:,}", f"{n - b:+,}") for s, b, n in states)])
    if not found.reasons:
        return
    yield "", ""
    head = ("reason", "before", "now", "new keys", "still", "cured", "gone")
    yield from table(
        [
            head,
            *(
                (
                    f"{r.state}: {one_line(r.code)}",
                    *(f"{n:,}" for n in (r.rows_before, r.rows, r.new, r.still, r.cured, r.gone)),
                )
                for r in found.reasons
            ),
        ]
    )
