"""One call as the handlers receive it, and the route that leads to a handler. Knows nothing of sockets.

Each part of the API is a module with its `ROUTES`; a handler takes an `ApiCall` and returns the body of the answer, or
raises `ProblemError`.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from connectors.sandbox.protocol.exact_json import Document, MalformedJsonError, loads
from connectors.sandbox.protocol.problems import malformed, validation_problem
from connectors.sandbox.protocol.readers import Errors, Reader
from connectors.sandbox.protocol.variant import AS_INFERRED, Variant
from connectors.sandbox.store import Store

DIALECTS = ("2.1", "2.3", "legacy")
OLDER = ("2.1", "legacy")
"""The dialects whose records, accounts and orders have the shapes of 2.1."""

USER = "sandbox-user"

REFERENCE_KINDS = frozenset(
    {"propertydefinitions", "instruments", "portfolios", "persons", "legalentities", "transactiontypes"}
)
"""The kinds of reference data: what requests name, and what exists before them."""

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
class ApiCall:
    """A call that has been authenticated and read from the wire.

    Attributes:
        store: the data of the sandbox.
        dialect: the API version that the sandbox plays.
        base_url: the API's base URL, ending in `/api`.
        request_id: the value of `lusid-meta-requestId`.
        as_at: when it was received, as LUSID writes date-times.
        path: values of the path's parameters.
        query: all values of each query parameter, in order.
        body: the bytes of the body.
        assumed: the kinds of reference data of which everything that is named is taken to exist.
        variant: in what the sandbox behaves otherwise than is inferred of LUSID.
    """

    store: Store
    dialect: str
    base_url: str
    request_id: str
    as_at: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes = b""
    assumed: frozenset[str] = REFERENCE_KINDS
    variant: Variant = AS_INFERRED

    @property
    def shapes(self) -> str:
        """The dialect whose shapes most calls use: 2.1 in dialect `legacy`."""
        return "2.1" if self.dialect in OLDER else self.dialect

    def read(self, reader: Reader) -> Any:
        """The body, checked by `reader`.

        Raises:
            ProblemError: 400, the body is not JSON or is invalid; `errors` names every mistake.
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
        """The link to the call's log that every batch answer of LUSID carries."""
        return {
            "relation": "RequestLogs",
            "href": log_address(self.base_url, self.request_id),
            "description": "A link to the LUSID Insights website showing all logs related to this request",
            "method": "GET",
        }

    def version(self, entity_id: str, previous: Mapping[str, Any] | None = None) -> Document:
        """The Version of an entity that this call creates, or changes from `previous`."""
        made_by = self.request_id if self.variant.requests == "own" else f"{self.request_id}-internal"
        created: Mapping[str, Any] = previous or {
            "effectiveFrom": self.as_at,
            "asAtCreated": self.as_at,
            "userIdCreated": USER,
            "requestIdCreated": made_by,
            "asAtVersionNumber": 0,
        }
        version = {
            **created,
            "asAtDate": self.as_at,
            "asAtModified": self.as_at,
            "userIdModified": USER,
            "requestIdModified": made_by,
            "asAtVersionNumber": created["asAtVersionNumber"] + 1,
            "entityUniqueId": entity_id,
        }
        return {name: version[name] for name in _LEGACY_VERSION} if self.dialect == "legacy" else version


Handler = Callable[[ApiCall], Document]


@dataclass(frozen=True)
class Route:
    """One endpoint of the sandbox.

    Attributes:
        method: the HTTP method.
        path: below the base URL, as the documentation writes it (`/api/...`).
        handler: answers its calls.
        status: the 2xx of success; the SDK returns None for one that it does not expect.
        dialects: the API versions that have it.
    """

    method: str
    path: str
    handler: Handler
    status: int
    dialects: tuple[str, ...] = DIALECTS


def removal(call: ApiCall) -> Document:
    """The answer to a DELETE (DeletedEntityResponse in the specification)."""
    return {"href": None, "effectiveFrom": call.as_at, "asAt": call.as_at, "links": [call.log_link]}


def log_address(base_url: str, request_id: str) -> str:
    """The address at which LUSID would show the call's log."""
    return f"{base_url.removesuffix('/api')}/app/insights/logs/{request_id}"


def luid(*parts: str) -> str:
    """A LUSID id (`LUID_` and eight characters), always the same for the same parts."""
    digest = int.from_bytes(hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest())
    return numbered_luid(digest % len(_LUID_ALPHABET) ** 8)


def numbered_luid(sequence: int) -> str:
    """The LUSID id for an entity's sequence: `LUID_00000001`, `LUID_00000002`, ..."""
    out = ""
    for _ in range(8):
        sequence, digit = divmod(sequence, len(_LUID_ALPHABET))
        out = _LUID_ALPHABET[digit] + out
    return f"LUID_{out}"


def unique_id(*parts: str) -> str:
    """An entityUniqueId: 32 hexadecimal digits, always the same for the same parts."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def quoted(segment: str) -> str:
    """One path segment or query value, percent-encoded."""
    return quote(segment, safe="")
