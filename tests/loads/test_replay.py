"""A run's failures again: what was held and what is in by now, requests whole, and nobody else's rows."""

import gzip
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import IR_ID, Row, account, investor, order, read_csv, write_csv
from operation_facts import FACTS
from run_checks import check_books, outcomes, row_states
from scripted_lusid import MISSING, Call, Reply, Rule, ScriptedLusid, done, nothing_there, refused

from connectors.run_folder.journal import Journal
from pipelines.load import load
from pipelines.operations.table import OPERATIONS
from pipelines.replay import replay
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import ConfigError, RunFolderError
from schemas.states import State

SAMPLES = Path(__file__).parents[1] / "samples"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.0)


def done_or_there(call: Call) -> Reply:
    return done(call) if call.method == "POST" else Reply(200, {})


class Shop:
    """A LUSID that holds either nothing or everything, and refuses what it is sent."""

    def __init__(self) -> None:
        self.stocked = False
        self.read: set[str] = set()

    def __call__(self, call: Call) -> Reply:
        if call.method == "POST":
            return refused({"requests[0]": ["no"]})
        if "metadata" in call.path:
            return Reply(200, {})
        self.read.add(call.path)
        if call.path != "/api/executions":
            return Reply(200, {}) if self.stocked else MISSING
        found = [{"placementId": {"scope": "Placements-EU", "code": "PLAC00000123"}}]
        return Reply(200, {"values": found if self.stocked else []})


def rejected(tmp_path: Path, target: str) -> Report:
    """Accounts in two files, none of which is in: IA_0001 of three rows, IA_0002 of two, IA_0003 of one."""
    nameless = {"display_name": ""}
    one = write_csv(tmp_path / "one.csv", [account(1, 1), account(1, 2, nameless), account(2, 1, nameless)])
    two = write_csv(tmp_path / "two.csv", [account(2, 2), account(3, 1, nameless), account(1, 3)])
    return load("investment-accounts", [one, two], target=target, runs=tmp_path / "runs")


def test_a_request_is_replayed_with_all_its_rows_or_not_at_all(tmp_path: Path) -> None:
    """docs/decisions/0004: without one of its rows a request would say something else."""
    with ScriptedLusid(done_or_there) as lusid:
        report = rejected(tmp_path, lusid.url)
        rows = [row | {"display_name": "Found"} for row in read_csv(report.run_dir / "failures.csv")]
        corrected = tmp_path / "corrected.csv"

        def replayed(*places: int) -> Report:
            write_csv(corrected, [rows[i] for i in places], columns=list(rows[0]))
            return replay(report.run_id, corrected, runs=tmp_path / "runs")

        def refusal(*places: int) -> str:
            with pytest.raises(ConfigError) as caught:
                replayed(*places)
            return caught.value.message

        rest = (
            "all rows of one investment account are sent or none; put back what was taken out, or load the file with "
        )
        rest += "`bulkload load` if that was meant"
        one, two = tmp_path / "one.csv", tmp_path / "two.csv"
        assert refusal(1, 2, 3, 4, 5) == f"{corrected} lacks {one} row 1 of IA_0001: {rest}"
        assert refusal(0, 2) == (
            f"{corrected} lacks {one} row 2 of IA_0001, {two} row 1 of IA_0002, {two} row 3 of IA_0001: {rest}"
        )
        assert refusal(0) == f"{corrected} lacks {one} row 2 of IA_0001, {two} row 3 of IA_0001: {rest}"
        assert not lusid.posted
        assert len(list((tmp_path / "runs").iterdir())) == 1
        assert replayed(5, 1, 0, 4).keys[State.ACCEPTED] == 2
        assert [list(call.body) for call in lusid.posted] == [["IA_0001", "IA_0003"]]


def test_rows_that_are_not_among_the_failures_are_named(tmp_path: Path) -> None:
    with ScriptedLusid(done_or_there) as lusid:
        report = rejected(tmp_path, lusid.url)
        rows = read_csv(report.run_dir / "failures.csv")
        strange: tuple[dict[str, str], ...] = (
            {"_row": "7"},
            {"_row": "one"},
            {"_source": "three.csv"},
            {},
            {"_row": "-1"},
            {"_row": ""},
        )
        corrected = write_csv(tmp_path / "c.csv", [row | more for row, more in zip(rows, strange, strict=True)])
        with pytest.raises(ConfigError) as caught:
            replay(report.run_id, corrected, runs=tmp_path / "runs")
    assert caught.value.message == (
        f"{corrected}: row 1, row 2, row 3 and more: not among the failures of {report.run_id}; "
        "load it as an extract instead"
    )


