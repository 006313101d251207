import logging
import pickle
import re
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from pydantic import SecretStr
from raw_server import RawServer, Step, answer, drips, hangs_up, is_silent, raw_answer, says

from connectors.lusid.client import Answer, LusidClient
from connectors.lusid.settings import LusidSettings
from connectors.lusid.waiting import Waiting
from schemas.answers import Problem
from schemas.errors import (
    AuthError,
    ConfigError,
    LoadError,
    NeverSentError,
    NoLusidError,
    NotPermittedError,
    PerhapsAppliedError,
    RejectedError,
    ThrottledError,
    UnreachableError,
)
from schemas.settings import LoadSettings

TOKEN = "MARKER-token"
UPSERT = "/api/investorrecords/$batchUpsert"
CREATE = "/api/ordermanagement/createorders"
VERSIONS = "/api/metadata/versions"
PROBLEM = {
    "name": "InvalidParameterValue",
    "code": 151,
    "type": "https://docs.lusid.com/#section/Error-Codes/151",
    "title": "One or more of the bits of input data provided were not valid",
    "status": 400,
    "detail": "bad\x1b[31m",
    "instance": "https://acme.lusid.com/app/insights/logs/0HLT:00000001",
    "errors": {"requests[3].side": ["unknown"]},
}


def own(status: int, **headers: str) -> Step:
    """LUSID's own refusal."""
    return answer(status, {**PROBLEM, "status": status}, **headers)


@dataclass
class Desk:
    """A client connected to a server; its waits are recorded, not waited."""

    url: str
    slept: list[float] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    told: list[Waiting] = field(default_factory=list)

    def __post_init__(self) -> None:
        given = {"lusid_url": self.url, "access_token": SecretStr(TOKEN)} | self.settings
        self.client = LusidClient(
            LusidSettings(**given),
            retries=2,
            waiting=self.told.append,
            sleep=self.slept.append,
            clock=self.clock,
            random=lambda: 0.5,
        )

    def clock(self) -> float:
        return time.monotonic() + sum(self.slept)

    def upsert(self) -> Answer:
        """Idempotent."""
        params = {"successMode": "Partial"}
        return self.client.post(UPSERT, b'{"k":{}}', params=params, idempotent=True, expected_status=201)

    def create(self) -> Answer:
        """Not idempotent."""
        return self.client.post(CREATE, b'{"requests":[]}', idempotent=False, expected_status=201)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer([]) as running:
        yield running


@pytest.fixture
def desk(server: RawServer) -> Iterator[Desk]:
    desk = Desk(server.url)
    with desk.client:
        yield desk


def raised(call: Any) -> LoadError:
    """The error that the call raises, checked: it is one line, holds no secret and survives pickling."""
    with pytest.raises(LoadError) as caught:
        call()
    error = caught.value
    whole = "".join(traceback.format_exception(error)) + repr(error.__dict__)
    assert "MARKER" not in whole
    assert error.message.isprintable()
    assert error.__cause__ is None
    thawed = pickle.loads(pickle.dumps(error))
    assert (type(thawed), told(thawed)) == (type(error), told(error))
    return error


def told(error: LoadError) -> dict[str, Any]:
    """What an error knows; an error within it by what that says."""
    return {name: str(value) if isinstance(value, LoadError) else value for name, value in error.__dict__.items()}


def test_a_post_joins_the_url_unrepaired_and_carries_the_documented_headers(
    server: RawServer,
) -> None:
    desk = Desk(server.url + "/", settings={"app_name": "nightly", "correlation_id": "run-7"})
    server.steps.append(answer(201, {"values": {"k": {}}}, lusid_meta_requestId="0HLT:1"))
    with desk.client:
        got = desk.upsert()
    assert got == Answer(201, {"values": {"k": {}}}, "0HLT:1", 1, got.seconds)
    assert server.seen[0].line == ("POST /api/api/investorrecords/$batchUpsert?successMode=Partial HTTP/1.1")
    assert server.seen[0].body == b'{"k":{}}'
    assert server.seen[0].headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "gzip",
        "authorization": f"Bearer {TOKEN}",
        "user-agent": f"lusid-bulkload/{version('lusid-bulkload')}",
        "x-lusid-application": "nightly",
        "content-type": "application/json",
        "correlationid": "run-7",
        "content-length": "8",
    }


