"""One request as the handlers see it, and the route that leads to them. Knows nothing of sockets.

A part of the API is a module with its `ROUTES`; a handler takes a `Call` and returns what the
answer's body is, or raises `ProblemError`.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.sandbox.protocol.exact_json import Document, MalformedJsonError, loads
from connectors.sandbox.protocol.problems import malformed, validation_problem
from connectors.sandbox.protocol.readers import Errors, Reader
from connectors.sandbox.store import Store

DIALECTS = ("2.1", "2.3", "legacy")
OLDER = ("2.1", "legacy")
"""The dialects whose records, accounts and orders have the shapes of 2.1."""

USER = "sandbox-user"

_LEGACY_VERSION = (
    "effectiveFrom",
    "asAtDate",
    "asAtCreated",
    "userIdCreated",
    "asAtModified",
    "userIdModified",
    "asAtVersionNumber",
)
_LUID_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Call:
    """A request that has been authenticated and read from the wire.

    Attributes:
        dialect: the age of server the sandbox plays.
        base_url: the API's base URL, ending in `/api`.
        request_id: what `lusid-meta-requestId` says.
        as_at: when it was received, as LUSID writes date-times.
        path: values of the path's parameters.
        query: parameter to all its values, in order.
        body: the bytes of the body.
    """

    store: Store
    dialect: str
    base_url: str
    request_id: str
    as_at: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes = b""

    @property
    def shapes(self) -> str:
        """The dialect whose shapes most calls have: 2.1 in dialect `legacy`."""
        return "2.1" if self.dialect in OLDER else self.dialect

    def read(self, reader: Reader) -> Any:
        """The body, checked by `reader`.

        Raises:
            ProblemError: 400, the body is not JSON or does not fit; `errors` names every fault.
        """
        try:
            value = loads(self.body)
        except MalformedJsonError as error:
            raise malformed(str(error)) from error
        errors = Errors()
        out = reader(value, "", errors)
        if errors:
            raise validation_problem(errors)
        return out

    def parameter(self, name: str) -> str | None:
        """The last value of a query parameter, or None."""
        values = self.query.get(name)
        return values[-1] if values else None

    @property
    def log_link(self) -> Document:
        """The link every batch answer of LUSID carries: where the request's log is."""
        return {
            "relation": "RequestLogs",
            "href": log_address(self.base_url, self.request_id),
            "description": "A link to the LUSID Insights website showing all logs related to this request",
            "method": "GET",
        }

    def version(self, entity_id: str, previous: Mapping[str, Any] | None = None) -> Document:
        """The Version of an entity that this call creates, or changes from `previous`."""
        created: Mapping[str, Any] = previous or {
            "effectiveFrom": self.as_at,
            "asAtCreated": self.as_at,
            "userIdCreated": USER,
            "requestIdCreated": self.request_id,
            "asAtVersionNumber": 0,
        }
        version = {
            **created,
            "asAtDate": self.as_at,
            "asAtModified": self.as_at,
            "userIdModified": USER,
            "requestIdModified": self.request_id,
            "asAtVersionNumber": created["asAtVersionNumber"] + 1,
            "entityUniqueId": entity_id,
        }
        return {name: version[name] for name in _LEGACY_VERSION} if self.dialect == "legacy" else version


Handler = Callable[[Call], Document]


@dataclass(frozen=True)
class Route:
    """One endpoint.

    Attributes:
        path: below the base URL, as the documentation writes it (`/api/...`).
        status: the 2xx of success; the SDK returns None on one it does not expect.
        dialects: which servers have it.
    """

    method: str
    path: str
    handler: Handler
    status: int
    dialects: tuple[str, ...] = DIALECTS


def log_address(base_url: str, request_id: str) -> str:
    """Where LUSID would show the request's log."""
    return f"{base_url.removesuffix('/api')}/app/insights/logs/{request_id}"


def luid(*parts: str) -> str:
    """A LUSID id (`LUID_` and eight characters) that the same parts always give."""
    digest = int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest())
    return numbered_luid(digest % len(_LUID_ALPHABET) ** 8)


def numbered_luid(sequence: int) -> str:
    """The LUSID id of an entity's sequence: `LUID_00000001`, `LUID_00000002`, ..."""
    out = ""
    for _ in range(8):
        sequence, digit = divmod(sequence, len(_LUID_ALPHABET))
        out = _LUID_ALPHABET[digit] + out
    return f"LUID_{out}"


def unique_id(*parts: str) -> str:
    """An entityUniqueId: 32 hexadecimal digits that the same parts always give."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def quoted(segment: str) -> str:
    """One path segment or query value, percent-encoded."""
    return quote(segment, safe="")
