"""A finished run is copied to an archive, and is finished whatever becomes of the copy."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import account, investor, write_csv
from remote_places import BUCKET, S3, s3, sftp

from connectors import archive
from pipelines.cli import main as cli
from pipelines.load import load
from pipelines.options import Progress
from pipelines.report.report import Report
from pipelines.report.summary import Summary
from schemas.errors import ConfigError
from schemas.states import Verdict


@pytest.fixture(scope="module")
def kept_s3() -> Iterator[S3]:
    with s3() as server:
        yield server


@pytest.fixture
def bucket(kept_s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    kept_s3.known(monkeypatch)
    return kept_s3


def files(folder: Path) -> dict[str, bytes]:
    return {f"{folder.name}/{path.name}": path.read_bytes() for path in folder.iterdir()}


class Heard(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def loaded(tmp_path: Path, url: str, progress: Progress | None = None) -> Report:
    path = write_csv(tmp_path / "a.csv", [investor(n) for n in range(3)])
    return load("investor-records", path, runs=tmp_path / "runs", target="sandbox", archive=url, progress=progress)


def test_all_files_of_a_run_are_in_its_archive(bucket: S3, tmp_path: Path) -> None:
    heard = Heard()
    report = loaded(tmp_path, f"s3://{BUCKET}/nights/", heard)
    wanted = {f"nights/{name}": content for name, content in files(report.run_dir).items()}
    assert {name: each for name, each in bucket.objects().items() if report.run_id in name} == wanted
    assert len(wanted) >= 5
    assert report.warnings == ()
    assert heard.notes[-1] == f"archived: s3://{BUCKET}/nights/{report.run_id}"


def test_every_load_of_a_night_is_archived(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "investors.csv", [investor(1)])
    write_csv(tmp_path / "accounts.csv", [account(1, 1)])
    assert cli.run(["nightly", ".", "--target", "sandbox", "--archive", f"s3://{BUCKET}", "--direct"]) == 0
    runs = [each for each in (tmp_path / "runs").iterdir() if (each / "outcomes.parquet").exists()]
    assert len(runs) == 2
    for run in runs:
        assert files(run).items() <= bucket.objects().items()
    assert "archived: s3://" in capsys.readouterr().err


def test_a_run_is_archived_over_sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "site").mkdir()
    with sftp(tmp_path / "site", tmp_path / "home") as site:
        monkeypatch.setenv("HOME", str(site.home))
        site.trusted()
        report = loaded(tmp_path, f"{site.url}/archive")
    assert report.warnings == ()
    assert files(tmp_path / "site" / "archive" / report.run_id) == files(report.run_dir)


def test_a_run_that_is_not_archived_is_finished_and_says_so(bucket: S3, tmp_path: Path) -> None:
    report = loaded(tmp_path, "s3://nowhere/x")
    assert (report.verdict, report.exit_code) == (Verdict.COMPLETE, 0)
    (warning,) = report.warnings
    assert warning.startswith("the run is not archived in s3://nowhere/x (")
    assert warning.endswith(f"): copy {report.run_dir} there")
    assert warning in (report.run_dir / "report.html").read_text()
    assert list(Summary.of_run(report.run_dir).manifest.warnings) == [warning]


def test_what_is_cut_short_has_no_manifest_in_the_archive(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever finds a manifest there finds the whole run."""
    stat = Path.stat

    def longer(path: Path, **options: bool) -> os.stat_result:
        found = stat(path, **options)
        if path.name != "report.html":
            return found
        return os.stat_result((*found[:6], found.st_size + 1, *found[7:]))

    copy = archive.copy_run

    def cut(folder: Path, last: Path, url: str) -> str:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Path, "stat", longer)
            return copy(folder, last, url)

    monkeypatch.setattr("pipelines.loading.archiving.copy_run", cut)
    report = loaded(tmp_path, f"s3://{BUCKET}")
    assert "report.html: " in report.warnings[0]
    assert "arrived" in report.warnings[0]
    assert f"{report.run_id}/outcomes.parquet" in bucket.objects()
    assert f"{report.run_id}/manifest.json" not in bucket.objects()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://key:hunter2@bucket/a", "archive: the URL holds a password"),
        ("https://host/hunter2", "archive takes a URL that begins with s3://"),
        ("abfs://container@account.dfs.core.windows.net/a", "install what it needs"),
    ],
)
def test_a_url_that_will_not_do_is_refused_before_anything_is_read(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, url)
    assert told in caught.value.message
    assert not (tmp_path / "runs").exists()
