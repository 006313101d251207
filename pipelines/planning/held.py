"""Reads what LUSID holds of what requests would create or change: one thing, used by plans and by verify.

By list and filter, where the dialect has lists; the whole list, where that takes fewer calls; one by one where it has
none. Some requests at a time, several calls at once, with the client's own pacing.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote_plus

import numpy as np
import numpy.typing as npt
import orjson

from connectors.lusid.client import LusidClient
from pipelines.deliver.list_reading import LONGEST, SHORTEST, ListReader
from pipelines.deliver.redaction import mask_error
from pipelines.deliver.whole_lists import Wanted, WholeLists
from pipelines.operations.evidence import Evidence
from pipelines.operations.operation import BodyShape, CallSpec
from pipelines.planning.expected import addresses_of
from pipelines.prepare.reading import Prepared
from schemas.errors import LoadError, RetryableError, UnreachableError

AT_ONCE = 1000
"""Requests that are looked at together."""

SHARE = 4
"""A whole list is given up after one page for each so many calls with filters that it would save."""

_QUOTED = len(quote_plus("'', "))
"""What a filter spells around a code."""

_From = TypeVar("_From")
_To = TypeVar("_To")


class Held(NamedTuple):
    """What LUSID holds of one request.

    Attributes:
        request: its number.
        sent: the request, with exact numbers.
        bodies: what was read at each of its addresses, or the finding where there is nothing.
    """

    request: int
    sent: Any
    bodies: Sequence[Any]


class EntityReader:
    """Reads entities, and says in our words why they cannot be read; safe to share between threads."""

    def __init__(
        self, client: LusidClient, again: str, whole: WholeLists | None = None, longest: int = LONGEST
    ) -> None:
        """Reads nothing yet.

        Args:
            client: reads.
            again: what to do again when LUSID answers.
            whole: lists that were read already.
            longest: characters of a first filter; 0 where lists take none.
        """
        self._lists, self._again = ListReader(partial(_body, client), whole, longest), again

    def bodies(self, where: Sequence[Evidence], sent: Sequence[Any]) -> list[Any]:
        """The body of each entity, or the finding where there is none.

        Args:
            where: the entities.
            sent: what was sent, or is to be: no error quotes it.

        Raises:
            UnreachableError, AuthError: LUSID does not answer, or does not let us in.
        """
        with _told_in_our_words(self._again):
            try:
                return self._lists.sure_bodies(where)
            except LoadError as error:
                mask_error(error, orjson.dumps(sent, default=str))
                raise


class HeldReader:
    """Reads what LUSID holds of the requests of one extract."""

    def __init__(
        self, prepared: Prepared, spec: CallSpec, client: LusidClient, scratch: Path, again: str, longest: int = LONGEST
    ) -> None:
        """Reads nothing yet.

        Args:
            prepared: the requests.
            spec: the calls they are for.
            client: reads.
            scratch: the folder for what is read; about the size of the requests.
            again: what to do again when LUSID does not answer.
            longest: characters of a first filter; 0 where lists take none.
        """
        self._longest = longest
        self._prepared, self._spec, self._client, self._again = prepared, spec, client, again
        self._scratch = scratch / "held.tmp"

    def read(self, requests: npt.NDArray[np.int64], at_once: int, note: Callable[[str], None]) -> Iterator[list[Held]]:
        """What LUSID holds of some requests, some at a time, in their order.

        Args:
            requests: their numbers, ascending; shape (n,), int64.
            at_once: calls in flight, at most.
            note: told what the user should know before it is read.

        Raises:
            UnreachableError, AuthError: LUSID does not answer, or does not let us in.
        """
        try:
            addresses = (each for request in requests.tolist() for each in self._addresses(self._sent(request)))
            with read_lists(self._client, addresses, self._scratch, self._again, self._longest) as (whole, alone):
                if alone:
                    entity, dialect = self._spec.operation.entity, self._spec.dialect
                    note(f"LUSID lists no {entity}s in dialect {dialect}: {alone:,} reads, one for each identifier")
                reader = EntityReader(self._client, self._again, whole, self._longest)
                batches = (requests[at : at + AT_ONCE] for at in range(0, len(requests), AT_ONCE))
                yield from in_order(partial(self._held, reader), batches, at_once)
        except BaseException:
            self._client.stop.set()  # what other threads wait for, nobody needs any more
            raise

    def _held(self, reader: EntityReader, requests: npt.NDArray[np.int64]) -> list[Held]:
        sent = [self._sent(request) for request in requests.tolist()]
        where = [self._addresses(each) for each in sent]
        bodies = iter(reader.bodies([each for several in where for each in several], sent))
        return [
            Held(request, each, [next(bodies) for _ in several])
            for request, each, several in zip(requests.tolist(), sent, where, strict=True)
        ]

    def _addresses(self, sent: Any) -> list[Evidence]:
        return addresses_of(self._spec.operation, sent, self._spec.dialect)

    def _sent(self, request: int) -> Any:
        return sent_request(self._prepared, self._spec, request)


@contextmanager
def read_lists(
    client: LusidClient, addresses: Iterable[Evidence], scratch: Path, again: str, longest: int = LONGEST
) -> Iterator[tuple[WholeLists, int]]:
    """Reads whole lists where that saves calls, and keeps what they show while the block lasts.

    Args:
        client: reads.
        addresses: all that is looked for.
        scratch: a file for what is found, about as large as what is looked for.
        again: what to do again when LUSID answers.
        longest: characters of a first filter; 0 where lists take none.

    Yields:
        The lists, and how many of the addresses no list can show.

    Raises:
        UnreachableError, AuthError: LUSID does not answer, or does not let us in.
    """
    lists: dict[str, Wanted] = {}
    keys: set[str] = set()
    alone = 0
    for address in addresses:
        keys.update(address.params.get("propertyKeys", ()))
        if address.place is None:
            alone += 1
            continue
        wanted = lists.setdefault(address.place.path, Wanted(address.place.path))
        wanted.add(address.place, len(quote_plus(address.place.code)) + _QUOTED)
    with closing(WholeLists(partial(_body, client), scratch)) as whole:
        for wanted in lists.values():
            if pages := wanted.letters // (longest or SHORTEST) // SHARE:
                with _told_in_our_words(again):
                    whole.read(wanted, sorted(keys), pages + 1)
        yield whole, alone


@contextmanager
def _told_in_our_words(again: str) -> Iterator[None]:
    try:
        yield
    except RetryableError as error:
        raise UnreachableError(f"{error.message}: {again} again when LUSID answers") from None


def sent_request(prepared: Prepared, spec: CallSpec, request: int) -> Any:
    """A request as it goes on the wire; numbers are exact.

    Args:
        prepared: the requests.
        spec: the calls they are for.
        request: its number.
    """
    entry = prepared.entries.read(int(prepared.entry_of[request]))[:-1].decode()
    if spec.body is not BodyShape.KEYED:
        return json.loads(entry, parse_float=Decimal)
    return next(iter(json.loads(f"{{{entry}}}", parse_float=Decimal).values()))


def version_of(held: Held) -> str | None:
    """Which versions LUSID holds of a request's entities, as far as it tells; None where it holds none."""
    there = [body for body in held.bodies if isinstance(body, Mapping)]
    return " ".join(dict.fromkeys(map(_version, there))) or None


