"""The lines of outcomes.parquet do not depend on how many of them are made together."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import IA_ID, account, write_csv
from run_checks import outcomes
from scripted_lusid import done, scripted

from pipelines.account import accountant
from pipelines.load import load


@pytest.mark.parametrize("at_once", [1, 2, 3, 5])
def test_lines_are_the_same_however_many_are_made_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Rows of one account stand apart and in two files; some are refused, have no key, or are copies."""
    refused, nameless = account(4, 1, {"account_type": "none"}), account(5, 1, {IA_ID: ""})
    one = write_csv(tmp_path / "one.csv", [account(1, 1), account(2, 1), refused, account(1, 2), account(1, 2)])
    two = write_csv(tmp_path / "two.csv", [account(3, 1), nameless, account(1, 3), account(3, 1)])

    def lines(name: str) -> tuple[list[dict[str, object]], int]:
        with scripted(done) as (_, target):
            report = load("investment-accounts", [one, two], target=target, runs=tmp_path / name)
        return outcomes(report.run_dir), pq.ParquetFile(report.run_dir / "outcomes.parquet").num_row_groups

    usual, groups = lines("usual")
    monkeypatch.setattr(accountant, "_AT_ONCE", at_once)
    again, more = lines("again")
    assert again == usual
    assert more > groups == 1
