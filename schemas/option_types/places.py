"""Places elsewhere that an option may name: the scheduler of a cluster."""

import re

_SCHEDULER = re.compile(r"(tcp|tls|ws|wss|ucx)://[^/@\s?#]+:\d+")


def scheduler(text: str) -> str:
    """The address of a Dask scheduler; raises ValueError for another text."""
    if _SCHEDULER.fullmatch(text) is None:
        raise ValueError(text)
    return text
