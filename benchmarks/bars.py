"""How fast and how small a load has to be, and what `--check` refuses: less, by more than measuring is unsure of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from course import Measured, dry  # type: ignore[import-not-found]  # a script beside this one

RECORDS, ACCOUNTS, ORDERS = "records", "accounts", "orders"
BARE, NATIVE = "bare script", "native engine"

OF_BARE, OF_NATIVE, OF_RECORDS, OF_CSV, OF_ONE = 0.6, 0.6, 0.6, 1.0, 1.7
MOST_MB, MOST_MB_A_WORKER = 600, 250
NOISE = 0.3
"""The share of a bar that medians of turns may miss by chance, on a machine that others use."""


class Bar(NamedTuple):
    """What is wanted of one figure.

    Attributes:
        name: of the figure.
        wanted: what it should be, at least; of memory, at most.
        measured: what it is.
    """

    name: str
    wanted: float
    measured: float

    @property
    def holds(self) -> bool:
        """Whether it is not surely missed."""
        return self.measured >= self.wanted * (1 - NOISE)


def bars(results: Sequence[Measured]) -> Iterator[Bar]:
    """The bars of what was measured."""
    found: Mapping[str, Measured] = {each.name: each for each in results}

    def ratio(name: str, one: str, other: str, wanted: float) -> Iterator[Bar]:
        if one in found and other in found:
            yield Bar(name, wanted, found[one].rate / found[other].rate)

    ours = f"{RECORDS}, CSV, 2 workers"
    yield from ratio("records beside the bare script", ours, BARE, OF_BARE)
    yield from ratio("records beside the native engine", ours, NATIVE, OF_NATIVE)
    for form in ("CSV", "Parquet"):
        records = f"{RECORDS}, {form}, 2 workers"
        for what in (ACCOUNTS, ORDERS):
            yield from ratio(f"{what} beside records, {form}", f"{what}, {form}, 2 workers", records, OF_RECORDS)
    for what in (RECORDS, ACCOUNTS, ORDERS):
        one, two, parquet = f"{what}, CSV, 1 worker", f"{what}, CSV, 2 workers", f"{what}, Parquet, 2 workers"
        yield from ratio(f"{what}, Parquet beside CSV", parquet, two, OF_CSV)
        yield from ratio(f"{what}, prepared by two beside one", dry(two), dry(one), OF_ONE)


def too_large(results: Sequence[Measured]) -> list[str]:
    """Our loads that take more memory than they may, whatever the rows; one line each."""
    ours = [(each, MOST_MB + MOST_MB_A_WORKER * each.workers) for each in results if each.stages]
    return [
        f"{each.name}: {each.peak.sum_mb:,.0f} MB; at most {most:,} MB are allowed"
        for each, most in ours
        if each.peak.sum_mb > most
    ]


def shortfalls(results: Sequence[Measured]) -> list[str]:
    """What `--check` refuses, one line each."""
    slow = [
        f"{bar.name}: {bar.measured:.2f}; {bar.wanted:.2f} is wanted, less than {bar.wanted * (1 - NOISE):.2f} refused"
        for bar in bars(results)
        if not bar.holds
    ]
    return [*slow, *too_large(results)]
