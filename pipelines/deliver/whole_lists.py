"""Lists of LUSID that are read whole, where most of what they show is wanted: that takes fewer calls than filters.

What is wanted is kept in a scratch file until it is asked for, so that memory does not grow with what LUSID holds.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from connectors.lusid.listing import LARGEST_PAGE
from connectors.run_folder.scratch import EntryFile
from pipelines.operations.evidence import Read
from pipelines.operations.places import Place
from schemas.errors import ConfigError, RejectedError

Hashes = npt.NDArray[np.int64]


class Wanted:
    """The places that are looked for in one list, by their hashes; 8 bytes each.

    Attributes:
        path: the list's.
        letters: the characters of their codes and values, as a filter spells them.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.letters = 0
        self._hashes = array("q")
        self._kinds: dict[tuple[str, bool], Place] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, place: Place, letters: int) -> None:
        """Adds a place, which a filter spells in so many characters."""
        self._hashes.append(_hash_of(place, place.scope, place.code))
        self._kinds.setdefault((place.member, bool(place.scope)), place)
        self.letters += letters

    @property
    def fields(self) -> frozenset[str]:
        """What filters compare with the places' codes."""
        return frozenset(kind.field for kind in self._kinds.values())

    def sorted(self) -> Hashes:
        """The hashes, ascending."""
        return np.sort(np.frombuffer(self._hashes, np.int64))

    def hashes_of(self, item: Mapping[str, Any]) -> Iterator[int]:
        """The hashes of the places at which an item of the list stands."""
        for kind in self._kinds.values():
            for scope, code in kind.identities(item):
                yield _hash_of(kind, scope, code)


def _hash_of(place: Place, scope: str, code: str) -> int:
    return hash((place.member, scope, code))


class WholeLists:
    """What whole lists show of places that are wanted; safe to share between threads once it is read."""

    def __init__(self, read: Read, scratch: Path) -> None:
        """Reads nothing yet.

        Args:
            read: reads a path.
            scratch: the file that holds what was found; gone when it is closed.
        """
        self._read = read
        self._entries = EntryFile(scratch)
        self._fields: set[tuple[str, str]] = set()
        self._found: defaultdict[str, tuple[array[int], array[int]]] = defaultdict(lambda: (array("q"), array("q")))
        self._index: dict[str, tuple[Hashes, Hashes]] = {}

    def read(self, wanted: Wanted, keys: Sequence[str], most_pages: int) -> bool:
        """Reads a list to its end; says whether it did.

        Args:
            wanted: what is looked for; the rest is passed over.
            keys: of the properties to read.
            most_pages: pages after which it is given up: LUSID holds far more than is wanted.

        Raises:
            RetryableError, FatalError: as `read` raises them, but for a list that LUSID does not give.
        """
        hashes = wanted.sorted()
        for items in self._pages(wanted.path, keys, most_pages):
            if items is None:
                return False
            self._keep(wanted, hashes, items)
        self._entries.finish()
        self._index |= {path: _sorted(*found) for path, found in self._found.items()}
        self._index.setdefault(wanted.path, _sorted(array("q"), array("q")))
        self._fields |= {(wanted.path, field) for field in wanted.fields}
        return True

    def has(self, path: str, field: str) -> bool:
        """Whether a list was read to its end, and its items are known by this field."""
        return (path, field) in self._fields

    def items(self, place: Place) -> list[Mapping[str, Any]]:
        """The items of a list that was read at one of the places that were wanted."""
        hashes, entries = self._index[place.path]
        wanted = _hash_of(place, place.scope, place.code)
        first, end = np.searchsorted(hashes, wanted, "left"), np.searchsorted(hashes, wanted, "right")
        items = [orjson.loads(self._entries.read(number)) for number in entries[first:end].tolist()]
        return [item for item in items if place[2:] in place.identities(item)]

    def close(self) -> None:
        """Removes the scratch file."""
        self._entries.close()

    def _pages(self, path: str, keys: Sequence[str], most_pages: int) -> Iterator[Sequence[Mapping[str, Any]] | None]:
        """The items of each page; at the end None where the list is not given, or not within so many pages.

        The next page is on its way while one is worked on.
        """
        asked: dict[str, Any] = {"limit": LARGEST_PAGE, **({"propertyKeys": list(keys)} if keys else {})}
        with ThreadPoolExecutor(1, "list") as pool:
            coming = pool.submit(self._page, path, asked)
            for number in range(1, most_pages + 1):
                items, following = coming.result()
                if following and number < most_pages:
                    coming = pool.submit(self._page, path, {**asked, "page": following})
                yield items
                if items is None or not following:
                    return
            yield None

    def _page(self, path: str, asked: Mapping[str, Any]) -> tuple[Sequence[Mapping[str, Any]] | None, Any]:
        """The items of a page, and the token of the next one."""
        try:
            body = self._read(path, asked)
        except (RejectedError, ConfigError):
            return None, None
        if not isinstance(body, Mapping) or not isinstance(body.get("values"), list):
            return None, None
        return [item for item in body["values"] if isinstance(item, Mapping)], body.get("nextPage")

    def _keep(self, wanted: Wanted, hashes: Hashes, items: Sequence[Mapping[str, Any]]) -> None:
        """Keeps the items of a page that are wanted."""
        shown = [[*wanted.hashes_of(item)] for item in items]
        every = np.fromiter((one for several in shown for one in several), np.int64)
        if not len(every) or not len(hashes):
            return
        places = np.minimum(np.searchsorted(hashes, every), len(hashes) - 1)
        among = set(every[hashes[places] == every].tolist())
        known, numbers = self._found[wanted.path]
        kept: list[bytes] = []
        for item, several in zip(items, shown, strict=True):
            if hit := [one for one in several if one in among]:
                known.extend(hit)
                numbers.extend([len(self._entries) + len(kept)] * len(hit))
                kept.append(orjson.dumps(item))
        self._entries.extend(kept)


def _sorted(hashes: "Iterable[int]", entries: "Iterable[int]") -> tuple[Hashes, Hashes]:
    """Hashes ascending, and the entry of each."""
    found, numbers = np.array(hashes, np.int64), np.array(entries, np.int64)
    order = np.argsort(found, kind="stable")
    return found[order], numbers[order]
