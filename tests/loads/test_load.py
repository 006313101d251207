import gc
import json
import math
import resource
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from builders import Row, investor, order, rows_for, write_csv
from hypothesis import given, settings
from hypothesis import strategies as st
from run_checks import check_books, failures, outcomes, row_states, states
from sandbox_api import get, post, upsert_records
from scripted_lusid import Call, Reply, ScriptedLusid, done, refused, sandbox, scripted

from connectors.sandbox.server import Sandbox
from pipelines.load import load
from pipelines.loading.opening import OpenRun
from pipelines.operations import table
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.dialects import Dialect
from schemas.errors import ConfigError, ExtractError, UnreachableError
from schemas.states import Duplicates, Mode, State, Verdict

INTERNAL = "identifier:InvestorRecord/InternalIdentifier/InternalIRId"


def everything(lusid: Sandbox, collection: str) -> list[dict[str, Any]]:
    """All entities of a collection, page by page."""
    found: list[dict[str, Any]] = []
    page: dict[str, str] = {}
    while True:
        body = get(lusid, collection, **page).json()
        found += body["values"]
        if not body.get("nextPage"):
            return found
        page = {"page": body["nextPage"]}


def names(lusid: Sandbox, collection: str) -> set[str]:
    return {f"{e['id']['scope']}/{e['id']['code']}" for e in everything(lusid, collection)}


def labels(lusid: Sandbox) -> set[str]:
    return {
        entry["value"]["labelValue"]
        for record in everything(lusid, "investorrecords")
        for key, entry in record["identifiers"].items()
        if key.endswith("ExternalIRId")
    }


def listed(key: str, value: str) -> dict[str, Any]:
    return {key: {"key": key, "value": {"labelValue": value}}}


@pytest.mark.untraced
def test_one_bad_key_among_a_thousand_rolls_back_its_batch_and_no_other(tmp_path: Path) -> None:
    """Its two identifiers belong to two entities that are there already: only the server can know."""
    rows = [investor(n, {INTERNAL: f"INT_{n}"}) for n in range(3000)]
    rows[1500][INTERNAL] = "INT_OTHER"
    one, two = "InvestorRecord/ExternalIdentifier/ExternalIRId", "InvestorRecord/InternalIdentifier/InternalIRId"
    with sandbox() as (lusid, target):
        there = {
            "a": {"identifiers": listed(one, "IR_1500"), "displayName": "A"},
            "b": {"identifiers": listed(two, "INT_OTHER"), "displayName": "B"},
        }
        assert upsert_records(lusid, there).status_code == 201
        report = load(
            "investor-records", write_csv(tmp_path / "a.csv", rows), mode="Atomic", target=target, runs=tmp_path / "r"
        )
        loaded = labels(lusid)
    check_books(report)
    assert {s.value: n for s, n in report.keys.items() if n} == {"accepted": 2000, "failed": 1, "rolled_back": 999}
    (failed,) = [line for line in failures(report.run_dir) if line["_state"] == "failed"]
    assert failed["_key"] == "IR_1500"
    assert "belong to different entities" in failed["_message"]
    assert {line["_message"] for line in failures(report.run_dir) if line["_state"] == "rolled_back"} == {
        "its Atomic request was refused because of IR_1500"
    }
    assert loaded == {k for k, s in states(report).items() if s == "accepted"} | {"IR_1500"}
    assert (report.requests, report.exit_code) == (3, 3)


def orders_and_conflicts(tmp_path: Path) -> tuple[Path, list[dict[str, Any]], set[str]]:
    """3,000 orders in 800 blocks, three of which are there already with another side."""
    rows = [order(n % 800, n) for n in range(3000)]
    bad = (17, 250, 799)
    there = [
        {
            "blockId": {"scope": "MyScope", "code": f"B{n:04d}"},
            "orders": [{"id": {"scope": "MyScope", "code": f"EARLIER{n}"}, "quantity": 5}],
            "instrumentIdentifiers": {"Instrument/default/Figi": "BBG000000001"},
            "side": "Sell",
        }
        for n in bad
    ]
    return write_csv(tmp_path / "orders.csv", rows), there, {f"MyScope/B{n:04d}" for n in bad}


