"""Injected faults: what the client sees, and whether the call was applied."""

import json
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
import requests
from sandbox_api import created, get, problem, record, upsert_records

from connectors.sandbox.server import Sandbox
from connectors.sandbox.web.fault_injection import MEANINGS, FaultPlan, parse_faults
from schemas.errors import ConfigError


def _applied(sandbox: Sandbox) -> bool:
    return bool(get(sandbox, "investorrecords").json()["values"])


def _send(sandbox: Sandbox) -> requests.Response:
    return upsert_records(sandbox, {"a": record("E1")})


@pytest.mark.parametrize(
    ("fault", "applied", "raised"),
    [
        ("cut-before", False, requests.ConnectionError),
        ("cut-after", True, requests.ConnectionError),
        ("cut-during", True, requests.exceptions.ChunkedEncodingError),
    ],
)
def test_a_cut_connection_is_a_real_one(fault: str, applied: bool, raised: type[Exception]) -> None:
    with Sandbox(faults=f"script={fault};ok") as sandbox:
        with pytest.raises(raised):
            _send(sandbox)
        assert _applied(sandbox) is applied
        created(_send(sandbox))
        assert [status for method, _, status in sandbox.calls if method == "POST"] == [0, 201]


def test_a_large_request_is_read_whole_before_it_is_cut() -> None:
    with Sandbox(faults="script=cut-before;ok") as sandbox:
        large = {f"k{n}": record(f"E{n}") for n in range(2000)}
        with pytest.raises(requests.ConnectionError):
            upsert_records(sandbox, large)
        assert len(created(upsert_records(sandbox, large))["values"]) == 2000


def test_429_asks_to_wait_in_seconds_and_by_date_in_turns() -> None:
    with Sandbox(faults="script=429;429;ok,retry-after=3") as sandbox:
        first, second = _send(sandbox), _send(sandbox)
        assert problem(first, 429)["code"] == 103
        assert first.headers["Retry-After"] == "3"
        wait = parsedate_to_datetime(second.headers["Retry-After"]) - datetime.now(UTC)
        assert 0 < wait.total_seconds() <= 3
        assert not _applied(sandbox)
        created(_send(sandbox))


@pytest.mark.parametrize("status", [500, 503])
def test_server_errors_apply_nothing(status: int) -> None:
    with Sandbox(faults=f"script={status}") as sandbox:
        problem(_send(sandbox), status)
        assert not _applied(sandbox)


@pytest.mark.parametrize(
    ("fault", "status", "applied"),
    [("502", 502, False), ("503-after", 503, True), ("504", 504, True), ("html", 200, False)],
)
def test_gateways_answer_with_a_page(fault: str, status: int, applied: bool) -> None:
    with Sandbox(faults=f"script={fault}") as sandbox:
        answer = _send(sandbox)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html")
        assert answer.text.startswith("<!DOCTYPE html>")
        assert _applied(sandbox) is applied


@pytest.mark.parametrize("fault", ["truncated", "not-json"])
def test_an_answer_that_cannot_be_read_was_applied(fault: str) -> None:
    with Sandbox(faults=f"script={fault}") as sandbox:
        answer = _send(sandbox)
        assert answer.status_code == 201
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)
        assert _applied(sandbox)


def test_a_slow_answer_comes_late_and_whole() -> None:
    with Sandbox(faults="script=slow,slow-seconds=0.2") as sandbox:
        started = time.monotonic()
        created(_send(sandbox))
        assert time.monotonic() - started >= 0.2
        assert (sandbox.faults_met, sandbox.script_left) == ({"slow": 1}, ())


def test_reads_are_spared_unless_asked_for() -> None:
    with Sandbox(faults="503=1") as sandbox:
        assert get(sandbox, "orders").status_code == 200
        assert _send(sandbox).status_code == 503
    with Sandbox(faults="503=1,reads=true,script=ok") as sandbox:
        assert sandbox.script_left == ("ok",)
        assert [get(sandbox, "orders").status_code for _ in range(2)] == [200, 503]
        token = requests.post(sandbox.token_url, data={"grant_type": "password"}, timeout=10)
        assert token.status_code == 400


def test_one_seed_gives_one_sequence_of_faults() -> None:
    def drawn(seed: int) -> list[str]:
        faults = parse_faults(f"429=0.3,slow=0.3,seed={seed}")
        return [faults.next("POST") for _ in range(200)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert set(drawn(7)) == {"429", "slow", "ok"}
    assert 30 < drawn(7).count("429") < 90


def test_no_specification_is_no_faults() -> None:
    assert parse_faults(None) == parse_faults(" , ") == FaultPlan()


@pytest.mark.parametrize(
    ("specification", "why"),
    [
        ("teapot=0.1", "'teapot=0.1': not known"),
        ("429", "'429': not known"),
        ("429=2", "'429=2': a probability is 0 to 1"),
        ("429=often", "'429=often': could not convert string to float: 'often'"),
        ("429=0.6,503=0.6", "'429=0.6,503=0.6': the probabilities add up to more than 1"),
        ("script=429;teapot", "'script=429;teapot': teapot is no step of a script"),
        ("reads=maybe", "'reads=maybe': true or false"),
        ("seed=x", "'seed=x': invalid literal for int() with base 10: 'x'"),
        ("retry-after=-1", "'retry-after=-1': not negative"),
    ],
)
def test_a_bad_specification_is_one_line_that_lists_the_valid_names(specification: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Sandbox(faults=specification)
    assert caught.value.message == (
        f"--faults {why}. Faults, each =PROBABILITY: {', '.join(MEANINGS)}; options: seed, reads, slow-seconds, "
        "retry-after, script (a script's steps are faults or ok, joined by ;)"
    )
