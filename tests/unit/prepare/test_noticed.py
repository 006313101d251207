"""What LUSID may take and few mean becomes a warning, and no refusal."""

from pathlib import Path

import pytest
from builders import Row, order, prepare_rows

from schemas.rows.conventions.currencies import near_miss

PRICED = {"price": "10", "price_currency": "GBP"}


def remarks(folder: Path, *rows: Row, **options: object) -> tuple[str, ...]:
    """What is noticed in orders."""
    with prepare_rows("orders", folder, rows, **options) as found:
        return found.prepared.remarks


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        *(("gbp", "GBP"), ("Usd", "USD"), ("GPB", "GBP"), ("ERU", "EUR"), ("EURO", "EUR"), ("N0K", "NOK")),
        *((code, "") for code in ("GBP", "GBX", "GBp", "CNH", "USDT", "XAU", "ABC", "FND01")),
    ],
)
def test_a_currency_is_near_one_of_iso_4217_or_not(code: str, meant: str) -> None:
    assert near_miss(code) == meant


def test_currencies_that_are_nearly_one_are_told_with_their_rows(tmp_path: Path) -> None:
    codes = ["GBP", "GPB", "GPB", "GBX", "gbp"]
    rows = [order(n, n, PRICED | {"price_currency": code}) for n, code in enumerate(codes, 1)]
    refused = order(9, 9, PRICED | {"price_currency": "UDS", "quantity": "many"})
    assert remarks(tmp_path, *rows, refused) == (
        "price_currency: GPB in 2 of the rows is no currency of ISO 4217: did you mean GBP?",
        "price_currency: gbp in 1 of the rows is no currency of ISO 4217: did you mean GBP?",
    )


def test_codes_that_are_wider_than_usual_are_told(tmp_path: Path) -> None:
    codes = ["O-1", "O/2", "O" * 64, "O" * 65, "A&B#3"]
    rows = [order(n, n, {"order_code": code}) for n, code in enumerate(codes, 1)]
    (said,) = remarks(tmp_path, *rows)
    assert said.startswith("order_code: in 3 of the rows the code has more than 64 characters, or others than letters")
    assert remarks(tmp_path, *rows[:1], rows[2]) == ()
