import gzip
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from builders import IR_ID, account, investor, order, read_csv, write_csv
from hashing import hashed_by
from run_checks import check_books, failures, outcomes, row_states
from scripted_lusid import Call, Reply, done, refused, scripted

from connectors.extracts.batches import Shard
from connectors.extracts.extract import Extract, RowBatch
from connectors.run_folder.results import OutcomeFile
from pipelines.account.accountant import Accountant
from pipelines.load import load
from pipelines.loading.opening import OpenRun
from pipelines.loading.run import prepare
from pipelines.loading.sending import PreparedRun
from pipelines.report.report import Report
from schemas.errors import BalanceError, ExtractError
from schemas.expectations import Expectations
from schemas.states import State


def picky(call: Call) -> Reply:
    """Refuses keys that end in 3."""
    values = {k: {"lusidInvestorRecordId": f"LUID_{k}"} for k in call.body if not k.endswith("3")}
    failed = {k: {"type": "XFailure", "detail": "ends in 3"} for k in call.body if k.endswith("3")}
    return Reply(body={"values": values, "failed": failed})


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Report]:
    def go(operation: str, extract: Any, rule: Callable[[Call], Reply] = picky, **options: Any) -> Report:
        with scripted(rule) as (_, target):
            report = load(operation, extract, target=target, runs=tmp_path / "runs", **options)
        check_books(report)
        return report

    return go


def test_every_row_of_several_files_is_accounted_for_once(run: Callable[..., Report], tmp_path: Path) -> None:
    one = write_csv(tmp_path / "one.csv", [investor(n) for n in range(10)])
    rows = [investor(n) for n in (20, 21, 21, 22)] + [investor(30, {"display_name": ""}), investor(5)]
    two = write_csv(tmp_path / "two.csv", rows)
    report = run("investor-records", [one, two])
    assert row_states(report.run_dir) == {
        **{(str(one), n + 1): "failed" if n == 3 else "accepted" for n in range(10)},
        **{(str(two), n): state for n, state in enumerate(("accepted", "accepted", "duplicate", "accepted"), 1)},
        (str(two), 5): "invalid",
        (str(two), 6): "duplicate",
    }
    assert report.keys == {
        **dict.fromkeys(State, 0),
        State.ACCEPTED: 12,
        State.FAILED: 1,
        State.INVALID: 1,
    }


def test_an_outcome_has_lusids_ids(run: Callable[..., Report], tmp_path: Path) -> None:
    report = run("investor-records", write_csv(tmp_path / "a.csv", [investor(2), investor(3)]))
    assert outcomes(report.run_dir) == [
        {
            "key": "IR_0002",
            "source": str(tmp_path / "a.csv"),
            "rows": [1],
            "places": None,
            "state": "accepted",
            "code": None,
            "message": None,
            "request": 1,
            "lusid_id": "LUID_IR_0002",
            "request_id": "REQ-1",
            "change": None,
        },
        {
            "key": "IR_0003",
            "source": str(tmp_path / "a.csv"),
            "rows": [2],
            "places": ["line 3"],
            "state": "failed",
            "code": "XFailure",
            "message": "ends in 3",
            "request": 1,
            "lusid_id": None,
            "request_id": "REQ-1",
            "change": None,
        },
    ]


def test_rows_of_one_request_in_two_files_have_a_line_in_each(run: Callable[..., Report], tmp_path: Path) -> None:
    one = write_csv(tmp_path / "one.csv", [account(1, 1), account(2, 1), account(1, 2)])
    two = write_csv(tmp_path / "two.csv", [account(3, 1), account(1, 3)])
    report = run("investment-accounts", [one, two], done)
    told = [(line["key"], line["source"], line["rows"], line["request"]) for line in outcomes(report.run_dir)]
    assert sorted(told) == [
        ("IA_0001", str(one), [1, 3], 1),
        ("IA_0001", str(two), [2], 1),
        ("IA_0002", str(one), [2], 1),
        ("IA_0003", str(two), [1], 1),
    ]
    assert (report.rows_read, report.keys[State.ACCEPTED]) == (5, 3)


def test_failures_have_the_original_cells_as_they_were_read(run: Callable[..., Report], tmp_path: Path) -> None:
    nasty = {"display_name": '  "Ann"\r\n,= 1 ü ', "investor_type": "Persn", "_ours": "kept"}
    rows = [investor(1, nasty), investor(2, {"_ours": "x"}), investor(3, {"_ours": "x"})]
    report = run("investor-records", write_csv(tmp_path / "a.csv", rows))
    told = failures(report.run_dir)
    assert [(line["_key"], line["_state"], line["_row"]) for line in told] == [
        ("IR_0001", "invalid", "1"),
        ("IR_0003", "failed", "3"),
    ]
    assert [{c: line[c] for c in rows[0]} for line in told] == [rows[0], rows[2]]


