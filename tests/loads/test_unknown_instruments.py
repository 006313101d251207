"""`--unknown-instruments refuse`: orders on instruments that LUSID does not know are held before anything is sent."""

import json
from pathlib import Path

import pytest
from builders import FIGI, Row, investor, order, write_csv
from hypothesis import given
from hypothesis import strategies as st
from run_checks import check_books, failures, outcomes
from scripted_lusid import Call, Reply, done, nothing_there, problem, scripted

from connectors.lusid.instruments import AT_ONCE, CURRENCY, Named, resolved
from connectors.sandbox.server import Sandbox
from pipelines.load import load
from pipelines.replay import replay
from pipelines.resume import resume
from schemas.states import State, Verdict

ISIN = "instrument:Instrument/default/Isin"
CASH = f"instrument:{CURRENCY}"


def rows() -> list[Row]:
    """Five orders in four blocks: known, unknown (two orders), known by its second identifier, cash."""
    more = {ISIN: "", CASH: ""}
    return [
        order(1, 1, more),
        order(2, 2, more | {FIGI: "BBG9", ISIN: "US9"}),
        order(2, 3, more | {FIGI: "BBG9", ISIN: "US9"}),
        order(3, 4, more | {FIGI: "BBG8", ISIN: "US1"}),
        order(4, 5, more | {FIGI: "", CASH: "GBP"}),
    ]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of every sandbox here."""
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")


def test_they_are_held_and_a_replay_sends_them_once_the_instrument_is_there(tmp_path: Path) -> None:
    path, runs, database = write_csv(tmp_path / "orders.csv", rows()), tmp_path / "runs", tmp_path / "s.db"
    known, more = tmp_path / "known.json", tmp_path / "more.json"
    known.write_text(json.dumps({"instruments": [{"Figi": "BBG000000001"}, {"Isin": "US1"}]}))
    more.write_text(json.dumps({"instruments": [{"Isin": "US9"}]}))
    with Sandbox(database=database, known=str(known), token="t") as sandbox:
        report = load("orders", path, target=sandbox.url, runs=runs, unknown_instruments="refuse")
        posted = [path for method, path, _ in sandbox.calls if method == "POST"]
        port = int(sandbox.url.rpartition(":")[2].partition("/")[0])
    check_books(report)
    assert (report.verdict, report.exit_code, report.alerts) == (Verdict.REJECTS, 3, ())
    assert (report.rows[State.ACCEPTED], report.rows[State.HELD]) == (3, 2)
    assert posted == ["/api/api/instruments/$get"] * 2 + ["/api/api/ordermanagement/createorders"]
    held = [line for line in failures(report.run_dir) if line["_state"] == "held"]
    assert [(line["order_code"], line["_code"]) for line in held] == [
        ("O0002", "UnknownInstrument"),
        ("O0003", "UnknownInstrument"),
    ]
    assert "Instrument/default/Figi BBG9, Instrument/default/Isin US9" in held[0]["_message"]
    (reason,) = report.reasons
    assert reason.rule == "LUSID knows no identifier of its instrument"
    with Sandbox(database=database, known=str(more), token="t", port=port):
        again = replay(report.run_id, runs=runs)
    assert again.rows[State.ACCEPTED] == 2


def test_without_it_they_are_sent_and_reported(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "orders.csv", rows())
    with Sandbox(known="none", token="t") as sandbox:
        report = load("orders", path, target=sandbox.url, runs=tmp_path / "runs")
        assert not any("instruments" in called for _, called, _ in sandbox.calls)
    assert (report.verdict, report.rows[State.ACCEPTED]) == (Verdict.ALERTS, 5)
    assert report.alerts[0].startswith("4 rows accepted, UnknownInstrument")


def test_where_lusid_does_not_say_nothing_is_sent_and_the_run_resumes(tmp_path: Path) -> None:
    refuse = [True]

    def rule(call: Call) -> Reply:
        if "instruments" in call.path:
            if refuse:
                return Reply(404, problem("ResourceNotFound", 460, 404, "No such call"))
            return Reply(200, {"values": {value: {} for value in call.body}, "failed": {}})
        return done(call) if call.method == "POST" else nothing_there(call)

    path, runs = write_csv(tmp_path / "orders.csv", rows()), tmp_path / "runs"
    with scripted(rule) as (lusid, target):
        report = load("orders", path, target=target, runs=runs, unknown_instruments="refuse")
        assert (report.verdict, report.exit_code, report.rows[State.NOT_SENT]) == (Verdict.STOPPED, 4, 5)
        assert not any("createorders" in call.path for call in lusid.posted)
        assert "does not say which instruments it knows" in report.warnings[-1]
        refuse.clear()
        assert resume(report.run_id, runs=runs, target=target).rows[State.ACCEPTED] == 5


KEYS = ("Instrument/default/Figi", "Instrument/default/Isin", CURRENCY)


@given(
    named=st.lists(
        st.dictionaries(st.sampled_from(KEYS), st.sampled_from("ABCD"), min_size=1).map(
            lambda each: tuple(sorted(each.items()))
        )
    ),
    there=st.sets(st.tuples(st.sampled_from(["Figi", "Isin"]), st.sampled_from("ABCD"))),
)
def test_an_instrument_is_known_by_any_of_its_identifiers(named: list[Named], there: set[tuple[str, str]]) -> None:
    asked: list[str] = []

    def ask(kind: str, values: object) -> set[str]:
        assert isinstance(values, list)
        assert 0 < len(values) <= AT_ONCE
        asked.append(kind)
        return {value for value in values if (kind, value) in there}

    known = {each for each in named if any(k == CURRENCY or (k.rpartition("/")[2], v) in there for k, v in each)}
    assert resolved(named, ask) == known
    assert len(asked) == len({*asked}) <= 2


def test_keys_that_lusid_gave_one_id_are_an_alert(tmp_path: Path) -> None:
    def one_id(call: Call) -> Reply:
        reply = done(call)
        for key in ("IR_0002", "IR_0004"):
            reply.body["values"].get(key, {})["lusidInvestorRecordId"] = "LUID_00000007"
        return reply

    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(1, 5)])
    with scripted(lambda call: one_id(call) if call.method == "POST" else nothing_there(call)) as (_, target):
        report = load("investor-records", path, target=target, runs=tmp_path / "runs", batch_size=2)
    check_books(report)
    assert (report.verdict, report.exit_code) == (Verdict.ALERTS, 0)
    (alert,) = report.alerts
    assert alert.startswith("2 keys accepted, SharedLusidId: LUSID gave several of them one id")
    assert f"IR_0002 ({path} row 2) and IR_0004 ({path} row 4) are LUID_00000007" in alert
    assert {line["code"] for line in outcomes(report.run_dir)} == {None}
