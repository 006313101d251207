"""A report at a prompt and in a notebook fits a screen, and nothing in it is markup."""

from datetime import date
from pathlib import Path

from summaries import HOSTILE, manifest, summary

from pipelines.nights.backfill import BackfillReport
from pipelines.nights.report import NightlyReport
from pipelines.report import glance
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.states import STATES, State, Verdict


def reasons(count: int) -> list[dict[str, object]]:
    return [
        {"state": "invalid", "code": f"Code{n}", "message": f"<b>{HOSTILE}</b> " * 50, "rows": 1000, "examples": ["k"]}
        for n in range(count)
    ]


def test_a_run_with_many_reasons_fits_a_screen() -> None:
    run = summary(reasons=reasons(40), rows={**manifest()["rows"], "read": 40_008, "failed": 0, "invalid": 40_000})
    lines = glance.as_text(run).splitlines()
    assert len(lines) <= 16
    assert max(map(len, lines)) <= glance.WIDTH
    assert lines[2] == "  rows: 40,008 read, 7 accepted, 40,000 invalid, 1 duplicate"
    assert lines[-2] == "  and 35,000 rows for other reasons: report.reasons, report.failures"


def test_html_escapes_what_came_from_outside() -> None:
    shown = glance.as_html(summary(reasons=reasons(9)))
    assert "<b>[bold]" not in shown
    assert "&lt;b&gt;[bold]" in shown
    assert shown.count("<tr>") == 2 + 1 + glance.MOST_GROUPS + 1


def test_a_complete_run_is_four_lines() -> None:
    run = summary(verdict="complete", reasons=[], rows={**manifest()["rows"], "accepted": 9, "failed": 0})
    assert glance.as_text(run).splitlines() == [
        "orders, green: complete: 10 rows, none to correct",
        "  Partial mode into https://acme.lusid.com/api, 3 calls, 1 retry, 9.0 s",
        "  rows: 10 read, 9 accepted, 1 duplicate",
        "  runs/20261121T020000Z-orders-7f3a",
    ]
    assert "<th>rule</th>" not in glance.as_html(run)


def test_counts_by_state_print_plainly() -> None:
    assert repr({State.ACCEPTED: 3}) == "{'accepted': 3}"


def test_a_night_and_a_backfill_show_themselves_on_one_screen() -> None:
    counts = dict.fromkeys(STATES, 0) | {State.ACCEPTED: 1000, State.INVALID: 3}
    about = ("20261130T000000Z-orders-0000", Path("runs/x"), "orders", "Partial", "sandbox", Verdict.REJECTS)
    load = Report(*about, 1003, counts, counts, 1, 0, 1.0)
    why = ConfigError(f"orders (t/<b>.csv): the header: {'column x is unknown; ' * 40}")
    night = NightlyReport(
        Path("t"), (load,) * 20, "sandbox", (), why, day=date(2026, 11, 30), name="<b>", page=Path("night.html")
    )
    backfill = BackfillReport("sandbox", tuple((date(2026, 11, n), night) for n in range(1, 29)))
    for shown in (repr(night), repr(backfill)):
        lines = shown.splitlines()
        assert len(lines) <= 16
        assert max(map(len, lines)) <= glance.WIDTH
    assert "red: orders (t/<b>.csv): the header" in repr(night)
    assert "  orders  amber: 1,003 read, 1,000 accepted, 3 invalid" in repr(night)
    assert "  ...  9 before these" in repr(night)
    assert repr(backfill).startswith("backfill, red: 28 dates, 28 loaded now\n")
    for html in (night._repr_html_(), backfill._repr_html_()):
        assert "&lt;b&gt;" in html
        assert "<b>.csv" not in html
