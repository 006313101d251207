"""Connects to a Dask cluster, or starts one on this machine: a scheduler here, and processes of our own that work.

The scheduler of our own listens on this machine alone, and takes nobody who does not have its certificate, which never
leaves the memory of these processes: whoever may give a worker tasks may do all that the worker's user may.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from connectors.cluster.cluster import Cluster
from connectors.cluster.dask import dask, without_pages
from connectors.processes import OwnProcess, cores
from schemas.errors import UnreachableError

_SECONDS = 15
"""How long a scheduler may take to answer."""


@contextmanager
def open_cluster(
    scheduler: str | None, most: int | None, patience: float, note: Callable[[str], None]
) -> Iterator[Cluster]:
    """A cluster in which at least one works.

    Args:
        scheduler: its address; None starts a cluster on this machine.
        most: processes to start there; None for one for each core.
        patience: seconds to wait for a worker where there is none.
        note: told what the user should know.

    Raises:
        ConfigError: Dask is not installed.
        UnreachableError: the scheduler does not answer, or nobody works there.
    """
    distributed = dask()
    with ExitStack() as closing:
        address, security, own = scheduler, None, list[OwnProcess]()
        if address is None:
            address, security = _started(closing)
            own = [_worker(address, security, closing) for _ in range(most or cores())]
        name = scheduler or "this machine"
        try:
            client = distributed.Client(address, security=security, timeout=_SECONDS, set_as_default=False)
        except (OSError, TimeoutError) as error:
            raise UnreachableError(
                f"--scheduler {address}: no Dask scheduler answers there ({type(error).__name__}); nothing was sent"
            ) from None
        closing.callback(client.close)
        cluster = Cluster(client, name, own, patience)
        if not own and not cluster.workers():
            note(f"the Dask cluster ({name}) has no worker yet: waiting for one, {patience:g} s at most")
        cluster.wait_for_workers()
        yield cluster


def _started(closing: ExitStack) -> tuple[str, Any]:
    """The address of a scheduler in this process, and what makes it trust a worker."""
    distributed = dask()
    security = distributed.Security.temporary()
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    settings = {"processes": True, "scheduler_kwargs": pages, "silence_logs": logging.CRITICAL}
    with without_pages():
        cluster = distributed.LocalCluster(n_workers=0, host="tls://127.0.0.1", security=security, **settings)
    closing.enter_context(cluster)
    return str(cluster.scheduler_address), security


def _worker(address: str, security: Any, closing: ExitStack) -> OwnProcess:
    own = OwnProcess("connectors.cluster.own_worker", talks_to_lusid=True)
    closing.callback(own.stop)
    own.give((address, security))
    return own
