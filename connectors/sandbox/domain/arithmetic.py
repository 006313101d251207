"""Exact decimal arithmetic. Knows nothing of LUSID.

Numbers that the readers accept have at most 29 digits before the point and 28 after it, so 400 digits hold any sum and
any product of a few of them; a result that would be rounded raises an error instead.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext

Number = int | Decimal

_EXACT = Context(prec=400, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])


def exactly() -> AbstractContextManager[Context]:
    """A block in which decimal arithmetic is exact or raises."""
    return localcontext(_EXACT)


def total(values: Iterable[Number]) -> Number:
    """The exact sum."""
    with exactly():
        return sum(values, start=0)


def product(*values: Number) -> Decimal:
    """The exact product, written without trailing zeros or an exponent."""
    with exactly():
        out = Decimal(1)
        for value in values:
            out *= value
        return plain(out)


def plain(value: Number) -> Decimal:
    """The same number without trailing zeros after the point and without an exponent: 88800.0 is 88800."""
    return Decimal(f"{_EXACT.normalize(Decimal(value)):f}")
