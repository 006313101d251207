"""What monitoring hears of a load: metrics that a strict parser reads, and a heartbeat that keeps its secret."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import account, investor, write_csv
from prometheus_client.parser import text_string_to_metric_families
from raw_server import RawServer, answer

from pipelines.cli import main as cli
from pipelines.report.metrics import Course, host_of, write_metrics

Capture = pytest.CaptureFixture[str]
SECRET = "b7c1f0-secret"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A night with a record that lacks its name."""
    (tmp_path / "tonight").mkdir()
    write_csv(tmp_path / "tonight" / "investor-records.csv", [investor(1), investor(2, {"display_name": ""})])
    write_csv(tmp_path / "tonight" / "investment-accounts.csv", [account(1, 1)])
    return tmp_path


@pytest.fixture
def outside() -> Iterator[RawServer]:
    with RawServer([]) as server:
        yield server


def nightly(place: Path, *words: str, target: str = "") -> int:
    goal = target or f"sandbox:{place}/kept.db"
    return cli.run(["nightly", str(place / "tonight"), "--runs", str(place / "runs"), "--target", goal, *words])


def metrics(path: Path) -> dict[frozenset[str], float]:
    """Every sample by its name and the values of its labels."""
    families = list(text_string_to_metric_families(path.read_text("utf-8")))
    assert all(each.type == "gauge" and each.documentation.endswith(".") for each in families)
    return {frozenset({s.name, *s.labels.values()}): s.value for each in families for s in each.samples}


def test_the_metrics_of_a_night_are_those_of_its_loads(place: Path, capsys: Capture) -> None:
    file = place / "bulkload.prom"
    assert nightly(place, "--metrics", str(file), "--json") == 3
    runs = json.loads(capsys.readouterr().out)["runs"]
    found = metrics(file)
    for run in runs:
        labels = (run["operation"], "sandbox")
        for state in set(run["rows"]) - {"read"}:
            assert found[frozenset({"bulkload_rows", *labels, state})] == run["rows"][state]
            assert found[frozenset({"bulkload_keys", *labels, state})] == run["keys"][state]
        assert found[frozenset({"bulkload_rows_read", *labels})] == run["rows"]["read"]
        for name in ("requests", "retries", "exit_code"):
            assert found[frozenset({f"bulkload_{name}", *labels})] == run[name]
        assert found[frozenset({"bulkload_verdict", *labels, run["verdict"]})] == 1
    assert found[frozenset({"bulkload_command_exit_code", "nightly"})] == 3
    assert found[frozenset({"bulkload_command_finished_timestamp_seconds", "nightly"})] > 1e9
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    text = file.read_text()
    assert not any(word in text for word in ("IR_000", str(place), "kept.db", "Investor"))
    assert list(place.glob("*.part")) == []


