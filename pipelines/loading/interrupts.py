"""SIGINT and SIGTERM: the first stops new calls and lets those in flight be settled; the second stops at once."""

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
    """Ends the block on an interrupt while no load is under way, so that nothing is left to settle.

    Raises:
        StoppedError: always.
    """
    raise StoppedError(f"interrupted by {name}")


class LoadInterrupt:
    """Interrupts a load: at once, or, from its first call on, after settling the calls in flight."""

    def __init__(self) -> None:
        self._stop: Callable[[StoppedError], None] | None = None

    def settle_first(self, stop: Callable[[StoppedError], None]) -> None:
        """Makes an interrupt call `stop`, which lets the calls in flight be settled."""
        self._stop = stop

    def __call__(self, name: str) -> None:
        """Interrupts the load, naming the signal; raises StoppedError where nothing is to be settled."""
        if self._stop is None:
            stop_at_once(name)
        self._stop(StoppedError(f"interrupted by {name}"))


def end_as_interrupted() -> None:
    """Makes SIGTERM raise KeyboardInterrupt, as Ctrl-C does, while no load watches for signals.

    By default it would end the process without a message and without one of our exit codes.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def keep_exit_code() -> None:
    """Ignores signals for the short rest of the process, so that they cannot change its exit code.

    Handlers would not do: Python removes its own before the process ends.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@dataclass(eq=False)
class Interrupted:
    """Says what interrupted a block, by the signal's name, even where an inner block handled the interrupt."""

    by: str = ""

    def tell(self, name: str) -> None:
        """Notes the signal's name."""
        self.by = name


_blocks: list[Interrupted] = []
"""The blocks under way, outermost first."""


@contextmanager
def interrupts(stop: Callable[[str], None]) -> Iterator[Interrupted]:
    """Calls `stop` with the signal's name on the first signal; ends the process on the second.

    Ending it at once is safe: whatever was settled is in the journal, on disk. Only the main thread can watch for
    signals; in any other, such as a Prefect worker's, this does nothing.

    Args:
        stop: called with the name of the first signal.

    Yields:
        What interrupted the block. It also hears of interrupts that an inner block handles: a load that ends well in
        spite of one must not hide from its night that the night is to end.
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
