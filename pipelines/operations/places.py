"""Where LUSID's lists show an entity: the list, the filter that finds it, and what tells it from the others there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_ADDRESSABLE = re.compile(r"[a-zA-Z0-9\-_]{1,64}")
"""Scopes and codes that LUSID documents for a path (docs/lusid.md)."""


class Place(NamedTuple):
    """Where a list shows an entity with a ResourceId, or the entities that belong to it.

    Attributes:
        path: the list's.
        member: the member that holds the ResourceId: `id` where the entity itself is meant.
    """

    path: str
    member: str
    scope: str
    code: str

    @property
    def field(self) -> str:
        """What a filter compares with the code."""
        return f"{self.member}.code"

    @property
    def is_addressable(self) -> bool:
        """Whether a path may hold its scope and code; what it may not is read in lists alone."""
        return all(map(_ADDRESSABLE.fullmatch, (self.scope, self.code)))

    def identities(self, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Scope and code of each entity that an item of the list stands for at such a place."""
        held = item.get(self.member)
        for each in held if isinstance(held, list) else [held]:
            if isinstance(each, Mapping):
                yield str(each.get("scope")), str(each.get("code"))


class IdentifierPlace(Place):
    """The same by an identifier: `member` is its key, `code` its value, `scope` the entity's (empty without scopes)."""

    __slots__ = ()

    @property
    def field(self) -> str:
        """What a filter compares with the value."""
        return f"identifiers[{self.member}]"

    @property
    def is_addressable(self) -> bool:
        """A path may hold any value of an identifier."""
        return True

    def identities(self, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Scope and value of the identifier of an item."""
        held = item.get("identifiers")
        found = held.get(self.member) if isinstance(held, Mapping) else None
        value = found.get("value") if isinstance(found, Mapping) else found
        label = value.get("labelValue") if isinstance(value, Mapping) else value
        yield str(item.get("scope") or "") if self.scope else "", str(label)


class LusidIdPlace(Place):
    """The same by LUSID's own id: `member` holds it, `code` is the id. Lists alone show entities by it."""

    __slots__ = ()

    @property
    def field(self) -> str:
        """What a filter compares with the id."""
        return self.member

    @property
    def is_addressable(self) -> bool:
        """No path has such an id."""
        return False

    def identities(self, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The id of an item."""
        yield "", str(item.get(self.member))
