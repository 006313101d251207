"""The product follows what the doctor found: the file is made by it, of a sandbox that differs, and given to loads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from examined import examined, sandbox_that

from connectors.extracts.assumptions_file import read_assumptions
from connectors.run_folder.folder import RunFolder
from connectors.sandbox.server import Sandbox
from pipelines.cli import main as cli
from pipelines.compare.plan import plan
from pipelines.compare.preflight.preflight import preflight
from pipelines.compare.verify import verify
from pipelines.deliver.delivery import Delivery
from pipelines.load import load
from pipelines.loading import sending
from pipelines.loading.spec import LoadSpec
from pipelines.nights.nightly import nightly
from pipelines.resume import resume
from schemas.assumptions import INFERRED
from schemas.errors import ConfigError
from schemas.states import State

ID = "identifier:InvestorRecord/S/Id"
COUNTRY = "property:InvestorRecord/S/Country"
OPERATION = "investor-records"


def rows(count: int = 5, first: int = 0, country: str = "FR") -> str:
    """An extract of investor records."""
    names = [f"R{first + number:04}" for number in range(count)]
    lines = (f"{name},N,Person,P1,{country}" for name in names)
    return "\n".join([f"{ID},display_name,investor_type,investor:Person/S/Id,{COUNTRY}", *lines, ""])


def written(folder: Path, text: str) -> Path:
    path = folder / "investors.csv"
    path.write_text(text)
    return path


def mapped(folder: Path, **columns: Any) -> Path:
    names = (ID, "display_name", "investor_type", "investor:Person/S/Id", COUNTRY)
    content = {"operation": OPERATION, "columns": {name: {"column": name, **columns.get(name, {})} for name in names}}
    path = folder / "mapping.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def assuming(folder: Path, **members: Any) -> Path:
    path = folder / "assume.yaml"
    path.write_text(yaml.safe_dump(members))
    return path


@contextmanager
def differing(differs: str) -> Iterator[Sandbox]:
    """A sandbox that differs, and in which everything is assumed to exist."""
    with pytest.MonkeyPatch.context() as patch, Sandbox(differs=differs) as sandbox:
        patch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        yield sandbox


def test_what_the_doctor_finds_is_followed(tmp_path: Path) -> None:
    """One file, of a LUSID that is otherwise in all that loads follow; each test below is of one member."""
    out = tmp_path / "assume.yaml"
    with sandbox_that("nulls=keep,omitted=go,unchanged=version,identifiers=caseless,atomic=partly,filters=300") as odd:
        examined(odd, out)
    found = read_assumptions(out)
    each = found.null_clears, found.omitted_stay, found.identifiers_match_case, found.atomic_is_whole
    # an upsert that removes what it leaves out removes the property of which it says null, too
    assert [set(member.values()) for member in each] == [{True}, {False}, {False}, {False}]
    assert set(found.unchanged_makes_version.values()) == {True}
    assert found.longest_filter == 200
    assert found.filter_of(4000) == 200


@pytest.mark.parametrize("rule", [{"clear": ["GONE"]}, {"empty": "clear"}])
def test_a_mapping_that_clears_is_refused_where_nulls_do_not_clear(rule: dict[str, Any], tmp_path: Path) -> None:
    extract, mapping = written(tmp_path, rows()), mapped(tmp_path, **{COUNTRY: rule})
    assume = assuming(tmp_path, null_clears={OPERATION: False, "persons": True})
    common: dict[str, Any] = {"mapping": mapping, "runs": tmp_path / "runs"}
    with differing("nulls=keep") as sandbox:
        with pytest.raises(ConfigError, match=r"clears property:InvestorRecord/S/Country, and a null removes"):
            load(OPERATION, extract, target=sandbox.url, assume=assume, **common)
        with pytest.raises(ConfigError, match="the mapping clears"):
            plan(OPERATION, [extract], target=sandbox.url, assume=assume, **common)
        assert sandbox.requests_served == 0
        assert not (tmp_path / "runs").exists()
        assert load(OPERATION, extract, target=sandbox.url, **common).exit_code == 0  # as is inferred
        assume = assuming(tmp_path, null_clears={OPERATION: True})
        assert load(OPERATION, extract, target=sandbox.url, assume=assume, **common).exit_code == 0


def test_atomic_is_refused_where_it_is_not_whole(tmp_path: Path) -> None:
    extract, assume = written(tmp_path, rows()), assuming(tmp_path, atomic_is_whole={OPERATION: False})
    common: dict[str, Any] = {"runs": tmp_path / "runs", "assume": assume}
    with differing("atomic=partly") as sandbox:
        with pytest.raises(ConfigError, match="mode=Atomic: this LUSID applies parts of calls"):
            load(OPERATION, extract, target=sandbox.url, mode="Atomic", **common)
        assert sandbox.requests_served == 0
        assert load(OPERATION, extract, target=sandbox.url, **common).exit_code == 0


def test_what_is_left_out_is_warned_of_where_it_goes(tmp_path: Path) -> None:
    extract, assume = written(tmp_path, rows()), assuming(tmp_path, omitted_stay={OPERATION: False})
    with differing("omitted=go") as sandbox:
        report = load(OPERATION, extract, target=sandbox.url, runs=tmp_path / "runs", assume=assume)
        other = load(OPERATION, extract, target=sandbox.url, runs=tmp_path / "runs")
    assert any("removes what a request leaves out" in warning for warning in report.warnings)
    assert not any("removes what" in warning for warning in other.warnings)


@pytest.mark.parametrize(("makes", "expected"), [(False, {"created": 1, "updated": 1}), (True, {"created": 1})])
def test_updated_is_not_said_where_every_upsert_makes_a_version(
    makes: bool, expected: dict[str, int], tmp_path: Path
) -> None:
    assume = assuming(tmp_path, unchanged_makes_version={OPERATION: makes})
    common: dict[str, Any] = {"runs": tmp_path / "runs", "assume": assume}
    with differing("unchanged=version") as sandbox:
        load(OPERATION, written(tmp_path, rows(1)), target=sandbox.url, **common)
        report = load(OPERATION, written(tmp_path, rows(2)), target=sandbox.url, **common)
    assert dict(report.changes) == expected


@pytest.mark.parametrize(("matches", "sent"), [(True, 2), (False, 0)])
def test_rows_whose_identifiers_differ_in_case_alone(matches: bool, sent: int, tmp_path: Path) -> None:
    assume = assuming(tmp_path, identifiers_match_case={OPERATION: matches})
    text = rows(1) + rows(1).splitlines()[1].replace("R0000", "r0000") + "\n"
    with differing("identifiers=caseless") as sandbox:
        report = load(OPERATION, written(tmp_path, text), target=sandbox.url, runs=tmp_path / "runs", assume=assume)
    assert report.rows[State.ACCEPTED] == sent
    assert {each.code for each in report.reasons} == (set() if matches else {"SharedIdentifier"})


def lists_of(sandbox: Sandbox) -> list[int]:
    """The statuses of the lists that were read."""
    return [status for method, path, status in sandbox.calls if method == "GET" and path.endswith("investorrecords")]


@pytest.mark.parametrize("longest", [300, 0])
def test_filters_are_as_long_as_this_lusid_takes(longest: int, tmp_path: Path) -> None:
    assume = assuming(tmp_path, longest_filter=longest)
    extract = written(tmp_path, rows(40))
    common: dict[str, Any] = {"runs": tmp_path / "runs"}
    with differing(f"filters={longest}") as sandbox:
        report = load(OPERATION, extract, target=sandbox.url, assume=assume, **common)
        plan(OPERATION, [extract], target=sandbox.url, assume=assume, **common)
        verify(report.run_id, runs=tmp_path / "runs", target=sandbox.url)  # as the run assumed
        preflight([LoadSpec.of(OPERATION, [extract], target=sandbox.url, assume=assume)])
        assert 400 not in lists_of(sandbox)
        plan(OPERATION, [extract], target=sandbox.url, **common)
        assert 400 in lists_of(sandbox)  # what is inferred is tried, and refused


def test_the_longer_lag_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    make = Delivery

    def noted(*args: Any, **more: Any) -> Delivery:
        seen.append(more["lag"])
        return make(*args, **more)

    monkeypatch.setattr(sending, "Delivery", noted)
    assume = assuming(tmp_path, read_lag=42)
    extract, common = written(tmp_path, rows(1)), dict[str, Any](runs=tmp_path / "runs")
    with differing("") as sandbox:
        load(OPERATION, extract, target=sandbox.url, assume=assume, **common)
        load(OPERATION, extract, target=sandbox.url, assume=assume, read_lag=90, **common)
        load(OPERATION, extract, target=sandbox.url, **common)
    assert seen == [42, 90, 10]


def test_a_night_and_a_resumed_run_follow_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = tmp_path / "night"
    night.mkdir()
    written(night, rows(1))
    assuming(night, read_lag=42)
    (night / "night.yaml").write_text(f"settings: {{{OPERATION}: {{assume: assume.yaml}}}}\n")
    with differing("") as sandbox:
        report = nightly(night, target=sandbox.url, runs=tmp_path / "runs")
        (run,) = report.reports
        settings = RunFolder(run.run_dir).read_manifest().settings
        assert settings.assume == night / "assume.yaml"
        (night / "assume.yaml").write_text("read_lag: soon")
        (refused,) = nightly(night, target=sandbox.url, runs=tmp_path / "other").refused
        assert (refused.operation, "read_lag" in str(refused)) == (OPERATION, True)
    monkeypatch.chdir(tmp_path)
    assuming(tmp_path, read_lag=42)
    with differing("forbidden=investorrecords") as sandbox:
        stopped = load(OPERATION, night / "investors.csv", target=sandbox.url, runs="runs2", assume="assume.yaml")
    monkeypatch.chdir("/")
    (tmp_path / "assume.yaml").unlink()
    with differing("") as sandbox, pytest.raises(ConfigError, match=r"assume .*assume\.yaml cannot be read"):
        resume(stopped.run_id, runs=tmp_path / "runs2", target=sandbox.url)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("null_clear: {}", "null_clear: is not a member; did you mean null_clears?"),
        ("null_clears: {persons: maybe}", "null_clears.persons"),
        ("read_lag: -1", "read_lag"),
        ("longest_filter: 1.5", "longest_filter"),
        ("found: [{probe: x, told: perhaps, saw: y}]", "found.0.told: takes 'holds', 'differs' or 'could not tell'"),
        ("- 1", "the file"),
        ("a: [", "is not YAML"),
        (b"\xff\xfe", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_wrong_is_one_line(
    text: str | bytes, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    extract = str(written(tmp_path, rows(1)))
    assert cli.run(["load", OPERATION, extract, "--dry-run", "--assume", str(path), "--runs", str(tmp_path / "r")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert why in line
    assert str(path) in line
    assert not (tmp_path / "r").exists()


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# nothing\n")
    assert read_assumptions(path) == INFERRED
