"""The failure budget, in rows or as a percentage of the rows read."""

from decimal import Decimal

import pytest

from schemas.errors import ConfigError
from schemas.option_types.budget import FailureBudget


@pytest.mark.parametrize(
    ("text", "budget", "spelled"),
    [
        ("0", FailureBudget(Decimal(0), percent=False), "0"),
        ("50", FailureBudget(Decimal(50), percent=False), "50"),
        (" 2.5% ", FailureBudget(Decimal("2.5"), percent=True), "2.5%"),
        ("100%", FailureBudget(Decimal(100), percent=True), "100%"),
    ],
)
def test_a_budget_is_a_number_of_rows_or_a_share(text: str, budget: FailureBudget, spelled: str) -> None:
    assert FailureBudget.parse(text) == budget
    assert str(budget) == spelled


@pytest.mark.parametrize("text", ["", "-1", "2.5", "101%", "100.1%", "few", "5 %", "1e3", "%", "5%%"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        FailureBudget.parse(text)
    expected = f"--max-failures takes a number of rows or a percentage up to 100%, not {text}"
    assert caught.value.message == expected


@pytest.mark.parametrize(
    ("text", "failed", "rows", "over"),
    [
        ("0", 0, 10, False),
        ("0", 1, 10, True),
        ("5", 5, 10, False),
        ("5", 6, 10, True),
        ("10%", 1, 10, False),
        ("10%", 2, 19, True),
        ("0%", 0, 0, False),
        ("100%", 10, 10, False),
    ],
)
def test_a_budget_is_exceeded_by_the_first_row_beyond_it(text: str, failed: int, rows: int, *, over: bool) -> None:
    error = FailureBudget.parse(text).exceeded(failed, rows)
    assert (error is not None) is over
    if error is not None:
        said = f"{failed:,} of {rows:,} rows failed, more than --max-failures {FailureBudget.parse(text)} allows"
        assert error.message == said


def test_a_share_is_exact_to_the_row() -> None:
    """In binary fractions 32.3% of 1,000 is less than 323."""
    for failed in range(1001):
        budget = FailureBudget.parse(f"{failed // 10}.{failed % 10}%")
        assert budget.exceeded(failed, 1000) is None
        assert budget.exceeded(failed + 1, 1000) is not None
