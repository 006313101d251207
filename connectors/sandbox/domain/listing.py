"""Answers list calls: page, limit, filter, sortBy. Knows no type of entity.

A page token holds where its page begins and a fingerprint of filter and sort order. The specification says that these
must not change between pages; the sandbox refuses a token when they do. It keeps no history: `asAt` and `effectiveAt`
are refused rather than answered with the present.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

from connectors.sandbox.protocol.calls import ApiCall
from connectors.sandbox.protocol.exact_json import Document, loads_own
from connectors.sandbox.protocol.filters import parse_filter, sort
from connectors.sandbox.protocol.problems import ProblemError, validation_problem
from connectors.sandbox.store import Transaction

Show = Callable[[Transaction, ApiCall, Document], Document]
"""A stored document as it is given back."""

DEFAULT_LIMIT = 5000
_FILTER_LIMIT = 16384


@dataclass(frozen=True)
class _Asked:
    offset: int
    limit: int
    filter: str
    sort_by: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        said = "\0".join((self.filter, *self.sort_by))
        return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()

    def token(self, offset: int) -> str:
        return base64.b64encode(f"{offset}:{self.fingerprint}".encode()).decode()


def list_all(call: ApiCall, kind: str, show: Show, parent: str | None = None) -> Document:
    """Answers the GET of a list, in order of creation unless sorted otherwise.

    Args:
        call: the GET.
        kind: the kind of the entities in the store.
        show: turns a stored document into an entry of the answer.
        parent: lists only entities that belong to it.

    Raises:
        ProblemError: 400, a parameter is invalid.
    """
    asked = _asked(call)
    plain = not asked.filter and not asked.sort_by
    with call.store.read() as transaction:
        wanted = (asked.offset, asked.limit + 1) if plain else (0, -1)
        stored = transaction.page(kind, *wanted, parent)
        documents = [show(transaction, call, loads_own(each.document)) for each in stored]
    if not plain:
        keep = parse_filter(asked.filter) if asked.filter else None
        kept = [each for each in documents if keep is None or keep(each)]
        documents = sort(kept, list(asked.sort_by))[asked.offset : asked.offset + asked.limit + 1]
    return _answer(call, asked, documents)


def _answer(call: ApiCall, asked: _Asked, documents: list[Document]) -> Document:
    after = asked.offset + asked.limit
    before = max(0, asked.offset - asked.limit)
    return {
        "nextPage": asked.token(after) if len(documents) > asked.limit else None,
        "previousPage": asked.token(before) if asked.offset else None,
        "values": documents[: asked.limit],
        "href": None,
        "links": [call.log_link],
    }


def _asked(call: ApiCall) -> _Asked:
    for name in ("asAt", "effectiveAt"):
        if call.parameter(name):
            raise validation_problem({name: ["the sandbox keeps no history: leave it out"]})
    expression = call.parameter("filter") or ""
    if len(quote_plus(expression)) > call.variant.filters:
        raise validation_problem({"filter": [f"must be at most {call.variant.filters} characters long in a URL"]})
    if len(expression) > _FILTER_LIMIT:
        raise validation_problem({"filter": [f"must be at most {_FILTER_LIMIT} characters long"]})
    first = _Asked(0, _limit(call), expression.strip(), tuple(call.query.get("sortBy", ())))
    page = call.parameter("page")
    return first if page is None else replace(first, offset=_offset(first, page))


def _limit(call: ApiCall) -> int:
    said = call.parameter("limit")
    if said is None:
        return DEFAULT_LIMIT
    if not said.isascii() or not said.isdigit() or not 1 <= int(said) <= DEFAULT_LIMIT:
        raise validation_problem({"limit": [f"must be a whole number from 1 to {DEFAULT_LIMIT}"]})
    return int(said)


def _offset(asked: _Asked, page: str) -> int:
    try:
        offset, fingerprint = base64.b64decode(page, validate=True).decode().split(":")
        known = fingerprint == asked.fingerprint and int(offset) >= 0
    except (ValueError, binascii.Error):
        known = False
    if not known:
        raise ProblemError(
            400, 689, "InvalidPageToken", "the page token is not of a list call with this filter and sort"
        )
    return int(offset)
