"""What LUSID lists of executions and allocations: those that belong to given codes, and not all it ever held.

A list is asked for with a filter, some codes at a time, so that a URL stays short. A server that does not take the
filter is asked for the whole list. Knows no operation and no day.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from pydantic import BaseModel, Field, ValidationError

from connectors.lusid.client import LusidClient
from schemas.errors import FatalError, LoadError, RejectedError, UnreachableError

PAGE = 1000
"""Entities asked for at a time."""

LONGEST = 1500
"""Characters of the codes in one filter, as a URL spells them: LUSID takes URLs of 2,048
(https://support.lusid.com/knowledgebase/article/KA-01968)."""


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
        for texts in _portions(codes):
            yield from _pages(client, kind, {"filter": f"{field} in ({texts})"})
    except RejectedError:
        try:
            yield from _pages(client, kind, {})
        except RejectedError as error:
            raise UnreachableError(f"LUSID's list of {kind} cannot be read: {error.message}") from None


def _portions(codes: list[str]) -> Iterator[str]:
    """The codes as filters list them, some at a time."""
    portion: list[str] = []
    length = 0
    for code in codes:
        text = "'" + code.replace("'", "''") + "'"
        spelled = len(quote_plus(f"{text}, "))
        if portion and length + spelled > LONGEST:
            yield ", ".join(portion)
            portion, length = [], 0
        portion.append(text)
        length += spelled
    if portion:
        yield ", ".join(portion)


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