def test_failures_load_again_as_they_are_once_corrected(run: Callable[..., Report], tmp_path: Path) -> None:
    rows = [investor(n, {"investor_type": "Persn"} if n == 1 else {}) for n in range(1, 6)]
    report = run("investor-records", write_csv(tmp_path / "a.csv", rows))
    corrected = tmp_path / "corrected.csv"
    corrected.write_bytes((report.run_dir / "failures.csv").read_bytes().replace(b"Persn", b"Person"))
    again = run("investor-records", corrected, done)
    assert (again.rows_read, again.exit_code) == (2, 0)
    assert [line["rows"] for line in outcomes(again.run_dir)] == [[1], [2]]


def test_surplus_and_missing_cells_are_kept(run: Callable[..., Report], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2)])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1] + ",more,and more", "IR_9", lines[2]]) + "\n")
    told = failures(run("investor-records", path).run_dir)
    assert [(line["_state"], line["_surplus"], line[IR_ID]) for line in told] == [
        ("invalid", "more,and more", "IR_0001"),
        ("invalid", "not every cell of this row was in its column", "IR_9"),
    ]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_extract_of_invalid_rows_only_has_books_too(run: Callable[..., Report], tmp_path: Path, count: int) -> None:
    rows = [investor(n, {"display_name": ""}) for n in range(count)]
    path = write_csv(tmp_path / "a.csv", rows, columns=list(investor()))
    report = run("investor-records", path, expect={"min_rows": 0})
    assert report.rows[State.INVALID] == report.rows_read == count
    assert report.requests == 0


def test_rows_without_a_key_are_in_the_books(run: Callable[..., Report], tmp_path: Path) -> None:
    report = run("investor-records", write_csv(tmp_path / "a.csv", [investor(1, {IR_ID: ""}), investor(2)]))
    assert [(line["key"], line["state"], line["rows"]) for line in outcomes(report.run_dir)] == [
        (None, "invalid", [1]),
        ("IR_0002", "accepted", [2]),
    ]
    assert report.reasons[0].examples == ["no key (row 1)"]


@pytest.mark.parametrize("collide", [False, True])
def test_a_key_counts_once_and_by_its_request_if_it_made_one(
    run: Callable[..., Report], tmp_path: Path, *, collide: bool
) -> None:
    """A hash that several keys share costs a look, and never a verdict."""
    nameless = {"display_name": ""}
    rows = [
        *(investor(1, nameless), investor(1), investor(1, {"display_name": "Older"})),
        *(investor(2, nameless), investor(2, nameless)),
        *(investor(3), investor(3, nameless), investor(4, {IR_ID: ""}), investor(5)),
    ]
    with hashed_by((lambda _: 7) if collide else None):
        report = run("investor-records", write_csv(tmp_path / "a.csv", rows), duplicates="first")
    assert {s.value: n for s, n in report.keys.items() if n} == {"accepted": 2, "invalid": 1, "failed": 1}
    assert {s.value: n for s, n in report.rows.items() if n} == {
        **{"accepted": 2, "invalid": 5, "duplicate": 1, "failed": 1}
    }


def test_reasons_are_counted_with_examples(run: Callable[..., Report], tmp_path: Path) -> None:
    rows = [investor(n, {"investor_type": "Persn"} if n % 10 == 7 else {}) for n in range(50)]
    reasons = run("investor-records", write_csv(tmp_path / "a.csv", rows)).reasons
    assert [(r.state, r.code, r.rows, r.examples) for r in reasons] == [
        (State.FAILED, "XFailure", 5, ["IR_0003 (row 4)", "IR_0013 (row 14)", "IR_0023 (row 24)"]),
        (State.INVALID, "NotAllowed", 5, ["IR_0007 (row 8)", "IR_0017 (row 18)", "IR_0027 (row 28)"]),
    ]


