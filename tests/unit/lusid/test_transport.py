import datetime
import gzip
import ipaddress
import itertools
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr
from raw_server import (
    RawServer,
    Step,
    answer,
    drips,
    hangs_up,
    is_silent,
    raw_answer,
    says,
)

from connectors.lusid.call import Response
from connectors.lusid.retry_table import (
    Action,
    AnswerLostError,
    ExchangeError,
    NotConnectedError,
    ProxySignInError,
    UntrustedServerError,
    classify,
)
from connectors.lusid.settings import LusidSettings
from connectors.lusid.transport import Transport

URL = "http://127.0.0.1:1/api"

Result = Response | ExchangeError | requests.RequestException


def result_of(url: str, *, max_answer_bytes: int = 1000, **settings: Any) -> Result:
    """The result of one exchange with the server at `url`: a response or an exception."""
    built = LusidSettings(lusid_url=URL, **settings)
    transport = Transport(built, clock=time.monotonic, max_answer_bytes=max_answer_bytes)
    try:
        return transport.exchange(requests.Request("POST", url + "/x", data=b"{}", headers={"Accept-Encoding": "gzip"}))
    except (ExchangeError, requests.RequestException) as error:
        return error
    finally:
        transport.close()


def result(*steps: Step, **settings: Any) -> Result:
    with RawServer(list(steps)) as server:
        return result_of(server.url, **settings)


def test_an_answer_is_read_whole_and_parsed() -> None:
    response = result(answer(201, {"values": {}}, lusid_meta_requestId="r1"))
    assert isinstance(response, Response)
    assert (response.status, response.body, response.is_json) == (201, {"values": {}}, True)
    assert response.headers["LUSID-META-REQUESTID"] == "r1"
    assert 0 < response.seconds < 5


def test_a_compressed_answer_is_read() -> None:
    response = result(raw_answer(200, gzip.compress(b'{"a": 1}'), Content_Encoding="gzip"))
    assert isinstance(response, Response)
    assert response.body == {"a": 1}


def test_a_body_that_is_not_json_is_kept_as_bounded_text() -> None:
    response = result(raw_answer(502, b"<html>\x00" + b"x" * 900))
    assert isinstance(response, Response)
    assert response.is_json is False
    assert response.body.startswith("<html>\\x00xxx")
    assert len(response.body) < 520


def test_json_that_is_nested_too_deep_counts_as_not_json() -> None:
    response = result(raw_answer(200, b"[" * 40_000 + b"]" * 40_000), max_answer_bytes=10**6)
    assert isinstance(response, Response)
    assert response.is_json is False


