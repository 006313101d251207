"""The progress line: on a terminal and in a log, while LUSID is away, and after Ctrl-C."""

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from rich.console import Console

from connectors.lusid.waiting import Waiting
from pipelines.cli.progress import STOPPING, TerminalProgress


def clock_of(*seconds: float) -> Iterator[float]:
    yield from seconds


def progress(terminal: bool, *seconds: float) -> tuple[TerminalProgress, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, soft_wrap=True, highlight=False)
    return TerminalProgress(console, clock_of(*seconds).__next__), out


def test_without_a_terminal_there_is_at_most_a_line_in_ten_seconds() -> None:
    told, out = progress(False, 0, 5, 10, 19, 20, 21, 22, 31)
    with told:
        for rows in (0, 500, 1000, 1900, 2000):
            told.reading(rows)
        for settled in (100, 200, 1100):
            told.sending(settled, 2000)
    assert out.getvalue().splitlines() == [
        "reading: 1,000 (100/s)",
        "reading: 2,000 (100/s)",
        "sending: 1,100 of 2,000 (100/s, 9 s left)",
    ]


def test_a_stuck_load_says_what_it_has_done_without_a_rate() -> None:
    told, out = progress(False, 0, 10)
    told.sending(100, 200)
    told.sending(100, 200)
    assert out.getvalue() == "sending: 100 of 200\n"


def waits(seconds: float, ago: float = 0, cause: str = "answered 503") -> Waiting:
    return Waiting("LUSID", cause, datetime.now(UTC) - timedelta(seconds=ago), seconds)


def test_while_lusid_is_away_its_absence_is_told_and_no_time_left() -> None:
    told, out = progress(False, 0, 20, 22, 25, 40, 45, 60, 72)
    told.sending(0, 2000)
    told.sending(1000, 2000)
    told.waiting(waits(8))
    told.waiting(waits(8))
    told.waiting(waits(20, ago=18))
    told.sending(1000, 2000)
    told.sending(1001, 2000)
    told.sending(1121, 2000)

    begun, *outage, still, again, later = out.getvalue().splitlines()
    assert begun == "sending: 1,000 of 2,000 (50/s, 20 s left)"
    assert [re.sub(r"[0-9:]{8}", "14:03:22", line) for line in outage] == [
        "waiting for LUSID since 14:03:22 UTC: answered 503; next attempt in 8 s",
        "waiting for LUSID since 14:03:22 UTC: answered 503; next attempt in 20 s",
    ]
    assert (still, again) == ("sending: 1,000 of 2,000", "sending: 1,001 of 2,000")
    assert later == "sending: 1,121 of 2,000 (10/s, 88 s left)"


def test_a_moment_without_lusid_is_not_told() -> None:
    told, out = progress(False, 0, 1)
    told.waiting(waits(0.5))
    told.waiting(waits(2))
    assert out.getvalue() == ""


def test_on_a_terminal_the_bar_says_who_is_waited_for_and_gives_no_time_left() -> None:
    told, out = progress(True, 0, 20, 21, 22)
    with told:
        told.sending(0, 2000)
        told.sending(1000, 2000)
        told.waiting(waits(60))
        told._bars.refresh()
        assert "sending 1,000 of 2,000 waiting for LUSID, again in 60 s: answered 503 since " in _plain(out)
        out.truncate(0)
        told.sending(1000, 2000)
    assert " left" not in out.getvalue()


def test_at_80_columns_a_wait_keeps_its_one_line_and_says_when_it_is_tried_again() -> None:
    out = io.StringIO()
    told = TerminalProgress(Console(file=out, force_terminal=True, width=80), clock_of(*range(9)).__next__)
    with told:
        told.sending(0, 5_000_000)
        told.sending(1_234_567, 5_000_000)
        told.waiting(waits(60, cause="answered 503, and before that nothing for a while"))
        out.truncate(0)
        told._bars.refresh()
        shown = _plain(out).strip("\x00\r\n")
    assert shown.startswith("sending 1,234,567 of 5,000,000 waiting for LUSID, again in 60 s: answered 503")
    assert (len(shown) <= 80, shown[-1], "\n" in shown) == (True, "…", False)


def _plain(out: io.StringIO) -> str:
    """What is on the terminal, without the codes of colours and of the cursor, and with single spaces."""
    return re.sub(r" +", " ", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue()))


def test_after_an_interrupt_one_line_says_what_is_still_waited_for() -> None:
    told, out = progress(False, 0)
    with told:
        told.stopping()
        told.stopping()
    assert out.getvalue() == f"{STOPPING}\n"


def test_a_note_is_printed_as_it_is() -> None:
    told, out = progress(False)
    told.note("[red]No LUSID[/red] is configured")
    assert out.getvalue() == "[red]No LUSID[/red] is configured\n"


def test_on_a_terminal_a_bar_shows_rate_and_goes_when_it_is_done() -> None:
    told, out = progress(True, *range(10))
    with told:
        told.reading(0)
        told.reading(500)
        told.sending(0, 400)
        told.sending(100, 400)
        told._bars.refresh()
    shown = out.getvalue()
    assert "sending" in shown
    assert "100 of 400" in shown
    assert "100/s" in shown
    assert shown.endswith("\x1b[2K")
