"""What counts as a difference between what was sent and what LUSID shows, and what does not."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pipelines.planning.differences import KNOWN_INSTRUMENT, Among, IfShown, differences

NOW = datetime(2026, 11, 29, tzinfo=UTC)
KEY = "InvestorRecord/Details/Country"


def entry(value: Any, **dates: str) -> dict[str, Any]:
    """A property as it is sent and shown."""
    return {"properties": {KEY: {"key": KEY, "value": value, **dates}}}


def label(text: str, **dates: str) -> dict[str, Any]:
    """A property with a label."""
    return entry({"labelValue": text}, **dates)


def labels(*values: str) -> dict[str, Any]:
    """A property with a set of labels."""
    return entry({"labelValueSet": {"values": list(values)}})


def metric(value: Any, unit: str | None = None) -> dict[str, Any]:
    """A property with a number."""
    return entry({"metricValue": {"value": value, **({"unit": unit} if unit else {})}})


def block_ids(*codes: str) -> dict[str, Any]:
    """The blocks of a placement."""
    return {"blockIds": [{"scope": "S", "code": code} for code in codes]}


ALIKE = [
    ({"quantity": Decimal("100.50")}, {"quantity": 100.5}),
    ({"quantity": Decimal("1234567890123456789.012345678")}, {"quantity": 1234567890123456789.0}),
    ({"createdDate": "2026-11-20T08:15:00+01:00"}, {"createdDate": "2026-11-20T07:15:00.0000000Z"}),
    ({"settlementDate": "2026-11-22"}, {"settlementDate": "2026-11-22T00:00:00+00:00"}),
    (labels("UK", "NO", "UK"), labels("NO", "UK")),
    (metric(Decimal("1.10")), metric(1.1, "GBP")),
    (block_ids("B1", "B2"), block_ids("B2", "B1")),
    (label("Norway"), label("Norway", effectiveFrom="0001-01-01T00:00:00Z")),
    (label("Norway", effectiveFrom="2020-01-01"), label("Norway", effectiveFrom="2020-01-01T00:00:00Z")),
    (label("Norway", effectiveFrom="2027-01-01"), label("Chile")),  # not yet
    (label("Norway", effectiveUntil="2020-01-01"), {}),  # no longer
    ({"properties": {}}, {"properties": None}),
    (label("Norway", effectiveFrom="2020-01-01"), label("Chile", effectiveFrom="2024-01-01")),  # a later value since
    ({"side": IfShown("Buy")}, {}),
    ({"lusidInstrumentId": KNOWN_INSTRUMENT}, {"lusidInstrumentId": "LUID_00003D4V"}),
    (
        {"orderIds": Among([{"scope": "S", "code": "O1"}])},
        {"orderIds": [{"scope": "S", "code": c} for c in ["O1", "O2"]]},
    ),
]

OTHER = [
    ({"quantity": Decimal("100.50")}, {"quantity": 100.51}, "quantity"),
    ({"quantity": Decimal(1)}, {"quantity": True}, "quantity"),
    ({"quantity": Decimal(1)}, {"quantity": "1"}, "quantity"),
    ({"createdDate": "2026-11-20T08:15:00+01:00"}, {"createdDate": "2026-11-20T08:15:00Z"}, "createdDate"),
    ({"displayName": "Jane"}, {"displayName": "jane"}, "displayName"),
    ({"description": "Since 2016"}, {}, "description"),
    (labels("UK", "NO"), labels("UK"), f"properties[{KEY}]"),
    (metric(Decimal(1), "GBP"), metric(1, "USD"), f"properties[{KEY}]"),
    (block_ids("B1"), block_ids("B1", "B2"), "blockIds[S/B2]"),
    (block_ids("B1", "B2"), block_ids("B1"), "blockIds[S/B2]"),
    (label("Norway"), {"properties": {}}, f"properties[{KEY}]"),
    (label("Norway"), {}, f"properties[{KEY}]"),
    ({"price": {"amount": Decimal(1), "currency": "GBP"}}, {}, "price"),
    (
        label("Norway", effectiveFrom="2020-01-01"),
        label("Norway", effectiveFrom="2019-01-01T00:00:00Z"),
        f"properties[{KEY}].effectiveFrom",
    ),
    ({"side": IfShown("Buy")}, {"side": "Sell"}, "side"),
    ({"lusidInstrumentId": KNOWN_INSTRUMENT}, {"lusidInstrumentId": "LUID_ZZZZZZZZ"}, "lusidInstrumentId"),
    ({"orderIds": Among([{"scope": "S", "code": "O1"}])}, {"orderIds": []}, "orderIds[S/O1]"),
]


@pytest.mark.parametrize(("sent", "found"), ALIKE)
def test_what_means_the_same_is_no_difference(sent: dict[str, Any], found: dict[str, Any]) -> None:
    assert differences(sent, {**found, "version": {}}, NOW) == []


@pytest.mark.parametrize(("sent", "found", "member"), OTHER)
def test_what_means_something_else_is_one_difference(sent: dict[str, Any], found: dict[str, Any], member: str) -> None:
    assert [each.member for each in differences(sent, found, NOW)] == [member]


@pytest.mark.parametrize(
    ("sent", "found", "members"),
    [
        (label("Norway"), label("Norway"), []),
        (label("Norway"), label("Norway", effectiveFrom="0001-01-01T00:00:00Z", effectiveUntil="9999-12-31"), []),
        (label("Norway", effectiveFrom="2030-01-01"), {"properties": {}}, [f"properties[{KEY}]"]),
        (label("Norway", effectiveUntil="2020-01-01"), {"properties": {}}, [f"properties[{KEY}]"]),
        (
            label("Norway", effectiveFrom="2020-01-01"),
            label("Norway", effectiveFrom="2021-01-01"),
            [f"properties[{KEY}].effectiveFrom"],
        ),
        (label("Norway"), label("Norway", effectiveFrom="2021-01-01"), [f"properties[{KEY}].effectiveFrom"]),
        (metric(Decimal("10.50")), metric(10.5), []),
        (metric(Decimal("0.12345678901234567891")), metric(0.12345678901234568), [f"properties[{KEY}]"]),
        ({"side": IfShown("Buy")}, {}, ["side"]),
    ],
    ids=["same", "without bounds", "future", "past", "later", "since", "value", "last digit", "not shown"],
)
def test_a_plan_calls_the_same_only_what_is_surely_there(sent: Any, found: Any, members: list[str]) -> None:
    assert [each.member for each in differences(sent, found, None)] == members
