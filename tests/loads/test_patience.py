"""A LUSID that takes no calls when a load begins: waited for as long as `--patience` says, and told."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import investor, write_csv
from raw_server import RawServer, Step, answer

from connectors.lusid import retry_table
from pipelines.cli import main as cli

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def lusid(monkeypatch: pytest.MonkeyPatch) -> Iterator[RawServer]:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    monkeypatch.setattr(retry_table, "BACKOFF_BASE_SECONDS", 0.01)
    monkeypatch.setattr(retry_table, "BACKOFF_CAP_SECONDS", 0.05)
    monkeypatch.setattr("pipelines.cli.progress.MOMENT_SECONDS", 0.0)
    with RawServer([]) as running:
        yield running


def load(lusid: RawServer, folder: Path, *arguments: str, rows: int = 1) -> int:
    extract = write_csv(folder / "a.csv", [investor(n) for n in range(1, rows + 1)])
    target = ["--target", lusid.url, "--runs", str(folder / "runs")]
    return cli.run(["load", "investor-records", str(extract), *target, *arguments])


def test_a_load_begins_when_lusid_takes_calls(lusid: RawServer, tmp_path: Path, capsys: Capture) -> None:
    lusid.steps += [answer(status) for status in (503, 429, 502, 504, 503, 503, 503, 503)]
    lusid.steps += [answer(200, {}), answer(201, {"values": {"IR_0001": {}}, "failed": {}})]

    assert load(lusid, tmp_path, "--patience", "30") == 0

    told = capsys.readouterr().err
    assert "waiting for LUSID since " in told
    assert "UTC: answered 503; next attempt in 0 s" in told
    assert " left" not in told
    assert [seen.line.split()[0] for seen in lusid.seen] == ["GET"] * 9 + ["POST"]


def test_a_load_that_never_began_is_loaded_again_and_not_resumed(
    lusid: RawServer, tmp_path: Path, capsys: Capture
) -> None:
    lusid.steps += itertools.repeat(answer(503), 500)

    assert load(lusid, tmp_path, "--patience", "0.3") == 4

    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"bulkload: {lusid.url}: answered 503 (")
    assert last.endswith("; nothing was sent: load again when it answers")
    assert "resume" not in last
    assert "FBN_LUSID_URL" not in last
    assert not (tmp_path / "runs").exists()


def test_an_outage_in_mid_load_is_told_and_outlasted(lusid: RawServer, tmp_path: Path, capsys: Capture) -> None:
    def accepted(number: int) -> Step:
        return answer(201, {"values": {f"IR_{number:04}": {}}, "failed": {}})

    away = [answer(status) for status in (503, 502, 504, 429, 503, 503)]
    lusid.steps += [answer(200, {}), accepted(1), *away, accepted(2), accepted(3)]

    one_by_one = ("--batch-size", "1", "--concurrency", "1", "--patience", "30")
    assert load(lusid, tmp_path, *one_by_one, rows=3) == 0

    said = capsys.readouterr()
    outage = [line for line in said.err.splitlines() if line.startswith("waiting for LUSID since ")]
    assert outage
    assert {line.partition("UTC: ")[2].partition(";")[0] for line in outage} <= {
        f"answered {status}" for status in (503, 502, 504, 429)
    }
    assert not any(" left" in line for line in outage)
    assert "rows     3         3" in said.out
    assert [seen.line.split()[0] for seen in lusid.seen] == ["GET"] + ["POST"] * 9
