"""What every test can count on: an environment without anybody's LUSID, and the same examples each time."""

import asyncio
import gc
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from killable import Killable, killable

if TYPE_CHECKING:
    from connectors.sandbox.server import Sandbox

settings.register_profile(
    "suite", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("red or green", settings.get_profile("suite"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("EXAMPLES", "suite"))

MEMORY = Path("/dev/shm")  # noqa: S108 - no file of a known name is made in it
ENOUGH = 4 << 30
"""Bytes that must be free there; the whole suite takes a tenth of it."""


def pytest_configure() -> None:
    """Runs lie in memory where the system has files there: the suite syncs tens of thousands of times.

    What is synced, and when, the tests of crashes see by their own instruments. And the collector of cyclic garbage,
    which would go through all that pytest and the libraries hold, more often than not in vain, comes less often.
    """
    gc.set_threshold(50_000, 20, 20)
    if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


@pytest.fixture(scope="session", autouse=True)
def portions_everywhere() -> Iterator[None]:
    """With PORTIONS=3 in the environment, whatever a test loads is prepared in three portions."""
    from portions import as_asked

    with as_asked():
        yield


@pytest.fixture(scope="session", autouse=True)
def prompt_servers() -> Iterator[None]:
    """A sandbox in this process sees after 10 ms that it is to stop; uvicorn looks, and waits, 100 ms at a time."""
    import uvicorn.server

    def sleep(seconds: float) -> "asyncio.Future[None]":
        return asyncio.ensure_future(asyncio.sleep(min(seconds, 0.01)))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(uvicorn.server, "asyncio", SimpleNamespace(**{**vars(asyncio), "sleep": sleep}))
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials, URL or Prefect server of the person who runs the tests."""
    for name in list(os.environ):
        if name.startswith(("FBN_", "PREFECT_")) or name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", os.devnull)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading back looks again soon."""
    from connectors.lusid.client import LusidClient

    pause = LusidClient.pause
    monkeypatch.setattr(LusidClient, "pause", lambda client, seconds: pause(client, seconds / 500))


@pytest.fixture(scope="session")
def forks() -> Iterator[Killable]:
    """A server that forks a process for each load, which may be killed; it has imported all that a load takes."""
    with killable() as server:
        yield server


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
