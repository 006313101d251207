"""Reading what many requests made or changed in few calls: by list and filter, in pages.

Where LUSID, or what stands before it, takes no filter as long as that, shorter ones are tried, and in the end each
entity is read by itself. Knows no request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote_plus

from connectors.lusid.listing import LARGEST_PAGE, filter_among, portions, room_in
from pipelines.deliver.whole_lists import WholeLists
from pipelines.operations.evidence import NOT_FOUND, Evidence, Finding, Read, body_of
from pipelines.operations.places import Place
from schemas.errors import ConfigError, RejectedError

LONGEST = 4000
"""Characters of a first filter, as a URL spells it. LUSID is said to take URLs of 2,048 (docs/lusid.md); what takes
more saves calls."""

SHORTEST = 200
"""A filter of less than twice this that is refused is the last that is tried."""

FEW = 3
"""Fewer entities than this are read one by one."""

MOST_PAGES = 10
"""Pages that are read of one list: one that goes on and on does not heed the filter."""

_Found = dict[Place, list[Mapping[str, Any]]]


class ListReader:
    """Reads entities in lists; safe to share between threads, which learn from each other."""

    def __init__(self, read: Read, whole: WholeLists | None = None, longest: int = LONGEST) -> None:
        """Reads nothing yet.

        Args:
            read: reads a path.
            whole: lists that were read already, which are asked first.
            longest: characters of a first filter, as a URL spells it; 0 where lists take none.
        """
        self._read, self._whole = read, whole
        self._longest = longest

    def bodies(self, evidence: Sequence[Evidence]) -> list[Any]:
        """The body of each entity, or the finding where there is none."""
        return self._bodies(evidence, self._listed(evidence))

    def sure_bodies(self, evidence: Sequence[Evidence]) -> list[Any]:
        """The same where much depends on what is not there: one of those that no list shows is read by itself, too.

        If it is there after all, lists are believed no more.
        """
        listed = self._listed(evidence)
        missing = [e for e in evidence if e.place in listed and not listed[e.place] and e.is_addressable]
        for entity in {e.place.path: e for e in missing if e.place}.values():
            alone = body_of(entity, self._read)
            if not isinstance(alone, Finding) and _shows(entity, alone):
                self._longest, self._whole = 0, None
                return self._bodies(evidence, {})
        return self._bodies(evidence, listed)

    def _bodies(self, evidence: Sequence[Evidence], listed: _Found) -> list[Any]:
        return [_body(e, listed[e.place]) if e.place in listed else self._alone(e) for e in evidence]

    def _alone(self, entity: Evidence) -> Any:
        """The body of an entity read by itself, or the finding where there is none."""
        return body_of(entity, self._read) if entity.is_addressable else Finding.UNCLEAR

    def _listed(self, evidence: Iterable[Evidence]) -> _Found:
        """What lists show at each place; places that they do not speak of are left out."""
        groups: defaultdict[tuple[str, str], list[Evidence]] = defaultdict(list)
        for entity in evidence:
            if entity.place is not None:
                groups[entity.place.path, entity.place.field].append(entity)
        found: _Found = {}
        for (path, name), group in groups.items():
            whole = self._whole
            if whole is not None and whole.has(path, name):
                found |= {e.place: whole.items(e.place) for e in group if e.place is not None}
            elif len(group) >= FEW or not all(entity.is_addressable for entity in group):
                found |= self._of_list(path, name, group)
        return found

    def _of_list(self, path: str, name: str, group: Sequence[Evidence]) -> _Found:
        places = {e.place for e in group if e.place is not None}
        keys = sorted({key for e in group for key in e.params.get("propertyKeys", ())})
        waiting, found = sorted({place.code for place in places}), _Found()
        while waiting and self._longest:
            codes = next(portions(waiting, room_in(name, self._longest)))
            asked = {"filter": filter_among(name, codes), "limit": LARGEST_PAGE}
            items = self._pages(path, {**asked, "propertyKeys": keys} if keys else asked)
            if items is not None:
                some = [place for place in places if place.code in codes]
                shown = [(identity, item) for item in items for identity in some[0].identities(item)]
                found |= {place: [item for identity, item in shown if identity == place[2:]] for place in some}
                waiting = waiting[len(codes) :]
        return found

    def _pages(self, path: str, asked: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
        """The items on all pages of a list; None where it is not given, and a shorter filter is to be tried."""
        items: list[Mapping[str, Any]] = []
        page: Any = None
        for _ in range(MOST_PAGES):
            try:
                body = self._read(path, {**asked, "page": page} if page else asked)
            except (RejectedError, ConfigError) as error:
                hopeless = isinstance(error, RejectedError) and error.status == NOT_FOUND
                self._longest = 0 if hopeless else _shorter(len(quote_plus(asked["filter"])))
                return None
            if not isinstance(body, Mapping) or not isinstance(body.get("values"), list):
                break
            items += [item for item in body["values"] if isinstance(item, Mapping)]
            page = body.get("nextPage")
            if not page:
                return items
        self._longest = 0
        return None


def _shorter(length: int) -> int:
    return length // 2 if length >= 2 * SHORTEST else 0


def _shows(entity: Evidence, body: Any) -> bool:
    return isinstance(body, Mapping) and (not entity.is_list or bool(body.get("values")))


def _body(entity: Evidence, items: list[Mapping[str, Any]]) -> Any:
    if entity.is_list:
        return {"values": items, "nextPage": None}
    if not items:
        return Finding.ABSENT
    return items[0] if len(items) == 1 else Finding.UNCLEAR