@pytest.mark.untraced
@pytest.mark.parametrize("mode", list(Mode))
def test_three_conflicting_blocks_of_eight_hundred(
    tmp_path: Path, mode: Mode, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path, there, bad = orders_and_conflicts(tmp_path)
    with sandbox() as (lusid, target):
        assert post(lusid, "ordermanagement/createorders", {"requests": there}).status_code == 201
        before = lusid.requests_served
        report = load("orders", path, mode=mode, target=target, runs=tmp_path / "runs")
        calls = lusid.requests_served - before
        found = names(lusid, "orders")
    check_books(report)
    by_key = states(report)
    assert {key for key, state in by_key.items() if state == "failed"} == bad
    accepted = {key for key, state in by_key.items() if state == "accepted"}
    good_orders = {f"MyScope/O{n:04d}" for n in range(3000) if f"MyScope/B{n % 800:04d}" in accepted}
    assert found == good_orders | {f"MyScope/EARLIER{n}" for n in (17, 250, 799)}
    if mode is Mode.PARTIAL:
        assert len(accepted) == 797
        assert report.requests == calls == 8 + 3
    else:
        assert Counter(by_key.values()) == {"accepted": 500, "failed": 3, "rolled_back": 297}
        assert report.requests == calls == 8
    assert {line["_key"] for line in failures(report.run_dir) if line["_state"] == "failed"} == bad
    assert report.exit_code == 3
    record_property("calls", calls)
    with capsys.disabled():
        print(f" {mode}: {len(accepted)} of 800 blocks accepted in {calls} calls ", end="")  # noqa: T201  # asked for


def test_three_culprits_that_nobody_names_are_found_in_few_calls(tmp_path: Path) -> None:
    bad = {"MyScope/B0017", "MyScope/B0050", "MyScope/B0099"}

    def rule(call: Call) -> Reply:
        return refused() if bad.intersection(call.keys) else done(call)

    path = write_csv(tmp_path / "o.csv", [order(n, n) for n in range(200)])
    with scripted(rule) as (lusid, target):
        report = load("orders", path, target=target, runs=tmp_path / "runs")
    check_books(report)
    assert {k for k, s in states(report).items() if s == "failed"} == bad
    assert len(lusid.posted) == report.requests <= 2 + 2 * 3 * math.ceil(math.log2(100)) + 10 * 2


FAULTS = st.lists(
    st.lists(st.sampled_from(["429", "503", "ok"]), max_size=4).flatmap(
        lambda calm: st.sampled_from(["cut-after", "cut-before", "truncated", "not-json", "504", "ok"]).map(
            lambda storm: [*calm, storm]
        )
    ),
    max_size=2,
).map(lambda parts: ";".join(step for part in parts for step in part))


@pytest.mark.untraced
@settings(max_examples=10)
@given(
    script=FAULTS,
    shape=st.sampled_from([(1, 1), (1, 16), (7, 1), (7, 4), (7, 16), (1000, 1), (1000, 16)]),
    mode=st.sampled_from(list(Mode)),
    operation=st.sampled_from(["orders", "investor-records"]),
)
def test_final_states_do_not_depend_on_batches_senders_or_faults(
    tmp_path_factory: pytest.TempPathFactory, script: str, shape: tuple[int, int], mode: Mode, operation: str
) -> None:
    tmp_path = tmp_path_factory.mktemp("final")
    rows = [order(n % 9, n) if operation == "orders" else investor(n) for n in range(27)]
    rows.append(rows[3] | {"quantity" if operation == "orders" else "display_name": ""})
    path = write_csv(tmp_path / "a.csv", rows)
    faults = f"retry-after=0,script={script}" if script else None
    with sandbox(faults, retries=9) as (lusid, target):
        report = load(
            operation, path, target=target, runs=tmp_path / "r", mode=mode, batch_size=shape[0], concurrency=shape[1]
        )
        found = names(lusid, "orders") if operation == "orders" else labels(lusid)
    check_books(report)
    by_row = row_states(report.run_dir).values()
    if operation == "orders":
        assert Counter(by_row) == {"accepted": 24, "invalid": 4}
        assert found == {f"MyScope/O{n:04d}" for n in range(27) if n % 9 != 3}
    else:
        assert Counter(by_row) == {"accepted": 26, "invalid": 2}
        assert found == {f"IR_{n:04d}" for n in range(27) if n != 3}


@pytest.mark.untraced
@pytest.mark.parametrize("senders", [1, 4, 16])
def test_the_server_holds_exactly_what_is_accepted_under_random_faults(tmp_path: Path, senders: int) -> None:
    """Answers are lost so often that some keys stay unknown: those may be there, no others."""
    faults = f"429=0.1,503=0.1,cut-after=0.1,cut-before=0.1,truncated=0.05,retry-after=0,seed={senders}"
    path = write_csv(tmp_path / "o.csv", [order(n, n) for n in range(150)])
    with sandbox(faults, retries=6) as (lusid, target):
        report = load("orders", path, target=target, runs=tmp_path / "r", batch_size=5, concurrency=senders)
        blocks = {f"{b['id']['scope']}/{b['id']['code']}": b for b in everything(lusid, "blocks")}
    check_books(report)
    by_key = states(report)
    accepted = {k for k, s in by_key.items() if s == "accepted"}
    unknown = {k for k, s in by_key.items() if s == "unknown"}
    assert accepted <= set(blocks) <= accepted | unknown
    assert {b["quantity"] for b in blocks.values()} <= {100}
    assert "failed" not in by_key.values()


@pytest.mark.parametrize(
    ("operation", "turned_away"),
    [
        ("investor-records", refused(status=503)),
        ("investor-records", Reply(503, b"<html>no upstream</html>")),
        ("orders", refused(status=503)),
        ("investor-records", Reply(cut=True)),
    ],
)
@pytest.mark.parametrize("patience", [30.0, 0.0])
def test_an_outage_shorter_than_the_patience_costs_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, turned_away: Reply, patience: float
) -> None:
    """By the URL, so with the waits of a night, but for their base; without patience the same outage ends it."""
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.001)
    rows = rows_for(operation, 40)

    def rule(call: Call) -> Reply:
        if call.path.endswith("versions"):
            return Reply(200, {})
        return turned_away if call.number < 40 else done(call)

    with ScriptedLusid(rule) as lusid:
        options: dict[str, Any] = {"target": lusid.url, "batch_size": 5, "patience": patience}
        report = load(operation, write_csv(tmp_path / "a.csv", rows), runs=tmp_path / "r", **options)
        check_books(report)
        if patience:
            assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.COMPLETE, 40)
            return
        assert report.verdict is Verdict.STOPPED
        lusid.rule = lambda call: done(call) if call.method == "POST" else Reply(200, {})
        again = resume("latest", runs=tmp_path / "r")
    assert again.rows[State.ACCEPTED] == 40
    assert json.loads((again.run_dir / "manifest.json").read_bytes())["settings"]["patience"] == patience


