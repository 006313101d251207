import threading
import traceback
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from pydantic import SecretStr
from raw_server import RawServer, answer, is_silent

from connectors.lusid.retrying import Retrier, RetryLimits
from connectors.lusid.settings import LusidSettings
from connectors.lusid.tokens import FileToken, PasswordGrant, StaticToken, token_source
from connectors.lusid.transport import Transport
from connectors.lusid.waiting import Timing
from schemas.errors import AuthError, ConfigError, LoadError, NeverSentError

TOKEN_URL = "https://acme.okta.com/oauth2/token"
SETTINGS = LusidSettings(
    lusid_url="https://acme.lusid.com/api",
    token_url=TOKEN_URL,
    username="lo@der&co",
    password=SecretStr("MARKER-pässword"),
    client_id="acme-client",
    client_secret=SecretStr("MARKER-secret"),
)
SIGN_IN = {
    "grant_type": ["password"],
    "scope": ["openid client groups offline_access"],
    "username": ["lo@der&co"],
    "password": ["MARKER-pässword"],
    "client_id": ["acme-client"],
    "client_secret": ["MARKER-secret"],
}


@dataclass
class Bench:
    """A password grant with a clock that the test advances."""

    settings: LusidSettings = SETTINGS
    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = lambda: self.now  # noqa: E731 - a clock is one expression
        retrier = Retrier(Timing(sleep=self.sleep, clock=clock, random=lambda: 0.5), RetryLimits(3))
        self.grant = PasswordGrant(self.settings, Transport(self.settings, clock=clock), retrier)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def refused(self) -> LoadError:
        """The error that `token` raises, checked: nothing that was raised holds a marker."""
        with pytest.raises(LoadError) as caught:
            self.grant.token()
        whole = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
        assert "MARKER" not in whole
        return caught.value


@pytest.fixture
def endpoint() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(registry=responses.registries.OrderedRegistry) as mock:
        yield mock


def grants(mock: responses.RequestsMock, token: str, **members: Any) -> None:
    body = {"token_type": "Bearer", "access_token": token, "expires_in": 3600, **members}
    mock.post(TOKEN_URL, json=body)


def forms(mock: responses.RequestsMock) -> list[dict[str, list[str]]]:
    return [parse_qs(str(call.request.body)) for call in mock.calls]


def test_a_password_signs_in_once_and_the_token_is_kept(endpoint: responses.RequestsMock) -> None:
    grants(endpoint, "one")
    bench = Bench()
    assert [bench.grant.token(), bench.grant.token()] == ["one", "one"]
    assert forms(endpoint) == [SIGN_IN]
    headers = endpoint.calls[0].request.headers
    assert headers["Accept"] == "application/json"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "Authorization" not in headers


def test_a_token_is_refreshed_sixty_seconds_before_it_expires(
    endpoint: responses.RequestsMock,
) -> None:
    grants(endpoint, "one", refresh_token="again")
    grants(endpoint, "two")
    bench = Bench()
    bench.grant.token()
    bench.now += 3539
    assert bench.grant.token() == "one"
    bench.now += 1
    assert bench.grant.token() == "two"
    assert forms(endpoint)[1] == {"grant_type": ["refresh_token"], "refresh_token": ["again"]}
    basic = b64encode(b"acme-client:MARKER-secret").decode()
    assert endpoint.calls[1].request.headers["Authorization"] == f"Basic {basic}"


def test_a_refused_refresh_token_falls_back_to_the_password(
    endpoint: responses.RequestsMock,
) -> None:
    grants(endpoint, "one", refresh_token="stale")
    endpoint.post(TOKEN_URL, status=400, json={"error": "invalid_grant"})
    grants(endpoint, "two", refresh_token="new")
    grants(endpoint, "three")
    bench = Bench()
    tokens = []
    for _ in range(3):
        tokens.append(bench.grant.token())
        bench.now += 3600
    assert tokens == ["one", "two", "three"]
    assert [form["grant_type"] for form in forms(endpoint)] == [
        ["password"],
        ["refresh_token"],
        ["password"],
        ["refresh_token"],
    ]
    assert forms(endpoint)[3]["refresh_token"] == ["new"]


def test_a_token_that_lives_shorter_than_the_margin_is_still_used(
    endpoint: responses.RequestsMock,
) -> None:
    grants(endpoint, "short", expires_in="40")
    bench = Bench()
    bench.grant.token()
    bench.now += 19
    assert bench.grant.token() == "short"


