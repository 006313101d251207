import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import rows_for, write_csv
from scripted_lusid import Call, Reply, done, refused, sandbox, scripted

from connectors.targets import Target
from pipelines.deliver.limits import SLOW, Pressure
from pipelines.load import load
from pipelines.report.report import Report
from schemas.states import Verdict


class Setbacks:
    """How many attempts came to nothing so far."""

    def __init__(self) -> None:
        self.count = 3

    def __call__(self) -> int:
        return self.count


def went(pressure: Pressure, requests: int, seconds: float) -> None:
    """A batch that was one call."""
    pressure.answered(requests, seconds)
    pressure.settled()


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Report, float]]:
    """A load with 4 calls in flight: its report, and how wide its way was in the end."""
    made: list[Pressure] = []

    def kept(*given: Any) -> Pressure:
        made.append(Pressure(*given))
        return made[-1]

    def carry_out(operation: str, count: int, target: Target, batch_size: int) -> tuple[Report, float]:
        path = write_csv(tmp_path / "a.csv", rows_for(operation, count))
        report = load(operation, path, target=target, runs=tmp_path / "runs", batch_size=batch_size, concurrency=4)
        (pressure,) = made
        return report, pressure.width

    monkeypatch.setattr("pipelines.loading.sending.Pressure", kept)
    return carry_out


def test_a_setback_halves_the_way_and_batches_that_go_well_widen_it_again() -> None:
    setbacks = Setbacks()
    pressure = Pressure(8, setbacks)
    went(pressure, 10, 1.0)
    assert pressure.width == 8
    setbacks.count += 4
    went(pressure, 10, 1.0)
    assert pressure.width == 4
    went(pressure, 10, 1.0)
    assert pressure.width == 4.25
    for _ in range(100):
        went(pressure, 10, 1.0)
    assert pressure.width == 8


def test_the_way_is_never_narrower_than_one_call() -> None:
    setbacks = Setbacks()
    pressure = Pressure(4, setbacks)
    for _ in range(10):
        setbacks.count += 1
        pressure.settled()
    assert pressure.width == 1


@pytest.mark.parametrize(("factor", "width"), [(SLOW * 0.99, 4), (SLOW * 1.05, 2)])
def test_an_answer_much_slower_than_the_best_is_pressure(factor: float, width: float) -> None:
    pressure = Pressure(4, lambda: 0)
    went(pressure, 100, 10.0)
    went(pressure, 50, 5.0 * factor)
    assert pressure.width == width


def test_a_call_much_smaller_than_the_largest_is_not_compared() -> None:
    pressure = Pressure(4, lambda: 0)
    went(pressure, 1000, 2.0)
    went(pressure, 1, 0.5)
    went(pressure, 400, 8.0)
    assert pressure.width == 4
    went(pressure, 1000, 9.0)
    assert pressure.width == 2


def test_neither_a_lucky_answer_nor_a_call_that_was_too_large_is_the_measure_for_ever() -> None:
    pressure = Pressure(4, lambda: 0)
    went(pressure, 1000, 2.0)
    for _ in range(300):
        went(pressure, 100, 2.0)
    assert pressure.width == 4
    went(pressure, 100, 9.0)
    assert pressure.width == 2


def test_the_noise_of_fast_answers_is_no_pressure() -> None:
    pressure = Pressure(4, lambda: 0)
    went(pressure, 1000, 0.001)
    went(pressure, 1000, 0.9)
    assert pressure.width == 4


def test_a_refused_batch_that_is_taken_apart_and_a_short_last_one_are_no_pressure(
    loaded: Callable[..., tuple[Report, float]],
) -> None:
    """Each call takes its time: a single request is five times as slow as one of ten."""

    def rule(call: Call) -> Reply:
        time.sleep(0.02)
        return refused() if "MyScope/B0004" in call.keys else done(call)

    with scripted(rule) as (_, target):
        report, width = loaded("orders", 21, target, batch_size=10)
    assert (report.verdict, report.requests) == (Verdict.REJECTS, 11)
    assert width == 4


@pytest.mark.parametrize("fault", ["429", "503", "500", "cut-before", "cut-after"])
@pytest.mark.parametrize("operation", ["investor-records", "orders"])
def test_whatever_turns_calls_away_narrows_the_way_for_all_senders(
    loaded: Callable[..., tuple[Report, float]], operation: str, fault: str
) -> None:
    with sandbox(f"script={fault};ok,retry-after=0") as (_, target):
        report, width = loaded(operation, 8, target, batch_size=8)
    assert report.verdict is Verdict.COMPLETE
    assert 2 <= width < 3, "halved once; what was lost and goes again widens it a little"
