"""How nights ended, on the terminal: a line for each night first, then its loads, then one thing to do next."""

from collections.abc import Iterator, Sequence

from rich.console import Console

from pipelines.cli.console import Line, ending_lines, outcome_lines, print_lines, width_of
from pipelines.report import advice
from pipelines.report.summary import Summary
from schemas.texts import one_line
from schemas.verdicts import Colour

_STYLES = {Colour.GREEN.mark: "bold green", Colour.AMBER.mark: "bold yellow", Colour.RED.mark: "bold red"}

Told = tuple[str, Sequence[Summary]]
"""How a night ended, in one line, and its loads."""

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
    summaries = [summary for _, loads in nights for summary in loads]
    if many and not repeat and sum(bool(advice.next_command(summary)) for summary in summaries) > 1:
        command = advice.command_on_all("open", summaries[0].folder.path.parent)
        print_lines([("", ""), ("Next", "bold"), (f"  {OPEN}", ""), (f"  {command}", "bold")], console)
    elif summaries:
        print_lines(ending_lines(summaries, repeat, width_of(console)), console)
    elif repeat:
        print_lines([("", ""), ("Next", "bold"), (f"  {advice.CONTINUE}", ""), (f"  {repeat}", "bold")], console)


def _lines(nights: Sequence[Told], width: int) -> Iterator[Line]:
    for number, (head, summaries) in enumerate(nights):
        if number and summaries:
            yield "", ""
        yield one_line(head), _STYLES.get(head[:1], "")
        if summaries:
            yield from outcome_lines(summaries, width)
