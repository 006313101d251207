"""What a worker of a cluster has open while it sends requests of a run; calls on it come from `remote`.

A session journals in a part of its own before it sends, and settles what it sent as one process does. It ends when it
is told to, and when nobody loads any more: what was handed over is gone, or the run's journal is not in use.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from connectors.cluster.cluster import leave_the_queue, own_address, tell
from connectors.lusid.waiting import Waiting
from connectors.run_folder.journal import Journal, is_in_use
from connectors.targets import open_target
from pipelines.deliver.cluster.handover import Handover
from pipelines.deliver.delivery import Delivery
from pipelines.deliver.ledger import Ledger, since
from pipelines.deliver.limits import Heard
from pipelines.deliver.parts import Part, ranges
from pipelines.deliver.sender import Batch, in_calls
from schemas.errors import AuthError, ConfigError, FatalError, RunFolderError, StoppedError, UnreachableError
from schemas.states import COUNTED

_LOOK_EVERY = 1.0
"""Seconds between two looks whether anybody loads yet."""

_LONGEST_TURN = 0.5
"""Seconds after which no further call of a turn is begun: who loads decides then how it goes on."""

Ranges = Sequence[Sequence[int]]
"""Request numbers, as pairs [first, count] of consecutive ones."""


class Told(NamedTuple):
    """What became of requests that a worker sent.

    Attributes:
        states: the state code of each.
        in_doubt: of each, 1 where it was sent and no answer has settled it for good.
        left: those that are to be delivered again, or yet, in `seconds` at the earliest.
        answered: of each call that was answered since this was told before, its requests and its seconds.
        setbacks, retries: of the session so far.
        held: seconds for which LUSID has asked that no call begins.
        heard: what its brake was told.
        error: what stops the run.
    """

    states: bytes
    in_doubt: bytes
    left: Ranges
    seconds: float
    answered: list[tuple[int, float]]
    setbacks: int
    retries: int
    held: float
    heard: list[Heard]
    error: FatalError | None


class _Session:
    """One worker's part in sending a run."""

    def __init__(self, path: Path, part: Path) -> None:
        """Opens all that sending needs; raises FatalError where it cannot."""
        self._path, handover = path, Handover.read(path, own_address())
        about = handover.about
        self._journal_of_run, self._calls, self._is_over = about.journal, 0, False
        self._answered: list[tuple[int, float]] = []
        self._lock = threading.Lock()
        with ExitStack() as undo:
            journal = Journal(part, create=False)
            undo.callback(journal.close)
            self._requests = requests = handover.requests()
            self._portion, self._has_budget = about.portion, about.options.max_failures is not None
            undo.callback(requests.entries.close)
            undo.callback(requests.keys.close)
            name, clock = partial(handover.name, requests), since(about.started)
            self._ledger = Ledger(journal, len(requests), name, clock)
            doubtful = self._ledger.restore()  # Dask may have restarted a worker, and given it the same call
            target = open_target(about.url, about.options, lambda _: None, self._pass_on)
            self._client = undo.enter_context(target).client
            self._delivery = Delivery(
                requests,
                about.spec,
                self._ledger,
                self._client,
                heard=lambda count, seconds: self._answered.append((count, seconds)),
                lag=about.lag,
                assumed=about.assumed,
                before=replace(about.before, doubtful=about.before.doubtful | doubtful),
            )
            self._closing = undo.pop_all()
        threading.Thread(target=self._watch, name="is-anybody-there", daemon=True).start()

    def deliver(self, part: Part, doubtful: Part) -> Told:
        """Delivers requests, a call after the other; says what became of them, and which it has not come to."""
        with self._lock:
            if self._is_over:
                raise RunFolderError("the session is over")
            self._calls += 1
        try:
            self._delivery.reading_back.inherit(doubtful)
            if doubtful:  # what this turn does not come to stays so, should this worker die as well
                self._ledger.doubt(ranges(doubtful))
            waiting = np.array(self._ledger.open_among(part), np.int64)
            calls = deque(in_calls(self._requests, waiting, self._portion))
            until, setbacks = time.monotonic() + _LONGEST_TURN, self._client.setbacks
            while calls and self._delivery.brake.error is None:
                call = calls.popleft()
                try:
                    self._delivery.deliver(call.tolist())
                except FatalError as error:
                    self._delivery.brake.stop(error)
                if time.monotonic() > until or self._client.setbacks > setbacks or self._is_to_be_told(call):
                    break
            self._delivery.sync()
            later = np.concatenate([*calls]).tolist() if calls and self._delivery.brake.error is None else []
            return self._told(part, sorted([*self._delivery.left(part), *later]))
        finally:
            with self._lock:
                self._calls -= 1

    def _is_to_be_told(self, call: Batch) -> bool:
        """Whether what became of a call must be known before more are sent: lost answers, or what a budget counts."""
        if self._delivery.brake.holds_back:
            return True
        states = np.frombuffer(self._ledger.states, np.uint8)[call]
        return self._has_budget and bool(np.isin(states, COUNTED).any())

    def _told(self, part: Part, left: Part) -> Told:
        at, ledger = np.asarray(part, np.int64), self._ledger
        answered, self._answered = self._answered, []
        until = self._delivery.reading_back.surely_shown(left) - self._client.now() if left else 0.0
        return Told(
            np.frombuffer(ledger.states, np.uint8)[at].tobytes(),
            np.frombuffer(ledger.in_doubt, np.uint8)[at].tobytes(),
            ranges(left) if left else [],
            max(until, 0.0),
            answered,
            self._client.setbacks,
            self._client.retries_done,
            self._client.held,
            self._delivery.brake.take(),
            self._delivery.brake.error,
        )

    def _pass_on(self, waiting: Waiting) -> None:
        """Tells who loads at once of a wait that is for all calls: this call says nothing before it is over."""
        if waiting.for_all:
            tell(str(self._path), waiting.seconds)

    def stop(self) -> None:
        """Lets no call begin or wait to be repeated."""
        self._delivery.brake.stop(StoppedError("the load has stopped"))

    def end(self) -> list[str]:
        """Closes everything, once no call is under way; gives what the user should know."""
        while True:
            with self._lock:
                if not self._calls:
                    break
            time.sleep(_LOOK_EVERY / 20)
        with self._lock:
            if not self._is_over:
                self._is_over = True
                self._closing.close()
        return self._delivery.warnings()

    def _watch(self) -> None:
        while not self._is_over:
            time.sleep(_LOOK_EVERY)
            if not self._path.exists() or not is_in_use(self._journal_of_run):
                self.stop()
                self.end()
                _forget(self)


