"""SIGINT and SIGTERM: the first stops taking work and lets what is in flight be settled; the second stops at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from schemas.errors import StoppedError

STOPPED = StoppedError.exit_code
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def stop_at_once(name: str) -> NoReturn:
    """What an interrupt does while no load is under way, and there is nothing to settle.

    Raises:
        StoppedError: always.
    """
    raise StoppedError(f"interrupted by {name}")


@contextmanager
def interrupts(stop: Callable[[str], None]) -> Iterator[None]:
    """Calls `stop` with the signal's name on the first; leaves the process on the second.

    Leaving at once is safe: whatever was settled is in the journal, and on disk. Only the main thread can watch for
    signals; elsewhere, as in a Prefect worker, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = 0

    def receive(number: int, _: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received > 1:
            os._exit(STOPPED)
        stop(signal.Signals(number).name)

    before = {number: signal.signal(number, receive) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
