"""What a person sees, on a terminal and in a log."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from summaries import HOSTILE, manifest, summary, typed

from connectors.run_folder.folder import RunFolder
from pipelines.cli.console import print_summaries, table
from pipelines.report import advice
from pipelines.report.summary import Summary


def printed(*summaries: Summary, terminal: bool = False, width: int = 80) -> str:
    out = io.StringIO()
    print_summaries(summaries, Console(file=out, force_terminal=terminal, width=width, soft_wrap=True, highlight=False))
    return out.getvalue()


@pytest.fixture(autouse=True)
def lusid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_LUSID_URL", "https://ACME.lusid.com:443/api/")
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")


def test_the_outcome_of_a_run_is_plain_and_stable_where_there_is_no_terminal() -> None:
    assert printed(summary()) == printed(summary(), width=200)
    assert printed(summary()).splitlines() == [
        "✗ orders, red: finished: 2 of 10 rows not accepted",
        "  Partial mode into https://acme.lusid.com/api, 3 calls, 1 retry, 9.0 s",
        "  20% of its rows were rejected, and from 5% on that is red",
        "",
        "        read  accepted  duplicate  failed",
        "  rows    10         7          1       2",
        "  keys     5         4          0       1",
        "",
        "Why orders rows were not accepted",
        "  2 failed: Conflict",
        "    it is there",
        "      S/B (row 4) and 1 more",
        "",
        "Files",
        "  runs/20261121T020000Z-orders-7f3a/",
        "    failures.csv      2 rows to correct",
        "    report.html       the run on one page",
        "    outcomes.parquet  the outcome of every key",
        "",
        "Next",
        "  Correct the rows in failures.csv (leave the columns that begin with _ as they",
        "  are), then replay the run: it sends only the rows that were not accepted.",
        "  bulkload replay 20261121T020000Z-orders-7f3a",
    ]


def test_a_hostile_text_is_one_bounded_line_and_never_markup_or_control() -> None:
    reason = {"state": "failed", "code": HOSTILE, "message": HOSTILE * 500, "rows": 1, "examples": [HOSTILE * 500]}
    for terminal in (False, True):
        text = printed(summary(reasons=[reason], warnings=[HOSTILE]), terminal=terminal)
        assert "\x1b[35m" not in text
        assert "[bold]not markup[/bold]" in text
        assert "\nsecond line" not in text
        assert len(text) < 5_000


def test_a_long_key_loses_its_middle_and_keeps_its_place() -> None:
    reason = {"state": "failed", "code": "Long", "message": "m", "rows": 1, "examples": [f"{'K' * 900} (row 42)"]}
    (rule,) = summary(reasons=[reason]).groups[0].rules
    assert rule.examples == f"{'K' * 60}…{'K' * 51} (row 42)"


def test_texts_are_wrapped_to_the_terminal_and_commands_are_not() -> None:
    reason = {"state": "failed", "code": "Long", "message": "word " * 60, "rows": 1, "examples": ["key (row 1)"]}
    lines = printed(summary(reasons=[reason])).splitlines()
    assert all(len(line) <= 80 for line in lines if "bulkload replay" not in line)
    assert len([line for line in lines if "bulkload replay" in line]) == 1


def test_reasons_of_one_code_stand_together_and_only_the_first_rules_are_shown() -> None:
    reasons = [
        {"state": "held", "code": "ParentFailed", "message": f"parent {n} failed", "rows": 1, "examples": [f"k{n}"]}
        for n in range(5)
    ]
    rows = {**manifest()["rows"], "failed": 0, "held": 5}
    (group,) = summary(reasons=reasons, rows=rows).groups
    assert (group.rows, [rule.text for rule in group.rules], group.more) == (
        5,
        ["parent 0 failed", "parent 1 failed", "parent 2 failed"],
        2,
    )
    assert "    and 2 rows for other reasons with this code: see failures.csv" in printed(
        summary(reasons=reasons, rows=rows)
    )


def test_what_a_rule_leaves_out_is_shown_of_its_first_row() -> None:
    reason = {"state": "held", "code": "ParentFailed", "rule": "what it depends on failed", "rows": 5}
    reason |= {"message": f"P1 is invalid {HOSTILE}", "examples": ["A1 (row 1)", "A2 (row 2)"]}
    (rule,) = summary(reasons=[reason]).groups[0].rules
    assert rule.text == "what it depends on failed"
    assert rule.examples.startswith("A1 (row 1), A2 (row 2) and 3 more; the first: P1 is invalid [bold]")
    assert rule.examples.isprintable()
    reason |= {"rows": 1, "examples": ["A1 (row 1)"]}
    (alone,) = summary(reasons=[reason], rows={**manifest()["rows"], "failed": 0, "held": 1}).groups[0].rules
    assert (alone.text[:13], alone.examples) == ("P1 is invalid", "A1 (row 1)")


def test_after_a_dry_run_the_next_command_has_its_flags_and_only_those_that_differ_from_the_defaults() -> None:
    told = summary(
        mode="Atomic",
        dialect="2.3",
        duplicates="last",
        mapping={"path": "/maps/client orders.yaml", "sha256": "00"},
        settings={
            "batch_size": 50,
            "max_batch_bytes": 8 << 20,
            "concurrency": 1,
            "dry_run": True,
            "max_failures": "5%",
        },
    )
    assert advice.next_command(told) == (
        "bulkload load orders /extracts/orders.csv --mode Atomic "
        "--mapping '/maps/client orders.yaml' --target https://acme.lusid.com/api --dialect 2.3 "
        "--batch-size 50 --concurrency 1 --duplicates last --max-failures 5%"
    )


def test_each_verdict_has_its_headline_and_its_next_step() -> None:
    nothing = {"reasons": [], "rows": {**manifest()["rows"], "accepted": 9, "failed": 0}}
    stopped = summary(verdict="stopped", warnings=["the token expired"])
    dry = summary(settings={**manifest()["settings"], "dry_run": True}, target=None)
    complete = summary(verdict="complete", **nothing)
    assert stopped.headline == "stopped early: 2 of 10 rows not accepted"
    assert "Fix what stopped the run" in advice.next_step(stopped)
    assert "  ! the token expired" in printed(stopped)
    assert dry.headline == "dry run, nothing was sent: 2 of 10 rows must be corrected"
    assert complete.headline == "complete: 10 rows, none to correct"
    assert (advice.next_step(complete), advice.next_command(complete)) == ("Nothing is left to do.", "")


def rows_of(**states: int) -> dict[str, Any]:
    """Ten rows read, so many of them in each state and the rest accepted."""
    return {"rows": {**manifest()["rows"], "failed": 0, "accepted": 9 - sum(states.values()), **states}}


def test_the_next_command_is_what_the_run_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = "20261121T020000Z-orders-7f3a"
    elsewhere = Summary.of(RunFolder(Path(f"/data/runs/{run_id}")), typed())
    assert advice.next_command(elsewhere) == f"bulkload replay {run_id} --runs /data/runs"
    stopped = summary(verdict="stopped", **rows_of(failed=1, not_sent=3))
    assert advice.next_command(stopped) == f"bulkload resume {run_id}"
    for state in ("unknown", "held", "rolled_back"):
        innocent = summary(**rows_of(**{state: 2}))
        assert advice.next_command(innocent) == f"bulkload replay {run_id}"
        assert advice.next_step(innocent).startswith("No cell is wrong")
    monkeypatch.delenv("FBN_LUSID_URL")
    assert advice.next_command(stopped) == f"bulkload resume {run_id} --target https://acme.lusid.com/api"


def test_unknown_rows_are_an_alarm_that_says_what_they_mean_and_what_to_type() -> None:
    lines = printed(summary(**rows_of(unknown=3, failed=1), warnings=["noticed"])).splitlines()
    assert lines[3:7] == [
        "  ! 3 rows are unknown: sent, but the answer was lost and reading back was",
        "    inconclusive, so LUSID may or may not hold them. `bulkload replay` checks",
        "    before it sends anything that is not safe to send twice.",
        "  ! noticed",
    ]
    assert "unknown" not in "".join(advice.warnings(summary(**rows_of(failed=1))))


def test_a_run_that_continued_after_giving_up_on_calls_says_so_and_what_sends_them() -> None:
    reason = {"state": "not_sent", "code": "Throttled", "message": "429 (6 attempts)", "rows": 2, "examples": ["k"]}
    told = summary(verdict="stopped", reasons=[reason], **rows_of(not_sent=2))
    assert told.headline == "not complete: 2 of 10 rows not accepted (0 to correct, 2 to resume)"
    assert advice.warnings(told) == [
        "2 rows were not sent, although the run continued: bulkload gave up on their calls (429 (6 attempts)). "
        "`bulkload resume` sends them.",
    ]
    stopped = summary(verdict="stopped", reasons=[reason | {"code": "NotSent"}], **rows_of(not_sent=2))
    assert (stopped.headline, advice.warnings(stopped)) == (
        "stopped early: 2 of 10 rows not accepted (0 to correct, 2 to resume)",
        [],
    )


def test_a_replay_says_whose_rows_it_resolved_and_what_is_left() -> None:
    lines = printed(summary(replays="RUN_X", **rows_of(failed=1, held=2))).splitlines()
    assert lines[3] == "  replays RUN_X: 7 of 10 rows resolved, 3 left (2 held, 1 failed)"
    assert summary(replays="RUN_X", **rows_of()).replay_line == "replays RUN_X: 10 of 10 rows resolved"
    assert summary(replays=None).replay_line == ""


def test_the_runs_of_a_night_share_one_table() -> None:
    records = summary(operation="investor-records")
    lines = printed(records, summary()).splitlines()
    assert lines[7:10] == [
        "                    read  accepted  duplicate  failed",
        "  investor-records    10         7          1       2",
        "  orders              10         7          1       2",
    ]


def test_a_table_aligns_words_left_and_numbers_right_without_trailing_blanks() -> None:
    rows = [("", "n", ""), ("a", "1,000", "AGREE"), ("long", "2", "")]
    assert [text for text, _ in table(rows)] == ["            n", "  a     1,000  AGREE", "  long      2"]
