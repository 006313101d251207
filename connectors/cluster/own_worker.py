"""A Dask worker of this machine, a process of our own; see `opening`, which starts it."""

import asyncio
import logging
import pickle
import sys

from connectors.cluster.dask import dask, without_pages


def main() -> None:
    """Works for the scheduler that standard input names, until that is gone."""
    address, security = pickle.load(sys.stdin.buffer)  # noqa: S301  # from the process that started this one
    asyncio.run(_work(address, security))


async def _work(address: str, security: object) -> None:
    settings = {"security": security, "nthreads": 1, "dashboard": False, "death_timeout": 60, "memory_limit": 0}
    with without_pages():
        starting = dask().Worker(address, **settings, silence_logs=logging.CRITICAL)
    async with starting as worker:
        await worker.finished()


if __name__ == "__main__":
    main()
