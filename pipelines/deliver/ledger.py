"""The ledger: what became of each request, in the journal first and in memory second.

A request is written down as sent before it is, on disk, and its outcome is on disk before its sender sends another or
waits, and before the run is over. What a crash leaves is read back by `restore`: requests that were sent and never
settled are in doubt.
"""

import threading
import time
from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from connectors.run_folder.journal import Journal
from pipelines.deliver.parts import Part, is_stretch, ranges
from schemas.errors import ConfigError
from schemas.states import PENDING, STATES, State, code_of

_IN_RANGES = {state.value: code_of(state) for state in (State.ACCEPTED, State.UNCHANGED)}
"""The members of a line that list requests as ranges, and the state of those."""

NO_CALL = 0
"""The call number in the journal of what was settled without a call of its own."""
_AGAIN = [code_of(state) for state in STATES if state.traits.again]
"""Codes of the states that a resumed run tries to better."""


Name = Callable[[int], tuple[str, str]]
"""Gives the key of a request, and its first row as a person finds it."""


class Took(NamedTuple):
    """What a call took that was answered: seconds of its last attempt, and how many attempts there were."""

    seconds: float
    attempts: int


class Outcome(NamedTuple):
    """What became of one request."""

    request: int
    state: State
    code: str
    message: str


_WITHHELD = -2
"""In place of the journal's offset: the first reason for which requests are not sent; further ones are below."""

FORCE = "--force resumes it anyway if the keys are still the same"


