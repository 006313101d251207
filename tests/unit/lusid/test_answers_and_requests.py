"""An answer belongs to its request: interim answers are skipped, and what nobody asked for answers nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from raw_server import RawServer, Step, answer, says

from connectors.lusid.call import Response
from connectors.lusid.retry_table import Action, AnswerLostError, ExchangeError, NotConnectedError, classify
from connectors.lusid.settings import LusidSettings
from connectors.lusid.transport import Transport


@contextmanager
def opened(**settings: object) -> Iterator[Transport]:
    transport = Transport(
        LusidSettings.model_validate({"lusid_url": "http://127.0.0.1:1/api", **settings}), clock=time.monotonic
    )
    try:
        yield transport
    finally:
        transport.close()


def asked(transport: Transport, url: str, number: int, *, alone: bool = False) -> Response | Exception:
    try:
        return transport.exchange(requests.Request("POST", f"{url}/{number}", data=b"{}"), alone=alone)
    except (ExchangeError, requests.RequestException) as error:
        return error


def told(result: Response | Exception) -> object:
    return result.body["n"] if isinstance(result, Response) else type(result)


def numbered(number: int) -> bytes:
    content = b'{"n": %d}' % number
    head = b"HTTP/1.1 200 OK\r\nlusid-meta-requestId: R%d\r\nContent-Length: %d\r\n\r\n"
    return head % (number, len(content)) + content


def keeps(content: bytes) -> Step:
    def step(sock: object) -> bool:
        sock.sendall(content)  # type: ignore[attr-defined]  # a socket
        return True

    return step


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("status", [100, 101, 102, 103, 199])
def test_interim_answers_shift_nothing(status: int, alone: bool) -> None:
    interim = b"HTTP/1.1 %d Wait\r\nLink: </x>\r\n\r\n" % status
    steps = [keeps(interim + numbered(1)), keeps(interim * 3 + numbered(2)), keeps(numbered(3))]
    with RawServer(steps) as server, opened() as transport:
        assert [told(asked(transport, server.url, n, alone=alone)) for n in (1, 2, 3)] == [1, 2, 3]


def test_interim_answers_without_end_are_no_answer() -> None:
    with RawServer([says(b"HTTP/1.1 103 Early\r\n\r\n" * 1000)]) as server, opened() as transport:
        error = asked(transport, server.url, 1)
        assert isinstance(error, Exception)
        assert classify(error) is Action.PERHAPS_APPLIED


UNASKED = {
    "the answer twice": numbered(1),
    "another answer": b"HTTP/1.1 408 Request Time-out\r\nContent-Length: 0\r\n\r\n",
    "a few bytes": b"\r\nx",
}


@pytest.mark.parametrize("more", UNASKED.values(), ids=UNASKED)
def test_a_connection_with_more_on_it_than_was_asked_for_is_used_no_more(more: bytes) -> None:
    with RawServer([keeps(numbered(1) + more), keeps(numbered(2))]) as server, opened() as transport:
        assert [told(asked(transport, server.url, n)) for n in (1, 2)] == [1, 2]
        assert server.connections == 2


def test_an_answer_that_comes_again_in_place_of_another_is_none() -> None:
    """It arrived while the next request was already on its way, so that nothing could be seen of it before."""
    with RawServer([keeps(numbered(1)), keeps(numbered(1)), keeps(numbered(2))]) as server, opened() as transport:
        assert told(asked(transport, server.url, 1)) == 1
        error = asked(transport, server.url, 2)
        assert isinstance(error, AnswerLostError)
        assert classify(error) is Action.PERHAPS_APPLIED
        assert told(asked(transport, server.url, 2)) == 2
        assert server.connections == 2


def test_what_must_not_be_mistaken_for_anothers_answer_goes_alone() -> None:
    with RawServer([keeps(numbered(n)) for n in range(4)]) as server, opened() as transport:
        alone = (False, True, True, False)
        assert [told(asked(transport, server.url, n, alone=alone[n])) for n in range(4)] == [0, 1, 2, 3]
        assert server.connections == 3


NO_HEADS = {
    "a line without a colon": b"HTTP/1.1 200 OK\r\nthis is none\r\nContent-Length: 2\r\n\r\n{}",
    "a line that continues nothing": b"HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "two lengths in one": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "another protocol": b"HTTP/2.0 200 OK\r\n\r\n",
}


@pytest.mark.parametrize("content", NO_HEADS.values(), ids=NO_HEADS)
def test_a_malformed_head_loses_the_answer_at_once(content: bytes) -> None:
    with RawServer([keeps(content), keeps(numbered(2))]) as server, opened(read_seconds=5) as transport:
        started = time.monotonic()
        error = asked(transport, server.url, 1)
        assert isinstance(error, Exception)
        assert classify(error) is Action.PERHAPS_APPLIED
        assert time.monotonic() - started < 4
        assert told(asked(transport, server.url, 2)) == 2


SECRET = {"proxy_username": "me", "proxy_password": "correct-horse"}


@pytest.mark.parametrize("said", ["502 no correct-horse here", "503 bWU6Y29ycmVjdC1ob3JzZQ== again"])
def test_what_a_proxy_says_before_it_connects_is_told_without_secrets(said: str) -> None:
    with RawServer([says(f"HTTP/1.1 {said}\r\n\r\n".encode())]) as proxy:
        address = f"http://127.0.0.1:{proxy.port}"
        with opened(proxy_address=address, **SECRET) as transport:
            error = asked(transport, "https://lusid.invalid/api", 1)
    assert isinstance(error, NotConnectedError)
    assert "[secret]" in str(error)
    assert not any(secret in str(error) for secret in ("correct-horse", "bWU6Y29y"))


def test_a_proxy_that_wants_a_sign_in_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors.lusid.client import LusidClient
    from schemas.errors import UnreachableError
    from schemas.settings import LoadSettings

    with RawServer([says(b"HTTP/1.1 407 correct-horse\r\n\r\n")] * 9) as proxy:
        settings = {"lusid_url": "https://lusid.invalid/api", "access_token": "t", **SECRET}
        built = LusidSettings.model_validate({**settings, "proxy_address": f"http://127.0.0.1:{proxy.port}"})
        with LusidClient(built, sleep=lambda _: None) as client:
            client.follow(LoadSettings(patience=1))
            with pytest.raises(UnreachableError, match=r"requires a sign-in \(407\)") as raised:
                client.get("/api/orders")
    assert len(proxy.seen) == 1
    assert "correct-horse" not in raised.value.message
    assert raised.value.perhaps_applied is False


def test_an_answer_in_two_pieces_is_one() -> None:
    def slowly(sock: object) -> bool:
        for part in (numbered(1)[:30], numbered(1)[30:]):
            sock.sendall(part)  # type: ignore[attr-defined]  # a socket
            time.sleep(0.02)
        return True

    with RawServer([slowly, keeps(numbered(2)), answer(200)]) as server, opened() as transport:
        assert [told(asked(transport, server.url, n)) for n in (1, 2)] == [1, 2]
        assert server.connections == 1