def test_a_get_carries_repeated_parameters_and_no_body(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(200, {"values": []}))
    params = [("propertyKeys", "A/b/c"), ("propertyKeys", "D/e/f"), ("filter", "id eq 'x y'")]
    got = desk.client.get("/api/orders", params)
    assert got.body == {"values": []}
    assert server.seen[0].line == (
        "GET /api/api/orders?propertyKeys=A%2Fb%2Fc&propertyKeys=D%2Fe%2Ff&filter=id+eq+%27x+y%27 HTTP/1.1"
    )
    assert "content-type" not in server.seen[0].headers
    assert "correlationid" not in server.seen[0].headers


def test_a_path_with_an_encoded_identifier_is_sent_as_it_is(server: RawServer, desk: Desk) -> None:
    desk.client.get("/api/orders/My%2FScope/%C3%A9%20%25")
    assert server.seen[0].line == "GET /api/api/orders/My%2FScope/%C3%A9%20%25 HTTP/1.1"


@pytest.mark.parametrize(
    ("headers", "body", "found"),
    [
        ({"lusid_meta_requestId": "0HLT:1"}, {"instance": "https://x/logs/other"}, "0HLT:1"),
        ({}, {"instance": "https://x/app/insights/logs/0HLT:2"}, "0HLT:2"),
        ({}, {"instance": "https://x/app/insights/logs/"}, None),
        ({}, {"instance": "elsewhere"}, None),
        ({}, {"instance": 7}, None),
        ({}, [], None),
    ],
)
def test_the_request_id_comes_from_the_header_or_from_the_instance(
    server: RawServer, desk: Desk, headers: dict[str, str], body: Any, found: str | None
) -> None:
    server.steps.append(answer(201, body, **headers))
    assert desk.upsert().request_id == found


def test_an_undocumented_success_is_read_all_the_same_and_logged(
    server: RawServer, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="connectors.lusid.client")
    server.steps.append(answer(200, {"values": {}}))
    assert desk.upsert().body == {"values": {}}
    assert caplog.messages == [f"POST {UPSERT} answered 200; the documented status is 201"]


LOST: dict[str, Step] = {
    "hung up": hangs_up,
    "half of the headers": says(b"HTTP/1.1 201 Created\r\nContent-Le"),
    "half of the body": says(b'HTTP/1.1 201 X\r\nContent-Length: 50\r\n\r\n{"values"'),
    "not JSON": raw_answer(201, b"<html>maintenance</html>"),
    "empty": raw_answer(201, b""),
    "nested too deep": raw_answer(201, b"[" * 5000 + b"]" * 5000),
    "dripping": drips(b"HTTP/1.1 201 Created\r\nContent-Length: 900\r\n\r\n"),
    "silent": is_silent,
    "500": answer(500),
    "502": raw_answer(502, b"<html>bad gateway</html>"),
    "504": answer(504),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST.keys())
def test_a_lost_answer_is_repeated_for_an_upsert_and_never_for_an_order(lost: Step) -> None:
    settings = {"total_seconds": 0.2, "read_seconds": 0.1}
    with RawServer([lost, answer(201, {"a": 1})]) as server:
        desk = Desk(server.url, settings=settings)
        with desk.client:
            got = desk.upsert()
    assert (got.body, got.attempts, desk.client.retries_done) == ({"a": 1}, 2, 1)
    with RawServer([lost, answer(201, {"a": 1})]) as server:
        desk = Desk(server.url, settings=settings)
        with desk.client:
            error = raised(desk.create)
    assert isinstance(error, PerhapsAppliedError)
    assert error.message.startswith(f"POST {CREATE}: ")
    assert error.message.endswith(" (1 attempt)")
    assert (len(server.seen), desk.slept) == (1, [])


def test_when_every_answer_is_lost_an_upsert_is_perhaps_applied(server: RawServer, desk: Desk) -> None:
    server.steps += [hangs_up, answer(500), raw_answer(201, b"oops")]
    error = raised(desk.upsert)
    assert isinstance(error, PerhapsAppliedError)
    assert error.message == (f"POST {UPSERT}: answered 201 with a body that is not JSON (3 attempts)")
    assert desk.slept == [0.25, 0.5]


