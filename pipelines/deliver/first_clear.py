"""The first clear of a load is read back before others go: that LUSID removes a property that is null is inferred.

A clear proves something where LUSID holds what it removes, so that some requests are looked at before one is chosen. It
goes in a call of its own, and is settled once it was read back. Where LUSID refuses it, or somebody else changed the
entity meanwhile, others follow, twice as many each time. Reads may lag behind writes, as in `read_back`.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.deliver.ledger import Outcome
from pipelines.deliver.parts import Part
from pipelines.deliver.read_back import Reader, request_of
from pipelines.operations.evidence import Evidence, body_of
from pipelines.operations.operation import CallSpec
from pipelines.prepare.reading import Requests
from schemas.errors import FatalError, RetryableError, StoppedError
from schemas.states import State

LOOKED_AT = 20
"""Requests that are looked at before one is taken that removes nothing: each costs a read, and others wait."""

_NULL = b'"value":null'
"""What stands in a request that clears, and in no other: a text has its quotes escaped."""

_AT_ONCE = 1000
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class _Probe:
    """Where it shows whether a request cleared.

    Attributes:
        properties: those that it clears as of one date.
        where: the entity, as of that date.
        version: its version before the request; None where it is not known.
        held: those of the properties of which LUSID holds a value.
    """

    properties: Sequence[str]
    where: Evidence
    version: int | None = None
    held: Sequence[str] = ()

    def seen(self, body: Any) -> "_Probe":
        """The same with what was read."""
        return replace(self, version=_version(body), held=[*_held(body, self.properties)])


@dataclass
class FirstClear:
    """Proves that clears are heeded, before they are sent by the thousand.

    Attributes:
        reader: reads what LUSID holds.
        lag: seconds by which reads may lag behind writes.
        error: what was found that no other clear may be sent for.
        is_open: whether one was accepted and shows no value any more: others may go.
        removed: whether that one removed a value.
    """

    prepared: Requests
    spec: CallSpec
    reader: Reader
    lag: float
    error: FatalError | None = None
    is_open: bool = False
    removed: bool = False
    _looks: int = 0
    _probes: dict[int, _Probe] = field(default_factory=dict)

    def trials(self, requests: npt.NDArray[np.int64], most: int) -> Iterator[Part]:
        """Requests to be delivered, one part after the other, before all others; stops once one has proved it.

        Args:
            requests: those that are to be sent.
            most: requests in one call.

        Raises:
            FatalError: LUSID cannot be read.
        """
        clears, idle, size = _clearing(self.prepared, requests), list[int](), 1
        while not self.is_open and self.error is None:
            part = [*itertools.islice(self._with_something(clears, idle), size)]
            part = part or [*itertools.islice(itertools.chain(idle, clears), size)]
            if not part:
                return
            idle = [request for request in idle if request not in part]
            self._probes |= {request: self._probe(request) for request in part if request not in self._probes}
            yield part
            size = min(2 * size, most)

    def read_back(self, accepted: Part) -> list[Outcome]:
        """What became of requests that LUSID accepted and that did not clear, as far as they are on trial."""
        return [outcome for request in accepted if (outcome := self._tried(request)) is not None]

    def _with_something(self, clears: Iterable[int], idle: list[int]) -> Iterator[int]:
        """Requests that clear what LUSID holds; the others become idle."""
        for request in itertools.islice(clears, LOOKED_AT - self._looks):
            self._looks += 1
            probe = self._probe(request)
            try:
                self._probes[request] = probe = probe.seen(body_of(probe.where, self._read))
            except RetryableError:  # the clear itself will show whether LUSID answers
                self._probes[request] = probe
            if probe.held:
                yield request
            else:
                idle.append(request)

    def _probe(self, request: int) -> _Probe:
        """Where it shows whether a request clears: now, or where all that it clears is dated, as of the first date."""
        body = request_of(self.prepared, self.spec, request)
        cleared = {key: entry for key, entry in body["properties"].items() if entry["value"] is None}
        date = min((entry.get("effectiveFrom", "") for entry in cleared.values()), default="")
        where = next(iter(self.spec.operation.evidence(body, self.spec.dialect)))
        dated = {**where.params, "effectiveAt": date} if date else where.params
        keys = [key for key, entry in cleared.items() if entry.get("effectiveFrom", "") == date]
        return _Probe(keys, replace(where, params=dated))

    def _tried(self, request: int) -> Outcome | None:
        """Looks whether a request on trial cleared; gives what is to be said of one that did not."""
        probe = self._probes.get(request)
        if probe is None or self.is_open:
            return None
        try:
            after, body = self._after(probe)
        except (RetryableError, FatalError) as error:
            return self._not_read_back(request, probe, error.message)
        if body is None:
            return self._not_read_back(request, probe, "LUSID does not show what it accepted")
        if not after.held:
            self.is_open, self.removed = True, bool(probe.held)
            return None
        if probe.version is not None and after.version is not None and after.version > probe.version + 1:
            return None  # somebody else wrote, too, and may have set it anew
        names = ", ".join(after.held)
        self.error = StoppedError(
            f"LUSID accepted a null for {names} of {self.prepared.key(request)} and still holds a value, so nothing "
            "else was sent: take `clear` and `empty: clear` out of the mapping; bulkload doctor tells how this "
            "LUSID behaves"
        )
        text = f"LUSID accepted the request and still holds {names}, which it clears: the rest of it is in LUSID"
        return Outcome(request, State.FAILED, "NotCleared", text)

    def _not_read_back(self, request: int, probe: _Probe, why: str) -> Outcome:
        names, key = ", ".join(probe.properties), self.prepared.key(request)
        self.error = StoppedError(
            f"whether LUSID removed {names} of {key} could not be read back ({why}), so nothing else was sent: "
            "resume the run; where this LUSID is known to remove what is null, `null_clears` in a file that --assume "
            "names says so"
        )
        text = f"LUSID accepted it, and whether it removed {names} could not be read back: {why}"
        return Outcome(request, State.UNKNOWN, "NotReadBack", text)

    def _after(self, probe: _Probe) -> tuple[_Probe, Any]:
        """What LUSID shows behind a clear: as soon as it shows it, or once reads have had their time."""
        until = self.reader.now() + self.lag
        while True:
            body = body_of(probe.where, self._read)
            after = probe.seen(body)
            left = until - self.reader.now()
            if (isinstance(body, Mapping) and not after.held) or left <= 0:
                return after, body if isinstance(body, Mapping) else None
            self.reader.pause(min(left, _AGAIN_SECONDS))

    def _read(self, path: str, params: Any) -> Any:
        return self.reader.get(path, params).body


def _clearing(prepared: Requests, requests: npt.NDArray[np.int64]) -> Iterator[int]:
    """Those of some requests that clear, ascending."""
    for first in range(0, len(requests), _AT_ONCE):
        some = requests[first : first + _AT_ONCE]
        if _NULL in prepared.entries.together(prepared.entry_of[some]):
            yield from (n for n in some.tolist() if _NULL in prepared.entries.read(int(prepared.entry_of[n])))


def _held(body: Any, properties: Iterable[str]) -> Iterator[str]:
    """Those of some properties of which an entity has a value."""
    there = body.get("properties") if isinstance(body, Mapping) else None
    there = there if isinstance(there, Mapping) else {}
    for key in properties:
        entry = there.get(key)
        if entry is not None and not (isinstance(entry, Mapping) and entry.get("value") is None):
            yield key


def _version(body: Any) -> int | None:
    version = body.get("version") if isinstance(body, Mapping) else None
    number = version.get("asAtVersionNumber") if isinstance(version, Mapping) else None
    return number if isinstance(number, int) else None
