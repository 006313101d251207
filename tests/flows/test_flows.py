"""The flows on Prefect's own test server: their tasks, their states, and what they show, which is nothing of a row."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml
from builders import COUNTRY, account, investor, order, write_csv
from outside import CELLS, OPERATION, spoil
from prefect_harness import (
    FailedRun,
    Flow,
    SyncPrefectClient,
    kept_by_prefect,
    load_flow_from_entrypoint,
    server_at,
)

from connectors.sandbox.server import Sandbox
from pipelines.deliver.sender import send_batches
from pipelines.flows import flows, tasks
from pipelines.flows.artifacts import PublishedProgress, publish
from pipelines.flows.automations import DEAD
from pipelines.flows.bridge import plain_options, through_prefect
from pipelines.flows.deploy import PREFECT_YAML, deploy
from pipelines.flows.flows import load_extract, nightly_load
from pipelines.flows.form import LoadForm, NightForm
from pipelines.flows.launch import launch_backfill, launch_load, launch_nightly, launch_trading_day
from pipelines.flows.outcomes import (
    ALERTS,
    MOST_CHARACTERS,
    RED,
    REJECTS,
    colour_of,
    escaped,
    message,
    page,
    state_name,
)
from pipelines.nights.backfill import BackfillReport
from pipelines.nights.report import NightlyReport
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import AuthError, ConfigError, ExtractError, NotPermittedError, UnreachableError
from schemas.expectations import Expectations
from schemas.manifest import Reason
from schemas.option_types.budget import FailureBudget
from schemas.settings import LoadOptions, about
from schemas.states import STATES, Mode, State, Verdict
from schemas.verdicts import Colour

pytestmark = pytest.mark.prefect

DATA = Path(__file__).resolve().parents[2] / "data"
SECRET = "marker-secret-7f3a"
PERSON = "Zebedee Marker"
MARKED = {
    "FBN_USERNAME": "user-MARK-0001",
    "FBN_PASSWORD": "password-MARK-0002",
    "FBN_CLIENT_ID": "client-MARK-0003",
    "FBN_CLIENT_SECRET": "secret-MARK-0004",
    "FBN_PROXY_USERNAME": "proxy-user-MARK-0005",
    "FBN_PROXY_PASSWORD": "proxy-password-MARK-0006",
}
"""What a deployment signs in with; the proxy is never asked for what is on this machine."""


class Heard(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def today() -> str:
    """The date of a run that names none."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def run_load_flow(operation: str, file: Path, options: Options, progress: Progress | None = None) -> Report:
    return launch_load(operation, [str(file)], options, progress or Progress(), prefect=True)


def run_nightly_flow(folder: Path, options: Options, progress: Progress | None = None) -> NightlyReport:
    return launch_nightly(folder, options, progress or Progress(), again=False, prefect=True)


def a_report(**changes: Any) -> Report:
    counts = dict.fromkeys(STATES, 0)
    given: dict[str, Any] = {
        "run_id": "run-1",
        "run_dir": Path("/runs/run-1"),
        "operation": "orders",
        "mode": Mode.PARTIAL,
        "target": "sandbox",
        "verdict": Verdict.REJECTS,
        "rows_read": 1234,
        "rows": counts | {State.ACCEPTED: 1230, State.INVALID: 4},
        "keys": counts | {State.ACCEPTED: 500, State.INVALID: 2},
        "requests": 5,
        "retries": 1,
        "seconds": 2.345,
    }
    return Report(**(given | changes))


@pytest.mark.untraced
def test_a_night_has_a_task_for_each_step_of_a_load_and_none_for_a_row_or_call(watch: Any, tmp_path: Path) -> None:
    options = Options(target="sandbox", runs=tmp_path, batch_size=100)
    night, seen = watch(lambda: run_nightly_flow(DATA / "sample", options))
    assert [report.keys[State.HELD] for report in night.reports] == [0, 3, 0]
    assert [report.keys[State.ACCEPTED] for report in night.reports] == [1000, 1195, 797]
    assert [report.requests for report in night.reports] == [10, 12, 11]
    assert seen.tasks(9) == {"prepare": 3, "send": 3, "close the books of": 3}
    kind, name, message = seen.state
    assert (kind, name) == ("COMPLETED", REJECTS)
    ids = [report.run_id for report in night.reports]
    assert message == (
        "26 of 5,858 rows not accepted: 14 invalid, 4 held, 8 failed, into sandbox, exit code 3; "
        f"investor-records: 1,008 rows read, 7 invalid ({ids[0]}); "
        f"investment-accounts: 1,847 rows read, 4 invalid, 4 held, 2 failed ({ids[1]}); "
        f"orders: 3,003 rows read, 3 invalid, 6 failed ({ids[2]})"
    )


