"""Lists executions and allocations: only those with given codes, not all that LUSID ever held.

Each list call filters by a limited number of codes, so that its URL stays short. A server that refuses the filter is
asked for the whole list. Knows no operation and no trading day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from pydantic import BaseModel, Field, ValidationError

from connectors.lusid.client import LusidClient
from schemas.errors import FatalError, LoadError, RejectedError, UnreachableError

LARGEST_PAGE = "5000"
"""Entities asked for on a page, where many are wanted: the most that LUSID gives."""
PAGE = 1000
"""Entities asked for in one list call."""

LONGEST = 1500
"""Characters that the codes in one filter may take in a URL, percent-encoded: LUSID takes URLs of 2,048
(https://support.lusid.com/knowledgebase/article/KA-01968)."""


URL = 2000
"""Characters of a whole filter, where nothing else is known."""


class ResourceId(BaseModel):
    """An entity's scope and code."""

    scope: str
    code: str

    @property
    def name(self) -> str:
        """The key under which a load knows it, `scope/code`."""
        return f"{self.scope}/{self.code}"


class ListedEntity(BaseModel):
    """The members that are read of an execution or an allocation."""

    id: ResourceId
    placement: ResourceId | None = Field(None, alias="placementId")
    placements: list[ResourceId] | None = Field(None, alias="placementIds")
    state: str | None = None


class _Page(BaseModel):
    values: list[ListedEntity]
    next_page: str | None = Field(None, alias="nextPage")


def list_by_codes(
    client: LusidClient, collection: str, field: str, names: set[str], longest: int = URL
) -> Iterator[ListedEntity]:
    """Reads the entities of a list that have one of the given codes.

    An entity may come more than once; some may have the code in another scope, or, from a server that refuses filters,
    another code.

    Args:
        client: reads them.
        collection: `executions` or `allocations`.
        field: the member that holds the code, such as `id.code`.
        names: `scope/code` of each entity looked for.
        longest: characters of a filter; 0 where lists take none.

    Raises:
        FatalError: the list cannot be read to its end.
    """
    codes = sorted({name.partition("/")[2] for name in names})
    try:
        for some in portions(codes, min(LONGEST, room_in(field, longest))) if longest else ():
            yield from _pages(client, collection, {"filter": filter_among(field, some)})
        if not longest:
            yield from _pages(client, collection, {})
    except RejectedError:
        try:
            yield from _pages(client, collection, {})
        except RejectedError as error:
            raise UnreachableError(f"LUSID's list of {collection} cannot be read: {error.message}") from None


def filter_among(field: str, codes: Iterable[str]) -> str:
    """The filter for entities whose field is one of the codes."""
    return f"{field} in ({', '.join(map(_quoted, codes))})"


def room_in(field: str, longest: int) -> int:
    """How many characters of a URL a filter of a length has for its codes; at least 1, so that there may be one.

    Args:
        field: what it compares with them.
        longest: the length of the whole filter.
    """
    return max(1, longest - len(quote_plus(filter_among(field, ()))))


def portions(codes: Iterable[str], longest: int) -> Iterator[list[str]]:
    """The codes in portions that a filter spells in at most `longest` characters of a URL."""
    return in_portions(codes, longest, lambda code: len(quote_plus(f"{_quoted(code)}, ")))


def in_portions(texts: Iterable[str], longest: int, size_of: Callable[[str], int]) -> Iterator[list[str]]:
    """Texts in portions of at most a size, but for one that is larger by itself.

    Args:
        texts: in their order.
        longest: size of a portion.
        size_of: what a text adds to it.
    """
    portion: list[str] = []
    length = 0
    for text in texts:
        size = size_of(text)
        if portion and length + size > longest:
            yield portion
            portion, length = [], 0
        portion.append(text)
        length += size
    if portion:
        yield portion


def _quoted(code: str) -> str:
    return "'" + code.replace("'", "''") + "'"


def _pages(client: LusidClient, collection: str, query: Mapping[str, str]) -> Iterator[ListedEntity]:
    params: dict[str, Any] = {"limit": str(PAGE), **query}
    while True:
        page = _page(client, collection, params)
        yield from page.values
        if not page.next_page:
            return
        if page.next_page == params.get("page"):
            raise FatalError(f"LUSID's list of {collection} does not end: its next page is the same page again")
        params["page"] = page.next_page


def _page(client: LusidClient, collection: str, params: Mapping[str, str]) -> _Page:
    try:
        return _Page.model_validate(client.get(f"/api/{collection}", params).body)
    except (FatalError, RejectedError):
        raise
    except LoadError as error:
        raise UnreachableError(f"LUSID's list of {collection} cannot be read: {error.message}") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise FatalError(f"LUSID's list of {collection} cannot be read: {where or 'the answer'} is malformed") from None
