"""Accounting at scale: what LUSID holds is what the outcomes call accepted, exactly, however bad the night."""

from pathlib import Path
from typing import Any

import pytest
from planted import SEEDS, Planted, plant, seed_ids
from reconcile import record_names
from run_checks import check_books, outcomes, row_states
from sandbox_api import EXTERNAL, INTERNAL, created, listed, upsert_records
from scripted_lusid import open_at

from connectors.sandbox.server import Sandbox
from connectors.sandbox.web.fault_injection import MEANINGS
from pipelines.load import load
from pipelines.report.report import Report

EACH_ONCE = ";".join(MEANINGS)
"""Whatever the probability, every fault is met."""

PROBABILITIES = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05)
"""Of each fault, for each call: there are twelve, so at the last one most calls meet one."""

ALL, FEW, ROWS = 100, 36, 1000
HOW = [(mode, senders) for mode in ("Partial", "Atomic") for senders in (1, 4, 16)]
CASES = [
    *(
        pytest.param(FEW // len(HOW), *how, PROBABILITIES[i], id=f"{'-'.join(map(str, how))}")
        for i, how in enumerate(HOW)
    ),
    *(
        pytest.param(ALL, *how, each, marks=pytest.mark.soak, id=f"all-{'-'.join(map(str, how))}-{each}")
        for how in HOW
        for each in PROBABILITIES
    ),
]
"""In the suite a few files are dealt out to the modes and numbers of senders; the long run gives 100 to each."""


def faults(probability: float) -> str:
    """The sandbox's faults, each with this probability after having come once."""
    each = [f"{fault}={probability}" for fault in MEANINGS] if probability else []
    return ",".join([*each, "slow-seconds=0.01,retry-after=0,seed=4", f"script={EACH_ONCE}"])


def put_seeds(lusid: Sandbox) -> dict[str, str]:
    """The records that planted rows collide with; gives the names of those with an external identifier."""
    for which, identifier in enumerate((EXTERNAL, INTERNAL)):
        ids = [seed_ids(number)[which] for number in range(1, SEEDS + 1)]
        body = {each: {"identifiers": listed(identifier, each), "displayName": "Was here"} for each in ids}
        created(upsert_records(lusid, body, "Atomic"))
    return {seed_ids(number)[0]: "Was here" for number in range(1, SEEDS + 1)}


def check_states(planted: Planted, report: Report, mode: str) -> None:
    """Every row ended as the answer sheet says; in Atomic mode a good one may have been rolled back with a bad one."""
    found = row_states(report.run_dir)
    if mode == "Atomic":
        found = {place: "accepted" if state == "rolled_back" else state for place, state in found.items()}
    assert found == planted.states


@pytest.mark.untraced
@pytest.mark.parametrize(("files", "mode", "senders", "probability"), CASES)
def test_lusid_holds_what_is_called_accepted_and_nothing_else(
    tmp_path: Path, files: int, mode: str, senders: int, probability: float
) -> None:
    planted = plant(tmp_path / "extract", files, ROWS, seed=files + senders, share=0.03)
    assert len(planted.kinds) == 11
    database = tmp_path / "sandbox.db"
    with Sandbox(database=database) as quiet:
        seeds = put_seeds(quiet)
    batch: dict[str, Any] = {"batch_size": ROWS // 2 if mode == "Partial" else 80, "concurrency": senders}
    with (
        Sandbox(database=database, faults=faults(probability)) as lusid,
        open_at(lusid.url, lusid.access_token, retries=30) as target,
    ):
        report = load(
            "investor-records", str(tmp_path / "extract"), target=target, runs=tmp_path / "runs", mode=mode, **batch
        )
        assert set(lusid.faults_met) == set(MEANINGS)
    check_books(report)
    assert report.rows_read == files * ROWS
    check_states(planted, report, mode)
    held = record_names(database)
    accepted = {
        line["key"]: planted.names[line["key"]] for line in outcomes(report.run_dir) if line["state"] == "accepted"
    }
    assert held == seeds | accepted
    if mode == "Partial":
        assert accepted == planted.names
    else:
        assert 0 < len(accepted) < len(planted.names)
