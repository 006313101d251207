"""How many calls are in flight: wider after each batch that went well, half after one that did not."""

import pytest

from pipelines.pressure import SLOW, Pressure


class Repeats:
    """How many calls had to be repeated so far."""

    def __init__(self) -> None:
        self.count = 3

    def __call__(self) -> int:
        return self.count


def test_a_repeat_halves_the_way_and_batches_that_go_well_widen_it_again() -> None:
    repeats = Repeats()
    pressure = Pressure(8, repeats)
    pressure.settled(10, 1.0)
    assert pressure.width == 8
    repeats.count += 1
    pressure.settled(10, 1.0)
    assert pressure.width == 4
    pressure.settled(10, 1.0)
    assert pressure.width == 4.25
    for _ in range(100):
        pressure.settled(10, 1.0)
    assert pressure.width == 8


def test_the_way_is_never_narrower_than_one_call() -> None:
    repeats = Repeats()
    pressure = Pressure(4, repeats)
    for _ in range(10):
        repeats.count += 1
        pressure.settled(1, 0.01)
    assert pressure.width == 1


@pytest.mark.parametrize(("factor", "width"), [(SLOW * 0.99, 4), (SLOW * 1.01, 2)])
def test_an_answer_much_slower_than_the_best_is_pressure(factor: float, width: float) -> None:
    pressure = Pressure(4, lambda: 0)
    pressure.settled(100, 10.0)
    pressure.settled(50, 5.0 * factor)
    assert pressure.width == width


def test_the_noise_of_fast_answers_is_no_pressure() -> None:
    pressure = Pressure(4, lambda: 0)
    pressure.settled(1000, 0.001)
    pressure.settled(1000, 0.9)
    assert pressure.width == 4