@pytest.mark.parametrize("expires_in", [None, "soon", -5, 0, "nan", [1]])
def test_a_token_without_a_readable_lifetime_is_kept_until_lusid_refuses_it(
    endpoint: responses.RequestsMock, expires_in: Any
) -> None:
    grants(endpoint, "one", expires_in=expires_in)
    bench = Bench()
    bench.grant.token()
    bench.now += 10**6
    assert bench.grant.token() == "one"


def test_a_refused_token_is_renewed_once_for_all_who_held_it(
    endpoint: responses.RequestsMock,
) -> None:
    grants(endpoint, "one")
    grants(endpoint, "two")
    bench = Bench()
    bench.grant.token()
    assert [bench.grant.renew("one"), bench.grant.renew("one")] == ["two", "two"]


def test_a_renewal_before_any_token_fetches_one(endpoint: responses.RequestsMock) -> None:
    grants(endpoint, "one")
    assert Bench().grant.renew("from an earlier life") == "one"


def test_many_senders_fetch_one_token(endpoint: responses.RequestsMock) -> None:
    grants(endpoint, "one")
    bench = Bench()
    barrier, tokens = threading.Barrier(8), []

    def sender() -> None:
        barrier.wait(5)
        tokens.append(bench.grant.token())

    threads = [threading.Thread(target=sender) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert tokens == ["one"] * 8


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "no user MARKER-pässword"},
            "(invalid_grant): check FBN_USERNAME and FBN_PASSWORD",
        ),
        (
            401,
            {"error": "invalid_client"},
            "(invalid_client): check FBN_CLIENT_ID and FBN_CLIENT_SECRET",
        ),
        (400, {"error": "MARKER-secret"}, "(HTTP 400): check the credentials"),
        (400, {"error": "a_password"}, "(HTTP 400): check the credentials"),
        (400, {"error": {"code": 1}}, "(HTTP 400): check the credentials"),
        (403, ["MARKER"], "(HTTP 403): check the credentials"),
    ],
)
def test_refused_credentials_are_one_line_without_what_was_sent(
    endpoint: responses.RequestsMock, status: int, body: Any, says: str
) -> None:
    endpoint.post(TOKEN_URL, status=status, json=body)
    error = Bench().refused()
    assert isinstance(error, AuthError)
    assert error.message == f"The token endpoint {TOKEN_URL} refuses to sign us in {says}"


@pytest.mark.parametrize("status", [302, 404, 405])
def test_a_url_that_is_no_token_endpoint_is_a_wrong_setting(endpoint: responses.RequestsMock, status: int) -> None:
    endpoint.post(TOKEN_URL, status=status, headers={"Location": "https://evil/MARKER"})
    error = Bench().refused()
    assert isinstance(error, ConfigError)
    assert error.message == (f"The token endpoint {TOKEN_URL} answered {status}: is FBN_TOKEN_URL right?")


@pytest.mark.parametrize("body", ["<html>MARKER</html>", "", "[]", '{"token": "MARKER"}'])
def test_an_answer_without_a_token_is_an_authentication_error(endpoint: responses.RequestsMock, body: str) -> None:
    endpoint.post(TOKEN_URL, body=body)
    bench = Bench()
    error = bench.refused()
    assert isinstance(error, AuthError)
    assert error.message == (f"The token endpoint {TOKEN_URL} answered 200 without a token: is FBN_TOKEN_URL right?")
    assert bench.slept == []


@pytest.mark.parametrize("token", ["", "MARKER two", "MARKER\r\nX: y", "MARKERé"])
def test_a_fetched_token_that_no_header_can_carry_is_refused(endpoint: responses.RequestsMock, token: str) -> None:
    grants(endpoint, token)
    assert Bench().refused().message == (
        f"The token endpoint {TOKEN_URL}: its access token is empty or contains characters that no token may contain"
    )


def test_a_throttling_token_endpoint_is_waited_for(endpoint: responses.RequestsMock) -> None:
    endpoint.post(TOKEN_URL, status=429, headers={"Retry-After": "4"})
    endpoint.post(TOKEN_URL, status=503)
    grants(endpoint, "one")
    bench = Bench()
    assert bench.grant.token() == "one"
    assert bench.slept == [4.5, 0.5]