CUT = {
    "nothing at all": hangs_up,
    "half a status line": says(b"HTTP/1.1 2"),
    "a body shorter than promised": says(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"a": 1'),
    "chunks without an end": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}   \r\n"),
    "a chunk of no length": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "not HTTP": says(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "a body that cannot be decompressed": raw_answer(200, b"not gzip", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("step", CUT.values(), ids=CUT.keys())
def test_an_answer_that_is_cut_or_broken_leaves_the_request_perhaps_applied(step: Step) -> None:
    error = result(step)
    assert isinstance(error, Exception)
    assert classify(error) is Action.PERHAPS_APPLIED


@pytest.mark.parametrize(
    "body",
    [
        b'HTTP/1.1 400 X\r\nContent-Length: 50\r\n\r\n{"a"',
        b"HTTP/1.1 400 X\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000,
    ],
    ids=["cut", "too large"],
)
def test_a_refusal_counts_although_its_body_is_lost(body: bytes) -> None:
    response = result(says(body))
    assert isinstance(response, Response)
    assert (response.status, response.body, response.is_json) == (400, "", False)


def test_an_answer_larger_than_the_limit_is_not_kept() -> None:
    error = result(raw_answer(200, b"[" + b"1," * 600 + b"1]"))
    assert isinstance(error, AnswerLostError)
    assert str(error) == "the answer is larger than 1000 bytes"


def test_a_small_answer_that_decompresses_to_a_large_one_is_not_kept() -> None:
    packed = gzip.compress(b" " * 10**7)
    error = result(raw_answer(200, packed, Content_Encoding="gzip"), max_answer_bytes=10**5)
    assert isinstance(error, AnswerLostError)


DRIPS = {
    "before the first byte": is_silent,
    "in the status line": drips(b"HTTP/1.1 200 "),
    "in the headers": drips(b"HTTP/1.1 200 OK\r\nX: "),
    "in the body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
    "in a chunk": drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n"),
}


@pytest.mark.parametrize("step", DRIPS.values(), ids=DRIPS.keys())
def test_a_server_that_drips_for_ever_ends_at_the_total_deadline(step: Step) -> None:
    started = time.monotonic()
    error = result(step, total_seconds=0.2, read_seconds=5)
    assert time.monotonic() - started < 2
    assert isinstance(error, Exception)
    assert classify(error) is Action.PERHAPS_APPLIED


def test_a_silent_server_ends_at_the_read_timeout() -> None:
    started = time.monotonic()
    error = result(is_silent, read_seconds=0.1)
    assert time.monotonic() - started < 2
    assert isinstance(error, requests.ReadTimeout)


def test_a_server_that_does_not_take_the_request_ends_at_the_total_deadline() -> None:
    stop = threading.Event()

    def reads_nothing(_: object) -> bool:
        return not stop.wait(5)

    started = time.monotonic()
    with RawServer([reads_nothing], reads_bodies=False) as server:
        transport = Transport(LusidSettings(lusid_url=URL, total_seconds=0.2), clock=time.monotonic)
        with pytest.raises(requests.RequestException) as caught:
            transport.exchange(requests.Request("POST", server.url, data=b"x" * 50_000_000))
        transport.close()
        stop.set()
    assert time.monotonic() - started < 2
    assert classify(caught.value) is Action.PERHAPS_APPLIED


def test_a_deadline_that_passes_between_two_steps_ends_the_attempt() -> None:
    with RawServer([]) as server:
        transport = Transport(LusidSettings(lusid_url=URL), clock=itertools.count(0.0, 140.0).__next__)
        with pytest.raises(requests.RequestException) as caught:
            transport.exchange(requests.Request("POST", server.url, data=b"{}"))
        transport.close()
    assert classify(caught.value) is Action.PERHAPS_APPLIED


def test_a_slow_upload_is_not_cut_by_the_connect_timeout() -> None:
    def takes_its_time(sock: Any) -> bool:
        time.sleep(0.3)
        left = 50_000_000
        while left > 0:
            left -= len(sock.recv(1 << 20))
            if left < 10_000:
                break
        return answer(200, {"ok": 1})(sock)

    with RawServer([takes_its_time], reads_bodies=False) as server:
        transport = Transport(LusidSettings(lusid_url=URL, connect_seconds=0.1), clock=time.monotonic)
        response = transport.exchange(requests.Request("POST", server.url, data=b"x" * 50_000_000))
        transport.close()
    assert response.body == {"ok": 1}


def test_an_answer_before_the_request_was_read_is_still_received() -> None:
    with RawServer([answer(413, {"code": 1})], reads_bodies=False) as server:
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        response = transport.exchange(requests.Request("POST", server.url, data=b"x" * 10_000))
        transport.close()
    assert (response.status, response.body) == (413, {"code": 1})


def test_each_request_goes_with_its_own_address_headers_and_body_whatever_went_before() -> None:
    with RawServer([]) as server:
        one = {
            "method": "POST",
            "url": f"{server.url}/a",
            "headers": {"Authorization": "1"},
            "data": b"{}",
            "params": {},
        }
        others = (
            {"method": "PUT"},
            {"url": f"{server.url}/b"},
            {"headers": {"Authorization": "2"}},
            {"data": b"[1,2]"},
        )
        more = ({"params": {"n": "1"}}, {"params": {"n": ["1", "2"]}}, {"method": "GET", "data": None})
        asked = [requests.Request(**given) for other in (*others, *more) for given in (one, one | other)]
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        for each in asked:
            transport.exchange(each)
        transport.close()
    plain = [each.prepare() for each in asked]
    assert [(seen.line.split()[:2], seen.headers["authorization"], seen.body) for seen in server.seen] == [
        ([each.method, each.path_url], each.headers["Authorization"], each.body or b"") for each in plain
    ]


@pytest.mark.parametrize(("size", "writes"), [(0, 1), (60_000, 1), (300_000, 2)])
def test_a_small_body_goes_together_with_its_head(size: int, writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    plain = socket.socket.sendall

    def sendall(sock: socket.socket, data: bytes) -> None:
        if data.startswith((b"POST", b"x")):
            sent.append(len(data))
        plain(sock, data)

    monkeypatch.setattr(socket.socket, "sendall", sendall)
    with RawServer([]) as server:
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        for alone in (True, False, False):
            transport.exchange(requests.Request("POST", server.url, data=b"x" * size), alone=alone)
        transport.close()
    assert [len(seen.body) for seen in server.seen] == [size] * 3
    assert [seen.headers["content-length"] for seen in server.seen] == [str(size)] * 3
    assert len(sent) == 3 * writes


def test_each_request_goes_to_its_own_server_whatever_went_before() -> None:
    with RawServer([]) as server, RawServer([]) as other:
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        for place in (server, server, other, server, other, other):
            transport.exchange(requests.Request("POST", f"{place.url}/a", data=b"{}"))
        transport.close()
    assert (len(server.seen), len(other.seen)) == (3, 3)


def test_connections_are_kept_and_one_the_server_closed_is_replaced() -> None:
    closing = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    with RawServer([answer(200), answer(200), closing, answer(200)]) as server:
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        statuses = []
        for _ in range(4):
            statuses.append(transport.exchange(requests.Request("GET", server.url)).status)
            time.sleep(0.02)
        transport.close()
    assert statuses == [200] * 4
    assert server.connections == 2


def test_a_refused_connection_was_never_sent() -> None:
    with RawServer([]) as server:
        url = server.url
    error = result_of(url)
    assert isinstance(error, NotConnectedError)
    assert str(error) == "connection refused"
    assert classify(error) is Action.AGAIN_NEVER_SENT


@pytest.mark.parametrize("host", ["lusid.invalid", "a..b", "x" * 70 + ".com"])
def test_a_host_that_does_not_resolve_was_never_sent(host: str) -> None:
    error = result_of(f"https://{host}/api")
    assert isinstance(error, NotConnectedError)
    assert str(error) == "the host name does not resolve"


def test_a_resolver_that_says_nothing_is_waited_for_no_longer_than_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers.wait(5))
    transport = Transport(LusidSettings(lusid_url=URL, connect_seconds=0.1), clock=time.monotonic)
    started = time.monotonic()
    with pytest.raises(NotConnectedError, match=r"^the host name does not resolve$"):
        transport.exchange(requests.Request("GET", "https://acme.lusid.com/api"))
    answers.set()
    assert time.monotonic() - started < 2


def test_an_attempt_may_be_given_less_time_than_the_settings_allow() -> None:
    with RawServer([is_silent]) as server:
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        with pytest.raises(requests.RequestException) as caught:
            transport.exchange(requests.Request("POST", server.url, data=b"{}"), 0.1)
        transport.close()
    assert classify(caught.value) is Action.PERHAPS_APPLIED


def test_a_connection_that_takes_too_long_was_never_sent() -> None:
    with RawServer([is_silent]) as server:
        error = result_of(server.url.replace("http:", "https:"), connect_seconds=0.1)
    assert isinstance(error, NotConnectedError)
    assert str(error) == "no connection in time"


def test_a_server_that_does_not_speak_tls_was_never_sent_anything() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greets() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.sendall(b"220 mail.example.com ESMTP\r\n")
                sock.recv(1000)

        thread = threading.Thread(target=greets)
        thread.start()
        error = result_of(f"https://127.0.0.1:{listener.getsockname()[1]}/api")
        thread.join(5)
    assert isinstance(error, NotConnectedError)
    assert str(error) == "TLS failed (WRONG_VERSION_NUMBER)"


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An HTTPS server with a self-signed certificate: its URL, and the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    with RawServer([answer(200, {"over": "tls"})], tls=context) as server:
        yield server.url, public


def test_an_untrusted_certificate_stops_the_run(tls: tuple[str, Path]) -> None:
    error = result_of(tls[0])
    assert isinstance(error, UntrustedServerError)
    assert str(error) == (
        "its certificate is not trusted (self-signed certificate); "
        "name the certificate authorities to trust in FBN_CLIENT_CERTIFICATE"
    )
    assert classify(error) is Action.STOP


def test_a_certificate_that_the_settings_name_is_trusted(tls: tuple[str, Path]) -> None:
    response = result_of(tls[0], client_certificate=tls[1])
    assert isinstance(response, Response)
    assert response.body == {"over": "tls"}


PROXY: dict[str, Any] = {"proxy_username": "p@u", "proxy_password": SecretStr("MARKER")}


def test_https_goes_through_the_proxy_with_its_sign_in() -> None:
    with RawServer([says(b"HTTP/1.1 407 Who are you\r\n\r\n")]) as proxy:
        error = result_of("https://lusid.invalid/api", proxy_address=f"http://127.0.0.1:{proxy.port}", **PROXY)
    assert proxy.seen[0].line == "CONNECT lusid.invalid:443 HTTP/1.0"
    assert proxy.seen[0].headers["proxy-authorization"] == "Basic cEB1Ok1BUktFUg=="
    assert isinstance(error, ProxySignInError)
    assert classify(error) is Action.STOP
    assert "MARKER" not in "".join(traceback.format_exception(error))


def test_a_proxy_without_a_password_and_one_without_a_user_work_too() -> None:
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"proxy_username": "pu"}, "Basic cHU6"),
        ({}, None),
    ]
    for fields, header in cases:
        with RawServer([hangs_up]) as proxy:
            error = result_of(
                "https://lusid.invalid/api",
                proxy_address=f"http://127.0.0.1:{proxy.port}",
                **fields,
            )
        assert proxy.seen[0].headers.get("proxy-authorization") == header
        assert isinstance(error, NotConnectedError)


