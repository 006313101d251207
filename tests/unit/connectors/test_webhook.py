"""Telling an address outside: it is told once, tried again where that may help, and never quoted."""

import json
from collections.abc import Sequence

import pytest
from raw_server import RawServer, Step, answer, hangs_up, raw_answer

from connectors.webhook import post, webhook_url
from schemas.errors import ConfigError

SECRET = "b7c1f0-secret"


@pytest.mark.parametrize(
    ("steps", "calls", "said"),
    [
        ([answer(200)], 1, None),
        ([answer(503), hangs_up, answer(200)], 3, None),
        ([answer(503)] * 3, 3, "127.0.0.1: it answered 503"),
        ([hangs_up] * 3, 3, "127.0.0.1: ConnectionError"),
        ([answer(404)], 1, "127.0.0.1: it answered 404"),
        ([raw_answer(302, b"", Location="https://example.com/")], 1, "127.0.0.1: it answered 302"),
    ],
)
def test_it_is_tried_again_where_that_may_help_and_never_quoted(
    steps: Sequence[Step], calls: int, said: str | None
) -> None:
    with RawServer([*steps]) as server:
        assert post(f"{server.url}/{SECRET}/fail?a=1", {"verdict": "rejects"}, lambda _: None) == said
        assert [each.line for each in server.seen] == [f"POST /api/{SECRET}/fail?a=1 HTTP/1.1"] * calls
        assert json.loads(server.seen[0].body) == {"verdict": "rejects"}


@pytest.mark.parametrize("url", ["", "nonsense", f"ftp://{SECRET}", f"https:///{SECRET}", f"https://{SECRET} x/"])
def test_what_is_no_address_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        webhook_url(url, "--heartbeat")
    assert refused.value.message.startswith("--heartbeat")
    assert SECRET not in refused.value.message
