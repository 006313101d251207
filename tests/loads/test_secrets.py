"""Marker secrets and marker personal values through whole nights, good and bad; then everything written is searched."""

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from builders import COUNTRY, account, investor, order, write_csv
from echoing_lusid import REFRESH, WAYS, EchoingLusid
from echoing_lusid import TOKEN as ECHOED
from killable import KILLED, killable

from connectors.sandbox.server import Sandbox
from connectors.sandbox.web.fault_injection import MEANINGS
from pipelines.cli.main import run

SECRETS = {
    "FBN_USERNAME": "user-MARK-0001",
    "FBN_PASSWORD": "password-MARK-0002",
    "FBN_CLIENT_ID": "client-MARK-0003",
    "FBN_CLIENT_SECRET": "secret-MARK-0004",
}
TOKEN = "token-MARK-0005"
PERSONAL = "Zebediah Quux"
"""Stands in every cell that holds what a person would mind: names, descriptions, countries."""

MAY_HOLD_PERSONAL = {"failures.csv", "outcomes.parquet"}
FAULTS = ",".join([*(f"{fault}=0.04" for fault in MEANINGS), "slow-seconds=0.01,retry-after=0,seed=3"])


@pytest.fixture(autouse=True)
def open_umask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing but the program itself closes its files to others; its crash files land where they are searched."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr("connectors.lusid.retry_table.BACKOFF_BASE_SECONDS", 0.0)
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A night's folder: rows that get in, that are invalid, that are refused, that are held."""
    folder = tmp_path_factory.mktemp("extracts")
    of_a_person = {"display_name": PERSONAL, "description": f"{PERSONAL} of Oz", COUNTRY: PERSONAL}
    investors = [investor(n, of_a_person | {"display_name": f"{PERSONAL} {n}"}) for n in range(1, 30)]
    investors += [investor(30, of_a_person | {"investor_type": PERSONAL}), investor(31, of_a_person | {COUNTRY: ""})]
    investors += [investor(32, of_a_person | {"description": PERSONAL * 60}), investor(33, of_a_person)]
    investors += [investor(33, of_a_person | {"description": f"{PERSONAL} again"})]
    write_csv(folder / "investors.csv", investors)
    named = {"display_name": PERSONAL, "account_type": "Personal"}
    accounts = [account(n, n, named) for n in (*range(1, 6), 30, 33, 99)]
    write_csv(folder / "accounts.csv", [*accounts, account(7, 7, named | {"account_type": PERSONAL})])
    write_csv(
        folder / "orders.csv", [*(order(n, n) for n in range(5)), order(9, 9, {"side": "Buy", "quantity": PERSONAL})]
    )
    return folder


@pytest.fixture
def written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> Callable[[], dict[str, str]]:
    """Everything that was written, by the name of where: files, terminal, log."""
    caplog.set_level(logging.DEBUG)

    def all_of_it() -> dict[str, str]:
        out, err = capsys.readouterr()
        found = {"stdout": out, "stderr": err, "log": caplog.text}
        for path in (p for p in tmp_path.rglob("*") if p.is_file()):
            found[str(path.relative_to(tmp_path))] = path.read_bytes().decode("utf-8", "replace")
            if path.suffix == ".parquet":
                found[f"{path.relative_to(tmp_path)} read"] = str(pq.read_table(path).to_pylist())
        return found

    return all_of_it


def check(written: dict[str, str], *more_secrets: str) -> None:
    """No secret anywhere; personal values only where they must be."""
    for secret in (*SECRETS.values(), TOKEN, *more_secrets):
        assert [where for where, text in written.items() if secret in text] == []
    names = {where: Path(where.removesuffix(" read")).name for where in written}
    assert [w for w, text in written.items() if PERSONAL.split()[0] in text and names[w] not in MAY_HOLD_PERSONAL] == []