def test_the_metrics_of_each_load_are_there_as_soon_as_it_is_over(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night that is killed has told of the loads before, and when the last one ended."""
    file, seen = place / "bulkload.prom", list[dict[frozenset[str], float]]()
    assert nightly(place, "--metrics", str(file)) == 3
    ended = frozenset({"bulkload_command_finished_timestamp_seconds", "nightly"})
    before = metrics(file)[ended]

    def looking(path: Path, course: Course) -> None:
        write_metrics(path, course)
        seen.append(metrics(path))

    monkeypatch.setattr("pipelines.report.metrics.write_metrics", looking)
    assert nightly(place, "--again", "--metrics", str(file)) == 3
    running = frozenset({"bulkload_command_verdict", "nightly", "running"})
    loads = [("investor-records", "sandbox"), ("investment-accounts", "sandbox")]
    told = [[load for load in loads if frozenset({"bulkload_rows_read", *load}) in found] for found in seen]
    assert told == [loads[:1], loads, loads]
    assert [(found.get(running), found[ended] == before) for found in seen] == [(1, True), (1, True), (None, False)]
    assert frozenset({"bulkload_command_exit_code", "nightly"}) not in seen[1]


def test_what_ended_without_a_report_is_told_in_place_of_the_night_before(place: Path, outside: RawServer) -> None:
    file = place / "bulkload.prom"
    assert nightly(place, "--metrics", str(file)) == 3
    (place / "tonight" / "investor-records.csv").write_text("unknown\n1\n")
    assert nightly(place, "--again", "--metrics", str(file), "--heartbeat", f"{outside.url}/{SECRET}") == 2
    found = metrics(file)
    assert found[frozenset({"bulkload_command_exit_code", "nightly"})] == 2
    assert found[frozenset({"bulkload_command_verdict", "nightly", "error"})] == 1
    assert not any("bulkload_rows_read" in sample for sample in found)
    assert [each.line for each in outside.seen] == [f"POST /api/{SECRET}/fail HTTP/1.1"]


def test_a_file_that_cannot_be_is_refused_before_anything_is_loaded(place: Path, capsys: Capture) -> None:
    for path in (place / "none" / "x.prom", place):
        assert nightly(place, "--metrics", str(path)) == 2
        assert capsys.readouterr().err.startswith(f"bulkload: --metrics {path}")
    assert nightly(place, "--heartbeat", f"http://example.com/{SECRET}") == 2
    said = capsys.readouterr()
    assert said.err.startswith("bulkload: --heartbeat must begin with https://")
    assert SECRET not in said.err + said.out
    assert not (place / "runs").exists()


@pytest.mark.parametrize(("red_at", "path"), [("90%", ""), ("1%", "/fail")])
def test_a_night_that_is_over_is_told_and_its_secret_is_written_nowhere(
    place: Path, capsys: Capture, outside: RawServer, red_at: str, path: str
) -> None:
    rows = [investor(n, {} if n else {"display_name": ""}) for n in range(12)]
    write_csv(place / "tonight" / "investor-records.csv", rows)
    url = f"{outside.url}/{SECRET}"
    assert nightly(place, "--heartbeat", url, "--red-at", red_at, "--json") == 3
    said = capsys.readouterr()
    assert [each.line for each in outside.seen] == [f"POST /api/{SECRET}{path} HTTP/1.1"]
    assert json.loads(outside.seen[0].body) == {"command": "nightly", "verdict": "rejects", "exit_code": 3}
    assert SECRET not in said.out + said.err
    written = [file for file in place.rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()]
    assert written == []


def test_a_stopped_night_is_told_and_the_command_that_continues_it_keeps_the_secret(
    place: Path, capsys: Capture, outside: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{outside.url}/{SECRET}"
    for words in (["--heartbeat", url], [f"--heartbeat={url}"]):
        assert nightly(place, *words, "--max-failures", "0", "--again") == 4
        said = capsys.readouterr()
        assert "bulkload nightly" in " ".join(said.out.split())
        assert SECRET not in said.out + said.err
    monkeypatch.setenv("BULKLOAD_HEARTBEAT", url)
    assert nightly(place, "--max-failures", "0", "--again") == 4
    assert [each.line.split(" ")[1] for each in outside.seen] == [f"/api/{SECRET}/fail"] * 3


def test_nobody_is_told_of_a_rehearsal_and_a_deaf_address_changes_nothing(
    place: Path, capsys: Capture, outside: RawServer
) -> None:
    assert nightly(place, "--heartbeat", outside.url, target="sandbox") == 3
    assert nightly(place, "--heartbeat", outside.url, "--dry-run") == 3
    assert outside.seen == []
    assert "nobody was told" in capsys.readouterr().err
    with RawServer([answer(404)]) as deaf:
        assert nightly(place, "--heartbeat", deaf.url) == 3
    assert "--heartbeat: nobody was told: 127.0.0.1: it answered 404" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("https://user:pw@Acme.lusid.com:8443/api", "acme.lusid.com"),
        ("sandbox:/data/x.db", "sandbox"),
        ("sandbox", "sandbox"),
        (None, "none"),
    ],
)
def test_of_a_target_only_the_host_is_named(target: str | None, host: str) -> None:
    assert host_of(target) == host