_SESSIONS: dict[Path, _Session] = {}
_LOCK = threading.Lock()
"""Of this process, by the part that each journals in."""


def _session(path: Path, part: Path) -> _Session:
    with _LOCK:
        if part not in _SESSIONS:
            try:
                _SESSIONS[part] = _Session(path, part)
            except (ConfigError, AuthError, UnreachableError) as error:
                raise type(error)(f"the Dask worker {own_address()}: {error.message}") from None
        return _SESSIONS[part]


def _forget(session: _Session) -> None:
    with _LOCK:
        for part in [part for part, each in _SESSIONS.items() if each is session]:
            del _SESSIONS[part]


def deliver_there(path: str, part: str, requests: Ranges, doubtful: Ranges) -> Told:
    """Delivers requests, in a turn of one or more calls on a worker.

    Args:
        path: of what is handed over.
        part: of the part of the journal; one that is not there is another worker's business by now.
        requests: what to deliver.
        doubtful: those of them that another worker sent and did not settle.
    """
    leave_the_queue()  # a call waits for LUSID: how many at once is for the load to say, not for the worker's threads
    return _session(Path(path), Path(part)).deliver(numbers(requests), numbers(doubtful))


def stop_there(part: str) -> None:
    """Stops sending on a worker, if it sends for this part; asked out of turn."""
    session = _SESSIONS.get(Path(part))
    if session is not None:
        session.stop()


def end_there(part: str) -> list[str]:
    """Ends what a worker has open for a part; gives what the user should know."""
    session = _SESSIONS.get(Path(part))
    if session is None:
        return []
    told = session.end()
    _forget(session)
    return told


def numbers(given: Ranges) -> list[int]:
    """The request numbers of ranges."""
    return [number for first, count in given for number in range(first, first + count)]