def test_a_number_beyond_all_rows_of_a_file_is_no_row_of_the_next(tmp_path: Path) -> None:
    with ScriptedLusid(done_or_there) as lusid:
        report = rejected(tmp_path, lusid.url)
        rows = read_csv(report.run_dir / "failures.csv")
        for number in ((1 << 40) + 1, (1 << 63) - 1, 1 << 64, 10**40):
            corrected = write_csv(tmp_path / "c.csv", [rows[0] | {"_row": str(number)}, *rows[1:3], *rows[4:]])
            with pytest.raises(ConfigError, match="row 1: not among the failures"):
                replay(report.run_id, corrected, runs=tmp_path / "runs")


@pytest.mark.parametrize("lines", ["", "_key,_row\na,1\n", "_key,_state,_source,_row\n", "\x00\n"])
def test_what_is_no_failures_csv_is_refused(tmp_path: Path, lines: str) -> None:
    with ScriptedLusid(done_or_there) as lusid:
        report = rejected(tmp_path, lusid.url)
    path = tmp_path / "c.csv"
    path.write_text(lines)
    with pytest.raises(ConfigError) as caught:
        replay(report.run_id, path, runs=tmp_path / "runs")
    assert caught.value.message.startswith(f"{path} ")


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.depends])
def test_what_was_held_stays_held_until_all_it_needs_is_in(tmp_path: Path, name: str) -> None:
    row, shop = read_csv(SAMPLES / name / "full.csv")[0], Shop()
    hold = dict.fromkeys(OPERATIONS[name].needs(row), "is failed (row 9)")
    path = write_csv(tmp_path / "a.csv", [row])
    with ScriptedLusid(shop) as lusid:
        first = load(name, path, target=lusid.url, runs=tmp_path, hold=hold)
        again = replay(first.run_id, runs=tmp_path)
        assert not lusid.posted
        shop.stocked = True
        released = replay(again.run_id, runs=tmp_path)
        assert lusid.posted
    for report, state in ((first, "held"), (again, "held"), (released, "failed")):
        check_books(report)
        assert set(row_states(report.run_dir).values()) == {state}
    assert shop.read == FACTS[name].reads


class Registry:
    """A LUSID of records that counts how often it takes each key; it refuses the keys it is told to, or all of us."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.is_shut = False
        self.taken: Counter[str] = Counter()

    def __call__(self, call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        if self.is_shut:
            return refused(status=403)
        bad = self.refuses & set(call.body)
        self.taken.update(set(call.body) - bad)
        values = {key: {"lusidInvestorRecordId": key} for key in call.body if key not in bad}
        return Reply(body={"values": values, "failed": {key: {"type": "XFailure", "detail": "no"} for key in bad}})


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[Registry, Report]]:
    """A load of five records, of which LUSID refused the first two."""
    registry = Registry()
    registry.refuses = {"IR_0000", "IR_0001"}
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(5)])
    with ScriptedLusid(registry) as lusid:
        yield registry, load("investor-records", path, target=lusid.url, runs=tmp_path / "runs")


def again(tmp_path: Path, run: Report, corrected: Path | None = None) -> Report:
    report = replay(run.run_id, corrected, runs=tmp_path / "runs")
    check_books(report)
    return report


def edited(tmp_path: Path, run: Report, *rows: Row, **cells: str) -> Path:
    """The run's failures.csv with cells changed in its first row, and rows added."""
    found = read_csv(run.run_dir / "failures.csv")
    return write_csv(tmp_path / "c.csv", [found[0] | cells, *found[1:], *rows], columns=list(found[0]))