def _version(body: Mapping[str, Any]) -> str:
    version = body.get("version")
    if isinstance(version, Mapping) and "asAtVersionNumber" in version:
        return f"{identity_of(body)}:{version['asAtVersionNumber']}@{version.get('asAtModified')}"
    shown = {name: value for name, value in body.items() if name not in ("href", "links")}
    return blake2b(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def identity_of(body: Mapping[str, Any]) -> str:
    """What tells an entity from others of its kind: LUSID's own id, its ResourceId, or all of it."""
    named = body.get("id")
    if isinstance(named, Mapping):
        return f"{named.get('scope')}/{named.get('code')}"
    own = next((body[name] for name in body if name.startswith("lusid") and name.endswith("Id")), None)
    return str(own or orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def in_order(work: Callable[[_From], _To], batches: Iterable[_From], at_once: int) -> Iterator[_To]:
    """Works on batches, some at a time, and gives the results in their order; few are in memory at once.

    Args:
        work: is called in several threads.
        batches: taken as they are needed.
        at_once: calls of `work` at a time.
    """
    with ThreadPoolExecutor(at_once) as pool:
        waiting: deque[Future[_To]] = deque()
        try:
            for batch in batches:
                waiting.append(pool.submit(work, batch))
                if len(waiting) > at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()


def _body(client: LusidClient, path: str, params: Mapping[str, Any]) -> Any:
    return client.get(path, params).body
