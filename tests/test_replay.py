"""A run's failures again: what was held and what is in by now, requests whole, and nobody else's rows."""

from pathlib import Path

import pytest
from builders import read_csv, write_csv
from run_checks import check_books, row_states
from scripted_lusid import MISSING, Call, Reply, ScriptedLusid, refused

from pipelines.load import load
from pipelines.operations import OPERATIONS
from pipelines.replay import replay

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