def test_a_read_whose_answer_is_lost_is_repeated(server: RawServer, desk: Desk) -> None:
    server.steps += [hangs_up, answer(504), answer(200, {"values": []})]
    assert desk.client.get("/api/orders").attempts == 3


@pytest.mark.parametrize("call", ["upsert", "create"])
def test_429_waits_as_told_and_503_backs_off_for_every_call(server: RawServer, desk: Desk, call: str) -> None:
    server.steps += [own(429, Retry_After="7"), own(503), answer(201, {})]
    assert getattr(desk, call)().attempts == 3
    assert desk.slept == [pytest.approx(8, abs=0.5), 0.5]


def test_a_gateways_503_may_hide_an_answer_so_an_order_is_not_sent_again(server: RawServer, desk: Desk) -> None:
    page = raw_answer(503, b"<html><h1>503 Service Temporarily Unavailable</h1></html>")
    server.steps += [page, page, answer(201, {})]
    error = raised(desk.create)
    assert isinstance(error, PerhapsAppliedError)
    assert (error.message, len(server.seen)) == (f"POST {CREATE}: answered 503 (1 attempt)", 1)
    assert desk.upsert().attempts == 2


@pytest.mark.parametrize("call", ["upsert", "create"])
def test_a_patient_client_outlasts_an_outage(call: str) -> None:
    with RawServer([]) as gone:
        desk = Desk(gone.url)
    desk.client.follow(LoadSettings(patience=120))
    error = raised(getattr(desk, call))
    assert isinstance(error, NeverSentError)
    assert 120 <= sum(desk.slept) < 140
    with RawServer([own(503)] * 9 + [answer(201, {})]) as server:
        desk = Desk(server.url)
        desk.client.follow(LoadSettings(patience=120))
        with desk.client:
            assert getattr(desk, call)().attempts == 10


def test_all_senders_wait_once_for_a_token_endpoint_that_is_down() -> None:
    """Otherwise each in turn would retry as long as the first."""
    with RawServer([]) as gone, RawServer([]) as server:
        pass
    slept: list[float] = []
    errors: list[LoadError] = []
    all_in = threading.Barrier(4)

    def sleep(seconds: float) -> None:
        if not slept:
            all_in.wait(5)
            time.sleep(0.05)  # until the others wait for the lock
        slept.append(seconds)

    def sender() -> None:
        if threading.current_thread() is not threads[0]:
            all_in.wait(5)
        errors.append(raised(lambda: client.get("/api/orders")))

    sign_in = {"username": "u", "password": SecretStr("MARKER"), "client_id": "c", "client_secret": SecretStr("MARKER")}
    settings = LusidSettings(lusid_url=server.url, token_url=gone.url, **sign_in)
    client = LusidClient(settings, sleep=sleep, clock=lambda: sum(slept), random=lambda: 0.5)
    client.follow(LoadSettings(patience=60))
    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [type(error) for error in errors] == [NeverSentError] * 4
    assert len({error.message for error in errors}) == 1
    assert 60 <= sum(slept) < 90


def test_429_without_end_is_throttled(server: RawServer, desk: Desk) -> None:
    server.steps += [own(429, Retry_After="0")] * 3
    error = raised(desk.create)
    assert isinstance(error, ThrottledError)
    assert (error.message, error.wait_seconds) == (
        f"POST {CREATE}: answered 429 (3 attempts)",
        0.0,
    )


def test_a_429_that_may_hide_an_answer_holds_whatever_is_sent_next(server: RawServer, desk: Desk) -> None:
    server.steps += [answer(429, Retry_After="7"), answer(200, {})]
    assert isinstance(raised(desk.create), PerhapsAppliedError)
    assert desk.slept == []
    desk.client.get("/api/orders")
    assert desk.slept == [pytest.approx(8, abs=0.5)]


def test_a_call_that_nobody_listens_to_was_never_sent() -> None:
    with RawServer([]) as gone:
        desk = Desk(gone.url)
    error = raised(desk.create)
    assert isinstance(error, NeverSentError)
    assert error.message == f"POST {CREATE}: connection refused (3 attempts)"
    assert desk.slept == [0.25, 0.5]