def test_running_twice_does_no_harm(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "o.csv", [order(n // 2, n) for n in range(20)])
    with sandbox() as (lusid, target):
        first, second = (load("orders", path, target=target, runs=tmp_path / "r") for _ in range(2))
        blocks = everything(lusid, "blocks")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert [b["quantity"] for b in blocks] == [200] * 10
    assert first.run_id != second.run_id


def test_a_frame_a_csv_and_a_parquet_make_the_same_requests(tmp_path: Path) -> None:
    rows = [investor(n) for n in range(5)]
    frame = pd.DataFrame(rows)
    frame.to_parquet(tmp_path / "a.parquet")
    bodies = []
    for extract in (frame, tmp_path / "a.parquet", write_csv(tmp_path / "a.csv", rows)):
        with scripted(done) as (lusid, target):
            report = load("investor-records", extract, target=target, runs=tmp_path / "runs")
        check_books(report)
        bodies.append([call.body for call in lusid.posted])
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(bodies[0][0]) == 5


class Watch(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.read: list[int] = []
        self.sent: list[tuple[int, int]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def reading(self, rows: int) -> None:
        self.read.append(rows)

    def sending(self, settled: int, total: int) -> None:
        self.sent.append((settled, total))


def test_parquet_columns_that_nobody_uses_may_hold_anything(tmp_path: Path) -> None:
    rows = [investor(1), investor(2, {"investor_type": "Persn"})]
    table = pa.Table.from_pylist([{**row, "_photo": b"\xff"} for row in rows])
    pq.write_table(table, tmp_path / "a.parquet")
    report = load("investor-records", tmp_path / "a.parquet", runs=tmp_path / "runs", dry_run=True)
    assert report.rows[State.NOT_SENT] == 1
    assert [line["_photo"] for line in failures(report.run_dir)] == ["[binary]"]
    pq.write_table(table.set_column(1, "display_name", [[b"A", b"B"]]), tmp_path / "b.parquet")
    with pytest.raises(ExtractError, match=r"column 'display_name' has type binary, which cannot be a cell: write"):
        load("investor-records", tmp_path / "b.parquet", runs=tmp_path / "runs", dry_run=True)


def test_who_watches_is_told_everything_and_the_collector_is_as_before(tmp_path: Path) -> None:
    threshold = gc.get_threshold()
    watch = Watch()
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(5)])
    given = {"target": "sandbox", "runs": tmp_path / "runs", "batch_size": 2, "concurrency": 1}
    report = load("investor-records", path, progress=watch, **given)
    check_books(report)
    assert watch.notes == []
    assert watch.read[-1] == 5
    assert watch.sent[-1] == (5, 5)
    assert watch.sent == sorted(set(watch.sent)), "told of twice, or of less than before"
    assert {settled for settled, _ in watch.sent} <= {2, 4, 5}
    assert gc.get_threshold() == threshold


def test_a_silent_progress_takes_all_it_is_told() -> None:
    silent = Progress()
    silent.note("x")
    silent.reading(1)
    silent.sending(1, 2)


def test_options_take_plain_values(tmp_path: Path) -> None:
    options = Options.of(
        mode="Atomic", dialect="2.3", duplicates="last", runs=str(tmp_path), mapping=None, batch_size=5
    )
    assert options == Options(
        mode=Mode.ATOMIC, dialect=Dialect.V2_3, duplicates=Duplicates.LAST, runs=tmp_path, batch_size=5
    )


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"mode": "bogus"}, "mode takes Partial or Atomic, not the text 'bogus'"),
        ({"dialect": 2.1}, "dialect takes 2.1, 2.3 or legacy, not 2.1"),
        ({"duplicates": ["last"]}, "duplicates takes refuse, first or last, not a value of type list"),
        ({"batch_size": 0}, "batch_size takes a whole number from 1 on, not 0"),
        ({"batch_size": "5"}, "batch_size takes a whole number from 1 on, not the text '5'"),
        ({"max_batch_bytes": -1}, "max_batch_bytes takes a whole number from 1 on, not -1"),
        ({"concurrency": 65}, "concurrency takes a whole number from 1 to 64, not 65"),
        ({"concurrency": True}, "concurrency takes a whole number from 1 to 64, not True"),
        ({"patience": float("nan")}, "patience takes seconds, 0 or more, not nan"),
        ({"target": 5}, "target takes a URL, sandbox or sandbox:FILE, not 5"),
        ({"target": ""}, "target takes a URL, sandbox or sandbox:FILE, not an empty text: is a shell variable unset?"),
        (
            {"encoding": ""},
            "encoding takes a name such as utf-8 or cp1252, not an empty text: is a shell variable unset?",
        ),
        ({"delimiter": ""}, "delimiter takes one character or several, not an empty text: is a shell variable unset?"),
        ({"mapping": 5}, "mapping takes the path of a file, not 5"),
        ({"runs": "a\0b"}, r"runs takes the path of a folder, not the text 'a\x00b'"),
        ({"dry_run": "no"}, "dry_run takes True or False, not the text 'no'"),
        ({"hold": {"a"}}, "hold takes a map of references, not a value of type set"),
        ({"expect": 5}, "expect takes a map of expectations, not 5"),
        (
            {"expect": {"rows": "P0001"}},
            "expect: rows: Input should be a valid integer, unable to parse string as an integer",
        ),
        ({"expect": {"rows": 1, "min_rows": 2}}, "expect: `rows` is less than `min_rows`"),
        ({"max_failures": "x"}, "max_failures takes a number of rows or a percentage up to 100%, not x"),
        ({"batchsize": 5}, "there is no option batchsize; did you mean batch_size?"),
    ],
    ids=str,
)
def test_an_option_that_does_not_fit_is_one_line_that_names_it(option: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load("investor-records", "investors.csv", **option)
    assert caught.value.message == said


@pytest.mark.parametrize("option", [field.name for field in fields(Options)])
def test_no_option_takes_whatever_it_is_given(option: str) -> None:
    with pytest.raises(ConfigError, match=option.replace("_", "[_-]")) as caught:
        Options.of(**{option: object()})
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("extract", "said"),
    [
        (None, "an extract is a path, several paths or a DataFrame, not a value of type NoneType"),
        (5, "an extract is a path, several paths or a DataFrame, not 5"),
        ([b"a.csv"], "an extract is a path, several paths or a DataFrame, not a value of type bytes"),
        ("", "an extract is a path, several paths or a DataFrame, not an empty text: is a shell variable unset?"),
        ([], "no extract was given: name a file, a pattern or a directory"),
        ("a\0b.csv", r"'a\x00b.csv': a name cannot hold a NUL character"),
        ("a\0/*.csv", r"'a\x00/*.csv': a name cannot hold a NUL character"),
        ("x" * 400, "x" * 300 + "...: cannot be read: File name too long"),
    ],
    ids=["None", "5", "bytes", "empty", "none", "NUL", "NUL in a pattern", "long"],
)
def test_an_extract_that_is_no_path_is_one_line(tmp_path: Path, extract: Any, said: str) -> None:
    with pytest.raises((ConfigError, ExtractError)) as caught:
        load("investor-records", extract, runs=tmp_path / "runs", dry_run=True)
    assert caught.value.message == said
    assert not (tmp_path / "runs").exists()


