"""A server that is told how commands end."""

from collections.abc import Iterator

import pytest
from hooks import Hook

from connectors.webhook import ATTEMPTS


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setattr("connectors.webhook.PAUSES", (0.0,) * ATTEMPTS)
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()
