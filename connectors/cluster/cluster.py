"""A Dask cluster that this process is a client of: who works there, and calls of functions of ours."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

from connectors.cluster.dask import dask
from connectors.processes import OwnProcess
from schemas.errors import ConfigError, LoadError, UnreachableError

_LOOK_AGAIN = 0.2
"""Seconds after which what is awaited is looked at anew."""

_WAIT_CANCELLED = UnboundLocalError
"""What Dask raises by a slip where a wait of its own was cancelled: threads that fetch results share one, and whoever
has waited long enough cancels it for all of them."""

Heard = Callable[[Any], None]


class WorkerDiedError(Exception):
    """The worker of a call is gone, with whatever it was doing."""


class Call:
    """One call of a function on a worker."""

    def __init__(self, cluster: "Cluster", future: Any) -> None:
        self._cluster, self._future = cluster, future

    def is_done(self) -> bool:
        """Whether it has returned, or failed."""
        return bool(self._future.done())

    def result(self, seconds: float) -> Any:
        """What it returned, waited for so long.

        Raises:
            TimeoutError: it has not returned, or what it returned went with its worker and is being made anew.
            LoadError: what it raised.
            WorkerDiedError: the worker died over it, and so did those that tried it again.
            ConfigError: bulkload is not installed there.
            UnreachableError: the cluster is gone.
        """
        try:
            return self._future.result(timeout=seconds)
        except (LoadError, TimeoutError):
            raise
        except _WAIT_CANCELLED:
            raise TimeoutError from None
        except dask().KilledWorker:
            raise WorkerDiedError from None
        except ImportError as error:
            raise ConfigError(
                f"the Dask cluster ({self._cluster.name}) does not find all of bulkload ({error}): install the same "
                "version, with its requirements, beside the scheduler and each worker"
            ) from None
        except (CancelledError, OSError) as error:
            raise self._cluster.lost(error) from None

    def cancel(self) -> None:
        """Has it not begin, if it has not; what it works on is its own to watch."""
        with suppress(Exception):  # the cluster may be gone
            self._future.cancel()


class Cluster:
    """A Dask cluster.

    Attributes:
        name: of its place, for people.
        wrote: the files that workers have filled, by name, each with the address of who did.
    """

    def __init__(self, client: Any, name: str, own: Sequence[OwnProcess], patience: float) -> None:
        """Takes a client that is connected.

        Args:
            own: its workers, where they are processes of ours.
            patience: seconds to wait for a worker where there is none.
        """
        self.name = name
        self._client, self._own, self._patience = client, own, patience
        self._peopled = time.monotonic()
        self.wrote: dict[str, str] = {}

    def workers(self) -> list[str]:
        """The addresses of those who work there now.

        Raises:
            UnreachableError: the cluster is gone.
        """
        try:
            return list(self._client.scheduler_info(n_workers=-1)["workers"])
        except (CancelledError, OSError, TimeoutError, _WAIT_CANCELLED) as error:
            raise self.lost(error) from None

    def check(self) -> list[str]:
        """The same, where somebody works there, or may soon.

        Raises:
            UnreachableError: nobody does any more.
        """
        workers, now = self.workers(), time.monotonic()
        if workers:
            self._peopled = now
        elif self._own and not any(each.is_running for each in self._own):
            raise UnreachableError("all Dask workers of this machine died, perhaps for want of memory")
        elif now > self._peopled + self._patience:
            raise UnreachableError(f"the Dask cluster ({self.name}) has had no worker for {self._patience:g} s")
        return workers

    def wait_for_workers(self) -> None:
        """Waits until all processes of ours work there, or anybody else; raises as `check` does."""
        while len(self.check()) < (sum(each.is_running for each in self._own) or 1):
            time.sleep(_LOOK_AGAIN)

    def call(self, function: Callable[..., Any], *args: object, worker: str | None = None) -> Call:
        """Calls a function of a module of ours on a worker; its arguments and its result must be small.

        Args:
            function: what is called.
            args: what it is given.
            worker: who calls it; None for anybody, and then another one does where one dies over it.
        """
        again = {"retries": 1} if worker is None else {"workers": [worker], "allow_other_workers": False}
        try:
            future = self._client.submit(function, *args, pure=False, **again)
        except (CancelledError, OSError, TimeoutError) as error:
            raise self.lost(error) from None
        return Call(self, future)

    def call_out_of_turn(self, function: Callable[..., Any], *args: object, worker: str) -> None:
        """Calls a function on a worker at once, whatever it is doing; one that is gone does not hear it."""
        with suppress(Exception):
            self._client.run(function, *args, workers=[worker], on_error="ignore")

    def results(self, calls: Sequence[Call], told: Callable[[], None]) -> list[Any]:
        """What calls returned, waited for; calls `told` now and then.

        Raises:
            LoadError, WorkerDiedError: as `Call.result` and `check` raise them.
        """
        self._wait(calls, told)
        return [self._result(call) for call in calls]

    def _result(self, call: Call) -> Any:
        while True:
            with suppress(TimeoutError):
                return call.result(_LOOK_AGAIN)
            self.check()

    def _wait(self, calls: Sequence[Call], told: Callable[[], None]) -> None:
        looked = time.monotonic()
        while not all(each.is_done() for each in calls):
            time.sleep(_LOOK_AGAIN / 4)
            told()
            if time.monotonic() > looked + 5 * _LOOK_AGAIN:
                self.check()
                looked = time.monotonic()

    @contextmanager
    def hearing(self, topic: str, heard: Heard) -> Iterator[None]:
        """Calls `heard` with what workers `tell` under a topic, in a thread of Dask's."""
        self._client.subscribe_topic(topic, lambda event: heard(event[1]))
        try:
            yield
        finally:
            with suppress(Exception):  # the cluster may be gone
                self._client.unsubscribe_topic(topic)

    def lost(self, error: BaseException) -> UnreachableError:
        """The error that says that the cluster is gone."""
        return UnreachableError(f"the Dask cluster ({self.name}) is gone ({type(error).__name__})")


def tell(topic: str, content: Any) -> None:
    """Tells the cluster's client something, in a call on a worker."""
    dask().get_worker().log_event(topic, content)


def own_address() -> str:
    """The address of the worker that makes a call."""
    return str(dask().get_worker().address)


def leave_the_queue() -> None:
    """Lets the worker that makes this call begin others meanwhile."""
    dask().secede()
