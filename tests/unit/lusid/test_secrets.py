"""Secrets that a server echoes are removed from its response, however they are spelt; data stays."""

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from pydantic import SecretStr
from raw_server import RawServer, answer, raw_answer

from connectors.lusid.client import LusidClient
from connectors.lusid.secrets import MOST_TOKENS, Scrubber, cleaned_json
from connectors.lusid.settings import LusidSettings
from schemas.errors import AuthError, RejectedError

TOKEN = "tok/MARK+0001=="
PASSWORD = 'pa"ss<MARK>\\wörd+2'
SECRET = "client-MARK-0003"
UPSERT = "/api/investorrecords/$batchUpsert"
SPELT = {
    "plain": PASSWORD,
    "URL": quote(PASSWORD, safe=""),
    "JSON": json.dumps(PASSWORD),
    "JSON in JSON": json.dumps(json.dumps({"p": PASSWORD})),
    ".NET": PASSWORD.replace("\\", "\\\\").replace("+", "\\u002B").replace("<", "\\u003C").replace('"', "\\u0022"),
    "HTML": PASSWORD.replace("<", "&lt;").replace(">", "&#62;").replace('"', "&quot;"),
}


def post(server: RawServer, body: bytes = b'{"k":{}}') -> Any:
    settings = LusidSettings(lusid_url=server.url, access_token=SecretStr(TOKEN), proxy_password=SecretStr(PASSWORD))
    with LusidClient(settings, retries=0) as client:
        return client.post(UPSERT, body, params={}, idempotent=True, expected_status=201)


@pytest.mark.parametrize("spelt", SPELT.values(), ids=list(SPELT))
def test_a_secret_is_found_however_it_is_spelt(spelt: str) -> None:
    scrubber = Scrubber()
    scrubber.add_chosen(PASSWORD)
    content = json.dumps({"detail": f"you sent {spelt}!"}).encode()
    clean = scrubber.cleaner(content, None, read=False)
    assert clean is not None
    said = cleaned_json(orjson.loads(content), clean)["detail"]
    assert said.replace('"', "").replace("'", "") in ("you sent [secret]!", "you sent {p: [secret]}!")


def test_an_answer_is_clean_in_every_text_name_and_header() -> None:
    echo = {"values": {"k": {"lusidInvestorRecordId": f"Bearer {TOKEN}"}, TOKEN: {}}, "failed": {}, "links": [[TOKEN]]}
    with RawServer([answer(201, echo, **{"lusid-meta-requestId": f"Bearer {TOKEN}"})]) as server:
        found = post(server)
    clean = {"k": {"lusidInvestorRecordId": "Bearer [secret]"}, "[secret]": {}}
    assert found.body == {"values": clean, "failed": {}, "links": [["[secret]"]]}
    assert found.request_id == "Bearer [secret]"


def test_a_refusal_and_a_page_are_clean() -> None:
    problem = {"name": "E", "code": 1, "detail": f"header {TOKEN}", "errors": {f"k.{PASSWORD}": [PASSWORD]}}
    with RawServer([answer(400, problem), raw_answer(403, b"x" * 1990 + TOKEN.encode())]) as server:
        with pytest.raises(RejectedError) as refused:
            post(server)
        with pytest.raises(AuthError) as locked_out:
            post(server)
    assert refused.value.problem.detail == "header [secret]"
    assert refused.value.problem.errors == {"k.[secret]": ("[secret]",)}
    assert "MARK" not in locked_out.value.message


def test_a_word_that_is_data_stays_so_that_keys_can_be_matched() -> None:
    with RawServer([answer(201, {"values": {f"{PASSWORD}-1": {}}, "failed": {}})]) as server:
        found = post(server, json.dumps({f"{PASSWORD}-1": {}}, ensure_ascii=False).encode())
    assert list(found.body["values"]) == ["[secret]-1"]  # escaped there: no key of ours contains quotes
    scrubber = Scrubber()
    scrubber.add_chosen("sandbox")
    content = b'{"values":{"sandbox-1":{}}}'
    assert scrubber.cleaner(content, b'{"sandbox-1":{}}', read=False) is None
    assert scrubber.cleaner(content, None, read=True) is None
    assert scrubber.cleaner(content, b"{}", read=False) is not None


def test_of_a_token_its_beginning_is_enough_and_the_last_ones_are_known() -> None:
    scrubber = Scrubber()
    for number in range(MOST_TOKENS + 1):
        scrubber.add_token(f"{number}-eyJhbGciOiJSUzI1NiIsImtpZCI6IkFCQyJ9")
    clean = scrubber.cleaner(b"8-eyJhbGciOiJSUzI", None, read=True)
    assert clean is not None
    assert clean("8-eyJhbGciOiJSUzI… and more") == "[secret]… and more"
    assert clean("0-eyJhbGciOiJSUzI") == "0-eyJhbGciOiJSUzI"


def test_basic_credentials_are_known_as_they_travel_and_words_of_five_letters_are_not() -> None:
    scrubber = Scrubber()
    pair = scrubber.add_basic_pair("user", "word5")
    scrubber.add_chosen("word5")
    assert pair == b64encode(b"user:word5").decode()
    clean = scrubber.cleaner(f"Basic {pair}".encode(), None, read=False)
    assert clean is not None
    assert clean(f"Basic {pair} word5") == "Basic [secret] word5"
    assert scrubber.cleaner(b"word5", None, read=False) is None


def test_json_nested_as_deep_as_a_server_likes_does_no_harm() -> None:
    scrubber = Scrubber()
    scrubber.add_token(TOKEN)
    content = b'{"a":[' * 500 + f'"{TOKEN}"'.encode() + b"]}" * 500
    clean = scrubber.cleaner(content, None, read=False)
    assert clean is not None
    node = cleaned_json(orjson.loads(content), clean)
    while not isinstance(node, str):
        node = node["a"] if isinstance(node, dict) else node[0]
    assert node == "[secret]"
