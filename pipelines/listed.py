"""What LUSID lists of executions and allocations: those that belong to given codes, and not all it ever held.

A list is asked for with a filter, some codes at a time, so that a URL stays short. A server that does not take the
filter is asked for the whole list. Knows no operation and no day.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from connectors.client import LusidClient
from schemas.errors import FatalError, LoadError, RejectedError, UnreachableError

PAGE = 1000
"""Entities asked for at a time."""

CODES = 50
"""Codes in one filter: with 64 characters each, below the 4,000 that every proxy lets through."""


class ResourceId(BaseModel):
    """An entity's scope and code."""

    scope: str
    code: str

    @property
    def name(self) -> str:
        """The key that a load knows it by."""
        return f"{self.scope}/{self.code}"


class Entity(BaseModel):
    """What is read of an execution or an allocation."""

    id: ResourceId
    placement: ResourceId | None = Field(None, alias="placementId")
    placements: list[ResourceId] | None = Field(None, alias="placementIds")
    state: str | None = None


class _Page(BaseModel):
    values: list[Entity]
    next_page: str | None = Field(None, alias="nextPage")


def listed(client: LusidClient, kind: str, field: str, names: set[str]) -> Iterator[Entity]:
    """The entities of one of LUSID's lists that have one of some codes, and perhaps others.

    Args:
        kind: `executions` or `allocations`.
        field: where the code stands, such as `id.code`.
        names: `scope/code` of what is looked for; an entity may come more than once, or belong to another scope.

    Raises:
        FatalError: the list cannot be read to its end.
    """
    codes = sorted({name.partition("/")[2] for name in names})
    try:
        for first in range(0, len(codes), CODES):
            texts = ", ".join("'" + code.replace("'", "''") + "'" for code in codes[first : first + CODES])
            yield from _pages(client, kind, {"filter": f"{field} in ({texts})"})
    except RejectedError:
        try:
            yield from _pages(client, kind, {})
        except RejectedError as error:
            raise UnreachableError(f"LUSID's list of {kind} cannot be read: {error.message}") from None


def _pages(client: LusidClient, kind: str, asked: Mapping[str, str]) -> Iterator[Entity]:
    params: dict[str, Any] = {"limit": str(PAGE), **asked}
    while True:
        page = _page(client, kind, params)
        yield from page.values
        if not page.next_page:
            return
        if page.next_page == params.get("page"):
            raise FatalError(f"LUSID's list of {kind} does not end: its next page is the same again")
        params["page"] = page.next_page


def _page(client: LusidClient, kind: str, params: Mapping[str, str]) -> _Page:
    try:
        return _Page.model_validate(client.get(f"/api/{kind}", params).body)
    except (FatalError, RejectedError):
        raise
    except LoadError as error:
        raise UnreachableError(f"LUSID's list of {kind} cannot be read: {error.message}") from None
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise FatalError(f"LUSID's list of {kind} is not one: {where or 'the answer'} does not fit") from None