def test_a_night_has_one_artifact_with_verdict_counts_reasons_and_what_to_type_next(watch: Any, tmp_path: Path) -> None:
    options = Options(target="sandbox", runs=tmp_path)
    night, seen = watch(lambda: run_nightly_flow(DATA / "sample", options))
    shown = seen.artifacts
    assert sorted(shown) == sorted(["nightly-load", *(f"{r.operation}-progress" for r in night.reports)])
    assert {shown[f"{r.operation}-progress"] for r in night.reports} == {"100"}
    lines = shown["nightly-load"].splitlines()
    assert lines[0] == r"# ! amber: 26 of 5\,858 rows not accepted\: 14 invalid\, 4 held\, 8 failed"
    assert "| 3 | held | ParentFailed |  | investment\\-accounts |" in lines
    assert any("account\\_type \\(column 5\\)\\: is none of" in line for line in lines)
    reasons = [reason for report in night.reports for reason in report.reasons]
    assert sum(line.endswith(tuple(f"| {escaped(r.operation)} |" for r in night.reports)) for line in lines) == len(
        reasons
    )
    for report in night.reports:
        assert f"bulkload replay {report.run_id} --runs {tmp_path}" in shown["nightly-load"]
        assert f"[failures.csv](file://{report.run_dir}/failures.csv)" in shown["nightly-load"]
    assert seen.run.name == f"nightly {today()} of {DATA / 'sample'}"
    assert {"bulkload", today()} <= {*seen.run.tags}