def test_an_operation_that_is_no_name_is_one_line(tmp_path: Path) -> None:
    operation: Any = None
    with pytest.raises(ConfigError, match=r"^there is no operation None "):
        load(operation, tmp_path / "a.csv")


def test_options_that_were_read_once_are_read_again_alike(tmp_path: Path) -> None:
    options = Options.of(max_failures="2.5%", expect={"rows": 5}, mapping="m.yaml", runs=tmp_path, concurrency=64)
    assert Options.of(**vars(options)) == options


@pytest.mark.parametrize("limit", [1, 600, 10_000])
def test_calls_are_cut_by_bytes_too(tmp_path: Path, limit: int) -> None:
    path = write_csv(tmp_path / "o.csv", [order(n, n) for n in range(10)])
    with scripted(done) as (lusid, target):
        report = load("orders", path, target=target, runs=tmp_path / "r", max_batch_bytes=limit, concurrency=1)
    check_books(report)
    sizes = [len(json.dumps(call.body["requests"], separators=(",", ":"))) for call in lusid.posted]
    assert all(size <= limit + 2 for size in sizes)
    assert report.rows[State.INVALID] == (10 if limit == 1 else 0)
    assert len(lusid.posted) == {1: 0, 600: 4, 10_000: 1}[limit]


def refuse(error: type[Exception], said: str, tmp_path: Path, extract: Any, **options: Any) -> None:
    runs = tmp_path / "runs"
    with pytest.raises(error, match=said) as caught:
        load(options.pop("operation", "investor-records"), extract, runs=runs, **options)
    assert "\n" not in str(caught.value)
    assert not runs.exists()


