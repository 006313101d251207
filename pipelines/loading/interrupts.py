"""SIGINT and SIGTERM: the first stops taking work and lets what is in flight be settled; the second stops at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


class LoadInterrupt:
    """What an interrupt does to a load: ends it at once, or, from its first call on, stops it settled."""

    def __init__(self) -> None:
        self._stop: Callable[[StoppedError], None] | None = None

    def settle_first(self, stop: Callable[[StoppedError], None]) -> None:
        """From now on an interrupt calls `stop`, which lets what is in flight be settled."""
        self._stop = stop

    def __call__(self, name: str) -> None:
        """Interrupts the load, in the name of a signal; raises StoppedError where nothing is to be settled."""
        if self._stop is None:
            stop_at_once(name)
        self._stop(StoppedError(f"interrupted by {name}"))


def end_as_interrupted() -> None:
    """Makes SIGTERM do what Ctrl-C does as long as no load watches for signals: raise KeyboardInterrupt.

    Left alone, it would end the process without a word, and with no exit code of ours.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def keep_exit_code() -> None:
    """From now on signals change nothing of how the process ends: what is left takes no time.

    They are ignored, for Python takes its own handlers away before it is gone.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@dataclass(eq=False)
class Interrupted:
    """What interrupted a block, by the signal's name; what stands inside the block may have dealt with it."""

    by: str = ""

    def tell(self, name: str) -> None:
        """Takes a signal's name."""
        self.by = name


_blocks: list[Interrupted] = []
"""Those under way, the outermost first."""


@contextmanager
def interrupts(stop: Callable[[str], None]) -> Iterator[Interrupted]:
    """Calls `stop` with the signal's name on the first; leaves the process on the second.

    Leaving at once is safe: whatever was settled is in the journal, and on disk. Only the main thread can watch for
    signals; elsewhere, as in a Prefect worker, this does nothing.

    Yields:
        What is told of an interrupt though an inner block of this kind took it: a load that ends all the same must not
        keep from a night that it is to end.
    """
    block = Interrupted()
    if threading.current_thread() is not threading.main_thread():
        yield block
        return
    received = 0

    def receive(number: int, _: FrameType | None) -> None:
        nonlocal received
        received += 1
        if received > 1:
            os._exit(STOPPED)
        name = signal.Signals(number).name
        for each in _blocks:
            each.tell(name)
        stop(name)

    before = {number: signal.signal(number, receive) for number in _SIGNALS}
    _blocks.append(block)
    try:
        yield block
    finally:
        _blocks.remove(block)
        for number, handler in before.items():
            signal.signal(number, handler)