def test_one_rule_about_many_keys_is_one_reason(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        return Reply(body={"values": {}, "failed": {k: {"type": "X", "detail": f"'{k}' clashes"} for k in call.body}})

    report = run("investor-records", write_csv(tmp_path / "a.csv", [investor(n) for n in range(10)]), rule)
    assert [(r.code, r.rule, r.message, r.rows, r.keys) for r in report.reasons] == [
        ("X", "'…' clashes", "'IR_0000' clashes", 10, 10)
    ]


def test_rows_held_for_many_parents_hide_no_refusal_of_lusid(run: Callable[..., Report], tmp_path: Path) -> None:
    def rule(call: Call) -> Reply:
        return Reply(201, {"values": {}, "failed": {k: {"type": "Clash", "detail": "no"} for k in call.body}})

    holders = {f"InvestorRecord/ExternalIdentifier/ExternalIRId=IR_{n:04}": f"is failed (row {n})" for n in range(300)}
    rows = [account(n, n, {"portfolio_key": f"Portfolio{row}"}) for n in range(302) for row in (1, 2)]
    report = run("investment-accounts", write_csv(tmp_path / "a.csv", rows), rule, hold=holders)
    assert [(r.state, r.code, r.rule, r.rows, r.keys) for r in report.reasons] == [
        ("held", "ParentFailed", "what it depends on failed, or is not in LUSID", 600, 300),
        ("failed", "Clash", "no", 4, 2),
    ]
    assert report.reasons[0].message == "InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0000 is failed (row 0)"


def test_a_run_lists_the_references_of_its_failed_rows(run: Callable[..., Report], tmp_path: Path) -> None:
    extract = write_csv(tmp_path / "a.csv", [investor(3), investor(4)])
    ref = "InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0003"
    assert run("investor-records", extract, followed=True).failed_refs == {ref: "is failed (row 1)"}
    assert run("investor-records", extract).failed_refs == {}, "kept only for loads that follow"


def test_a_reference_that_an_accepted_row_brought_in_has_not_failed(run: Callable[..., Report], tmp_path: Path) -> None:
    other, nameless = "identifier:InvestorRecord/Other/Id", {"display_name": ""}
    rows = [
        *(investor(1, {other: "A"}), investor(1, {other: "B", **nameless})),
        *(investor(2, {other: "C"}), investor(9, {other: "C", **nameless})),
    ]
    report = run("investor-records", write_csv(tmp_path / "a.csv", rows), followed=True, duplicates="last")
    assert report.failed_refs == {
        "InvestorRecord/Other/Id=B": "is invalid (row 2)",
        "InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0002": "is invalid (row 3)",
        "InvestorRecord/ExternalIdentifier/ExternalIRId=IR_0009": "is invalid (row 4)",
        "InvestorRecord/Other/Id=C": "is invalid (row 4)",
    }


def test_a_dry_run_sends_nothing_and_accounts_for_all(run: Callable[..., Report], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2)])
    report = run("investor-records", path, dry_run=True)
    assert report.rows[State.NOT_SENT] == 2
    assert {line["message"] for line in outcomes(report.run_dir)} == {"nothing is sent in a dry run"}
    assert failures(report.run_dir) == []
    assert (report.requests, report.exit_code) == (0, 0)


def unbalanced(tmp_path: Path) -> tuple[str, dict[str, Any]]:
    """Loads five rows into books that do not balance; gives the error and the manifest."""
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(5)])
    with scripted(picky) as (_, target), pytest.raises(BalanceError) as caught:
        load("investor-records", path, target=target, runs=tmp_path / "runs")
    assert caught.value.exit_code == 5
    (folder,) = (tmp_path / "runs").iterdir()
    return caught.value.message, orjson.loads((folder / "manifest.json").read_bytes())


def test_rows_side_by_side_have_reasons_of_their_own_and_what_was_not_sent_has_one(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    rows = [investor(1, {"display_name": ""}), investor(2, {"investor_type": "Persn"}), investor(3), investor(4)]
    report = run("investor-records", write_csv(tmp_path / "a.csv", [*rows, investor(4)]), dry_run=True)
    told = [(line["code"], line["message"], line["request"]) for line in outcomes(report.run_dir)]
    invalid = [(line["_code"], line["_message"], None) for line in failures(report.run_dir)]
    not_sent = ("NotSent", "nothing is sent in a dry run", None)
    assert told == [*invalid, not_sent, not_sent, ("Copy", "is an exact copy of row 4", None)]
    assert len(set(invalid)) == 2


def test_a_line_lost_from_the_outcomes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Accountant._lines

    lost = 1

    def lossy(self: Accountant, *given: Any) -> dict[str, list[Any]]:
        nonlocal lost
        lines = {name: column[lost:] for name, column in whole(self, *given).items()}
        lost = 0
        return lines

    monkeypatch.setattr(Accountant, "_lines", lossy)
    message, manifest = unbalanced(tmp_path)
    assert message == (
        "the books do not balance: 5 rows read, 5 in a state, 4 in outcomes.parquet; 1 to report, 1 in failures.csv"
    )
    assert (manifest["verdict"], manifest["error"]) == ("unbalanced", message)


def test_a_line_lost_from_the_failures_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Accountant, "_failures", lambda *_: iter(()))
    assert "1 to report, 0 in failures.csv" in unbalanced(tmp_path)[0]


