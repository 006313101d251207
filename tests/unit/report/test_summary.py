"""The summary of a run, whatever version wrote its manifest."""

from summaries import manifest, summary, typed

from pipelines.report.summary import all_reasons


def test_rows_whose_reason_an_earlier_version_dropped_have_one_for_each_state() -> None:
    rows = {**manifest()["rows"], "read": 900, "failed": 600, "held": 292}
    told = typed(rows=rows)
    assert [(r.state, r.code, r.rule, r.rows, r.keys) for r in all_reasons(told)] == [
        ("failed", "(others)", "failures.csv says why", 598, None),
        ("held", "(others)", "failures.csv says why", 292, None),
        ("failed", "Conflict", "it is there", 2, None),
    ]
    groups = [(group.state, group.code, group.rows, group.rules[0].examples) for group in summary(rows=rows).groups]
    assert groups == [
        ("failed", "(others)", 598, ""),
        ("held", "(others)", 292, ""),
        ("failed", "Conflict", 2, "S/B (row 4) and 1 more"),
    ]


def test_in_a_dry_run_rows_that_were_not_sent_need_no_reason() -> None:
    rows = {**manifest()["rows"], "failed": 0, "not_sent": 2}
    settings = {**manifest()["settings"], "dry_run": True}
    assert all_reasons(typed(rows=rows, settings=settings, reasons=[])) == []
