"""The sandbox as an HTTP server: tokens, media types, bodies, headers, the database file, running in the foreground."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sandbox_api import created, errors, get, listed, post, problem, record, upsert_records

from connectors.sandbox.protocol.dates import utc_text
from connectors.sandbox.protocol.exact_json import dumps
from connectors.sandbox.server import Sandbox, Setup, serve
from schemas.errors import ConfigError

UPSERT = "investorrecords/$batchUpsert?successMode=Atomic"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(token="fixed-token", token_seconds=60, body_limit=200_000) as running:
        yield running


def _token(sandbox: Sandbox, **form: str) -> requests.Response:
    return requests.post(sandbox.token_url, data=form, timeout=10)


def _versions(sandbox: Sandbox, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"{sandbox.url}/api/metadata/versions", headers=headers, timeout=10).status_code


def test_the_password_grant_issues_tokens_that_open_the_api(sandbox: Sandbox) -> None:
    answer = _token(sandbox, grant_type="password", username="u", password="p", client_id="c", client_secret="s")
    body = answer.json()
    assert answer.status_code == 200
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 60)
    assert _versions(sandbox, body["access_token"]) == 200
    again = _token(sandbox, grant_type="refresh_token", refresh_token=body["refresh_token"]).json()
    assert again["access_token"] != body["access_token"]
    assert _versions(sandbox, again["access_token"]) == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "username": "u", "password": "wrong"}, "invalid_grant"),
        ({"grant_type": "password", "username": "u"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "old"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
    ],
)
def test_an_invalid_grant_is_a_400(sandbox: Sandbox, form: dict[str, str], error: str) -> None:
    answer = _token(sandbox, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_without_a_valid_token_there_is_a_401(sandbox: Sandbox) -> None:
    answer = requests.post(f"{sandbox.url}/api/{UPSERT}", json={}, timeout=10)
    body = problem(answer, 401)
    assert (body["code"], body["name"]) == (187, "InvalidIdentityToken")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert _versions(sandbox, "made-up") == 401
    assert _versions(sandbox, "fixed-token") == 200


def test_tokens_expire_and_can_be_revoked() -> None:
    with Sandbox(token_seconds=0.2) as sandbox:
        token = sandbox.access_token
        assert _versions(sandbox, token) == 200
        time.sleep(0.25)
        assert _versions(sandbox, token) == 401
    with Sandbox() as sandbox:
        token = sandbox.access_token
        sandbox.revoke_tokens()
        assert _versions(sandbox, token) == 401


@pytest.mark.parametrize(
    "media_type",
    ["application/json-patch+json", "application/json; charset=utf-8", "text/json", "application/x.y+json"],
)
def test_documented_media_types_are_taken(sandbox: Sandbox, media_type: str) -> None:
    created(post(sandbox, UPSERT, dumps({"a": record("E1")}), headers={"Content-Type": media_type}))


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_other_media_types_are_a_415(sandbox: Sandbox, media_type: str) -> None:
    problem(post(sandbox, UPSERT, b"{}", headers={"Content-Type": media_type}), 415)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "Expecting value"),
        (b'{"a":', "Expecting value"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e99999999999999999999}', "a number's exponent is out of range"),
        (b'{"a": {}, "a": {}}', "member 'a' is given twice in one object"),
        (b'{"a": "\xff"}', "can't decode byte 0xff"),
        (b'{"a": "\\ud800"}', "surrogates not allowed"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xef\xbb\xbf{}", "Unexpected UTF-8 BOM"),
    ],
)
def test_a_malformed_body_is_a_400_with_errors(sandbox: Sandbox, body: bytes, why: str) -> None:
    (message,) = errors(post(sandbox, UPSERT, body), "InvalidRequest")["$"]
    assert why in message


def test_a_body_over_the_limit_is_a_413(sandbox: Sandbox) -> None:
    assert problem(post(sandbox, UPSERT, b" " * 200_001), 413)["name"] == "PayloadTooLarge"
    assert list(errors(post(sandbox, UPSERT, b" " * 200_000), "InvalidRequest")) == ["$"]


def test_every_answer_carries_lusids_headers(sandbox: Sandbox) -> None:
    answer = upsert_records(sandbox, {"a": record("E-headers")})  # what is there already makes no version
    assert answer.headers["lusid-meta-success"] == "True"
    assert int(answer.headers["lusid-meta-duration"]) >= 0
    assert answer.headers["lusid-meta-requestId"] in answer.json()["links"][0]["href"]
    assert answer.headers["lusid-meta-requestId"] == answer.json()["values"]["a"]["version"]["requestIdModified"]


def test_unknown_paths_and_methods_are_problem_details(sandbox: Sandbox) -> None:
    assert problem(get(sandbox, "nothing"), 404)["detail"] == "dialect 2.1 has no GET /api/api/nothing"
    assert problem(requests.put(f"{sandbox.url}/api/orders", timeout=10), 405)["status"] == 405


def test_calls_are_listed_as_they_came() -> None:
    with Sandbox() as sandbox:
        upsert_records(sandbox, {"a": record("E1")})
        get(sandbox, "nothing")
        assert sandbox.calls == [
            ("POST", "/api/api/investorrecords/$batchUpsert", 201),
            ("GET", "/api/api/nothing", 404),
        ]
        assert sandbox.requests_served == 1


def test_a_database_file_outlives_the_sandbox(tmp_path: Path) -> None:
    file = tmp_path / "lusid.db"
    with Sandbox(database=file) as sandbox:
        first = created(upsert_records(sandbox, {"a": record("E1")}))["values"]["a"]
    with Sandbox(database=file) as sandbox:
        (kept,) = get(sandbox, "investorrecords").json()["values"]
        assert kept["version"] == first["version"]
        assert kept["href"].startswith(sandbox.url)
        second = created(upsert_records(sandbox, {"b": record("E2")}))["values"]["b"]
    assert second["lusidInvestorRecordId"] == "LUID_00000002"
    with pytest.raises(ConfigError, match=r"was made with dialect 2\.1, not 2\.3: use --dialect 2\.1 or another file"):
        Sandbox(database=file, dialect="2.3")


def test_a_sandbox_that_cannot_start_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "other.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(ConfigError, match=r"other\.db: file is not a database"):
        Sandbox(database=tmp_path / "other.db")
    with pytest.raises(ConfigError, match="unable to open database file"):
        Sandbox(database=tmp_path / "no" / "folder.db")
    with pytest.raises(ConfigError, match=r"the sandbox has no dialect '1\.0': 2\.1 or 2\.3"):
        Sandbox(dialect="1.0")
    with Sandbox() as taken:
        port = int(taken.url.split(":")[2].split("/")[0])
        with pytest.raises(ConfigError, match=rf"cannot listen on 127\.0\.0\.1:{port}"), Sandbox(port=port):
            pass
        with pytest.raises(ConfigError, match="cannot listen"):
            serve(Setup(), port=port)


FOREGROUND = """
from connectors.sandbox.server import Setup, serve
serve(Setup(), port=0, announce=lambda *urls: print(*urls, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_foreground_server_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    command = [sys.executable, "-c", FOREGROUND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url, token_url = process.stdout.readline().split()
            assert requests.post(token_url, data={"grant_type": "x"}, timeout=10).status_code == 400
            assert requests.get(f"{url}/api/orders", timeout=10).status_code == 401
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2016-01-01", "2016-01-01T00:00:00.0000000+00:00"),
        ("2016-01-01T09:30Z", "2016-01-01T09:30:00.0000000+00:00"),
        ("2016-01-01T00:30:00+01:00", "2015-12-31T23:30:00.0000000+00:00"),
        ("2016-01-01T00:00:00.1234567Z", "2016-01-01T00:00:00.1234567+00:00"),
        ("0001-01-01T00:00:00.0000000+00:00", "0001-01-01T00:00:00.0000000+00:00"),
        ("0001-01-01T00:00:00+01:00", None),
        ("2016-01-01T00:00:00", None),
        ("2016-02-30", None),
        ("2016-01-01T00:00:00.12345678Z", None),
        ("2016-1-1", None),
        ("٢٠١٦-01-01", None),
        ("2018-08-31NSingaporeClose", None),
    ],
)
def test_dates_are_taken_in_documented_forms_and_returned_in_utc(text: str, utc: str | None) -> None:
    assert utc_text(text) == utc


def test_reference_data_is_taken_and_not_kept(sandbox: Sandbox) -> None:
    key = "InvestorRecord/Details/Name"
    entry = {"key": key, "value": {"labelValue": "x"}, "referenceData": {"f": {"stringValue": "y"}}}
    value = created(upsert_records(sandbox, {"a": record("E1", properties={key: entry})}))["values"]["a"]
    assert value["properties"] == listed(key, "x")


def test_a_value_that_is_not_json_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})