def test_a_row_missing_from_the_row_book_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(run: OpenRun) -> PreparedRun:
        prepared = prepare(run)
        return replace(prepared, requests=replace(prepared.requests, rows_read=prepared.requests.rows_read + 1))

    monkeypatch.setattr("pipelines.load.prepare", forgetful)
    assert "6 rows read, 5 in a state" in unbalanced(tmp_path)[0]


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_row_that_the_reader_drops_is_noticed(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every count behind the reader agrees with every other."""

    def dropping(self: Extract, used: Collection[str]) -> Iterator[RowBatch]:
        for batch in whole(self, used):
            yield batch.without_last()

    def dropping_in_shard(self: Extract, shard: Shard, used: Collection[str]) -> Iterator[RowBatch]:
        for batch in whole_shard(self, shard, used):
            yield batch if shard.end else batch.without_last()

    whole, whole_shard = Extract.batches, Extract.shard
    monkeypatch.setattr(Extract, "batches", dropping)
    monkeypatch.setattr(Extract, "shard", dropping_in_shard)
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(9)])
    if name != path.name:
        pd.read_csv(path, dtype=str).to_parquet(path := tmp_path / name)
    with scripted(picky) as (_, target), pytest.raises(BalanceError) as caught:
        load("investor-records", path, target=target, runs=tmp_path / "runs")
    assert caught.value.message.startswith("the books do not balance: 9 rows read, 8 in a state, 8 in outcomes.parquet")


def test_a_trailer_is_no_row_of_the_books(run: Callable[..., Report], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [investor(1), investor(2)])
    path.write_text(path.read_text() + "END,2\n")
    report = run("investor-records", path, expect=Expectations.model_validate({"trailer": {"starts_with": "END"}}))
    assert (report.rows_read, report.rows[State.ACCEPTED]) == (2, 2)


def test_a_crash_while_the_books_are_closed_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(self: OutcomeFile, columns: Mapping[str, Sequence[Any]]) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(OutcomeFile, "write", crash)
    path = write_csv(tmp_path / "a.csv", [investor(1)])
    with scripted(done) as (_, target), pytest.raises(ZeroDivisionError):
        load("investor-records", path, target=target, runs=tmp_path / "runs")
    (folder,) = (tmp_path / "runs").iterdir()
    assert sorted(p.name for p in folder.iterdir()) == ["journal.jsonl", "manifest.json"]
    assert orjson.loads((folder / "manifest.json").read_bytes())["verdict"] == "error"


def test_states_are_written_even_if_the_extract_has_gone(
    run: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Extract, position: object) -> None:
        raise ExtractError("a.csv: the file changed")

    monkeypatch.setattr(Extract, "reread", gone)
    report = run("investor-records", write_csv(tmp_path / "a.csv", [investor(2), investor(3)]))
    assert [(line["_key"], line["_state"], line[IR_ID]) for line in failures(report.run_dir)] == [
        ("IR_0003", "failed", "")
    ]
    assert report.warnings == ("failures.csv lacks the original cells of some rows: a.csv: the file changed",)


@pytest.mark.untraced
def test_compressed_files_of_many_batches_are_read_again_for_their_failures(
    run: Callable[..., Report], tmp_path: Path
) -> None:
    rows = [investor(n, {"display_name": f"Name {n} {'x' * 200}"}) for n in range(9000)]
    plain = write_csv(tmp_path / "a.csv", rows)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), 1))
    told = failures(run("investor-records", packed).run_dir)
    assert [line["display_name"] for line in told] == [rows[n]["display_name"] for n in range(3, 9000, 10)]


def test_blocks_of_a_refused_call_are_counted_by_rows_and_by_keys(run: Callable[..., Report], tmp_path: Path) -> None:
    rows = [order(b, 10 * b + o) for b in range(4) for o in range(3)]

    def rule(call: Call) -> Reply:
        return refused({"requests[1].side": ["differs"]}) if "MyScope/B0001" in call.keys else done(call)

    report = run("orders", write_csv(tmp_path / "o.csv", rows), rule, mode="Atomic", batch_size=2)
    assert Counter({s.value: n for s, n in report.rows.items()}) == Counter(accepted=6, failed=3, rolled_back=3)
    assert Counter({s.value: n for s, n in report.keys.items()}) == Counter(accepted=2, failed=1, rolled_back=1)
    assert [line["_message"] for line in failures(report.run_dir)[:1]] == [
        "its Atomic request was refused because of MyScope/B0001"
    ]
    assert len(read_csv(report.run_dir / "failures.csv")) == 6
