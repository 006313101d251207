"""Extracts on S3 and SFTP, against real servers: listed, copied, pinned; broken connections, replaced files."""

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from builders import investor, write_csv
from certificates import server_context
from fsspec.spec import AbstractFileSystem  # type: ignore[import-untyped]
from remote_places import BUCKET, S3, Sftp, s3, sftp
from run_checks import outcomes
from scripted_lusid import Call, Reply, done, nothing_there, refused, scripted

from connectors.extracts.extract import open_sources
from connectors.extracts.remote import copies
from pipelines.load import load
from pipelines.report.report import Report
from pipelines.resume import resume
from schemas.errors import ConfigError, ExtractError
from schemas.states import Verdict


@pytest.fixture(scope="module")
def kept_s3() -> Iterator[S3]:
    with s3() as server:
        yield server


@pytest.fixture
def bucket(kept_s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    kept_s3.known(monkeypatch)
    monkeypatch.setattr(copies, "PAUSE", 0)
    return kept_s3


@pytest.fixture(scope="module")
def kept_sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sftp]:
    root = tmp_path_factory.mktemp("sftp")
    with sftp(root, tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def site(kept_sftp: Sftp, monkeypatch: pytest.MonkeyPatch) -> Sftp:
    monkeypatch.setenv("HOME", str(kept_sftp.home))
    monkeypatch.setattr(copies, "PAUSE", 0)
    kept_sftp.trusted()
    return kept_sftp


def text_of(tmp_path: Path, *numbers: int) -> str:
    return write_csv(tmp_path / "written.csv", [investor(number) for number in numbers]).read_text("utf-8")


def loaded(tmp_path: Path, *extracts: str, **options: Any) -> Report:
    with scripted(done) as (_, target):
        return load("investor-records", [*extracts], target=target, runs=tmp_path / "runs", **options)


def sources(report: Report) -> dict[str, list[str]]:
    """The keys of each file, by its name."""
    found: dict[str, list[str]] = {}
    for line in outcomes(report.run_dir):
        found.setdefault(line["source"], []).append(line["key"])
    return found


def written(folder: Path) -> str:
    """All that a run wrote."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


def read(url: str, scratch: Path) -> bytes:
    """The bytes of the one file of an extract."""
    with copies.local_sources([url], scratch) as (source,):
        assert source.path.parents[2].stat().st_mode & 0o77 == 0, "its owner's only"
        return source.path.read_bytes()


def test_files_patterns_and_folders_of_a_bucket_are_extracts(bucket: S3, tmp_path: Path) -> None:
    one = bucket.put("night/a.csv", text_of(tmp_path, 1, 2))
    bucket.put("night/b.csv", text_of(tmp_path, 3))
    bucket.put("night/_SUCCESS", "")
    bucket.put("night/notes.txt", "x")
    report = loaded(tmp_path, one)
    assert (report.verdict, sources(report)) == (Verdict.COMPLETE, {one: ["IR_0001", "IR_0002"]})
    report = loaded(tmp_path, f"s3://{BUCKET}/night/*.csv")
    assert {name: len(keys) for name, keys in sources(report).items()} == {one: 2, f"s3://{BUCKET}/night/b.csv": 1}
    report = loaded(tmp_path, f"s3://{BUCKET}/night/")
    assert {name: len(keys) for name, keys in sources(report).items()} == {"a.csv": 2, "b.csv": 1}
    assert [path.name for path in (tmp_path / "runs").glob(".*")] == [], "copies are removed"
    assert "very-secret-key" not in written(tmp_path / "runs")


def test_a_dataset_and_a_table_in_a_bucket_are_known_for_what_they_are(bucket: S3, tmp_path: Path) -> None:
    for country in ("DE", "FR"):
        bucket.put(f"set/country={country}/part-0.csv", "id,name\n1,x\n")
    with copies.local_sources([f"s3://{BUCKET}/set"], tmp_path) as found, open_sources(found) as extract:
        assert extract.columns == ["id", "name", "country"]
        assert [source.name for source in found] == ["set//country=DE/part-0.csv", "set//country=FR/part-0.csv"]
        assert found[0].place == f"s3://{BUCKET}/set/country=DE/part-0.csv"
    bucket.put("delta/_delta_log/00.json", "{}")
    bucket.put("delta/part.parquet", "x")
    with pytest.raises(ExtractError, match=rf"^s3://{BUCKET}/delta: is the folder of a Delta table"):
        read(f"s3://{BUCKET}/delta", tmp_path)


def test_a_name_that_leaves_its_folder_is_refused(bucket: S3, tmp_path: Path) -> None:
    bucket.put("out/a.csv", "id\n1\n")
    bucket.put("out/../../../../evil.csv", "id\n1\n")
    with pytest.raises(ExtractError, match="holds a file whose name is no path below it"):
        read(f"s3://{BUCKET}/out", tmp_path)
    assert [*tmp_path.parent.rglob("evil.csv")] == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("none.csv", "there is no such file"),
        ("none/*.csv", "no file matches the pattern"),
        ("none/", "there is no such file"),
    ],
)
def test_what_is_not_in_a_bucket_is_said(bucket: S3, tmp_path: Path, key: str, told: str) -> None:
    with pytest.raises(ExtractError) as caught:
        loaded(tmp_path, f"s3://{BUCKET}/{key}")
    assert caught.value.message == f"s3://{BUCKET}/{key}: {told}"


def test_a_stopped_run_is_resumed_with_its_file_and_not_with_another(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    runs, allowed = tmp_path / "runs", {"IR_0001"}
    url = bucket.put("again.csv", text_of(tmp_path, 1, 2))

    def gate(call: Call) -> Reply:
        if call.method == "GET":
            return nothing_there(call)
        return done(call) if allowed.issuperset(call.keys) else refused(status=403)

    with scripted(gate) as (lusid, target):
        report = load("investor-records", url, target=target, runs=runs, batch_size=1, concurrency=1)
        assert report.verdict is Verdict.STOPPED
        (file,) = orjson.loads((report.run_dir / "manifest.json").read_bytes())["extracts"]
        assert (file["name"], file["path"]) == (url, url)
        allowed.add("IR_0002")
        bucket.put("again.csv", text_of(tmp_path, 1, 3))
        with pytest.raises(ConfigError, match="extract"):
            resume(report.run_id, runs=runs)
        bucket.put("again.csv", text_of(tmp_path, 1, 2))
        assert resume(report.run_id, runs=runs).verdict is Verdict.COMPLETE
        assert [key for call in lusid.posted for key in call.keys].count("IR_0001") == 1, "and not again"


class Cut:
    """A file that breaks off after so many bytes, a number of times."""

    def __init__(self, file: Any, left: list[int], after: int) -> None:
        self._file, self._left, self._after = file, left, after

    def __enter__(self) -> "Cut":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, place: int) -> None:
        self._file.seek(place)

    def read(self, size: int) -> bytes:
        if self._left:
            if self._after == 0:
                self._left.pop()
                raise ConnectionResetError("cut")
            size, self._after = min(size, self._after), 0
        found: bytes = self._file.read(size)
        return found


@contextmanager
def cutting(times: int, after: int) -> Iterator[None]:
    """Lets the next reads of any file break off."""
    whole, left = AbstractFileSystem.open, [0] * times
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractFileSystem, "open", lambda *a, **k: Cut(whole(*a, **k), left, after))
        yield


def test_a_cut_connection_is_taken_up_where_it_broke(bucket: S3, tmp_path: Path) -> None:
    url = bucket.put("long.csv", "x" * 300_000 + "y" * 300_000)
    with cutting(2, after=100_000):
        assert read(url, tmp_path) == b"x" * 300_000 + b"y" * 300_000
    broken = rf"^{url}: the connection broke 4 times after 0 bytes \(cut\): load again$"
    with cutting(99, after=0), pytest.raises(ExtractError, match=broken):
        read(url, tmp_path)


@pytest.mark.parametrize("second", ["z" * 600_000, "short"])
def test_a_file_that_is_replaced_while_it_is_read_is_refused(
    bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    url = bucket.put("swap.csv", "x" * 600_000)
    blocks = copies._blocks

    swapped: list[bool] = []

    def replacing(*given: Any) -> Iterator[bytes]:
        if swapped:
            yield from blocks(*given)
            return
        yield next(blocks(*given))[:1000]
        swapped.append(True)
        bucket.put("swap.csv", second)
        raise ConnectionResetError("cut")

    monkeypatch.setattr(copies, "_blocks", replacing)
    with pytest.raises(ExtractError, match=rf"^{url}: the file changed while it was being fetched"):
        read(url, tmp_path)
    assert [*tmp_path.glob(".fetched-*")] == []


def test_what_a_killed_process_left_is_removed(bucket: S3, tmp_path: Path) -> None:
    left = tmp_path / ".fetched-x"
    left.mkdir()
    (left / "lock").touch()
    url = bucket.put("one.csv", "id\n1\n")
    assert read(url, tmp_path) == b"id\n1\n"
    assert not left.exists()


def test_files_patterns_and_folders_of_a_site_are_extracts(site: Sftp, tmp_path: Path) -> None:
    (site.root / "night").mkdir()
    for number, name in enumerate(("a.csv", "b.csv"), 1):
        (site.root / "night" / name).write_text(text_of(tmp_path, number), "utf-8")
    one = f"{site.url}/night/a.csv"
    assert sources(loaded(tmp_path, one)) == {one: ["IR_0001"]}
    assert sources(loaded(tmp_path, f"{site.url}/night/*.csv")) == {
        one: ["IR_0001"],
        f"{site.url}/night/b.csv": ["IR_0002"],
    }
    assert sources(loaded(tmp_path, f"{site.url}/night")) == {"a.csv": ["IR_0001"], "b.csv": ["IR_0002"]}
    with pytest.raises(ExtractError, match="there is no such file"):
        loaded(tmp_path, f"{site.url}/night/c.csv")


def test_a_site_that_hangs_up_is_asked_again(site: Sftp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.root / "long.csv").write_bytes(b"x" * 400_000)
    blocks = copies._blocks
    hung_up: list[bool] = []

    def hanging_up(fs: Any, *given: Any) -> Iterator[bytes]:
        for block in blocks(fs, *given):
            if hung_up:
                yield block
                continue
            yield block[:1000]
            hung_up.append(True)
            site.hang_up()
            fs.info("/long.csv")  # which the client finds out now

    monkeypatch.setattr(copies, "_blocks", hanging_up)
    assert read(f"{site.url}/long.csv", tmp_path) == b"x" * 400_000


def test_a_site_that_nobody_vouches_for_is_refused(site: Sftp, tmp_path: Path) -> None:
    (site.home / ".ssh" / "known_hosts").unlink()
    with pytest.raises(
        ExtractError, match=r"cannot be reached: the key of \[127\.0\.0\.1\]:\d+ is not in .*known_hosts"
    ):
        read(f"{site.url}/a.csv", tmp_path)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sftp://me:hunter2@host/a.csv", "holds a password"),
        ("s3://key:hunter2@bucket/a.csv", "holds a password"),
        ("https://host/a.csv?sig=hunter2", "holds a query"),
        ("ftp://host/hunter2", "an extract in ftp:// cannot be read"),
        ("http://host/hunter2", "an extract in http:// cannot be read"),
    ],
)
def test_a_url_that_may_hold_a_credential_is_refused_and_not_repeated(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, url)
    assert told in caught.value.message
    assert "hunter2" not in caught.value.message
    assert not (tmp_path / "runs").exists() or "hunter2" not in written(tmp_path / "runs")


def test_what_a_place_needs_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"install what it needs: pip install 'lusid-bulkload\[azure\]'"):
        loaded(tmp_path, "abfs://container@account.dfs.core.windows.net/a.csv")


def test_a_file_of_a_web_server_is_an_extract_where_its_certificate_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.csv").write_text(text_of(tmp_path, 1, 2))
    context, authority = server_context(tmp_path)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_address[1]}/a.csv"
        with pytest.raises(ExtractError, match=r"cannot be reached: .*certificate verify failed") as caught:
            read(url, tmp_path)
        assert "\n" not in caught.value.message
        program = "from bulkload import main; main()"  # what OpenSSL trusts is looked up once in a process
        line = [sys.executable, "-c", program, "load", "investor-records", url, "--dry-run", "--json"]
        known = {**os.environ, "SSL_CERT_FILE": str(authority), "PYTHONPATH": str(Path(__file__).parents[2])}
        ended = subprocess.run(line, cwd=tmp_path, env=known, text=True, capture_output=True, timeout=120)
        server.shutdown()
    assert ended.returncode == 0, ended.stderr
    assert orjson.loads(ended.stdout)["rows"]["read"] == 2
