import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from pipelines.loading.interrupts import interrupts

TWICE = """
import os, signal, time
from pipelines.loading.interrupts import interrupts
with interrupts(lambda name: print(name, flush=True)):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_passed_on_by_name_and_handlers_are_restored(number: signal.Signals) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    told: list[str] = []
    with interrupts(told.append):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
    assert told == [number.name]
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


def test_the_second_signal_leaves_at_once_with_our_exit_code() -> None:
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (4, "SIGTERM\n", "")


def test_what_the_first_signal_raises_ends_the_work() -> None:
    def stop(name: str) -> None:
        raise ZeroDivisionError(name)

    def work() -> None:
        with interrupts(stop):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    with pytest.raises(ZeroDivisionError, match="SIGINT"):
        work()


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with interrupts(lambda _: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


BEFORE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
from pipelines.cli import main as cli
cli.app = lambda **_: os.kill(os.getpid(), signal.{0})
sys.argv = ["bulkload", "runs"]
cli.main()
"""

AFTER = """
import os, signal, sys
from pipelines.cli import main as cli
class Last:
    # goes when Python takes itself apart, its handlers of signals included
    def __del__(self, kill=os.kill, me=os.getpid(), number=signal.{0}):
        kill(me, number)

sys.last = Last()
cli.run = lambda _: print("the report") or 3
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_before_a_load_watches_for_signals_one_ends_the_command_with_our_message(name: str) -> None:
    code = BEFORE.format(name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    said = "bulkload: interrupted; `bulkload runs` shows how far it got\n"
    assert (done.returncode, done.stdout, done.stderr) == (4, "", said)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_once_the_exit_code_is_known_no_signal_changes_it(name: str) -> None:
    code = AFTER.format(name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (3, "the report\n", "")