def test_whatever_fails_in_a_flow_no_file_of_prefect_and_no_line_tells_a_secret_or_a_cell(
    watch: Any,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bad night, a defect in a task and one outside of any, an error whose cause quotes a cell, a wrong password."""
    caplog.set_level(logging.INFO)
    folder = tmp_path / "extracts"
    folder.mkdir()
    person = {"display_name": PERSON, COUNTRY: PERSON}
    people = [*(investor(n, person) for n in range(8)), investor(9, person | {"investor_type": PERSON})]
    write_csv(folder / "investors.csv", people)
    write_csv(folder / "accounts.csv", [account(n, n, {"display_name": PERSON}) for n in (1, 9, 77)])
    options = Options(runs=tmp_path / "runs", batch_size=2)

    def load() -> Report:
        return run_load_flow("investor-records", folder / "investors.csv", options)

    def fail(where: str, error: BaseException, cause: Exception | None = None) -> str:
        def failing(*_: object, **__: object) -> None:
            raise error from cause

        def call() -> None:
            with pytest.raises(type(error)) as caught:
                load()
            assert caught.value is error

        with monkeypatch.context() as patched:
            patched.setattr(where, failing)
            return re.sub(r":[0-9]+$", "", watch(call)[1].state[2])

    faults = "429=0.1,503=0.1,cut-after=0.1,truncated=0.1,html=0.1,retry-after=0,seed=1"
    with Sandbox(faults=faults) as lusid:
        for name, value in MARKED.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("FBN_PROXY_ADDRESS", "http://127.0.0.1:9")
        monkeypatch.setenv("FBN_LUSID_URL", lusid.url)
        monkeypatch.setenv("FBN_TOKEN_URL", lusid.token_url)
        token = lusid.access_token
        night, _ = watch(lambda: run_nightly_flow(folder, options))
        quoting = f"{token} {MARKED['FBN_PASSWORD']} {PERSON}"
        told = [
            fail("pipelines.flows.tasks.send", KeyError(quoting)),
            fail("pipelines.flows.tasks.close_books", ExtractError("a row is damaged"), ValueError(quoting)),
            fail("pipelines.flows.tasks.open_run", RuntimeError(quoting)),
        ]
        monkeypatch.setenv("FBN_PASSWORD", "wrong")
        with pytest.raises(AuthError):
            watch(load)
    states = [{s.value: n for s, n in report.rows.items() if n} for report in night.reports]
    assert states == [{"accepted": 8, "invalid": 1}, {"accepted": 1, "held": 1, "failed": 1}]
    assert PERSON in (night.reports[1].run_dir / "failures.csv").read_text()
    bug = "a bug in bulkload: {} at test_flows.py"
    assert told == [bug.format("KeyError"), "a row is damaged", bug.format("RuntimeError")]
    out, err = capfd.readouterr()
    kept = kept_by_prefect(home)
    for shown in ("a row is damaged", "HiddenError", "investor\\\\-records"):
        assert any(shown in text for where, text in kept.items() if ".db" in where)
    assert [w for w, text in kept.items() if re.search("IR_000[19]|IA_000[19]|IA_0077", text.replace("\\", ""))] == []
    found = kept | in_runs(tmp_path / "runs") | {"stdout": out, "stderr": err, "log": caplog.text}
    for marker in (*MARKED.values(), token, "Zebedee"):
        assert [where for where, text in found.items() if marker in text.replace("\\", "")] == []


def test_prefect_is_told_that_an_extract_has_no_header_and_keeps_nothing_that_stands_in_it(
    watch: Any, home: Path, tmp_path: Path
) -> None:
    """What a caller is told quotes the extract; state, artifact and log, of a load and of nights, do not."""
    refused, missing = ("no header", ""), ("files of which one has no header", "weekend: []\n")
    for number, (kind, rules) in enumerate([refused, missing]):
        night, options = tmp_path / f"{number}", Options(target="sandbox", runs=tmp_path / f"runs-{number}")
        extract = spoil(night, kind)
        if rules:
            (night / "night.yaml").write_text(rules)
        heard = Heard()
        report, seen = watch(partial(run_nightly_flow, night, options, heard))
        said = [*heard.notes, *map(str, (*report.missing, *report.refused))]
        assert any(cell in text for cell in CELLS for text in said)
        assert seen.state[:2] == ("FAILED", RED)
        assert [cell for cell in CELLS for text in (seen.state[2], *seen.artifacts.values()) if cell in text] == []
        if not rules:
            with pytest.raises(ConfigError, match="Zebedee"):
                watch(partial(run_load_flow, OPERATION, extract, options))
    told = kept_by_prefect(home)
    assert any("its columns are not those that are needed" in text for text in told.values())
    assert [(where, cell) for where, text in told.items() for cell in CELLS[1:3] if cell in text] == []


def in_runs(runs: Path) -> dict[str, str]:
    """The files of runs by name, but for the two that may hold what is a person's."""
    paths = [path for path in runs.rglob("*") if path.is_file()]
    named = {str(p): p for p in paths if p.name not in {"failures.csv", "outcomes.parquet"}}
    return {name: path.read_bytes().decode("utf-8", "replace") for name, path in named.items()}


def test_a_load_that_accepts_every_row_completes(watch: Any, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "i.csv", [investor(1)])
    options = Options(target="sandbox", runs=tmp_path / "runs", mapping=None)
    report, seen = watch(lambda: run_load_flow("investor-records", file, options))
    assert report.exit_code == 0
    assert seen.state == (
        "COMPLETED",
        "Completed",
        f"1 row, none to correct, into sandbox, exit code 0; investor-records: 1 row read ({report.run_id})",
    )
    assert seen.run.parameters == {
        "operation": "investor-records",
        "extracts": [str(file)],
        "options": plain_options(options) | {"batch_size": 1000},
        "preflight": False,
    }
    assert set(seen.artifacts) == {"load-extract", "investor-records-progress"}


def test_a_load_that_cannot_begin_fails_with_its_own_error(watch: Any, tmp_path: Path) -> None:
    options = Options(target="sandbox", runs=tmp_path)

    def call() -> str:
        with pytest.raises(ExtractError) as refused:
            run_load_flow("orders", tmp_path / "nope.csv", options)
        return refused.value.message

    message, seen = watch(call)
    assert seen.state == ("FAILED", RED, message)
    assert seen.artifacts["load-extract"].startswith("# ✗ red: nothing was loaded")


def test_a_load_that_stops_early_fails_and_still_has_its_report(
    watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_csv(tmp_path / "i.csv", [investor(1), investor(2)])
    with Sandbox(token=SECRET) as sandbox:
        monkeypatch.setenv("FBN_ACCESS_TOKEN", SECRET)
        options = Options(target=sandbox.url, runs=tmp_path / "runs", batch_size=1)
        monkeypatch.setattr("pipelines.loading.sending.send_batches", interrupted)
        report, seen = watch(lambda: run_load_flow("investor-records", file, options))
    assert (report.verdict, report.rows[State.NOT_SENT]) == (Verdict.STOPPED, 2)
    expected = (
        f"2 of 2 rows not accepted: 2 not_sent, into {sandbox.url}, exit code 4; "
        f"investor-records: 2 rows read, 2 not_sent ({report.run_id})"
    )
    assert seen.state == ("FAILED", RED, expected)


def test_a_night_whose_header_is_wrong_is_told_whole_and_fails(watch: Any, tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    folder.mkdir()
    write_csv(folder / "investors.csv", [{"nonsense": "1"}])
    write_csv(folder / "accounts.csv", [account(1, 1)])
    write_csv(folder / "orders.csv", [order()])
    night, seen = watch(lambda: run_nightly_flow(folder, Options(target="sandbox", runs=tmp_path / "runs")))
    (report,), (refused,) = night.reports, night.refused
    assert str(refused).startswith(f"investor-records ({folder}/investors.csv): the header: ")
    expected = (
        f"{refused}; investment-accounts held; 1 row, none to correct, into sandbox, exit code 2; "
        f"orders: 1 row read ({report.run_id})"
    )
    assert seen.state == ("FAILED", RED, expected)
    (page,) = (text for key, text in seen.artifacts.items() if key == "nightly-load")
    assert f"- {escaped(str(refused))}\n- investment\\-accounts held" in page


def test_a_defect_is_raised_as_what_it_is(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.flows.tasks.prepare", lambda _: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run_load_flow("investor-records", DATA / "sample" / "investors.csv", Options(target="sandbox", runs=tmp_path))


def interrupted(*given: Any) -> None:
    """Sends, in a process that is interrupted before the first call."""
    signal.raise_signal(signal.SIGTERM)
    send_batches(*given)


def test_a_trading_day_is_one_flow_run_with_the_tasks_of_all_its_loads(watch: Any, tmp_path: Path) -> None:
    options = Options(target="sandbox", runs=tmp_path)
    day, seen = watch(lambda: launch_trading_day(DATA / "day", options, Progress(), again=False, prefect=True))
    assert day.exit_code == 0
    assert seen.tasks(15) == {"prepare": 5, "send": 5, "close the books of": 5}
    told = "; ".join(f"{report.operation}: {report.rows_read} rows read ({report.run_id})" for report in day.reports)
    rows = sum(report.rows_read for report in day.reports)
    assert seen.state == (
        "COMPLETED",
        "Completed",
        f"{rows:,} rows, none to correct, into sandbox, exit code 0; {told}",
    )
    assert seen.run.name == f"trading day {today()} of {DATA / 'day'}"


def test_a_backfill_is_one_flow_run_with_the_tasks_of_all_its_nights(watch: Any, tmp_path: Path) -> None:
    for day in (19, 20):
        folder = tmp_path / f"202611{day}"
        folder.mkdir()
        write_csv(folder / "investors.csv", [investor(day)])
    pattern, dates = str(tmp_path / "{date:%Y%m%d}"), (date(2026, 11, 19), date(2026, 11, 20))
    options = Options(target=f"sandbox:{tmp_path / 'lusid.db'}", runs=tmp_path / "runs")

    def run(*, again: bool = False) -> BackfillReport:
        return launch_backfill(pattern, dates, options, Progress(), again=again, prefect=True)

    report, seen = watch(run)
    assert [day for day, _ in report.nights] == list(dates)
    assert seen.tasks(6) == {"prepare": 2, "send": 2, "close the books of": 2}
    done, again = watch(run)
    assert (done.done_before, again.state[2]) == (dates, f"nothing to load, into {options.target}, exit code 0")
    forced, _ = watch(lambda: run(again=True))
    assert len(forced.nights) == 2


def test_a_worker_runs_a_flow_without_anyone_who_watches(server: str, tmp_path: Path) -> None:
    options = LoadForm.model_validate({"target": "sandbox", "runs": str(tmp_path)})
    assert load_extract("investor-records", [str(DATA / "sample" / "investors.csv")], options) is None
    with pytest.raises(FailedRun, match="nowhere cannot be read"):
        nightly_load(str(tmp_path / "nowhere"), options=NightForm.model_validate(options.given()))


def test_every_flow_asks_first_where_it_is_to_and_sends_nothing_where_something_is_missing(
    watch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", SECRET)
    folder = tmp_path / "20261120"
    folder.mkdir()
    extract = str(write_csv(folder / "investors.csv", [investor(1)]))
    write_csv(folder / "orders.csv", [order()])
    day = date(2026, 11, 20)
    with Sandbox(known="none", token=SECRET) as sandbox:
        options = NightForm.model_validate({"target": sandbox.url, "runs": str(tmp_path / "runs")})
        of_one = LoadForm.model_validate(options.given())

        def nightly_asks() -> None:
            with pytest.raises(FailedRun, match="nothing was sent: supply what is missing"):
                nightly_load(str(folder), options=options, preflight=True)

        _, seen = watch(nightly_asks)
        state, name, said = seen.state
        assert (state, name) == ("FAILED", RED)
        assert re.match(r"the preflight says: .* \(1 row\), and \d more such; nothing was sent: supply", said), said
        assert not any(cell in said for cell in ("IR_0001", "P0001", "O0001"))
        others: list[Callable[[], Any]] = [
            lambda: load_extract("investor-records", [extract], of_one, preflight=True),
            lambda: flows.trading_day(str(folder), options=options, preflight=True),
            lambda: flows.backfill(f"{tmp_path}/{{date:%Y%m%d}}", day, day, options=options, preflight=True),
        ]
        for ask in others:
            with pytest.raises(FailedRun, match="the preflight says: "):
                ask()
        sent = [path for method, path, _ in sandbox.calls if method == "POST" and "$get" not in path]
    assert sent == []
    assert not (tmp_path / "runs").exists()


def test_a_callers_progress_hears_of_the_flow(server: str, tmp_path: Path) -> None:
    told: list[tuple[str, object]] = []

    class Watching(Progress):
        def note(self, text: str) -> None:
            told.append(("note", text))

        def reading(self, rows: int) -> None:
            told.append(("reading", rows))

        def sending(self, settled: int, total: int) -> None:
            told.append(("sending", (settled, total)))

    folder = tmp_path / "extracts"
    folder.mkdir()
    write_csv(folder / "orders.csv", [{"x": "1"}])
    write_csv(folder / "investors.csv", [investor(1)])
    run_nightly_flow(folder, Options(target="sandbox", runs=tmp_path / "runs"), Watching())
    absence = f"investment-accounts: {folder} holds no extract of this name, so none is loaded"
    assert told[:-1] == [("note", absence), ("reading", 1), ("sending", (1, 1))]
    assert str(told[-1][1]).startswith(f"orders ({folder / 'orders.csv'}): the header: ")


def test_an_outage_of_prefect_harms_no_load(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("pipelines.flows.artifacts.create_markdown_artifact", refuse)
    monkeypatch.setattr("pipelines.flows.artifacts.create_progress_artifact", refuse)
    heard = Heard()
    file = write_csv(tmp_path / "i.csv", [investor(1)])
    report = run_load_flow("investor-records", file, Options(target="sandbox", runs=tmp_path / "runs"), heard)
    assert report.exit_code == 0
    shown = "an artifact could not be published in Prefect (ConnectionError); the run folder has everything"
    assert heard.notes == [shown, shown]


def test_a_prefect_that_goes_away_at_the_end_loses_no_report(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*given: Any, **_: object) -> None:
        load_extract(*given)
        raise ConnectionError

    monkeypatch.setattr("pipelines.flows.flows.load_extract", cut)
    heard = Heard()
    file = write_csv(tmp_path / "i.csv", [investor(1)])
    report = run_load_flow("investor-records", file, Options(target="sandbox", runs=tmp_path / "runs"), heard)
    assert report.exit_code == 0
    assert heard.notes == ["Prefect could not be told how the load ended (ConnectionError)"]


def test_a_prefect_that_does_not_answer_is_one_clear_error(server: str, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with server_at("http://127.0.0.1:9/api"), pytest.raises(UnreachableError) as refused:
        run_nightly_flow(DATA / "sample", Options(target="sandbox", runs=runs))
    assert refused.value.message == (
        "Prefect did not begin the load (RuntimeError), so nothing was sent: make sure that the server of "
        "PREFECT_API_URL or of the active profile answers, or load without Prefect (--direct)"
    )
    assert not runs.exists()


@pytest.mark.parametrize("flow_fails", [False, True])
def test_a_prefect_that_fails_after_something_was_sent_does_not_say_that_nothing_was(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow_fails: bool
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise httpx.ConnectError("refused")

    def cut_while_closing(name: str, step: Callable[[], None]) -> None:
        cut() if name.startswith("close") else step()

    def engine(*given: Any, **_: object) -> None:
        load_extract(*given, return_state=True)
        cut()

    monkeypatch.setattr("pipelines.flows.tasks.carry_out_step", cut_while_closing)
    if not flow_fails:
        monkeypatch.setattr("pipelines.flows.flows.load_extract", engine)
    file, runs = write_csv(tmp_path / "i.csv", [investor(1)]), tmp_path / "runs"
    with pytest.raises(UnreachableError) as failed:
        run_load_flow("investor-records", file, Options(target=f"sandbox:{tmp_path / 'db'}", runs=runs))
    assert failed.value.message == (
        "Prefect failed while the load was under way (ConnectError): `bulkload runs` shows how far it got, "
        "and `bulkload resume --direct` continues without Prefect"
    )
    assert resume("latest", runs=runs).exit_code == 0


def test_options_that_prefect_must_not_keep_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot go through Prefect"):
        plain_options(Options(hold={"InvestorRecord/A/B=IR_1": "failed"}))


def test_what_prefect_writes_while_a_flow_runs_is_its_owners_alone(tmp_path: Path) -> None:
    def flow(**_: object) -> None:
        (tmp_path / "prefect.db").touch()
        raise RuntimeError

    before = os.umask(0)
    with pytest.raises(UnreachableError):
        through_prefect(flow, Report, Progress())
    assert os.umask(before) == 0
    assert (tmp_path / "prefect.db").stat().st_mode & 0o777 == 0o600


def test_options_go_through_prefect_as_plain_values_and_come_back_the_same() -> None:
    options = Options(
        mode=Mode.ATOMIC,
        mapping=Path("m.yaml"),
        target="sandbox",
        batch_size=7,
        dry_run=True,
        max_failures=FailureBudget(Decimal("2.5"), percent=True),
        expect=Expectations(min_rows=3, totals={"quantity": Decimal("1234.50")}, done_marker=Path("done")),
    )
    plain = plain_options(options)
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["mode"], plain["max_failures"], set(plain["expect"])) == (
        "Atomic",
        "2.5%",
        {"min_rows", "totals", "done_marker"},
    )
    assert Options.of(**plain) == options
    assert Options.of(**plain_options(Options())) == Options()


def test_artifact_text_shows_as_it_is_and_cannot_break_out_of_its_cell() -> None:
    hostile = "a|b\n<img src=x> [c](http://d) `e` **f** www.g.h & \\|"
    shown = escaped(hostile)
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", shown) == " ".join(hostile.split())
    assert not re.search(r"(?<!\\)(\\\\)*[|<>\[\]`*&.:]", shown)
    assert escaped("x" * 1000) == "x" * (MOST_CHARACTERS - 3) + r"\.\.\."


def test_reasons_leave_a_servers_words_and_every_key_in_the_run_folder() -> None:
    found = (
        Reason(state=State.FAILED, code="Bad|Code", message=f"{PERSON} is refused", rows=2),
        Reason(state=State.INVALID, code="Missing", message="display_name: is missing", rows=1),
        *(Reason(state=State.INVALID, code=f"C{n}", message="x", rows=1) for n in range(60)),
    )
    shown = page(a_report(reasons=found))
    lines = shown.partition("## Why rows were not accepted")[2].partition("\n## ")[0].strip().splitlines()
    assert lines[:4] == [
        "| rows | state | code | rule | load |",
        "|---:|---|---|---|---|",
        r"| 2 | failed | Bad\|Code |  | orders |",
        r"| 1 | invalid | Missing | display\_name\: is missing | orders |",
    ]
    assert lines[-1] == "| | | | 12 more reasons | |"
    assert len(lines) == 2 + 50 + 1
    assert PERSON not in shown


def test_an_ending_is_red_amber_or_green_and_says_the_counts_first() -> None:
    amber = a_report()
    assert (colour_of(amber), state_name(amber)) == (Colour.AMBER, REJECTS)
    assert message(amber).startswith("4 of 1,234 rows not accepted: 4 invalid, into sandbox, exit code 3; orders: ")
    counts = dict.fromkeys(STATES, 0)
    for rows in (counts | {State.ACCEPTED: 1233, State.UNKNOWN: 1}, counts | {State.INVALID: 1234}):
        red = a_report(rows=rows)
        assert (colour_of(red), state_name(red), red.exit_code) == (Colour.RED, RED, 3)
    done = counts | {State.ACCEPTED: 1234}
    alerted = a_report(verdict=Verdict.ALERTS, rows=done, alerts=("one", "two"))
    assert (state_name(alerted), message(alerted).partition("; ")[0]) == (
        ALERTS,
        "1,234 rows, none to correct, 2 alerts, into sandbox, exit code 0",
    )
    assert state_name(a_report(verdict=Verdict.COMPLETE, rows=done)) is None
    dry = a_report(verdict=Verdict.DRY_RUN, target=None, rows=counts | {State.NOT_SENT: 1234})
    assert (state_name(dry), message(dry).partition(";")[0]) == (
        None,
        "1,234 rows, none to correct, a dry run, exit code 0",
    )
    broken = NightlyReport(Path("/e"), (amber,), "sandbox", (), ExtractError("orders.csv: no header"))
    assert state_name(broken) == RED
    assert message(broken).startswith("orders.csv: no header; 4 of 1,234 rows not accepted")
    locked_out = NightlyReport(Path("/e"), (), "sandbox", (), NotPermittedError(f"LUSID does not permit: {PERSON}"))
    assert message(locked_out).startswith("LUSID does not permit a call (403); no load ended")
    nights = BackfillReport("sandbox", ((date(2026, 1, 5), broken), (date(2026, 1, 6), broken)))
    assert (state_name(nights), message(nights).count("2026-01-06 orders: 1,234 rows read")) == (RED, 1)


def test_the_form_of_a_flow_takes_every_option_and_no_other() -> None:
    """What the server shows as a form, and refuses a trigger by."""
    for kind, without in ((LoadForm, False), (NightForm, True)):
        names = {option.name for option in fields(LoadOptions) if not (without and about(option).one_extract)}
        schema = kind.model_json_schema()
        assert {*schema["properties"]} == names | {"expect"}
        assert schema["additionalProperties"] is False
    shown = NightForm.model_json_schema()["properties"]
    assert {name: shown[name]["type"] for name in ("batch_size", "patience", "dry_run", "mode", "max_failures")} == {
        "batch_size": "integer",
        "patience": "number",
        "dry_run": "boolean",
        "mode": "string",
        "max_failures": "string",
    }
    assert (shown["batch_size"]["minimum"], shown["mode"]["enum"]) == (1, ["Partial", "Atomic"])
    assert all(shown[name]["description"] for name in shown if name != "expect")


def test_progress_is_published_every_other_second_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[str, float]] = []
    made = uuid4()

    def create(percent: float, key: str, _: str) -> object:
        published.append((key, percent))
        return made

    def update(artifact: object, percent: float) -> None:
        assert artifact == made
        published.append(("", percent))

    monkeypatch.setattr("pipelines.flows.artifacts.create_progress_artifact", create)
    monkeypatch.setattr("pipelines.flows.artifacts.update_progress_artifact", update)
    seconds = iter([0.0, 0.5, 1.9, 2.0, 2.1, 3.9, 4.0])
    progress = PublishedProgress("orders", "sandbox", Progress(), clock=lambda: next(seconds))
    for settled in (10, 20, 30, 40, 50, 60, 100):
        progress.sending(settled, 100)
    assert published == [("orders-progress", 10.0), ("", 40.0), ("", 100.0)]


def test_publishing_outside_of_a_flow_run_only_notes_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []

    def refuse(*_: object) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr("pipelines.flows.artifacts.create_markdown_artifact", refuse)
    publish("load-extract", page(a_report()), notes.append)
    assert notes == ["an artifact could not be published in Prefect (ValueError); the run folder has everything"]


def test_importing_the_flows_turns_telemetry_off_and_prints_nothing() -> None:
    code = (
        "import pipelines.flows.flows, prefect.settings as s; c = s.get_current_settings().server\n"
        "from prefect.analytics import __doc__; from prefect._internal.analytics.enabled import is_telemetry_enabled\n"
        "assert (c.analytics_enabled, c.ephemeral.enabled, c.ephemeral.startup_timeout_seconds) == (False, True, 120)\n"
        "assert not is_telemetry_enabled()\n"
    )
    clean = {name: value for name, value in os.environ.items() if name != "DO_NOT_TRACK"}
    done = subprocess.run([sys.executable, "-c", code], cwd=DATA.parent, env=clean, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_prefect_yaml_declares_the_night_at_three_in_london() -> None:
    declared = {d["name"]: d for d in yaml.safe_load(PREFECT_YAML.read_text(encoding="utf-8"))["deployments"]}
    assert declared["nightly"]["schedules"] == [{"cron": "0 3 * * *", "timezone": "Europe/London", "active": True}]
    assert declared["nightly"]["entrypoint"] == "pipelines.flows.flows.nightly_load"
    assert "schedules" not in declared["backfill"]


def test_each_entrypoint_of_prefect_yaml_takes_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PREFECT_YAML.parent)
    names = []
    for deployment in yaml.safe_load(PREFECT_YAML.read_text(encoding="utf-8"))["deployments"]:
        found: Flow[Any, Any] = load_flow_from_entrypoint(deployment["entrypoint"])
        names.append(found.name)
        if "parameters" in deployment:
            found.validate_parameters(deployment["parameters"])
            Options.of(**deployment["parameters"]["options"])
    assert names == ["nightly-load", "trading-day", "backfill"]


def test_deploy_registers_the_night_with_its_schedule_and_can_be_repeated(
    prefect: SyncPrefectClient, server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    registered = [*(f"deployed {name}" for name in ("nightly", "trading-day", "backfill")), f"automation {DEAD}"]
    for _ in range(2):
        assert deploy() == registered
        (automation,) = prefect.read_automations()
        assert automation.name == DEAD
    night = prefect.read_deployment_by_name("nightly-load/nightly")
    (schedule,) = night.schedules
    assert schedule.schedule.model_dump(exclude={"day_or"}) == {"cron": "0 3 * * *", "timezone": "Europe/London"}
    assert (night.entrypoint, night.work_pool_name) == ("pipelines.flows.flows.nightly_load", "bulkload")
    assert night.parameters == {
        "folder": str(tmp_path / "extracts/tonight"),
        "options": {"mode": "Partial", "runs": str(tmp_path / "runs")},
    }
    for without in ("backfill/backfill", "trading-day/trading-day"):
        assert prefect.read_deployment_by_name(without).schedules == []
    broken = tmp_path / "prefect.yaml"
    broken.write_text("deployments: [{name: n, entrypoint: 'no.py:flow', work_pool: {name: bulkload}}]")
    with pytest.raises(ConfigError, match=rf"^Prefect refused {broken}: .*no\.py"):
        deploy(broken)


def test_deploy_needs_a_server_that_answers_and_a_file_that_declares(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"^no Prefect server is named to deploy to: set PREFECT_API_URL"):
        deploy()
    monkeypatch.setenv("PREFECT_API_URL", server)
    with pytest.raises(ConfigError, match=r"nope\.yaml cannot be read: No such file or directory$"):
        deploy(tmp_path / "nope.yaml")
    for content in ("deployments: [{name: n}]", "a: [", "7"):
        (tmp_path / "prefect.yaml").write_text(content)
        with pytest.raises(ConfigError, match=r"declares no deployments with a name, an entrypoint and a work pool$"):
            deploy(tmp_path / "prefect.yaml")
    with server_at("http://127.0.0.1:9/api"), pytest.raises(UnreachableError):
        deploy()


def test_every_flow_and_task_leaves_retrying_to_the_client_and_keeps_no_result() -> None:
    ours = (load_extract, nightly_load, flows.trading_day, flows.backfill, flows.resume_run, flows.replay_run)
    for found in (*ours, tasks.carry_out_step):
        assert (found.retries, found.persist_result) == (0, False)
