import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import pytest

from pipelines.deliver.limits import Brake, Pressure
from pipelines.deliver.sender import send_batches
from schemas.errors import AuthError

WORK = [np.array([2 * i, 2 * i + 1]) for i in range(12)]


class Deliveries:
    """Stands where a Delivery does: notes what is in flight."""

    def __init__(self, fail_at: int | None = None, error: Exception | None = None) -> None:
        self.brake = Brake(threading.Event())
        self.delivered: list[list[int]] = []
        self.most = 0
        self.lost: dict[int, Sequence[int]] = {}
        self.due = False
        self._flying = 0
        self._fail_at, self._with = fail_at, error
        self._lock = threading.Lock()

    def left(self, part: Sequence[int]) -> Sequence[int]:
        return self.lost.pop(part[0], []) if part else []

    def sync(self) -> None:
        pass

    def is_due(self, part: Sequence[int]) -> bool:
        return self.due

    def deliver(self, part: Sequence[int]) -> None:
        with self._lock:
            self._flying += 1
            self.most = max(self.most, self._flying)
        time.sleep(0.005)
        with self._lock:
            self._flying -= 1
            self.delivered.append(list(part))
        if part[0] == self._fail_at and self._with:
            raise self._with


def run(deliveries: Any, senders: int) -> list[int]:
    told: list[int] = []
    send_batches(WORK, deliveries, Pressure(senders, lambda: 0), lambda batch: told.extend(batch.tolist()))
    return told


@pytest.mark.parametrize("senders", [1, 4, 16])
def test_every_batch_is_delivered_once_by_so_many_senders_at_most(senders: int) -> None:
    deliveries = Deliveries()
    told = run(deliveries, senders)
    assert sorted(deliveries.delivered) == [batch.tolist() for batch in WORK]
    assert sorted(told) == list(range(24))
    assert deliveries.most <= senders
    assert (deliveries.most > 1) is (senders > 1)


def test_however_slow_lusid_is_no_more_batches_are_taken_up_than_are_in_flight() -> None:
    """What waits for its turn is a slice of a file: bodies in memory are those of the calls in flight."""
    deliveries = Deliveries()
    ahead: list[int] = []

    def work() -> Iterator[Any]:
        for number, batch in enumerate(WORK):
            ahead.append(number - len(deliveries.delivered))
            yield batch

    send_batches(work(), cast("Any", deliveries), Pressure(4, lambda: 0), lambda _: None)
    assert len(deliveries.delivered) == len(WORK)
    assert 1 < max(ahead) <= 4


@pytest.mark.parametrize("due", [False, True])
def test_what_was_lost_of_a_batch_goes_again_when_it_may_and_else_at_the_end(due: bool) -> None:
    deliveries = Deliveries()
    deliveries.lost, deliveries.due = {4: [5]}, due
    told = run(deliveries, 1)
    assert deliveries.delivered.index([5]) == (3 if due else len(WORK))
    assert sorted(told) == list(range(24)), "told of twice, or never"


def test_while_answers_are_lost_in_a_row_no_new_batch_begins() -> None:
    deliveries = Deliveries()
    deliveries.lost = {0: [0, 1], 2: [3], 4: [4, 5]}
    missing, deliver = [0, 2, 4], deliveries.deliver

    def loses(part: Sequence[int]) -> None:
        deliver(part)
        if part[0] in missing:
            missing.remove(part[0])
            deliveries.brake.missed()
        else:
            deliveries.brake.answered()

    deliveries.deliver = loses  # type: ignore[method-assign]  # as a delivery that loses answers
    told = run(deliveries, 1)
    assert deliveries.delivered[:4] == [[0, 1], [2, 3], [4, 5], [0, 1]]
    assert sorted(told) == list(range(24))


@pytest.mark.parametrize("error", [None, AuthError("out")], ids=["waits", "ends"])
def test_what_a_sender_settled_is_on_disk_when_it_waits_or_ends_before_another(error: Exception | None) -> None:
    deliveries = Deliveries(2, error)
    deliver, synced = deliveries.deliver, threading.Event()

    def slow(part: Sequence[int]) -> None:
        deliver(part)
        if part[0] == 0:
            assert synced.wait(5), "the other sender has nothing to send, and did not see to what it settled"

    deliveries.deliver = slow  # type: ignore[method-assign]  # as a delivery of which one call takes long
    deliveries.sync = lambda: synced.set() if [2, 3] in deliveries.delivered else None  # type: ignore[method-assign]
    send_batches(WORK[:2], cast("Any", deliveries), Pressure(2, lambda: 0), lambda _: None)
    assert sorted(deliveries.delivered) == [[0, 1], [2, 3]]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not let threads choose a core")
def test_senders_share_a_core_and_leave_the_others_to_this_thread() -> None:
    deliveries, before = Deliveries(), os.sched_getaffinity(0)
    deliver, used = deliveries.deliver, set[frozenset[int]]()

    def noted(part: Sequence[int]) -> None:
        used.add(frozenset(os.sched_getaffinity(0)))
        deliver(part)

    deliveries.deliver = noted  # type: ignore[method-assign]  # as a delivery that looks where it runs
    run(deliveries, 4)
    (shared,) = used
    assert len(shared) == 1
    assert shared <= before == os.sched_getaffinity(0)


def test_a_fatal_error_lets_no_further_batch_begin() -> None:
    deliveries = Deliveries(4, AuthError("out"))
    run(deliveries, 1)
    assert deliveries.delivered == [[0, 1], [2, 3], [4, 5]]
    assert isinstance(deliveries.brake.error, AuthError)


def test_a_bug_in_one_sender_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Deliveries(4, ZeroDivisionError()), 2)


def test_a_run_that_is_stopped_already_sends_nothing() -> None:
    deliveries = Deliveries()
    deliveries.brake.stop(AuthError("out"))
    assert run(deliveries, 2) == []
    assert deliveries.delivered == []
