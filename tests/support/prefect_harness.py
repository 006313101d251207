"""Prefect's own test server for the tests of flows, and what it kept of a flow run.

Everything of Prefect that those tests use comes through here: its settings must be settled before it is imported.
"""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.prefect_settings import configure_prefect

configure_prefect()

from prefect import Flow, tags  # noqa: E402 - it reads its settings when it is imported
from prefect.client.orchestration import SyncPrefectClient, get_client  # noqa: E402
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter  # noqa: E402
from prefect.exceptions import FailedRun  # noqa: E402
from prefect.flows import load_flow_from_entrypoint  # noqa: E402
from prefect.logging.handlers import APILogHandler  # noqa: E402
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, get_current_settings, temporary_settings  # noqa: E402
from prefect.testing.utilities import prefect_test_harness  # noqa: E402

__all__ = [
    "FailedRun",
    "Flow",
    "Seen",
    "SyncPrefectClient",
    "get_client",
    "kept_by_prefect",
    "load_flow_from_entrypoint",
    "prefect_server",
    "server_at",
    "tags",
]


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """Prefect's test server, with a home of its own; gives its URL."""
    with temporary_settings({PREFECT_HOME: home}), prefect_test_harness(server_startup_timeout=120):
        yield str(PREFECT_API_URL.value())


@contextmanager
def server_at(url: str) -> Iterator[None]:
    """Prefect's client talks to this URL."""
    with temporary_settings({PREFECT_API_URL: url}):
        yield


def kept_by_prefect(home: Path) -> dict[str, str]:
    """Every file below Prefect's home and beside its database, by name, as text; what waits to be logged is written."""
    APILogHandler().flush()
    url = get_current_settings().server.database.connection_url
    assert url is not None
    database = Path(url.get_secret_value().partition("///")[2])
    assert database.is_file()
    found = [path for folder in (home, database.parent) for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes().decode("utf-8", "replace") for path in found}


class Seen:
    """What Prefect kept of the one flow run that has a tag."""

    def __init__(self, client: SyncPrefectClient, tag: str) -> None:
        self._client = client
        (self.run,) = client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate({"tags": {"all_": [tag]}}))

    def tasks(self, expected: int) -> Counter[str]:
        """Task runs by name without the id of our run; they arrive as events, so at least this many are awaited."""
        mine = FlowRunFilter.model_validate({"id": {"any_": [self.run.id]}})
        names: list[str] = []
        for _ in range(100):
            names = [task.name for task in self._client.read_task_runs(flow_run_filter=mine)]
            if len(names) >= expected:
                break
            time.sleep(0.05)
        return Counter(re.sub(r" \S*Z-\S+", "", name) for name in names)

    @property
    def artifacts(self) -> dict[str, str]:
        """Content by key."""
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[self.run.id]))
        return {str(a.key): str(a.data) for a in self._client.read_artifacts(artifact_filter=mine)}

    @property
    def state(self) -> tuple[str, str, str]:
        """The run's last state: type, name, message."""
        assert self.run.state is not None
        return self.run.state.type.value, str(self.run.state.name), str(self.run.state.message)
