"""What every test can count on: an environment without anybody's LUSID, and the same examples each time."""

import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from connectors.sandbox.server import Sandbox

settings.register_profile(
    "suite", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials, URL or Prefect server of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("FBN_", "PREFECT_")) or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", os.devnull)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading back looks again at once."""
    monkeypatch.setattr("pipelines.deliver.read_back.PAUSES", (0.02, 0.02))


@pytest.fixture
def sandbox() -> "Iterator[Sandbox]":
    """A sandbox with nothing in it."""
    from connectors.sandbox.server import Sandbox  # its web framework takes longer to import than most tests

    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> "Iterator[Sandbox]":
    """A sandbox for all of a file's tests that leave nothing in it, or nothing that others mind."""
    from connectors.sandbox.server import Sandbox

    with Sandbox() as running:
        yield running


@pytest.fixture
def sandbox_23() -> "Iterator[Sandbox]":
    """A sandbox of dialect 2.3 with nothing in it."""
    from connectors.sandbox.server import Sandbox

    with Sandbox(dialect="2.3") as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test marked `untraced` runs at full speed: coverage counts its lines in the short tests of the same code."""
    if item.get_closest_marker("untraced") is None:
        return (yield)
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        threading.settrace(in_threads)
        sys.settrace(here)
