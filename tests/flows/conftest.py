"""One Prefect server for all tests of flows, and what it kept of each flow run."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect_harness import Seen, SyncPrefectClient, get_client, prefect_server, tags


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefect's home."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[str]:
    """Prefect's test server, with a home of its own; its URL."""
    with prefect_server(home) as url:
        yield url


@pytest.fixture
def prefect(server: str) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def watch(prefect: SyncPrefectClient) -> Callable[[Callable[[], Any]], tuple[Any, Seen]]:
    """Calls something that runs one flow; gives its result and what Prefect kept."""

    def run(call: Callable[[], Any]) -> tuple[Any, Seen]:
        tag = uuid4().hex
        with tags(tag):
            result = call()
        return result, Seen(prefect, tag)

    return run