def check_closed(runs: Path) -> None:
    """Nobody else may read a run."""
    for folder in runs.iterdir():
        for path in (folder, *folder.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def sign_in(monkeypatch: pytest.MonkeyPatch, lusid: Sandbox | EchoingLusid, **changes: str) -> None:
    for name, value in (SECRETS | changes).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FBN_LUSID_URL", lusid.url)
    monkeypatch.setenv("FBN_TOKEN_URL", lusid.token_url)


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["told", "json"])
def test_a_bad_night_tells_no_secret_and_keeps_personal_values_where_they_belong(
    tmp_path: Path,
    extracts: Path,
    written: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
) -> None:
    with Sandbox(faults=FAULTS) as lusid:
        sign_in(monkeypatch, lusid)
        token = lusid.access_token
        line = ["nightly", str(extracts), "--direct", "--runs", str(tmp_path / "runs"), "--batch-size", "3", *more]
        assert run(line) == 3
        lusid.revoke_tokens()
    found = written()
    assert {"failures.csv", "outcomes.parquet", "report.html", "journal.jsonl"} <= {Path(w).name for w in found}
    assert any(PERSONAL in text for where, text in found.items() if where.endswith("failures.csv"))
    assert any("is invalid" in text or "held" in text for text in found.values())
    check(found, token)
    check_closed(tmp_path / "runs")


@pytest.mark.parametrize("changes", [{"FBN_PASSWORD": "wrong"}, {"FBN_ACCESS_TOKEN": TOKEN, "FBN_USERNAME": ""}])
def test_who_is_not_let_in_is_told_so_without_what_he_said(
    tmp_path: Path,
    extracts: Path,
    written: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
) -> None:
    with Sandbox() as lusid:
        sign_in(monkeypatch, lusid, **changes)
        line = ["load", "investor-records", str(extracts / "investors.csv"), "--runs", str(tmp_path / "runs")]
        for arguments in (line, [*line, "--json"], ["--debug", *line]):
            assert run(arguments) == 4
    found = written()
    assert "refuse" in found["stderr"]
    check(found)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_says_everything_back_is_told_without_it(
    tmp_path: Path, extracts: Path, written: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    with EchoingLusid(way) as lusid:
        sign_in(monkeypatch, lusid)
        line = ["load", "investor-records", str(extracts / "investors.csv"), "--runs", str(tmp_path / "runs")]
        line += ["--patience", "0"]
        codes = {run(line), run([*line, "--mode", "Atomic", "--json"])}
        if way == "reads":
            write_csv(tmp_path / "orders.csv", [order(1, 1, {"property:Order/A/B": PERSONAL})])
            codes.add(run(["load", "orders", str(tmp_path / "orders.csv"), *line[3:]]))
            (tmp_path / "orders.csv").unlink()
    found = written()
    assert codes <= {3, 4}, found["stderr"]
    check(found, ECHOED, ECHOED.partition("/")[0], REFRESH)
    assert "[secret]" in "".join(found.values()) or way in ("500", "page", "redirect")
    check_closed(tmp_path / "runs")


@pytest.mark.parametrize("answered", ["error", "page", "broken"])
def test_a_token_endpoint_that_says_everything_back_is_told_without_it(
    tmp_path: Path,
    extracts: Path,
    written: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    answered: str,
) -> None:
    with EchoingLusid(sign_in=answered) as lusid:
        sign_in(monkeypatch, lusid, FBN_PASSWORD="passwd_mark")
        line = ["load", "investor-records", str(extracts / "investors.csv"), "--runs", str(tmp_path / "runs")]
        assert run(line) == 4
    check(written(), "passwd_mark")


def test_a_bug_writes_down_where_it_was_and_not_what_it_held(
    tmp_path: Path, extracts: Path, written: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object) -> None:
        raise RuntimeError(f"{SECRETS['FBN_PASSWORD']} of {PERSONAL}")

    monkeypatch.setattr("pipelines.load.close_books", stumble)
    with Sandbox() as lusid:
        sign_in(monkeypatch, lusid)
        line = ["load", "investor-records", str(extracts / "investors.csv"), "--runs", str(tmp_path / "runs")]
        assert run(line) == 1
    found = written()
    assert any("bulkload-bug-" in where and "close_books" in text for where, text in found.items())
    check(found)
    check_closed(tmp_path / "runs")


def test_a_process_that_is_killed_leaves_nothing_to_be_found(
    tmp_path: Path, extracts: Path, written: Callable[[], dict[str, str]]
) -> None:
    with killable() as server, Sandbox(token=TOKEN) as lusid:
        for number, point in enumerate((20, 30, 40, 50)):
            runs = tmp_path / f"runs{number}"
            given = {"operation": "investor-records", "extract": str(extracts / "investors.csv"), "runs": runs}
            job = {"token": TOKEN, "log": tmp_path / "log.txt", "load": {**given, "target": lusid.url, "batch_size": 5}}
            assert server.run({**job, "failpoint": {"folder": str(runs), "die_at": point}}) == KILLED
            check_closed(runs)
    check({w: text for w, text in written().items() if not w.endswith(".part")})
