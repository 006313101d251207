from pathlib import Path

import pytest

from connectors.run_folder.results import write_failures
from pipelines.report.advice import flag_words
from pipelines.report.report import Report, RowsNotAcceptedError
from schemas.states import EXIT_CODES, GOOD, STATES, State, Verdict
from schemas.verdicts import verdict_of


def counts(**found: int) -> dict[State, int]:
    return {state: found.get(state.value, 0) for state in STATES}


def report(folder: Path, verdict: Verdict, **found: int) -> Report:
    return Report(
        run_id="run-1",
        run_dir=folder,
        operation="orders",
        mode="Partial",
        target="https://acme.lusid.com/api",
        verdict=verdict,
        rows_read=sum(found.values()),
        rows=counts(**found),
        keys=counts(accepted=1),
        requests=3,
        retries=1,
        seconds=1.23456,
    )


@pytest.mark.parametrize("state", list(State))
def test_each_state_has_its_verdict_and_exit_code(state: State) -> None:
    expected = {
        **dict.fromkeys(GOOD, (Verdict.COMPLETE, 0)),
        State.NOT_SENT: (Verdict.STOPPED, 4),
    }.get(state, (Verdict.REJECTS, 3))
    verdict = verdict_of(counts(accepted=5, **({state.value: 1} if state is not State.ACCEPTED else {})), stopped=False)
    assert (verdict, EXIT_CODES[verdict]) == expected


def test_a_stop_and_a_dry_run_have_verdicts_of_their_own() -> None:
    assert verdict_of(counts(accepted=1, unknown=1), stopped=True) is Verdict.STOPPED
    assert verdict_of(counts(accepted=1), stopped=True) is Verdict.COMPLETE, "it came too late to matter"
    assert verdict_of(counts(not_sent=1), stopped=False, dry_run=True) is Verdict.DRY_RUN
    assert verdict_of(counts(not_sent=1, held=1), stopped=False, dry_run=True) is Verdict.DRY_RUN
    assert verdict_of(counts(not_sent=1, invalid=1), stopped=False, dry_run=True) is Verdict.REJECTS
    without = {Verdict.ERROR, Verdict.UNFINISHED, Verdict.MISSING, Verdict.DIFFERENCES}
    assert set(EXIT_CODES) == set(Verdict) - without, "these have no report: the last one is a night's"
    assert EXIT_CODES[Verdict.UNBALANCED] == 5


def test_failures_are_a_frame_of_texts(tmp_path: Path) -> None:
    write_failures(
        tmp_path / "failures.csv", ["code"], [["A", "failed", "X", "NA", "", "a.csv", "1", "line 2", "00123"]]
    )
    frame = report(tmp_path, Verdict.REJECTS, failed=1).failures
    assert frame.to_dict("records") == [
        {
            "_key": "A",
            "_state": "failed",
            "_code": "X",
            "_message": "NA",
            "_request_id": "",
            "_source": "a.csv",
            "_row": "1",
            "_place": "line 2",
            "code": "00123",
            "_surplus": "",
        }
    ]


def test_a_script_can_ask_for_an_exception(tmp_path: Path) -> None:
    report(tmp_path, Verdict.COMPLETE, accepted=1).raise_for_failures()
    with pytest.raises(RowsNotAcceptedError) as caught:
        report(tmp_path, Verdict.REJECTS, accepted=1, duplicate=1, failed=2, invalid=1).raise_for_failures()
    assert caught.value.message == f"run-1: 1 invalid, 2 failed; see {tmp_path / 'failures.csv'}"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("seconds", "typed"), [(1.0, "1"), (0.5, "0.5"), (86400.0, "86400")])
def test_seconds_are_typed_again_as_they_were(seconds: float, typed: str) -> None:
    assert [*flag_words({"patience": seconds})] == ["--patience", typed]
