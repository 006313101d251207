"""Delivers batches through the workers of a cluster; how many at once, and what stops the run, is decided here.

A turn, of one call to LUSID or of several quick ones, is had by one worker, the one that prepared its requests where it
can be. A worker that dies is made good by another:
what it journaled is taken over, as where a run is resumed, and what it sent and did not settle is in doubt.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from connectors.cluster.cluster import Cluster, WorkerDiedError
from connectors.lusid.waiting import Throttle, Timing
from connectors.run_folder.journal import Journal, patiently
from connectors.run_folder.journal_lines import taken_from
from pipelines.deliver.cluster.session import Told, deliver_there, end_there, numbers, stop_there
from pipelines.deliver.ledger import Ledger
from pipelines.deliver.limits import Brake
from pipelines.deliver.parts import Part, ranges
from pipelines.deliver.sender import Batch
from schemas.errors import LoadError

_LOOK_AGAIN = 0.5
"""Seconds between two looks at who works in the cluster."""

_TURN = 0.2
"""Seconds that a turn should take: what a cluster needs to have it begun and told of is then of no weight."""

_SHARES = 4
"""A turn is at most the share of one of so many times the senders: at the end all of them have something to do."""

_T = TypeVar("_T")


class _Worker:
    """A worker that sends, or has sent.

    Attributes:
        part: of the journal, its own.
        calls: that are under way.
        told: what it told last.
    """

    def __init__(self, address: str, part: Path) -> None:
        self.address, self.part = address, part
        self.calls = 0
        self.is_dead = False
        self.told: Told | None = None

    def begin_call(self) -> None:
        """One call more is under way."""
        self.calls += 1

    def end_call(self) -> None:
        """One less is."""
        self.calls -= 1

    def hear(self, told: Told) -> None:
        """Takes in what it told."""
        self.told = told

    def bury(self) -> None:
        """Nobody asks it any more."""
        self.is_dead = True


class Remote:
    """Delivers batches as a `Delivery` does, through the workers of a cluster; the run's senders share it.

    Attributes:
        brake: stops the run.
        warnings: what the user should know of it, once it is over.
    """

    def __init__(
        self,
        cluster: Cluster,
        path: Path,
        journal: Journal,
        ledger: Ledger,
        brake: Brake,
        *,
        heard: Callable[[int, float], None],
        homes: npt.NDArray[np.int64],
        most: int,
        stopping: threading.Event,
    ) -> None:
        """Sends nothing yet; nothing else may be journaled until `end`.

        Args:
            path: of what is handed over.
            heard: told of each call that was answered: its requests, and the seconds the answer took.
            homes: for each request, the place among `cluster.wrote` of the worker that prepared it, or -1.
            most: turns that are had at once.
            stopping: set when the run stops.
        """
        self._most, self._pace = most, float("inf")
        self._cluster, self._path, self._journal, self._ledger = cluster, path, journal, ledger
        self.brake, self._heard, self._homes, self._stopping = brake, heard, homes, stopping
        self.warnings: list[str] = []
        self._workers: list[_Worker] = []
        self._lost: dict[int, tuple[_Worker, float]] = {}
        self._living: Sequence[str] = ()
        self._looked = 0.0
        self._lock, self._burying = threading.RLock(), threading.Lock()
        self._over = threading.Event()
        self._throttle, self._closing = Throttle(Timing(stop=stopping)), ExitStack()
        self._closing.enter_context(cluster.hearing(str(path), self._throttle.hold_all))
        threading.Thread(target=self._pass_on_stop, name="pass-on-stop", daemon=True).start()

    @property
    def setbacks(self) -> int:
        """Attempts of all workers that came to nothing."""
        return sum(worker.told.setbacks for worker in self._workers if worker.told)

    @property
    def retries(self) -> int:
        """Attempts of all workers beyond each call's first."""
        return sum(worker.told.retries for worker in self._workers if worker.told)

    def arranged(self, work: Sequence[Batch]) -> Iterator[Batch]:
        """The requests of batches in turns, so that all workers have some of their own to send from the start."""
        homes: dict[int, deque[Batch]] = {}
        for batch in work:
            homes.setdefault(int(self._homes[batch[0]]), deque()).append(batch)
        left = len(work)
        while left:
            for batches in filter(None, homes.values()):
                turn = self._turn(batches, left // (_SHARES * self._most))
                left -= len(turn)
                yield np.sort(np.concatenate(turn))

    def _turn(self, batches: deque[Batch], most: int) -> list[Batch]:
        """Takes the next batches for a turn, one at least."""
        turn = [batches.popleft()]
        requests = len(turn[0])
        while batches and len(turn) < most and (requests + len(batches[0])) * self._pace <= _TURN:
            turn.append(batches.popleft())
            requests += len(turn[-1])
        return turn

    def deliver(self, part: Part) -> None:
        """Delivers requests, and again those that a worker died over, as soon as LUSID asks no worker to wait.

        Raises:
            FatalError: nobody can send them.
        """
        while part and self._throttle.wait_turn() and self.brake.error is None:
            worker, began = self._chosen(part), time.monotonic()
            try:
                told = self._asked(worker, part)
            except WorkerDiedError:
                self._make_good(worker)
                part = self._ledger.open_among(part)
                continue
            finally:
                with self._lock:
                    worker.end_call()
            self._note(worker, part, told, time.monotonic() - began)
            return

    def left(self, part: Part) -> Part:
        """See `Delivery`."""
        return [request for request in self._ledger.open_among(part) if request in self._lost]

    def is_due(self, part: Part) -> bool:
        """See `Delivery`."""
        return all(self._lost[request][1] <= time.monotonic() for request in part if request in self._lost)

    def sync(self) -> None:
        """What a worker has told is on disk."""

    def end(self) -> None:
        """Ends what the workers have open, and takes what they journaled into the run's journal.

        Raises:
            RunFolderError: a worker holds its part, or a line is damaged; the run can be resumed.
        """
        self._over.set()
        for worker in self._workers:
            if not worker.is_dead:
                with suppress(LoadError, WorkerDiedError):  # one that is gone has let go of its part, or will
                    self.warnings += self._waited_for(worker, end_there, str(worker.part))
        self._closing.close()
        self._path.unlink(missing_ok=True)  # that ends whoever was not reached
        self._ledger.catch_up(patiently(self._journal.take_in_parts))

    def _chosen(self, part: Part) -> _Worker:
        """The worker that is to send requests; one call more is under way there."""
        owner = next((self._lost[request][0] for request in part if request in self._lost), None)
        while True:
            living = self._look()
            with self._lock:
                if owner is not None and owner.is_dead:
                    owner = None
                workers = [self._worker(address) for address in living]
                if workers:
                    found = owner or self._best(workers, part)
                    found.begin_call()
                    return found
            time.sleep(_LOOK_AGAIN)

    def _best(self, workers: Sequence[_Worker], part: Part) -> _Worker:
        """Who prepared the requests, unless others have less to do."""
        home, wrote = int(self._homes[part[0]]), list(self._cluster.wrote.values())
        address = wrote[home] if home >= 0 else ""
        return min(workers, key=lambda worker: (worker.calls - (worker.address == address), worker.address != address))

    def _worker(self, address: str) -> _Worker:
        found = next((each for each in self._workers if each.address == address and not each.is_dead), None)
        if found is None:
            found = _Worker(address, self._journal.begin_part(len(self._workers)))
            self._workers.append(found)
        return found

    def _look(self) -> Sequence[str]:
        """Who works in the cluster; raises UnreachableError where nobody does any more."""
        with self._lock:
            if time.monotonic() > self._looked + _LOOK_AGAIN:
                self._living, self._looked = self._cluster.check(), time.monotonic()
            return self._living

    def _asked(self, worker: _Worker, part: Part) -> Told:
        doubtful = [n for n in part if self._ledger.in_doubt[n] and self._owner(n) is not worker]
        given = (str(self._path), str(worker.part), ranges(part), ranges(doubtful) if doubtful else [])
        return self._waited_for(worker, deliver_there, *given)

    def _owner(self, request: int) -> _Worker | None:
        return self._lost[request][0] if request in self._lost else None

    def _waited_for(self, worker: _Worker, function: Callable[..., _T], *args: object) -> _T:
        """What a call on a worker returned; raises WorkerDiedError where the worker is gone."""
        call = self._cluster.call(function, *args, worker=worker.address)
        while True:
            with suppress(TimeoutError):
                found: _T = call.result(_LOOK_AGAIN)
                return found
            if worker.is_dead or worker.address not in self._look():
                call.cancel()
                raise WorkerDiedError

    def _note(self, worker: _Worker, part: Part, told: Told, seconds: float) -> None:
        """Takes in what became of requests in a turn of so many seconds."""
        self._ledger.told(part, told.states, told.in_doubt)
        worker.hear(told)
        self._throttle.hold_all(told.held)
        until, left = time.monotonic() + told.seconds, set(numbers(told.left))
        self._pace = seconds / max(1, len(part) - len(left))
        for request in part:
            if request in left:
                self._lost[request] = (worker, until)
            else:
                self._lost.pop(request, None)
        for count, seconds in told.answered:
            self._heard(count, seconds)
        self.brake.told(told.heard)
        if told.error is not None:
            self.brake.stop(told.error)

    def _make_good(self, worker: _Worker) -> None:
        """Takes over what a worker journaled that is gone; nobody can journal there any more.

        Raises:
            RunFolderError: it is not gone, or a line is damaged.
        """
        with self._burying:
            if worker.is_dead:
                return
            with closing(patiently(lambda: Journal(worker.part, create=False))) as journal:
                self._ledger.catch_up(0, journal)
                worker.part.rename(taken_from(worker.part, sum(each.is_dead for each in self._workers)))
            worker.bury()

    def _pass_on_stop(self) -> None:
        """Stops the workers when the run is stopped."""
        while not self._over.wait(_LOOK_AGAIN / 5):
            if self._stopping.is_set():
                for worker in self._workers:
                    if not worker.is_dead:
                        self._cluster.call_out_of_turn(stop_there, str(worker.part), worker=worker.address)
                return
