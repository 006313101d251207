"""PR-FIFO: what each order receives of an execution. Pure arithmetic; knows no entity, no store.

The base algorithm is pro rata: an order's share is its unfilled quantity divided by the block's,
times what was executed, rounded down to an integer; no order receives more than it lacks. What
rounding leaves over goes round robin, first in, first out: one unit to each order in turn, oldest
first (support page "allocating fills automatically using allocation algorithms").

Ours, where the page is silent: the round starts with the oldest order each time; what is left when
no order lacks a whole unit, or is itself less than one, goes as it is to the oldest orders that
lack something. So everything that can be allocated is.
"""

from collections.abc import Sequence
from decimal import Decimal

from connectors.sandbox.domain.arithmetic import Number, exactly, plain


def shares(executed: Number, unfilled: Sequence[Number]) -> list[Decimal]:
    """What each order receives.

    Args:
        executed: the quantity to share out; what is negative counts as nothing.
        unfilled: what each order lacks, oldest order first; what is negative counts as nothing.

    Returns:
        As many quantities, in the same order; they add up to the smaller of `executed` and what
        the orders lack together.
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
    """Gives whole units in turn while there are any and someone lacks one; returns what is left."""
    while left >= 1:
        takers = [n for n, each in enumerate(lacking) if each - given[n] >= 1][: int(left)]
        if not takers:
            break
        for n in takers:
            given[n] += 1
        left -= len(takers)
    return left
