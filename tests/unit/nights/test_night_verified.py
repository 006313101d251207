"""`nightly --verify` reads back what the night had accepted, and whatever differs is red and ends with 3."""

import json
from pathlib import Path

import pytest
from builders import account, investor, write_csv

from connectors.sandbox.server import Sandbox
from pipelines.cli.main import run
from pipelines.load import carry_out
from pipelines.loading.spec import LoadSpec
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.states import Verdict
from schemas.verdicts import Colour


@pytest.fixture
def tonight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two extracts, in a working folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "t")
    folder = tmp_path / "tonight"
    folder.mkdir()
    write_csv(folder / "investors.csv", [investor(n) for n in range(1, 4)])
    write_csv(folder / "accounts.csv", [account(n, n) for n in range(1, 4)])
    return folder


def test_a_night_that_agrees_says_so_and_ends_as_it_would(tonight: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nightly", str(tonight), "--target", "sandbox", "--verify", "100%", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(each["operation"], each["checked"], each["agree"]) for each in document["verified"]] == [
        ("investor-records", 3, 3),
        ("investment-accounts", 3, 3),
    ]
    assert (document["verdict"], document["exit_code"]) == ("complete", 0)


def meddled(tonight: Path) -> NightlyReport:
    """A night during which somebody else changes a record that it had accepted."""
    with Sandbox(token="t") as sandbox:

        def carry_out_and_meddle(spec: LoadSpec) -> Report:
            report = carry_out(spec)
            with sandbox._service.store.write() as transaction:
                (first, *_) = transaction.page("investorrecords", 0, 1)
                transaction.rewrite(first._replace(document=first.document.replace(b"Norway", b"Sweden")))
            return report

        return nightly(tonight, target=sandbox.url, verify="100%", carry_out=carry_out_and_meddle)


def test_what_differs_is_red_told_first_and_ends_with_3(tonight: Path) -> None:
    night = meddled(tonight)
    assert (night.exit_code, night.verdict, night.colour) == (3, Verdict.DIFFERENCES, Colour.RED)
    assert "6 keys read back, 1 of them differ, `bulkload verify RUN` names them" in night.headline
    document = night.document(None).as_json()
    assert [each["differ"] for each in document["verified"]] == [1, 0]
    assert document["verdict"] == "differences"


def test_a_verify_that_is_of_no_use_is_refused_before_anything_is_loaded(tonight: Path) -> None:
    for sample in ("0", "x", "101%"):
        with pytest.raises(ConfigError, match="verify"):
            nightly(tonight, target="sandbox", verify=sample)
    with pytest.raises(ConfigError, match="dry_run sends nothing"):
        nightly(tonight, dry_run=True, verify="5%")
    assert not list(Path("runs").glob("*/manifest.json"))


def test_what_cannot_be_read_back_does_not_pass_for_verified(tonight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConfigError("the run is away")

    monkeypatch.setattr("pipelines.nights.verified.verify", away)
    night = nightly(tonight, target="sandbox", verify="100%")
    assert night.exit_code == 4
    assert "could not be read back (the run is away): `bulkload verify " in night.headline