class Ledger:
    """States of the requests of one run; safe for many threads.

    Attributes:
        states: the state code of each request, PENDING until it is settled.
        settled_at: journal offset of the line that settled each request; -1 before, and below where it is withheld.
        in_doubt: 1 where a request was sent and no answer has settled it for good.
        calls: calls begun, over all the run's processes.
    """

    def __init__(
        self, journal: Journal, count: int, name: Name | None = None, since: Callable[[], int] | None = None
    ) -> None:
        """Starts with every request open.

        Args:
            journal: the run's.
            count: requests of the run.
            name: gives a request's key and first row, for whoever reads the journal before the run is over.
            since: gives the milliseconds since the run began; without it, lines have no times.
        """
        self._journal, self._name, self._since = journal, name, since
        self.states = bytearray([PENDING]) * count
        self.settled_at = array("q", [-1]) * count
        self.in_doubt = bytearray(count)
        self.calls = 0
        self._withheld: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def plan(self, digest: str, keys: str, *, force: bool = False) -> None:
        """Journals which requests the numbers stand for, before the first is sent.

        Args:
            digest: a fingerprint of the requests.
            keys: a fingerprint of the keys alone.
            force: going on with other requests will do, as long as their keys are the same.

        Raises:
            ConfigError: the journal has a plan already, and it was for other requests.
        """
        first = self._first_line()
        wanted = {"plan": len(self.states), "digest": digest, "keys": keys}
        if first is None:
            self._journal.append(wanted)
        elif first != ({**wanted, "digest": first.get("digest")} if force else wanted):
            what = "keys" if force else f"requests; {FORCE}"
            raise ConfigError(f"the run cannot be resumed: the same extract no longer makes the same {what}")

    @property
    def planned(self) -> bool:
        """Whether the journal says which requests the numbers stand for."""
        return self._first_line() is not None

    def _first_line(self) -> dict[str, Any] | None:
        first = next(self._journal.lines(), None)
        return first[1] if first else None

    def begin(self, part: Part) -> int:
        """Journals what is about to be sent; gives the number of the call."""
        with self._lock:
            self.calls += 1
            call = self.calls
        sent = ranges(part)
        self._journal.append({"call": call, **self._times(None), "sent": sent})
        self.doubt(sent)
        return call

    def refused(self, part: Part) -> None:
        """Notes that a call was refused whole, so none of its requests was applied; they are to be settled yet."""
        for first, count in ranges(part):
            self.in_doubt[first : first + count] = bytes(count)

    def settle(
        self,
        call: int,
        request_id: str | None,
        outcomes: Sequence[Outcome],
        accepted: Part = (),
        ids: Sequence[str | None] = (),
        changes: str = "",
        took: Took | None = None,
    ) -> None:
        """Journals what became of requests, then notes it in memory; on disk it is after the next `begin` or `sync`.

        Args:
            call: the call whose answer settles them.
            request_id: LUSID's id of that call.
            outcomes: requests with something to say of them.
            accepted: requests that are simply done, with LUSID's id of each in `ids`.
            changes: what became of each of those, a letter each; empty where the answer does not tell.
            took: what the call took, where it was answered.
        """
        record: dict[str, Any] = {"call": call, **self._times(took)}
        record |= {"request_id": request_id, "settled": [list(o) for o in outcomes]}
        if outcomes and self._name is not None:
            record["named"] = [self._name(outcome.request) for outcome in outcomes]
        if len(accepted):
            record["accepted"] = ranges(accepted)
            record["ids"] = ids if any(ids) else None
            if changes:
                record["changes"] = changes
        self._note(self._journal.write(record), record)

    def sync(self) -> None:
        """Waits until all that this thread settled is on disk; raises RunFolderError where it cannot be."""
        self._journal.sync()

    def _times(self, took: Took | None) -> dict[str, int]:
        """The members of a line that say when, and how long."""
        if self._since is None:
            return {}
        told = {} if took is None else {"took": round(1000 * took.seconds), "attempts": took.attempts}
        return {"at": self._since(), **told}

    def leave_out(self, unchanged: Part, outcomes: Sequence[Outcome]) -> None:
        """Journals which requests are not to be sent, then notes it in memory.

        Args:
            unchanged: those of which LUSID holds all already.
            outcomes: others, with something to say of them.
        """
        record: dict[str, Any] = {"call": NO_CALL, **self._times(None)}
        record |= {"request_id": None, "settled": [list(o) for o in outcomes]}
        if outcomes and self._name is not None:
            record["named"] = [self._name(outcome.request) for outcome in outcomes]
        if len(unchanged):
            record["unchanged"] = ranges(unchanged)
        self._note(self._journal.append(record), record)

    def withhold(self, requests: npt.NDArray[np.int64], state: State, code: str, message: str) -> None:
        """Settles requests that are not to be sent, in memory alone: whoever resumes the run decides anew.

        Args:
            requests: their numbers; those that are settled already stay as they are.
            state: a good one.
            code, message: why.
        """
        states, settled_at = np.frombuffer(self.states, np.uint8), np.frombuffer(self.settled_at, np.int64)
        here = requests[states[requests] == PENDING]
        states[here], settled_at[here] = code_of(state), _WITHHELD - len(self._withheld)
        np.frombuffer(self.in_doubt, np.uint8)[here] = 0
        self._withheld.append((code, message))

    def why_withheld(self, settled_at: int) -> tuple[str, str]:
        """(code, message) of requests that are withheld, by what stands in `settled_at`."""
        return self._withheld[_WITHHELD - settled_at]

    def restore(self) -> set[int]:
        """Takes over what the journal says; gives the requests that are in doubt.

        In doubt is what was sent and not settled, or settled as unknown. Both, and what was not sent, are open again.
        """
        self.catch_up(0)
        for request in np.flatnonzero(np.isin(np.frombuffer(self.states, np.uint8), _AGAIN)).tolist():
            self.states[request] = PENDING
            self.settled_at[request] = -1
        return set(np.flatnonzero(np.frombuffer(self.in_doubt, np.uint8)).tolist())

    def catch_up(self, begin: int, journal: Journal | None = None) -> None:
        """Takes over what the journal says from an offset on, or a part of it, which other processes have written."""
        journal = journal or self._journal
        for number, (offset, record) in enumerate(journal.lines(), 1):
            if offset < begin:
                continue
            try:
                self._take_over(offset, record)
            except (KeyError, TypeError, ValueError, IndexError):
                raise journal.damaged(number) from None

    def told(self, part: Part, states: bytes, in_doubt: bytes) -> None:
        """Notes what another process, which journals it, says of requests; `catch_up` follows."""
        at = np.asarray(part, np.int64)
        np.frombuffer(self.states, np.uint8)[at] = np.frombuffer(states, np.uint8)
        np.frombuffer(self.in_doubt, np.uint8)[at] = np.frombuffer(in_doubt, np.uint8)

    def open_among(self, part: Part) -> Part:
        """Those of some requests that are not settled."""
        if is_stretch(part):  # of most calls all are open, and afterwards none
            count = self.states.count(PENDING, part[0], part[-1] + 1)
            if count in (0, len(part)):
                return part if count else []
        return [request for request in part if self.states[request] == PENDING]

    def open_requests(self) -> npt.NDArray[np.int64]:
        """Numbers of the requests that are not settled."""
        return np.flatnonzero(np.frombuffer(self.states, np.uint8) == PENDING)

    def _take_over(self, offset: int, record: dict[str, Any]) -> None:
        """Reads one line; raises KeyError, TypeError, ValueError or IndexError when it makes no sense."""
        for first, count in [each for name in ("sent", *_IN_RANGES) for each in record.get(name, ())]:
            if not 0 <= first < first + count <= len(self.states):
                raise IndexError(first)
        if not all(0 <= request < len(self.states) for request, *_ in record.get("settled", ())):
            raise IndexError
        if "sent" in record:
            self.calls = max(self.calls, record["call"])
            self.doubt(record["sent"])
        elif "settled" in record:
            self._note(offset, record)

    def doubt(self, sent: Sequence[Sequence[int]]) -> None:
        """Notes requests, as pairs [first, count], that were sent and that no answer has settled."""
        for first, count in sent:
            self.in_doubt[first : first + count] = b"\1" * count

    def _note(self, offset: int, record: dict[str, Any]) -> None:
        for name, code in _IN_RANGES.items():
            for first, count in record.get(name, ()):
                self.in_doubt[first : first + count] = bytes(count)
                self.states[first : first + count] = bytes([code]) * count
                self.settled_at[first : first + count] = array("q", [offset]) * count
        for request, text, _, _ in record["settled"]:
            state = State(text)
            self.states[request] = code_of(state)
            self.in_doubt[request] = state.traits.in_doubt
            self.settled_at[request] = offset


def since(started: str) -> Callable[[], int]:
    """Gives the milliseconds since a run began, which another process may have done: its clock is the calendar's."""
    earlier = (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds()
    began = time.monotonic() - max(0.0, earlier)
    return lambda: round(1000 * (time.monotonic() - began))


def settles(line: dict[str, Any]) -> bool:
    """Whether a journal's line tells of a request that its target took or refused, may have taken, or holds."""
    return any(line.get(name) for name in _IN_RANGES) or any(
        state != State.NOT_SENT for _, state, *_ in line.get("settled", ())
    )
