"""Executions: the rules of a row, and the request it makes."""

from decimal import Decimal

import pytest
from bound import bind, faults, requests

from schemas.dialects import Dialect
from schemas.errors import ConfigError

NEEDED = {
    "execution_scope": "S",
    "execution_code": "E1",
    "placement_scope": "S",
    "placement_code": "P1",
    "instrument:Instrument/default/Figi": "BBG1",
    "quantity": "40",
    "state": "Filled",
    "side": "Buy",
    "type": "Market",
    "created_date": "2026-11-20T09:30:00+01:00",
    "price": "88.80",
    "price_currency": "USD",
    "settlement_currency": "GBP",
    "settlement_fx_rate": "0.8",
    "counterparty": "Broker",
}
LEAST = {
    "id": {"scope": "S", "code": "E1"},
    "placementId": {"scope": "S", "code": "P1"},
    "instrumentIdentifiers": {"Instrument/default/Figi": "BBG1"},
    "quantity": 40,
    "settlementCurrencyFxRate": Decimal("0.8"),
    "state": "Filled",
    "side": "Buy",
    "type": "Market",
    "createdDate": "2026-11-20T08:30:00.0000000+00:00",
    "settlementCurrency": "GBP",
    "counterparty": "Broker",
    "price": {"amount": Decimal("88.8"), "currency": "USD"},
}


@pytest.mark.parametrize("dialect", [Dialect.V2_1, Dialect.V2_3])
def test_the_least_an_execution_needs(dialect: Dialect) -> None:
    binding = bind("executions", list(NEEDED), dialect)
    assert requests("executions", binding, [list(NEEDED.values())], dialect) == {"S/E1": LEAST}


def test_what_else_may_be_given() -> None:
    row = NEEDED | {"settlement_date": "2026-11-22", "average_price": "88.75", "property:Execution/A/B": "XLON"}
    (made,) = requests("executions", bind("executions", list(row)), [list(row.values())], Dialect.V2_1).values()
    assert made == LEAST | {
        "settlementDate": "2026-11-22T00:00:00.0000000+00:00",
        "averagePrice": Decimal("88.75"),
        "properties": {"Execution/A/B": {"key": "Execution/A/B", "value": {"labelValue": "XLON"}}},
    }


@pytest.mark.parametrize("column", [name for name in NEEDED if name != "price_currency"])
def test_every_needed_cell_must_be_filled(column: str) -> None:
    row = NEEDED | {column: ""}
    found = [fault.column for fault in faults(bind("executions", list(row)), list(row.values()))]
    assert column.partition(":")[0] in {each.partition(":")[0] for each in found}


def test_a_price_needs_its_currency() -> None:
    row = NEEDED | {"price_currency": ""}
    found = [str(fault) for fault in faults(bind("executions", list(row)), list(row.values()))]
    assert found == ["price_currency: is missing, although price is given"]


@pytest.mark.parametrize("column", [name for name in NEEDED if name != "counterparty"])
def test_every_needed_column_must_be_there(column: str) -> None:
    with pytest.raises(ConfigError) as caught:
        bind("executions", [name for name in NEEDED if name != column])
    assert column.partition(":")[0] in caught.value.message
