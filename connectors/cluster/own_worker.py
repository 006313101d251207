"""A Dask worker of this machine, a process of our own; see `opening`, which starts it."""

import asyncio
import logging
import os

from connectors.cluster.dask import dask, without_pages
from connectors.processes import taken

_LOOK_EVERY = 1.0
"""Seconds between two looks whether the process that started this one is there."""


def main() -> None:
    """Works for the scheduler that standard input names, until that is gone, or who started this process."""
    (address, security), _ = taken()
    asyncio.run(_work(address, security))


async def _work(address: str, security: object) -> None:
    settings = {"security": security, "nthreads": 1, "dashboard": False, "death_timeout": 60, "memory_limit": 0}
    with without_pages():
        starting = dask().Worker(address, **settings, silence_logs=logging.CRITICAL)
    parent = os.getppid()
    async with starting as worker:
        finished = asyncio.create_task(worker.finished())
        while not finished.done() and os.getppid() == parent:
            await asyncio.wait([finished], timeout=_LOOK_EVERY)
    os._exit(0)  # threads of calls may be waiting for LUSID


if __name__ == "__main__":
    main()
