"""What may stand in front of LUSID and spoil an answer: each way as the bytes it puts on the wire in its place.

`PASSING` lets LUSID's own answer through, with noise around it. `LOSING` puts something else in its place, and may do
so whether LUSID was asked or not. `OWN` are refusals in LUSID's own words, given before any work. Knows no loader.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LOG = "https://fronted.lusid.com/app/insights/logs/"
SIGNATURE = "lusid-meta-requestId"


@dataclass(frozen=True)
class Said:
    """Bytes on the wire, and whether the connection stays open after them."""

    content: bytes
    stays: bool = True


Front = Callable[[bytes], Said]
"""What the client gets, given the whole answer that LUSID gave or would have given."""


def wire(status: int, content: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items()), f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def problem(status: int, name: str, code: int, detail: str, **more: object) -> dict[str, object]:
    """LUSID's whole problem details."""
    return {
        "name": name,
        "errorDetails": [],
        "code": code,
        "type": f"https://docs.lusid.com/#section/Error-Codes/{code}",
        "title": name,
        "status": status,
        "detail": detail,
        "instance": f"{LOG}FRONTED:1",
        "extensions": {},
        **more,
    }


def own(status: int, body: Mapping[str, object], request_id: str, **headers: str) -> bytes:
    """An answer as LUSID signs it."""
    said = {"Content-Type": "application/problem+json", SIGNATURE: request_id, **headers}
    return wire(status, json.dumps(body).encode(), said)


def _before(*statuses: int) -> Front:
    interim = b"".join(b"HTTP/1.1 %d Wait\r\nLink: </x>; rel=preload\r\n\r\n" % status for status in statuses)
    return lambda answer: Said(interim + answer)


def _after(more: bytes) -> Front:
    return lambda answer: Said(answer + more)


_TIMED_OUT = b"HTTP/1.1 408 Request Time-out\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

PASSING: dict[str, Front] = {
    **{f"{status} before it": _before(status) for status in (100, 101, 102, 103, 199)},
    "several interim answers before it": _before(100, 103, 103, 102),
    "it twice": lambda answer: Said(answer + answer),
    "bytes left over": _after(b"\r\nleft over"),
    "an answer nobody asked for": _after(_TIMED_OUT),
    "the connection closed after it": lambda answer: Said(answer, stays=False),
}

_PAGE = b"<!DOCTYPE html><html><body><h1>Gateway</h1></body></html>"
_STRANGE_200 = b'{"status": "ok", "values": [], "failed": {}}'


def _page(status: int, **headers: str) -> Front:
    return lambda _: Said(wire(status, _PAGE, {"Content-Type": "text/html", **headers}))


def _json(status: int, body: object, **headers: str) -> Front:
    content = json.dumps(body).encode()
    return lambda _: Said(wire(status, content, {"Content-Type": "application/json", **headers}))


def _cut_at(share: float, stays: bool = False) -> Front:
    return lambda answer: Said(answer[: int(len(answer) * share)], stays)


def _half_its_json(answer: bytes) -> Said:
    head, _, body = answer.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
    half = body[: len(body) // 2]
    return Said(b"\r\n".join([*kept, b"Content-Length: %d" % len(half)]) + b"\r\n\r\n" + half)


def _with_line(line: bytes) -> Front:
    def spoilt(answer: bytes) -> Said:
        head, _, rest = answer.partition(b"\r\n")
        return Said(head + b"\r\n" + line + b"\r\n" + rest)

    return spoilt


_IN_PAGES = (302, 400, 401, 403, 404, 407, 408, 409, 413, 414, 422, 429, 500, 502, 503, 504)
_IN_WORDS = (400, 401, 403, 404, 408, 409, 422, 429, 503)
_WORDS: dict[str, object] = {
    "code and message": {"code": 1, "message": "no"},
    "errors": {"errors": {"requests[0].id": ["is so"]}},
    "a name": {"name": "Refused"},
    "nothing": {},
}

LOSING: dict[str, Front] = {
    "nothing at all": lambda _: Said(b"", stays=False),
    "an interim answer and no other": lambda _: Said(b"HTTP/1.1 103 Early\r\n\r\n", stays=False),
    "half a head": lambda _: Said(b"HTTP/1.1 20", stays=False),
    "no HTTP": lambda _: Said(b"SSH-2.0-OpenSSH\r\n\r\n", stays=False),
    "a line of its head without a colon": _with_line(b"this is no header"),
    "two lengths": _with_line(b"Content-Length: 3"),
    "a part of it": _cut_at(0.6),
    "all of it but the last byte": _cut_at(0.999),
    "half its JSON": _half_its_json,
    "text": lambda _: Said(wire(200, b"upstream connect error", {"Content-Type": "text/plain"})),
    "a sign-in page": _page(200),
    "another's JSON": lambda _: Said(wire(200, _STRANGE_200, {"Content-Type": "application/json"})),
    "an empty 204": lambda _: Said(b"HTTP/1.1 204 No Content\r\n\r\n"),
    **{f"{status} in a page": _page(status) for status in _IN_PAGES},
    **{f"{status} in a page with Retry-After": _page(status, **{"Retry-After": "1"}) for status in (408, 429, 503)},
    **{f"{status} with {words}": _json(status, body) for status in _IN_WORDS for words, body in _WORDS.items()},
    **{
        f"{status} in LUSID's words, unsigned": _json(status, problem(status, "Refused", 157, "no"))
        for status in _IN_WORDS
    },
}

OWN: dict[str, Front] = {
    "429 of its own": lambda _: Said(
        own(429, problem(429, "ApiRateLimitViolation", 103, "slow down"), "OWN:429", **{"Retry-After": "1"})
    ),
    "503 of its own": lambda _: Said(own(503, problem(503, "ServiceUnavailable", -1, "come back"), "OWN:503")),
    "408 of its own": lambda _: Said(own(408, problem(408, "RequestTimeout", -1, "come back"), "OWN:408")),
}
