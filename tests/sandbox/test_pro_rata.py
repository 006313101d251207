"""PR-FIFO as arithmetic: the documented example, worked examples, and what must hold for any block."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.domain.pro_rata import shares

wholes = st.integers(min_value=0, max_value=10**9)
quantities = st.decimals(min_value=-100, max_value=10**6, places=6) | wholes
blocks = st.lists(quantities, max_size=12)


def lacking(values: list[Decimal | int]) -> list[Fraction]:
    return [max(Fraction(each), Fraction(0)) for each in values]


@pytest.mark.parametrize(
    ("executed", "unfilled", "expected"),
    [
        (40, [30, 70], [12, 28]),
        (10, [33, 33, 34], [4, 3, 3]),
        (100, [30, 40, 30], [30, 40, 30]),
        (5, [1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]),
        (2, [1, 10, 10], [1, 1, 0]),
        (150, [30, 70], [30, 70]),
        (0, [30, 70], [0, 0]),
        (-3, [30, 70], [0, 0]),
        (10, [-5, 0, 20], [0, 0, 10]),
        (10, [], []),
        (10, [0], [0]),
        ("0.7", ["0.3", "0.5"], ["0.3", "0.4"]),
        ("10.5", ["33.5", 33, "33.5"], ["4.5", 3, 3]),
        (3, ["0.5", "0.5", 5], [0, 0, 3]),
        ("3.5", ["0.5", "0.5", 3], ["0.5", 0, 3]),
        (2, ["1.5", "1.5"], [1, 1]),
        (3, ["1.5", "1.5"], ["1.5", "1.5"]),
    ],
)
def test_worked_examples(executed: str, unfilled: list[str], expected: list[str]) -> None:
    given_out = shares(Decimal(executed), [Decimal(each) for each in unfilled])
    assert given_out == [Decimal(each) for each in expected]


@given(quantities, blocks)
def test_no_order_receives_more_than_it_lacks_and_everything_that_can_be_is_allocated(
    executed: Decimal | int, unfilled: list[Decimal | int]
) -> None:
    given_out = [Fraction(each) for each in shares(executed, unfilled)]
    room = lacking(unfilled)

    assert all(0 <= share <= most for share, most in zip(given_out, room, strict=True))
    assert sum(given_out) == min(max(Fraction(executed), Fraction(0)), sum(room))


@given(wholes, st.lists(wholes, max_size=12))
def test_whole_quantities_are_shared_as_the_page_says_within_one_unit(executed: int, unfilled: list[int]) -> None:
    total = sum(unfilled)
    most = min(executed, total)
    floors = [each * most // total if total else 0 for each in unfilled]
    extra = [int(share) - floor for share, floor in zip(shares(executed, unfilled), floors, strict=True)]

    assert set(extra) <= {0, 1}
    room = [n for n, each in enumerate(unfilled) if each > floors[n]]
    assert [n for n, each in enumerate(extra) if each] == room[: sum(extra)]


@given(quantities, blocks, st.data())
def test_orders_that_lack_nothing_change_nothing_wherever_they_stand(
    executed: Decimal | int, unfilled: list[Decimal | int], data: st.DataObject
) -> None:
    mixed = [(each, True) for each in unfilled]
    for full in (0, Decimal("-1.5"), 0):
        mixed.insert(data.draw(st.integers(0, len(mixed))), (full, False))

    given_out = shares(executed, [each for each, _ in mixed])

    open_ones = [share for share, (_, is_open) in zip(given_out, mixed, strict=True) if is_open]
    assert open_ones == shares(executed, unfilled)


@given(wholes, st.lists(wholes, max_size=12), st.randoms())
def test_the_age_of_an_order_changes_its_share_by_one_unit_at_most(
    executed: int, unfilled: list[int], dice: Random
) -> None:
    places = list(range(len(unfilled)))
    dice.shuffle(places)
    shuffled = shares(executed, [unfilled[place] for place in places])
    plain = shares(executed, unfilled)

    assert all(abs(plain[place] - share) <= 1 for place, share in zip(places, shuffled, strict=True))


@given(st.lists(wholes, min_size=1, max_size=5), blocks)
def test_fill_after_fill_never_passes_what_was_ordered(fills: list[int], unfilled: list[Decimal | int]) -> None:
    left = lacking(unfilled)
    out = Fraction(0)
    for fill in fills:
        given_out = shares(fill, [Decimal(each.numerator) / Decimal(each.denominator) for each in left])
        left = [was - Fraction(share) for was, share in zip(left, given_out, strict=True)]
        out += sum(Fraction(share) for share in given_out)
    assert min(left, default=Fraction(0)) >= 0
    assert out == min(Fraction(sum(fills)), sum(lacking(unfilled)))


def test_what_is_given_is_written_plainly() -> None:
    assert [str(each) for each in shares(Decimal("1E+2"), [Decimal("60.00"), Decimal("4E+1")])] == ["60", "40"]
    assert [str(each) for each in shares(Decimal("79228162514264337593543950335"), [Decimal("0.10"), 10**28])] == [
        "0.1",
        "1" + "0" * 28,
    ]
