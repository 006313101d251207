"""Processes of our own that share the work of this one, and the cores that this one may use.

Owns how processes are started, heard and ended. Must not know what they work on.

A process is given its task on standard input, once there is one, and with it files that are open: these have no names,
so that nobody who is killed leaves personal data behind. It says on standard output how far it is, and ends when nobody
listens any more. One that does not talk to LUSID is given no setting of LUSID's, for those hold secrets.
"""

import os
import pickle
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

_OF_LUSID = "FBN_"
"""How the names of settings begin that may hold secrets."""


_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Keeps numpy from starting a thread for each core, which it would only need for the algebra that we do not do."""

_BEGIN = b"\0"
"""Goes before a task, for files travel with a byte."""
_MOST_FILES = 16
"""Files that a process can be given."""

_COLLECT_EVERY = 100_000
"""Objects between two looks for cyclic garbage, as in `bulkload`: the modules that are imported are none."""

CAN_SHARE = os.name == "posix"
"""Whether a process can be given open files on this system."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def on_one_core() -> Iterator[None]:
    """A block whose threads share one core; those that are started in it do so to their end.

    Only one thread at a time runs Python. Threads that call LUSID hand that on a dozen times a call, and to wake
    another core each time took a fifth of it. Where a system does not let threads choose, this does nothing.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    chosen = sorted(allowed)[os.getpid() % len(allowed)]  # not the same for all loads at a time
    with suppress(OSError):
        os.sched_setaffinity(0, {chosen})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, allowed)


class OwnProcess:
    """A process that runs a module of ours.

    Attributes:
        told: the numbers that it said last.
    """

    def __init__(self, module: str, *, talks_to_lusid: bool = False) -> None:
        """Starts it; what it works on it is given by `give`.

        Args:
            module: what it runs, which calls `taken`.
            talks_to_lusid: whether it is given the settings of LUSID's that this process was given.
        """
        environ = os.environ.items()  # noqa: TID251 - handed on and not read
        env = {name: value for name, value in environ if talks_to_lusid or not name.startswith(_OF_LUSID)}
        begin = (
            f"import gc, runpy, sys; gc.set_threshold({_COLLECT_EVERY}); sys.path[:] = {sys.path!r}; "
            f"runpy.run_module({module!r}, run_name='__main__')"
        )
        self._asked, asked = socket.socketpair()  # a pipe does not carry files
        with asked:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", begin],  # it finds our modules where this process found them
                env={**env, **_ONE_THREAD},
                stdin=asked.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt is this process's business
            )
        self._began = time.monotonic()
        assert self._process.stdout is not None  # noqa: S101 - it was started so
        self._said, self._heard = self._process.stdout, b""
        self.told: tuple[int, ...] = ()

    def give(self, task: object, files: Sequence[BinaryIO] = ()) -> None:
        """Gives it what it works on, and files that are open; it calls `taken`."""
        with suppress(ConnectionError), self._asked:  # if it died, that is found out soon enough
            socket.send_fds(self._asked, [_BEGIN], [file.fileno() for file in files])
            with self._asked.makefile("wb") as stream:
                pickle.dump(task, stream, pickle.HIGHEST_PROTOCOL)

    def fileno(self) -> int:
        """What to wait for until it says something."""
        return self._said.fileno()

    def hear(self) -> bool:
        """Takes in what it says; False once it says no more."""
        heard = os.read(self.fileno(), 1 << 16)
        *lines, self._heard = (self._heard + heard).split(b"\n")
        if lines:
            self.told = tuple(map(int, lines[-1].split()))
        return bool(heard)

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def death(self) -> str | None:
        """Waits for its end; says what killed it, None where it ended by itself."""
        code = self._process.wait()
        return None if code == 0 else f"signal {-code}" if code < 0 else f"exit code {code}"

    def stop(self) -> None:
        """Kills it, if it still runs."""
        self._process.kill()
        self._process.wait()
        self._said.close()
        self._asked.close()


def listen(running: Sequence[OwnProcess], heard: Callable[[], None]) -> None:
    """Hears processes until all of them have ended; calls `heard` whenever one has said something."""
    with selectors.DefaultSelector() as selector:
        for process in running:
            selector.register(process, selectors.EVENT_READ, process)
        while selector.get_map():
            for key, _ in selector.select():
                if not key.data.hear():
                    selector.unregister(key.data)
            heard()


def overhear(running: Sequence[OwnProcess]) -> None:
    """Takes in what processes have said, without waiting for more."""
    with selectors.DefaultSelector() as selector:
        for process in running:
            selector.register(process, selectors.EVENT_READ, process)
        for key, _ in selector.select(0):
            key.data.hear()


def taken() -> tuple[Any, list[int]]:
    """Waits in such a process for what it works on; ends it where whoever started it is gone.

    Returns:
        What `give` was given, and descriptors of its files.
    """
    with socket.socket(fileno=sys.stdin.fileno()) as asked:
        begin, descriptors, _, _ = socket.recv_fds(asked, len(_BEGIN), _MOST_FILES)
        if not begin:
            sys.exit(0)
        with asked.makefile("rb") as stream:
            return pickle.load(stream), descriptors  # noqa: S301  # from the process that started this one


def say(*numbers: int) -> None:
    """Says in such a process how far it is; whoever started it may be gone, which ends this one."""
    sys.stdout.write(f"{' '.join(map(str, numbers))}\n")
    sys.stdout.flush()