def test_a_refusal_carries_its_problem_bounded_and_escaped(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(400, PROBLEM))
    error = raised(desk.create)
    assert isinstance(error, RejectedError)
    assert (error.status, error.message) == (
        400,
        f"LUSID refuses POST {CREATE}: bad\\x1b[31m (HTTP 400)",
    )
    assert error.problem == replace(Problem.from_body(400, PROBLEM), is_own=True)
    assert error.problem.errors == {"requests[3].side": ("unknown",)}
    assert desk.slept == []


def test_a_refusal_without_an_instance_keeps_the_request_id_of_the_header(server: RawServer, desk: Desk) -> None:
    server.steps.append(raw_answer(400, b"<html>no</html>", lusid_meta_requestId="0HLT:9"))
    error = raised(desk.upsert)
    assert isinstance(error, RejectedError)
    assert error.problem == Problem(400, detail="<html>no</html>", instance="0HLT:9")


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_other_4xx_are_the_requests_own_fault(server: RawServer, desk: Desk, status: int) -> None:
    server.steps.append(answer(status, {"name": "X", "code": 1, "title": "t"}))
    error = raised(desk.upsert)
    assert isinstance(error, RejectedError)
    assert (error.status, error.problem.name, len(server.seen)) == (status, "X", 1)


def test_413_is_read_although_the_server_reads_only_the_headers() -> None:
    with RawServer([says(b"HTTP/1.1 413 X\r\nContent-Length: 2\r\n\r\n{}")], reads_bodies=False) as s:
        desk = Desk(s.url)
        with desk.client:
            error = raised(desk.upsert)
    assert isinstance(error, RejectedError)
    assert error.status == 413


@pytest.mark.parametrize("body", [{"detail": "Not Found"}, {"title": "Not Found"}, ["x"]])
def test_a_404_that_is_not_lusids_means_the_url_is_wrong(server: RawServer, desk: Desk, body: Any) -> None:
    server.steps.append(answer(404, body))
    error = raised(desk.upsert)
    assert isinstance(error, ConfigError)
    assert error.message == (f"{server.url} does not know POST {UPSERT} (404): is FBN_LUSID_URL right, and --dialect?")


def test_a_message_about_a_read_does_not_contain_the_identifier(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(404, PROBLEM))
    path = f"/api/investorrecords/{TOKEN}"
    error = raised(lambda: desk.client.get(path))
    assert error.message.startswith("LUSID refuses GET /api/investorrecords: ")


def test_a_redirect_is_not_followed(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(307, Location="https://evil.example/MARKER"))
    error = raised(desk.upsert)
    assert isinstance(error, ConfigError)
    assert error.message == (
        f"POST {UPSERT} was redirected (HTTP 307), which we do not follow: is FBN_LUSID_URL right?"
    )
    assert len(server.seen) == 1


def test_403_stops_the_run(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(403, {"name": "AccessDenied", "code": 186, "detail": "no"}))
    error = raised(desk.upsert)
    assert isinstance(error, AuthError)
    assert error.message == f"LUSID does not permit POST {UPSERT} (403): no"


def test_407_points_to_the_proxys_settings(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(407))
    error = raised(desk.upsert)
    assert isinstance(error, UnreachableError)
    assert error.message == ("The proxy requires a sign-in (407): check FBN_PROXY_USERNAME and FBN_PROXY_PASSWORD")


def test_an_unexpected_status_stops_a_read_and_leaves_a_write_in_doubt(server: RawServer, desk: Desk) -> None:
    server.steps += [answer(599), answer(599)]
    read = raised(lambda: desk.client.get("/api/orders"))
    assert isinstance(read, UnreachableError)
    assert read.message == "GET /api/orders answered with the unexpected status 599"
    write = raised(desk.upsert)
    assert isinstance(write, PerhapsAppliedError)
    assert write.message == (
        f"POST {UPSERT} answered with the unexpected status 599; the request may have been applied"
    )
    assert len(server.seen) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_a_later_refusal_to_talk_does_not_clear_an_earlier_doubt(server: RawServer, desk: Desk, status: int) -> None:
    server.steps += [hangs_up, answer(status)]
    assert isinstance(raised(desk.upsert), PerhapsAppliedError)