def test_after_a_failure_the_lock_is_free_and_the_next_use_tries_again(
    endpoint: responses.RequestsMock,
) -> None:
    endpoint.post(TOKEN_URL, status=400, json={"error": "invalid_grant"})
    endpoint.post(TOKEN_URL, body=requests.exceptions.InvalidHeader("MARKER"))
    grants(endpoint, "one")
    bench = Bench()
    bench.refused()
    bench.refused()
    tokens: list[str] = []
    thread = threading.Thread(target=lambda: tokens.append(bench.grant.token()))
    thread.start()
    thread.join(5)
    assert tokens == ["one"]


def test_a_token_endpoint_nobody_answers_at_means_nothing_was_sent() -> None:
    with RawServer([]) as server:
        port = server.port
    bench = Bench(SETTINGS.model_copy(update={"token_url": f"http://127.0.0.1:{port}/token"}))
    error = bench.refused()
    assert isinstance(error, NeverSentError)
    assert error.message == (f"The token endpoint http://127.0.0.1:{port}/token: connection refused (4 attempts)")


def test_a_silent_token_endpoint_means_nothing_was_sent_to_lusid() -> None:
    with RawServer([is_silent] * 9) as server:
        settings = SETTINGS.model_copy(update={"token_url": server.url + "?tenant=MARKER", "read_seconds": 0.05})
        error = Bench(settings).refused()
    assert isinstance(error, NeverSentError)
    assert error.message == (f"The token endpoint {server.url}: no answer in time (4 attempts)")


def test_the_form_travels_encoded_over_a_real_socket() -> None:
    with RawServer([answer(200, {"access_token": "one"})]) as server:
        bench = Bench(SETTINGS.model_copy(update={"token_url": server.url}))
        assert bench.grant.token() == "one"
    assert parse_qs(server.seen[0].body.decode()) == SIGN_IN


def test_a_given_token_is_used_and_cannot_be_renewed() -> None:
    source = StaticToken(SecretStr(" MARKER-token\n"))
    assert source.token() == "MARKER-token"
    with pytest.raises(AuthError) as caught:
        source.renew("MARKER-token")
    assert caught.value.message == ("LUSID refuses the access token: it is wrong, expired or revoked")
    assert "MARKER" not in repr(source.__dict__)


def test_a_given_token_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(AuthError) as caught:
        StaticToken(SecretStr("MARKER\nX: y"))
    assert caught.value.message == ("The access token is empty or contains characters that no token may contain")


def test_a_token_file_is_read_anew_so_a_rotated_token_is_used_at_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    source = FileToken(path)
    assert source.token() == "one"
    path.write_text("two\n")
    assert source.token() == "two"
    assert source.renew("one") == "two"


def test_a_refused_token_that_is_still_in_the_file_is_an_authentication_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "token"
    path.write_text("MARKER")
    with pytest.raises(AuthError) as caught:
        FileToken(path).renew("MARKER")
    assert caught.value.message == f"LUSID refuses the token in {path}: it is wrong or expired"


def test_a_token_file_that_vanishes_or_holds_no_token_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    with pytest.raises(AuthError) as caught:
        FileToken(path).token()
    assert caught.value.message == (f"The access token file {path} cannot be read: No such file or directory")
    path.write_bytes(b"MARKER \xff")
    with pytest.raises(AuthError) as caught:
        FileToken(path).token()
    assert caught.value.message == (
        f"The access token file {path} is empty or contains characters that no token may contain"
    )


def test_the_settings_choose_the_source(tmp_path: Path) -> None:
    def chosen(**fields: Any) -> object:
        settings = LusidSettings(**fields)
        transport = Transport(settings, clock=lambda: 0.0)
        return type(token_source(settings, transport, Retrier(Timing(), RetryLimits(0))))

    token = SecretStr("t")
    grant = SETTINGS.model_dump(exclude_none=True)
    assert chosen(access_token_file=tmp_path, access_token=token, **grant) is FileToken
    assert chosen(access_token=token, **grant) is StaticToken
    assert chosen(**grant) is PasswordGrant
    for field_name in ("token_url", "username", "password", "client_id", "client_secret"):
        with pytest.raises(ConfigError, match="LUSID needs an access token, or all of"):
            chosen(**{name: value for name, value in grant.items() if name != field_name})


def test_no_secret_is_held_in_the_open() -> None:
    bench = Bench()
    assert "MARKER" not in repr(bench.grant.__dict__)
