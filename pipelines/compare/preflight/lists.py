"""Asks LUSID which entities it has, in as few calls as its API allows.

A list is read page by page as long as that may take fewer calls than filters would; what it does not show is asked for
by filters. Nothing counts as missing on a list's word alone: one of the missing is read by itself, and if it is there,
the list is not believed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from connectors.lusid.listing import LARGEST_PAGE, filter_among, portions, room_in
from pipelines.compare.preflight.calls import Calls, Json, NotAskedError, RefusedError, items
from pipelines.compare.preflight.references import Group, Kind, References
from pipelines.operations.places import IdentifierPlace, Place
from schemas.dialects import Dialect

LONGEST = 7500
"""Characters of a first filter, as a URL spells it: most servers take 8,000. LUSID is said to take URLs of 2,048
(docs/lusid.md); what is refused is halved, and remembered."""

SHORTEST = 200
FEW = 2
"""So many filters are no more calls than the pages of a list would be."""

MOST_ALONE = 20
"""Entities that are read one by one where LUSID takes no filter; more of them are not asked for."""

_COLLECTIONS = {
    Kind.PERSON: "persons",
    Kind.LEGAL_ENTITY: "legalentities",
    Kind.RECORD: "investorrecords",
    Kind.ORDER: "orders",
    Kind.BLOCK: "blocks",
    Kind.PLACEMENT: "placements",
    Kind.EXECUTION: "executions",
    Kind.ALLOCATION: "allocations",
}
_BY_IDENTIFIER = frozenset({Kind.PERSON, Kind.LEGAL_ENTITY, Kind.RECORD})


class Lists:
    """Reads lists, for one preflight."""

    def __init__(self, calls: Calls, dialect: Dialect, longest: int = LONGEST) -> None:
        self._calls, self._dialect = calls, dialect
        self._longest = longest

    def find(self, groups: Sequence[Group], references: References) -> None:
        """Notes which references of the groups of one list LUSID has.

        Args:
            groups: of one kind; portfolios of one scope.
            references: has them, and takes what is known.

        Raises:
            NotAskedError: LUSID does not say of all of them; what it says is noted.
        """
        path = _list_path(groups[0])
        is_whole = False
        if sum(self._filters(group, references) for group in groups) > FEW:
            is_whole = self._read_whole(path, groups, references)
        for group in groups:
            if not (is_whole and self._is_believed(group, references)):
                self._read_filtered(path, group, references)

    def _filters(self, group: Group, references: References) -> float:
        """About how many calls with filters would ask for what is open of a group."""
        count, letters = references.still_open(group)
        return (letters + 12 * count) / self._longest if self._longest else math.inf

    def _read_whole(self, path: str, groups: Sequence[Group], references: References) -> bool:
        """Reads a list while that may take fewer calls than filters; says whether it came to the end of it."""
        for number, (page, is_last) in enumerate(self._pages(path, {}), 1):
            for group in groups:
                references.know(group, _shown(group, page))
            if is_last or number > sum(self._filters(group, references) for group in groups):
                return is_last
        return False

    def _pages(self, path: str, asked: Mapping[str, str]) -> Iterator[tuple[Sequence[Json], bool]]:
        """The pages of a list, each read when it is wanted, and whether it is the last."""
        page: Any = None
        while True:
            body = self._calls.get(path, {"limit": LARGEST_PAGE, **asked, **({"page": page} if page else {})})
            page, before = body.get("nextPage"), page
            is_last = not page or page == before
            yield items(body), is_last
            if is_last:
                return

    def _read_filtered(self, path: str, group: Group, references: References) -> None:
        """Asks for what is open by filters, shorter ones where LUSID refuses them, and else for each by itself."""
        place, longest = _place(path, group, ""), self._longest
        for values in references.batches(group):
            while values and longest:
                some = next(portions(values, room_in(place.field, longest)))
                said = filter_among(place.field, some)
                try:
                    for page, _ in self._pages(path, {"filter": said}):
                        references.know(group, _shown(group, page))
                    values = values[len(some) :]
                except RefusedError:
                    longest = len(quote_plus(said)) // 2 if len(quote_plus(said)) >= 2 * SHORTEST else 0
        self._longest = longest or self._longest
        if not (longest and self._is_believed(group, references)):
            self._read_alone(group, references)

    def _is_believed(self, group: Group, references: References) -> bool:
        """Whether a list may be believed that does not show what is open: one of that, read by itself, is not there."""
        for value in references.open_values(group, limit=1):
            if self._calls.there(*self._alone(group, value)) is not None:
                references.know(group, [value])
                return not references.still_open(group)[0]
        return True

    def _read_alone(self, group: Group, references: References) -> None:
        """Reads what is open one by one; raises NotAskedError where there is too much of it."""
        count, _ = references.still_open(group)
        if count > MOST_ALONE:
            raise NotAskedError(
                f"LUSID's list does not show them by filters, and {count:,} are too many to ask for singly"
            )
        for value in references.open_values(group, limit=MOST_ALONE):
            if self._calls.there(*self._alone(group, value)) is not None:
                references.know(group, [value])

    def _alone(self, group: Group, value: str) -> tuple[str, Mapping[str, str]]:
        """Where one entity is read by itself."""
        path, text = _list_path(group), quote(value, safe="")
        if group.kind is Kind.PORTFOLIO:
            return f"{path}/{text}", {}
        if group.kind not in _BY_IDENTIFIER:
            return f"{path}/{quote(group.scope, safe='')}/{text}", {}
        key, _, entity_scope = group.scope.partition(" ")
        _, scope, code = key.split("/")
        if self._dialect is Dialect.V2_3 and group.kind is Kind.RECORD:
            return f"{path}/{code}/{text}", {"identifierScope": scope, "scope": entity_scope}
        return f"{path}/{scope}/{code}/{text}", {}


def _list_path(group: Group) -> str:
    if group.kind is Kind.PORTFOLIO:
        return f"/api/portfolios/{quote(group.scope, safe='')}"
    return f"/api/{_COLLECTIONS[group.kind]}"


def _place(path: str, group: Group, value: str) -> Place:
    """Where a list shows a reference."""
    if group.kind in _BY_IDENTIFIER:
        key, _, scope = group.scope.partition(" ")
        return IdentifierPlace(path, key, scope, value)
    return Place(path, "id", group.scope, value)


def _shown(group: Group, shown: Sequence[Json]) -> Iterator[str]:
    """The values of a group by which items of a list are known."""
    place = _place("", group, "")
    return (value for item in shown for scope, value in place.identities(item) if scope == place.scope)
