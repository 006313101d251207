"""Numbers of the requests of one call, and the stretches of consecutive ones in them."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

Part = Sequence[int]
"""Numbers of the requests of one call, ascending."""


def runs_of(numbers: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, count) of the stretches of consecutive numbers."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    starts = np.concatenate(([0], breaks))
    counts = np.diff(np.concatenate((starts, [len(numbers)])))
    return zip(numbers[starts].tolist(), counts.tolist(), strict=True)


def is_stretch(part: Part) -> bool:
    """Whether a call's request numbers are consecutive, as in most calls."""
    return len(part) > 0 and part[-1] - part[0] + 1 == len(part)


def picked(values: npt.NDArray[np.int64], part: Part) -> npt.NDArray[np.int64]:
    """The values of a call's requests, of an array that has one for each request of the run; perhaps a view."""
    return values[part[0] : part[-1] + 1] if is_stretch(part) else values[np.asarray(part, np.int64)]


def ranges(part: Part) -> list[list[int]]:
    """[first, count] pairs of a call's request numbers."""
    if is_stretch(part):
        return [[part[0], len(part)]]
    return [list(run) for run in runs_of(np.asarray(part, np.int64))]
