"""A run's failures again: what was held and what is in by now, requests whole, and nobody else's rows."""

from pathlib import Path

import pytest
from builders import account, read_csv, write_csv
from run_checks import check_books, row_states
from scripted_lusid import MISSING, Call, Reply, ScriptedLusid, done, refused

from pipelines.load import load
from pipelines.operations import OPERATIONS
from pipelines.replay import replay
from pipelines.report import Report
from schemas.errors import ConfigError
from schemas.states import State

SAMPLES = Path(__file__).parent / "samples"
PLACEMENT = "/api/placements/Placements-EU/PLAC00000123"
PARENTS = {
    "investment-accounts": {
        "/api/investorrecords/ExternalIdentifier/ExternalIRId/IR_000123",
        "/api/investorrecords/InternalIdentifier/InternalIRId/00045%20%2F%20%CE%B1",
    },
    "move-orders": {"/api/orders/Orders-EU/ORDER00000123"},
    "place-blocks": {"/api/blocks/Blocks-EU/BLOCK00000123", "/api/placements/Parents-EU/PLAC_PARENT"},
    "update-placements": {PLACEMENT},
    "cancel-orders": {"/api/orders/Orders-EU/ORDER00000123"},
    "cancel-placements": {PLACEMENT},
    "allocate": {PLACEMENT, "/api/executions"},
    "executions": {PLACEMENT},
}
"""What is read before the first row of each sample is released."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr("connectors.policy.BACKOFF_BASE_SECONDS", 0.0)


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
    assert shop.read == PARENTS[name]
