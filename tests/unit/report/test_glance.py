"""A report at a prompt and in a notebook fits a screen, and nothing in it is markup."""

from summaries import HOSTILE, manifest, summary

from pipelines.report import glance
from schemas.states import State


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