def test_a_later_refusal_of_the_request_itself_ends_an_earlier_doubt(server: RawServer, desk: Desk) -> None:
    server.steps += [hangs_up, answer(400, PROBLEM)]
    assert isinstance(raised(desk.upsert), RejectedError)


def test_a_given_token_that_is_refused_stops_the_run(server: RawServer, desk: Desk) -> None:
    server.steps.append(own(401))
    error = raised(desk.create)
    assert isinstance(error, AuthError)
    assert error.message == "LUSID refuses the access token: it is wrong, expired or revoked"


def token_file_desk(server: RawServer, path: Path) -> Desk:
    return Desk(server.url, settings={"access_token": None, "access_token_file": path})


def test_on_a_401_the_token_is_renewed_once_and_the_request_sent_again(server: RawServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old")

    def rotates(sock: Any) -> bool:
        path.write_text("new")
        return own(401)(sock)

    server.steps += [rotates, answer(201, {"a": 1})]
    desk = token_file_desk(server, path)
    with desk.client:
        assert desk.create().body == {"a": 1}
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer old", "Bearer new"]
    assert desk.slept == []


def test_after_anothers_401_only_what_is_idempotent_goes_again(server: RawServer, tmp_path: Path) -> None:
    """LUSID may have done it behind the proxy that says so."""
    path = tmp_path / "token"
    path.write_text("old")

    def rotates(sock: Any) -> bool:
        path.write_text(path.read_text() + "er")
        return answer(401, {"message": "who?"})(sock)

    server.steps += [rotates, rotates, answer(201, {"a": 1})]
    desk = token_file_desk(server, path)
    with desk.client:
        assert isinstance(raised(desk.create), PerhapsAppliedError)
        assert len(server.seen) == 1
        assert desk.upsert().body == {"a": 1}


def signing(server: RawServer) -> Desk:
    """A client of a LUSID that was seen to name the request in its answers."""
    desk = Desk(server.url)
    server.steps.append(answer(200, {}, lusid_meta_requestId="0HLT:1"))
    desk.client.check()
    return desk


def test_an_answer_without_lusids_signature_is_none_where_something_is_to_be_proven(server: RawServer) -> None:
    desk = signing(server)
    server.steps += [answer(201, {"values": []}), answer(200, {"values": []})]
    with desk.client:
        assert isinstance(raised(desk.create), PerhapsAppliedError)
        server.steps.append(answer(200, {"values": [1]}, lusid_meta_requestId="0HLT:2"))
        assert desk.client.get("/api/orders").body == {"values": [1]}
        assert desk.upsert().body == {}


def test_a_refusal_without_lusids_signature_proves_nothing(server: RawServer) -> None:
    desk = signing(server)
    server.steps += [own(400), own(429), own(400, lusid_meta_requestId="0HLT:3")]
    with desk.client:
        lost = raised(desk.create)
        assert isinstance(lost, PerhapsAppliedError)
        assert isinstance(lost.refusal, RejectedError)
        assert isinstance(raised(desk.create), PerhapsAppliedError)
        assert isinstance(raised(desk.create), RejectedError)


def test_a_lost_answer_whose_head_came_says_which_request_it_was(server: RawServer, desk: Desk) -> None:
    server.steps += [
        raw_answer(201, b"no json", lusid_meta_requestId="0HLT:4"),
        says(b"HTTP/1.1 201 X\r\nlusid-meta-requestId: 0HLT:5\r\nContent-Length: 9\r\n\r\n{"),
        hangs_up,
    ]
    found = [raised(desk.create) for _ in range(3)]
    assert [error.request_id for error in found if isinstance(error, PerhapsAppliedError)] == ["0HLT:4", "0HLT:5", None]


def test_lusids_own_time_is_that_of_its_first_answer(server: RawServer) -> None:
    for date, expected in (("Fri, 01 Mar 2024 12:00:00 GMT", datetime(2024, 3, 1, 12, tzinfo=UTC)), ("soon", None)):
        desk = Desk(server.url)
        assert desk.client.opened_at is None
        server.steps.append(answer(200, {}, Date=date))
        with desk.client:
            desk.client.check()
        assert desk.client.opened_at == expected


def test_a_401_to_a_fresh_token_stops_the_run(server: RawServer, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("MARKER-old")

    def rotates(sock: Any) -> bool:
        path.write_text("MARKER-new")
        return own(401)(sock)

    server.steps += [rotates, own(401)]
    desk = token_file_desk(server, path)
    with desk.client:
        error = raised(desk.create)
    assert isinstance(error, AuthError)
    assert error.message == f"LUSID refuses our token for POST {CREATE} (401), even a fresh one"
    assert len(server.seen) == 2


def test_all_senders_share_one_client(server: RawServer, desk: Desk) -> None:
    server.steps += [answer(503), answer(503)]
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(desk.upsert())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [got.status for got in answers] == [200] * 8
    assert sum(got.attempts for got in answers) == 10
    assert (desk.client.retries_done, len(server.seen)) == (2, 10)


def test_a_429_to_one_sender_holds_all_of_them() -> None:
    """With a real clock: nothing is sent between the 429 and the time it asked for."""
    with RawServer([answer(429, Retry_After="0.8")]) as server:
        settings = LusidSettings(lusid_url=server.url, access_token=SecretStr("t"))
        with LusidClient(settings) as client:
            first = threading.Thread(target=lambda: client.get("/api/orders"))
            first.start()
            while client.retries_done == 0 and len(server.seen) == 0:
                first.join(0.01)
            first.join(0.1)
            others = [threading.Thread(target=lambda: client.get("/api/blocks")) for _ in range(3)]
            for thread in others:
                thread.start()
            first.join(0.1)
            assert len(server.seen) == 1
            for thread in [first, *others]:
                thread.join(5)
        assert len(server.seen) == 5


def test_stopping_wakes_a_sender_that_waits() -> None:
    with RawServer([answer(429, Retry_After="300")]) as server:
        settings = LusidSettings(lusid_url=server.url, access_token=SecretStr("t"))
        errors: list[LoadError] = []
        with LusidClient(settings) as client:

            def sender() -> None:
                try:
                    client.get("/api/orders")
                except LoadError as error:
                    errors.append(error)

            thread = threading.Thread(target=sender)
            thread.start()
            while not server.seen:
                thread.join(0.01)
            client.stop.set()
            thread.join(5)
    assert [type(error) for error in errors] == [ThrottledError]


def test_requests_own_errors_end_in_the_client() -> None:
    desk = Desk("https://acme.lusid.com/api")
    with responses.RequestsMock() as mock:
        mock.post(
            "https://acme.lusid.com/api" + CREATE,
            body=requests.exceptions.InvalidHeader("Bearer MARKER"),
        )
        error = raised(desk.create)
    assert isinstance(error, UnreachableError)
    assert error.message == (f"POST {CREATE}: unexpected error (InvalidHeader) (1 attempt)")


def test_check_signs_in_and_reads_the_versions(server: RawServer, desk: Desk) -> None:
    server.steps.append(answer(200, {"apiVersion": "v0"}))
    desk.client.check()
    assert [seen.line for seen in server.seen] == [f"GET /api{VERSIONS} HTTP/1.1"]


@pytest.mark.parametrize(
    ("step", "kind", "says_"),
    [
        (
            raw_answer(200, b"<html>welcome</html>"),
            ConfigError,
            "{url} does not answer like LUSID: is FBN_LUSID_URL right?",
        ),
        (
            answer(404),
            ConfigError,
            "{url} does not know GET /api/metadata (404): is FBN_LUSID_URL right?",
        ),
        (
            answer(302),
            ConfigError,
            "GET /api/metadata was redirected (HTTP 302), which we do not follow: is FBN_LUSID_URL right?",
        ),
        (
            answer(401),
            AuthError,
            "LUSID refuses the access token: it is wrong, expired or revoked",
        ),
        (
            answer(403, PROBLEM),
            NotPermittedError,
            "LUSID does not permit GET /api/metadata (403): bad\\x1b[31m",
        ),
        (
            answer(400, PROBLEM),
            NoLusidError,
            "LUSID refuses GET /api/metadata: bad\\x1b[31m (HTTP 400): is FBN_LUSID_URL right?",
        ),
    ],
)
def test_check_says_in_one_line_which_setting_is_wrong(
    server: RawServer, desk: Desk, step: Step, kind: type[LoadError], says_: str
) -> None:
    server.steps.append(step)
    error = raised(desk.client.check)
    assert type(error) is kind
    assert error.message == says_.format(url=server.url)
    assert desk.slept == []


def test_check_says_when_nobody_answers() -> None:
    with RawServer([]) as gone:
        desk = Desk(gone.url)
    error = raised(desk.client.check)
    assert isinstance(error, UnreachableError)
    assert error.message == (f"{gone.url}: connection refused (3 attempts): is FBN_LUSID_URL right?")


def test_check_says_when_the_token_endpoint_does_not_answer(server: RawServer) -> None:
    with RawServer([]) as gone:
        token_url = f"http://127.0.0.1:{gone.port}/token"
    desk = Desk(
        server.url,
        settings={
            "access_token": None,
            "token_url": token_url,
            "username": "u",
            "password": SecretStr("MARKER"),
            "client_id": "c",
            "client_secret": SecretStr("MARKER"),
        },
    )
    error = raised(desk.client.check)
    assert isinstance(error, UnreachableError)
    assert error.message == (
        f"The token endpoint {token_url}: connection refused (4 attempts): is FBN_TOKEN_URL right?"
    )
    assert server.seen == []


def test_nothing_secret_shows_in_the_client_or_its_logs(server: RawServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk = Desk(server.url)
    with desk.client:
        desk.upsert()
    assert TOKEN not in caplog.text
    assert TOKEN not in f"{desk.client!r} {desk.client.__dict__!r}"


def test_a_host_that_accepts_connections_and_says_nothing_is_reported_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.lusid.client.CHECK_SECONDS", 0.1)
    started = time.monotonic()
    with RawServer([is_silent] * 4) as mute:
        desk = Desk(mute.url)
        error = raised(desk.client.check)
    assert isinstance(error, UnreachableError)
    assert error.message == f"{mute.url}: no answer in time (1 attempt): is FBN_LUSID_URL right?"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_at_the_door_a_server_that_takes_no_calls_is_waited_for(server: RawServer, status: int) -> None:
    told: list[Waiting] = []
    desk = Desk(server.url, told=told)
    server.steps += [raw_answer(status, b"<html>later</html>")] * 12
    desk.client.check(patience=300)

    assert len(desk.slept) == 12
    assert {(wait.whom, wait.cause) for wait in told} == {("LUSID", f"answered {status}")}
    assert len({wait.since for wait in told}) == 1


def test_at_the_door_patience_ends_and_nobody_is_asked_for_another_url(server: RawServer, desk: Desk) -> None:
    server.steps += [answer(503)] * 40
    error = raised(lambda: desk.client.check(patience=60))

    assert isinstance(error, UnreachableError)
    assert re.fullmatch(rf"{server.url}: answered 503 \(\d+ attempts\)", error.message)
    assert 60 <= sum(desk.slept) < 120


def test_at_the_door_of_the_token_endpoint_it_is_the_same(server: RawServer) -> None:
    names = {"username": "u", "password": SecretStr("p"), "client_id": "c", "client_secret": SecretStr("s")}
    told: list[Waiting] = []
    desk = Desk(server.url, settings={"access_token": None, "token_url": f"{server.url}/token", **names}, told=told)
    server.steps += [answer(503)] * 9 + [answer(200, {"access_token": TOKEN, "expires_in": 3600})]
    desk.client.check(patience=300)

    assert {wait.whom for wait in told} == {"the token endpoint"}


def test_at_the_door_who_does_not_answer_is_not_waited_for() -> None:
    with RawServer([]) as gone:
        desk = Desk(gone.url)
    assert isinstance(raised(lambda: desk.client.check(patience=300)), UnreachableError)
    assert sum(desk.slept) < 5


def test_since_when_is_told_anew_after_an_answer(server: RawServer) -> None:
    told: list[Waiting] = []
    desk = Desk(server.url, told=told)
    server.steps += [own(503), own(503), answer(201, {}), own(503), answer(201, {})]
    with desk.client:
        desk.upsert()
        desk.upsert()

    first, second, third = [wait.since for wait in told]
    assert first == second < third