def test_a_proxy_that_speaks_no_http_was_never_sent_the_request() -> None:
    with RawServer([says(b"garbage\r\n\r\n")]) as proxy:
        error = result_of("https://lusid.invalid/api", proxy_address=f"http://127.0.0.1:{proxy.port}")
    assert isinstance(error, NotConnectedError)
    assert str(error) == "no connection (BadStatusLine)"


def test_loopback_is_never_reached_through_the_proxy() -> None:
    with RawServer([]) as proxy:
        response = result(answer(200, {"direct": 1}), proxy_address=proxy.url)
    assert isinstance(response, Response)
    assert response.body == {"direct": 1}
    assert proxy.seen == []


def test_the_environments_proxies_and_netrc_are_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password MARKER\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with RawServer([]) as proxy, RawServer([]) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        assert isinstance(result_of(server.url), Response)
    assert proxy.seen == []
    assert "authorization" not in server.seen[0].headers


def test_a_redirect_is_not_followed_and_a_cookie_is_not_kept() -> None:
    with RawServer([answer(302, Location="/elsewhere", Set_Cookie="a=b")]) as server:
        transport = Transport(LusidSettings(lusid_url=URL), clock=time.monotonic)
        responses = [transport.exchange(requests.Request("GET", server.url)) for _ in range(2)]
        transport.close()
    assert [response.status for response in responses] == [302, 200]
    assert [seen.line for seen in server.seen] == ["GET /api HTTP/1.1"] * 2
    assert "cookie" not in server.seen[1].headers