def test_what_does_not_fit_stops_before_a_run_is_made(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    other = write_csv(tmp_path / "b.csv", [{"x": "1"}])
    refuse(ConfigError, "there is no operation order; did you mean orders", tmp_path, path, operation="order")
    refuse(ExtractError, "nowhere.csv", tmp_path, tmp_path / "nowhere.csv", target="sandbox")
    refuse(ConfigError, "x", tmp_path, other, target="sandbox")
    refuse(ConfigError, "has no dialect legacy", tmp_path, path, dialect="legacy", target="sandbox")
    refuse(ConfigError, "LUSID needs credentials", tmp_path, path, target="https://lusid.example.com/api")


def test_nobody_at_the_url_stops_before_a_run_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.0)
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    refuse(UnreachableError, "FBN_LUSID_URL", tmp_path, path, target="http://127.0.0.1:9/api")


def test_a_mode_the_endpoint_lacks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = replace(table.OPERATIONS["orders"], modes=frozenset({Mode.PARTIAL}))
    monkeypatch.setattr(table, "OPERATIONS", {"orders": only})
    refuse(
        ConfigError,
        "orders has no Atomic mode: use mode=Partial",
        tmp_path,
        "x.csv",
        mode="Atomic",
        operation="orders",
    )


def test_runs_that_cannot_be_written_stop_before_anything_is_sent(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with scripted(done) as (lusid, target), pytest.raises(ConfigError, match="choose another with runs"):
        load("investor-records", path, target=target, runs=path / "runs")
    assert lusid.calls == []


def test_a_run_folder_that_vanishes_is_one_error(tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        for folder in (tmp_path / "runs").iterdir():
            for part in sorted(folder.rglob("*"), reverse=True):
                part.unlink() if part.is_file() else part.rmdir()
            folder.rmdir()
        return done(call)

    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with scripted(rule) as (_, target), pytest.raises(Exception, match="cannot be written: No such file"):
        load("investor-records", path, target=target, runs=tmp_path / "runs")


def test_the_failure_budget_stops_a_run_before_or_while_it_sends(tmp_path: Path) -> None:
    rows: list[Row] = [investor(n, {"display_name": ""} if n < 3 else {}) for n in range(20)]
    path = write_csv(tmp_path / "a.csv", rows)

    def rule(call: Call) -> Reply:
        return Reply(body={"values": {}, "failed": {k: {"type": "XFailure"} for k in call.body}})

    reports: list[Report] = []
    for budget in ("2", "10%", "6"):
        with scripted(rule) as (lusid, target):
            options: dict[str, Any] = {"batch_size": 2, "concurrency": 1, "max_failures": budget}
            reports.append(load("investor-records", path, target=target, runs=tmp_path / "r", **options))
        check_books(reports[-1])
        assert len(lusid.posted) == (2 if budget == "6" else 0)
    assert [r.verdict for r in reports] == [Verdict.STOPPED] * 3
    assert reports[2].rows[State.FAILED] == 4


@pytest.mark.parametrize(("budget", "said"), [("2", 1), ("3", 0), ("10%", 0)])
def test_a_budget_spent_in_validation_is_said_at_once_and_every_row_still_read(
    tmp_path: Path, budget: str, said: int
) -> None:
    rows: list[Row] = [investor(n, {"display_name": ""} if n < 3 else {}) for n in range(20)]
    notes: list[str] = []

    class Heard(Progress):
        def note(self, text: str) -> None:
            notes.append(text)

    with scripted(done) as (lusid, target):
        options: dict[str, Any] = {"target": target, "max_failures": budget, "progress": Heard()}
        report = load("investor-records", write_csv(tmp_path / "a.csv", rows), runs=tmp_path / "r", **options)
    check_books(report)
    assert [note.startswith("3 of the first 20 rows cannot be sent") for note in notes] == [True] * said
    assert report.rows_read == 20
    assert len(failures(report.run_dir)) == (3 if budget == "3" else 20)
    assert bool(lusid.posted) is (budget == "3")


def test_dialects_and_duplicates_reach_the_wire_and_the_books(tmp_path: Path) -> None:
    rows = [investor(1, {"scope": "Desk"}), investor(1, {"scope": "Desk", "display_name": "Later"})]
    with scripted(done) as (lusid, target):
        report = load(
            "investor-records",
            write_csv(tmp_path / "a.csv", rows),
            target=target,
            runs=tmp_path / "runs",
            dialect="2.3",
            duplicates="last",
        )
    check_books(report)
    assert lusid.posted[0].body["IR_0001"]["displayName"] == "Later"
    assert lusid.posted[0].body["IR_0001"]["scope"] == "Desk"
    assert sorted(line["state"] for line in outcomes(report.run_dir)) == ["accepted", "duplicate"]


@pytest.mark.parametrize("operation", [o.name for o in table.OPERATIONS.values() if o.grouped])
def test_duplicates_are_refused_where_all_rows_of_a_key_make_one_request(tmp_path: Path, operation: str) -> None:
    path = write_csv(tmp_path / "a.csv", [order()])
    with pytest.raises(ConfigError) as caught:
        load(operation, path, target="sandbox", runs=tmp_path / "runs", duplicates="first")
    entity = table.OPERATIONS[operation].entity
    assert caught.value.message == (
        f"{operation} has no duplicates first: all rows of one {entity} are one request; leave it out"
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("extract", ["file", "frame"])
def test_a_run_that_cannot_be_begun_for_want_of_room_leaves_nothing_and_is_no_run(tmp_path: Path, extract: str) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    given = path if extract == "file" else pd.read_csv(path, dtype=str)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with scripted(done) as (lusid, target):
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        try:
            with pytest.raises(ConfigError, match=r"cannot be written: File too large: nothing was sent; make room"):
                load("investor-records", given, target=target, runs=tmp_path / "runs")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "runs").iterdir()) == []
    assert lusid.posted == []


def test_a_run_that_ends_in_an_error_says_so_in_its_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: OpenRun) -> None:
        raise ZeroDivisionError("a cell's text")

    monkeypatch.setattr("pipelines.load.prepare", broken)
    with scripted(done) as (_, target), pytest.raises(ZeroDivisionError):
        load("investor-records", write_csv(tmp_path / "a.csv", [investor(1)]), target=target, runs=tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert (manifest["verdict"], manifest["error"]) == ("error", "ZeroDivisionError")
    assert not (folder / "scratch").exists()