def test_what_a_replay_got_in_is_not_sent_by_another(registry: tuple[Registry, Report], tmp_path: Path) -> None:
    lusid, first = registry
    lusid.refuses = {"IR_0001"}
    second = again(tmp_path, first)
    assert list(row_states(second.run_dir).values()) == ["accepted", "failed"]
    lusid.refuses = set()
    with pytest.raises(ConfigError) as caught:
        again(tmp_path, first)
    assert (
        caught.value.message
        == f"{first.run_dir}/failures.csv: row 1: {second.run_id} has sent it already, and it was accepted; take it out"
    )
    third = again(tmp_path, second)
    assert list(row_states(third.run_dir).values()) == ["accepted"]
    with pytest.raises(ConfigError, match=f"row 1: {third.run_id} has sent it already"):
        again(tmp_path, second)
    rows = read_csv(first.run_dir / "failures.csv")[1:]
    with pytest.raises(ConfigError, match=f"row 1: {third.run_id} has sent it already"):
        again(tmp_path, first, write_csv(tmp_path / "rest.csv", rows))
    assert set(lusid.taken.values()) == {1}


@pytest.mark.parametrize("name", ["it's [1-9]*?", "source=1; DROP TABLE x --", 'Straße "日本"', "{a,b}\\$1"])
def test_files_and_folders_of_any_name_are_replayed_and_not_sent_twice(tmp_path: Path, name: str) -> None:
    lusid, runs = Registry(), tmp_path / name / "runs"
    (tmp_path / name).mkdir()
    lusid.refuses = {"IR_0000", "IR_0001"}
    path = write_csv(tmp_path / name / f"{name}.csv", [investor(n) for n in range(3)])
    with ScriptedLusid(lusid) as server:
        first = load("investor-records", path, target=server.url, runs=runs)
        second = replay(first.run_id, runs=runs)
        lusid.refuses = {"IR_0001"}
        third = replay(second.run_id, runs=runs)
        assert list(row_states(third.run_dir).values()) == ["accepted", "failed"]
        with pytest.raises(ConfigError, match=f"row 1: {third.run_id} has sent it already"):
            replay(first.run_id, runs=runs)
    assert lusid.taken == {"IR_0000": 1, "IR_0002": 1}


