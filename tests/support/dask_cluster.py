"""A Dask cluster on loopback whose workers are processes of our own, to be killed, and what travels through it."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from connectors.cluster.dask import without_pages
from connectors.cluster.opening import _worker
from connectors.processes import OwnProcess

Client: Any = importlib.import_module("distributed").Client  # as it is not typed
Future: Any = importlib.import_module("distributed").Future
LocalCluster: Any = importlib.import_module("distributed").LocalCluster
TOKEN = "kestrel-0417"
tcp: Any = importlib.import_module("distributed.comm.tcp")


class Workers:
    """A cluster that `--scheduler` can name.

    Attributes:
        address: of its scheduler.
        processes: its workers.
    """

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
        with without_pages():
            scheduler = LocalCluster(n_workers=0, host="tcp://127.0.0.1", scheduler_kwargs=pages, silence_logs=50)
        self._cluster = closing.enter_context(scheduler)
        self.address: str = self._cluster.scheduler_address
        self.client = closing.enter_context(Client(self.address, set_as_default=False))
        self.processes: list[OwnProcess] = []

    def start(self, count: int) -> None:
        """Starts so many more workers, and waits for them."""
        self.processes += [_worker(self.address, None, self._closing) for _ in range(count)]
        self.client.wait_for_workers(sum(each.is_running for each in self.processes))

    def pids(self) -> dict[str, int]:
        """The process of each worker, by its address."""
        found: dict[str, int] = self.client.run(_pid)
        return found

    def busy(self, what: str) -> set[str]:
        """The addresses of workers that call a function."""
        return {worker for worker, keys in self.client.processing().items() if any(what in str(key) for key in keys)}

    def kill(self, address: str) -> None:
        """Kills a worker."""
        pid = self.pids()[address]
        next(each for each in self.processes if each._process.pid == pid).stop()


def _pid() -> int:
    import os

    return os.getpid()


@contextmanager
def dask_cluster(count: int) -> Iterator[Workers]:
    with ExitStack() as closing:
        cluster = Workers(closing)
        cluster.start(count)
        yield cluster


@contextmanager
def what_travels() -> Iterator[Callable[[], bytes]]:
    """Gives all bytes that the client, and a scheduler in this process, have written and read meanwhile."""
    kept: list[bytes] = []
    write, read = tcp.to_frames, tcp.from_frames

    async def to_frames(*args: Any, **options: Any) -> Any:
        frames = await write(*args, **options)
        kept.extend(map(bytes, frames))
        return frames

    async def from_frames(frames: Any, *args: Any, **options: Any) -> Any:
        kept.extend(map(bytes, frames))
        return await read(frames, *args, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tcp, "to_frames", to_frames)
        patched.setattr(tcp, "from_frames", from_frames)
        yield lambda: b"".join(kept)


def far(cluster: Workers, **more: Any) -> dict[str, Any]:
    """Options of a load on a cluster, of many small calls."""
    return {"engine": "dask", "scheduler": cluster.address, "batch_size": 5, "read_lag": 0.1, "patience": 5, **more}
