"""Placements to allocate and allocations to book: ids, and the parameters of their calls."""

from decimal import Decimal

import orjson
import pytest
from bound import bind, faults, requests, validate

from pipelines.operations.operation import BodyShape
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.requests.allocations import CallParameters

PLACEMENT = {"placement_scope": "S", "placement_code": "P1"}
ALLOCATION = {"allocation_scope": "S", "allocation_code": "A1"}


def said(operation: str, row: dict[str, str], dialect: Dialect = Dialect.V2_1) -> CallParameters:
    """The call parameters in a row."""
    binding = bind(operation, list(row), dialect)
    found = validate(binding, list(row.values()))
    assert isinstance(found, dict), found
    call = OPERATIONS[operation].call_parameters
    assert call is not None
    return call(binding.columns, dialect)(found)


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize(
    ("operation", "row", "key"), [("allocate", PLACEMENT, "S/P1"), ("book-transactions", ALLOCATION, "S/A1")]
)
def test_a_row_is_an_id_and_needs_nothing_else(operation: str, row: dict[str, str], key: str, dialect: Dialect) -> None:
    made = requests(operation, bind(operation, list(row), dialect), [list(row.values())], dialect)
    assert made == {key: {"scope": "S", "code": key[2:]}}
    assert said(operation, row, dialect) == CallParameters()


def test_the_algorithm_is_a_parameter_of_the_call() -> None:
    row = PLACEMENT | {"allocation_algorithm": "PR-FIFO"}
    assert said("allocate", row) == CallParameters((("allocationAlgorithm", "PR-FIFO"),))
    assert said("allocate", PLACEMENT | {"allocation_algorithm": ""}) == CallParameters()


@pytest.mark.parametrize("cell", ["PR FIFO", "x" * 65, "a/b"])
def test_a_malformed_algorithm_is_refused(cell: str) -> None:
    row = PLACEMENT | {"allocation_algorithm": cell}
    assert [f.column for f in faults(bind("allocate", list(row)), list(row.values()))] == ["allocation_algorithm"]


def test_switches_and_transaction_properties_are_those_of_the_call() -> None:
    row = ALLOCATION | {
        "apply_fees_and_commission": " FALSE ",
        "mark_as_booked": "true",
        "fx_instrument_type": "FxForward",
        "property:Transaction/A/B": "growth",
        "metric:Transaction/A/C": "1.50",
    }
    params, members = said("book-transactions", row, Dialect.V2_3)
    assert params == (("applyFeesAndCommission", "false"), ("markOrdersAndAllocationsAsBooked", "true"))
    assert orjson.loads(BodyShape.ALLOCATION_IDS.around(b"", members)) == {
        "allocationIds": [],
        "transactionProperties": {
            "Transaction/A/B": {"key": "Transaction/A/B", "value": {"labelValue": "growth"}},
            "Transaction/A/C": {"key": "Transaction/A/C", "value": {"metricValue": {"value": 1.5}}},
        },
        "fxInstrumentType": "FxForward",
    }
    assert Decimal(members.split(b'"value":')[-1].rstrip(b"}").split(b",")[0].rstrip(b"}").decode()) == Decimal("1.5")


@pytest.mark.parametrize(
    ("column", "cell", "dialect"),
    [
        ("apply_fees_and_commission", "yes", "2.1"),
        ("mark_as_booked", "1", "2.1"),
        ("fx_instrument_type", "FxForwards", "2.3"),
        ("allocation_code", "", "2.1"),
    ],
)
def test_a_cell_that_lusid_cannot_take_is_refused(column: str, cell: str, dialect: str) -> None:
    row = ALLOCATION | {column: cell}
    found = faults(bind("book-transactions", list(row), Dialect(dialect)), list(row.values()))
    assert [fault.column for fault in found] == [column]


@pytest.mark.parametrize(
    ("column", "dialect"),
    [
        ("fx_instrument_type", "2.1"),
        ("apply_fees_and_commission", "legacy"),
        ("property:Transaction/A/B", "legacy"),
        ("property:Order/A/B", "2.1"),
    ],
)
def test_columns_that_a_dialect_does_not_have_are_refused_at_the_header(column: str, dialect: str) -> None:
    with pytest.raises(ConfigError, match=column.rpartition("/")[0] or column):
        bind("book-transactions", [*ALLOCATION, column], Dialect(dialect))