@pytest.mark.parametrize("name", [".", "../link", "{0}", "../{0}/"])
def test_a_run_by_any_path_to_it_is_the_same_run(
    registry: tuple[Registry, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lusid, first = registry
    lusid.refuses = set()
    monkeypatch.chdir(first.run_dir if "." in name else first.run_dir.parent)
    (tmp_path / "runs" / "link").symlink_to(first.run_id)
    second = replay(name.format(first.run_id), runs=tmp_path / "runs")
    assert second.run_dir.parent.samefile(tmp_path / "runs")
    assert json.loads((second.run_dir / "manifest.json").read_bytes())["replays"] == first.run_id
    with pytest.raises(ConfigError, match="has sent it already"):
        replay(first.run_id, runs=tmp_path / "runs")
    assert set(lusid.taken.values()) == {1}


def test_what_a_replay_did_not_get_in_may_be_replayed_from_the_first_run_too(
    registry: tuple[Registry, Report], tmp_path: Path
) -> None:
    lusid, first = registry
    again(tmp_path, first)
    lusid.refuses = set()
    assert again(tmp_path, first).exit_code == 0
    assert set(lusid.taken.values()) == {1}


def test_a_run_that_stopped_is_resumed_and_not_replayed(registry: tuple[Registry, Report], tmp_path: Path) -> None:
    lusid, first = registry
    lusid.is_shut = True
    second = again(tmp_path, first)
    assert second.exit_code == 4
    lusid.is_shut, lusid.refuses = False, set()
    with pytest.raises(ConfigError) as caught:
        again(tmp_path, second)
    told = f"{second.run_id} stopped early: finish it first, with `bulkload resume {second.run_id}`"
    assert caught.value.message == told
    with pytest.raises(ConfigError) as caught:
        again(tmp_path, first)
    told = f"row 1: {second.run_id} replays it and is not finished: `bulkload resume {second.run_id}` first"
    assert caught.value.message == f"{first.run_dir}/failures.csv: {told}"
    assert resume(second.run_id, runs=tmp_path / "runs").exit_code == 0
    assert set(lusid.taken.values()) == {1}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("corrected_further", [True, False], ids=["edited", "removed"])
def test_a_replay_that_stopped_goes_on_with_the_file_as_it_was(
    registry: tuple[Registry, Report], tmp_path: Path, packed: bool, corrected_further: bool
) -> None:
    """Else neither it nor another replay could finish: its rows are in its hands, and it has lost them."""
    lusid, first = registry
    corrected = edited(tmp_path, first)
    if packed:
        corrected = corrected.with_name("c.csv.gz")
        corrected.write_bytes(gzip.compress((tmp_path / "c.csv").read_bytes()))
    lusid.is_shut = True
    second = again(tmp_path, first, corrected)
    assert second.exit_code == 4
    corrected.write_bytes(b"edited") if corrected_further else corrected.unlink()
    lusid.is_shut, lusid.refuses = False, {"IR_0001"}
    report = resume(second.run_id, runs=tmp_path / "runs")
    check_books(report)
    assert list(row_states(report.run_dir).values()) == ["accepted", "failed"]
    assert {line["source"] for line in outcomes(report.run_dir)} == {str(corrected)}
    assert json.loads((report.run_dir / "manifest.json").read_text())["extracts"][0]["path"] == str(corrected)
    lusid.refuses = set()
    assert again(tmp_path, report).exit_code == 0
    assert set(lusid.taken.values()) == {1}
    assert all(path.stat().st_mode & 0o077 == 0 for path in report.run_dir.iterdir())


def test_two_replays_at_once_are_one_too_many(registry: tuple[Registry, Report], tmp_path: Path) -> None:
    _, first = registry
    other = Journal(first.run_dir / "journal.jsonl")
    with pytest.raises(RunFolderError, match="another process is working on this run"):
        again(tmp_path, first)
    other.close()


class Killed:
    """Stands for the step in which a process is killed."""

    def __call__(self, *_: object) -> None:
        raise KeyboardInterrupt


def killed_in_validation(tmp_path: Path, run: Report, corrected: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a replay whose process died before it had read its rows."""
    with monkeypatch.context() as context:
        context.setattr("pipelines.load.prepare", Killed())
        with pytest.raises(KeyboardInterrupt):
            again(tmp_path, run, corrected)
    (folder,) = set((tmp_path / "runs").iterdir()) - {run.run_dir}
    return folder


def test_a_replay_that_died_before_it_began_looks_again_at_what_is_in_by_now(
    registry: tuple[Registry, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lusid, first = registry
    lusid.refuses = {"IR_0001"}
    corrected = edited(tmp_path, first)
    died = killed_in_validation(tmp_path, first, corrected, monkeypatch)
    second = again(tmp_path, first)
    with pytest.raises(
        ConfigError, match=f"row 1: {second.run_id} has sent it already, and it was accepted; take it out"
    ):
        resume(died.name, runs=tmp_path / "runs")
    rows = read_csv(corrected)
    write_csv(corrected, rows[1:], columns=list(rows[0]))
    lusid.refuses = set()
    report = resume(died.name, runs=tmp_path / "runs")
    check_books(report)
    assert list(row_states(report.run_dir).values()) == ["accepted"]
    with pytest.raises(
        ConfigError, match=f"row 1: {report.run_id} has sent it already, and it was accepted; take it out"
    ):
        again(tmp_path, first, write_csv(tmp_path / "rest.csv", rows[1:]))
    assert set(lusid.taken.values()) == {1}


def test_a_replay_that_died_before_it_began_shares_the_rows_with_nobody_when_it_goes_on(
    registry: tuple[Registry, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = registry
    died = killed_in_validation(tmp_path, first, edited(tmp_path, first), monkeypatch)
    other = Journal(first.run_dir / "journal.jsonl")
    with pytest.raises(RunFolderError, match="another process is working on this run"):
        resume(died.name, runs=tmp_path / "runs")
    other.close()


def test_what_is_in_stays_in_though_the_clock_was_set_back(registry: tuple[Registry, Report], tmp_path: Path) -> None:
    """The replay that got it in looks older than the one that did not."""
    lusid, first = registry
    again(tmp_path, first)
    lusid.refuses = {"IR_0001"}
    third = again(tmp_path, first)
    manifest = third.run_dir / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"started": "2020-01-01T00:00:00.000+00:00"}))
    with pytest.raises(
        ConfigError, match=f"row 1: {third.run_id} has sent it already, and it was accepted; take it out"
    ):
        again(tmp_path, first)
    assert set(lusid.taken.values()) == {1}


@pytest.mark.parametrize("name", ["outcomes.parquet", "taken.parquet"])
@pytest.mark.parametrize("left", [None, 0, 100])
def test_a_file_of_a_run_that_is_gone_or_damaged_is_one_line(
    registry: tuple[Registry, Report], tmp_path: Path, name: str, left: int | None
) -> None:
    _, first = registry
    second = again(tmp_path, first)
    path = second.run_dir / name
    path.unlink() if left is None else os.truncate(path, left)
    with pytest.raises(ConfigError) as caught:
        again(tmp_path, first)
    assert caught.value.message == (
        f"{path} is missing or damaged, so it is not known which rows LUSID has; load them with `bulkload load`"
    )


def test_a_row_keeps_its_key(registry: tuple[Registry, Report], tmp_path: Path) -> None:
    lusid, first = registry
    lusid.refuses = set()
    file = edited(tmp_path, first, **{IR_ID: "IR_0009"})
    with pytest.raises(ConfigError) as caught:
        again(tmp_path, first, file)
    told = "row 1: wrong key: it was IR_0000 and is IR_0009; load it as an extract instead"
    assert caught.value.message == told
    assert sum(lusid.taken.values()) == 3


def test_a_key_that_was_wrong_may_be_mended_and_not_into_anothers(tmp_path: Path) -> None:
    lusid = Registry()
    path = write_csv(tmp_path / "a.csv", [investor(0, {IR_ID: "1.23E+11"}), investor(1)])
    with ScriptedLusid(lusid) as server:
        first = load("investor-records", path, target=server.url, runs=tmp_path / "runs")
        with pytest.raises(ConfigError, match=f"row 1: wrong key: IR_0001 belongs to another row of {first.run_id}"):
            again(tmp_path, first, edited(tmp_path, first, **{IR_ID: "IR_0001"}))
        assert again(tmp_path, first, edited(tmp_path, first, **{IR_ID: "IR_0000"})).exit_code == 0
    assert lusid.taken == {"IR_0000": 1, "IR_0001": 1}


def test_a_replay_that_stopped_is_gone_on_with_though_its_run_is_purged(tmp_path: Path) -> None:
    lusid, runs = Registry(), tmp_path / "runs"
    path = write_csv(tmp_path / "a.csv", [investor(0, {IR_ID: "1.23E+11"}), investor(1)])
    with ScriptedLusid(lusid) as server:
        first = load("investor-records", path, target=server.url, runs=runs)
        lusid.is_shut = True
        second = again(tmp_path, first, edited(tmp_path, first, **{IR_ID: "IR_0000"}))
        assert second.exit_code == 4
        lusid.is_shut = False
        shutil.rmtree(first.run_dir)
        assert resume(second.run_id, runs=runs).exit_code == 0
    assert lusid.taken == {"IR_0000": 1, "IR_0001": 1}


def test_a_row_stands_in_the_file_once(registry: tuple[Registry, Report], tmp_path: Path) -> None:
    _, first = registry
    twice = read_csv(first.run_dir / "failures.csv")[0] | {IR_ID: "STRANGER"}
    with pytest.raises(ConfigError) as caught:
        again(tmp_path, first, edited(tmp_path, first, twice))
    told = f"row 3: repeats an earlier line of the file, the same row of {first.run_id}; take it out"
    assert caught.value.message == f"{tmp_path}/c.csv: {told}"


def answering_nothing(posted: list[str]) -> Rule:
    """A LUSID that loses every answer, and that nothing can be read back from; `posted` gets the keys it was sent."""

    def rule(call: Call) -> Reply:
        if call.method == "GET":
            return Reply(200, {}) if "metadata" in call.path else refused(status=400)
        posted.extend(call.keys)
        return Reply(cut=True)

    return rule


def test_what_the_file_says_of_states_is_not_believed(tmp_path: Path) -> None:
    """The block was made and its answer lost, and reading back failed: the file says that it was refused."""
    posted: list[str] = []
    with ScriptedLusid(answering_nothing(posted)) as server:
        path = write_csv(tmp_path / "a.csv", [order(1, 1)])
        first = load("orders", path, target=server.url, runs=tmp_path / "runs")
        assert list(row_states(first.run_dir).values()) == ["unknown"]
        second = again(tmp_path, first, edited(tmp_path, first, _state="failed"))
    assert list(row_states(second.run_dir).values()) == ["unknown"]
    assert posted == ["MyScope/B0001"]


CANCELS = [{"order_scope": "MyScope", "order_code": f"O{serial}"} for serial in (1, 2)]


@pytest.mark.parametrize(
    ("operation", "rows", "slip"),
    [
        ("orders", [order(1, 1), order(2, 2)], {"quantity": "1OO"}),
        ("cancel-orders", CANCELS, {"order_code": "", "order_scope": "MyScope"}),
    ],
)
@pytest.mark.parametrize("from_the_first", [True, False])
def test_what_was_unknown_is_in_doubt_still_after_a_slip_in_correcting_it(
    tmp_path: Path, operation: str, rows: list[Row], slip: Row, from_the_first: bool
) -> None:
    posted: list[str] = []
    with ScriptedLusid(answering_nothing(posted)) as server:
        path = write_csv(tmp_path / "a.csv", rows)
        first = load(operation, path, target=server.url, runs=tmp_path / "runs")
        sent = list(posted)
        second = again(tmp_path, first, edited(tmp_path, first, **slip))
        assert list(row_states(second.run_dir).values()) == ["invalid", "unknown"]
        base = first if from_the_first else second
        third = again(tmp_path, base, edited(tmp_path, base, **rows[0]))
        assert list(row_states(third.run_dir).values()) == ["unknown", "unknown"]
        fourth = again(tmp_path, third)
    assert list(row_states(fourth.run_dir).values()) == ["unknown", "unknown"]
    assert posted == sent
    assert len(sent) == 2


def test_a_row_of_a_request_that_lost_its_key_lets_no_part_of_it_go(tmp_path: Path) -> None:
    """The block would be made of the orders that kept theirs."""

    def rule(call: Call) -> Reply:
        return nothing_there(call) if call.method == "GET" else refused({"requests[0]": ["no"]})

    with ScriptedLusid(rule) as server:
        path = write_csv(tmp_path / "a.csv", [order(1, 1), order(1, 2)])
        first = load("orders", path, target=server.url, runs=tmp_path / "runs")
        sent = len(server.posted)
        with pytest.raises(ConfigError) as caught:
            again(tmp_path, first, edited(tmp_path, first, block_code=""))
        assert len(server.posted) == sent
    told = "row 1: wrong key: it was MyScope/B0001 and is empty; load it as an extract instead"
    assert caught.value.message == told


@pytest.mark.parametrize("blank", ["   ", "\t"])
def test_no_row_is_matched_with_what_became_of_another(tmp_path: Path, blank: str) -> None:
    """A line that one reader passes over is a row for the other: what was unknown below it was sent, not read back."""
    posted: list[str] = []
    with ScriptedLusid(answering_nothing(posted)) as server:
        path = write_csv(tmp_path / "a.csv", [order(1, 1), order(2, 2)])
        first = load("orders", path, target=server.url, runs=tmp_path / "runs")
        header, one, two = (first.run_dir / "failures.csv").read_text().splitlines()
        (tmp_path / "c.csv").write_text("\n".join([header, one, blank, two, ""]))
        posted.clear()
        with pytest.raises(ConfigError) as caught:
            replay(first.run_id, tmp_path / "c.csv", runs=tmp_path / "runs")
    assert caught.value.message.startswith(f"the file has 3 rows, but 2 of {first.run_id} were found in it")
    assert not posted


@pytest.mark.parametrize("verdict", [None, "error"])
def test_a_run_that_died_while_it_was_gone_on_with_is_not_replayed(tmp_path: Path, verdict: str | None) -> None:
    """Its outcomes.parquet is of the time before: what it calls not sent may be in by now."""
    registry = Registry()
    registry.is_shut = True
    path = write_csv(tmp_path / "a.csv", [investor(0)])
    with ScriptedLusid(registry) as server:
        first = load("investor-records", path, target=server.url, runs=tmp_path / "runs")
        registry.is_shut = False
        manifest = json.loads((first.run_dir / "manifest.json").read_bytes())
        kept = {"verdict": verdict} if verdict else {}
        del manifest["verdict"]
        (first.run_dir / "manifest.json").write_text(json.dumps(manifest | kept))
        with pytest.raises(ConfigError) as caught:
            replay(first.run_id, runs=tmp_path / "runs")
        told = f"{first.run_id} is not finished: finish it first, with `bulkload resume {first.run_id}`"
        assert caught.value.message == told
        assert not registry.taken
        assert resume(first.run_id, runs=tmp_path / "runs").exit_code == 0
