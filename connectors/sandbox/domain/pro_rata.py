"""PR-FIFO: how much of an execution each order receives. Pure arithmetic; knows no entity and no store.

The base algorithm is pro rata: an order's share is its unfilled quantity divided by the block's, times the executed
quantity, rounded down to an integer; no order receives more than it lacks. What rounding leaves over is distributed
round robin, first in, first out: one unit to each order in turn, oldest first (support page "allocating fills
automatically using allocation algorithms").

Where the page is silent, these choices are ours: each round starts with the oldest order; what is left when no order
lacks a whole unit, or when less than a unit is left, goes undivided to the oldest orders that lack something. In this
way everything that can be allocated is.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.sandbox.domain.arithmetic import Number, exactly, plain


def shares(executed: Number, unfilled: Sequence[Number]) -> list[Decimal]:
    """What each order receives.

    Args:
        executed: the quantity to share out; a negative one counts as zero.
        unfilled: what each order lacks, oldest order first; a negative quantity counts as zero.

    Returns:
        One quantity for each order, in the same order; they add up to `executed` or to what the orders lack together,
        whichever is less.
    """
    with exactly():
        lacking = [max(Decimal(each), Decimal(0)) for each in unfilled]
        block = sum(lacking, Decimal(0))
        left = max(min(Decimal(executed), block), Decimal(0))
        if not left:
            return [Decimal(0)] * len(lacking)
        given = [each * left // block for each in lacking]
        left -= sum(given)
        left = _round_robin(given, lacking, left)
        for n, each in enumerate(lacking):
            rest = min(left, each - given[n])
            given[n] += rest
            left -= rest
    return [plain(each) for each in given]


def _round_robin(given: list[Decimal], lacking: list[Decimal], left: Decimal) -> Decimal:
    """Gives out whole units in turn while there are any and an order lacks one; returns what is left."""
    while left >= 1:
        takers = [n for n, each in enumerate(lacking) if each - given[n] >= 1][: int(left)]
        if not takers:
            break
        for n in takers:
            given[n] += 1
        left -= len(takers)
    return left
