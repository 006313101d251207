"""Properties in requests: each kind of value, its dates and its unit, and what an empty cell leaves out."""

import json
from decimal import Decimal
from typing import Any

import orjson

from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.requests.properties import identifiers_of, number, plain_identifiers_of, properties_of
from schemas.rows.header import parse_columns

KEY = "InvestorRecord/Details"
NEEDED = ("display_name", "investor_type", "identifier:InvestorRecord/A/Z", "identifier:InvestorRecord/A/B")
NAMES = (
    *NEEDED,
    "investor:Person/A/B",
    f"property:{KEY}/Name",
    f"property:{KEY}/Country",
    f"property:{KEY}/Country@effective_until",
    f"property:{KEY}/Country@effective_from",
    f"metric:{KEY}/NetWorth",
    f"metric:{KEY}/NetWorth@unit",
    f"metric:{KEY}/NetWorth@effective_from",
    f"metric:{KEY}/Rank",
    f"labels:{KEY}/Markets",
    f"labels:{KEY}/Markets@effective_from",
)
COLUMNS = parse_columns(NAMES, OPERATIONS["investor-records"].shape, Dialect.V2_1, "the header")
FROM = "2016-01-01T00:00:00.0000000+00:00"
UNTIL = "2017-01-01T00:00:00.0000000+00:00"
EMPTY: dict[str, Any] = {name: [] if name.startswith("labels:") and "@" not in name else "" for name in NAMES}


def wire(row: dict[str, Any]) -> Any:
    return json.loads(orjson.dumps(properties_of(COLUMNS)(EMPTY | row)), parse_float=Decimal)


def test_each_kind_of_value_has_its_own_member() -> None:
    row = {
        f"property:{KEY}/Name": "Jane",
        f"metric:{KEY}/NetWorth": "46794000.10",
        f"metric:{KEY}/NetWorth@unit": "EUR",
        f"metric:{KEY}/Rank": "3",
        f"labels:{KEY}/Markets": ["FX", "Bonds"],
    }

    assert wire(row) == {
        f"{KEY}/Name": {"key": f"{KEY}/Name", "value": {"labelValue": "Jane"}},
        f"{KEY}/NetWorth": {
            "key": f"{KEY}/NetWorth",
            "value": {"metricValue": {"value": Decimal("46794000.10"), "unit": "EUR"}},
        },
        f"{KEY}/Rank": {"key": f"{KEY}/Rank", "value": {"metricValue": {"value": 3}}},
        f"{KEY}/Markets": {"key": f"{KEY}/Markets", "value": {"labelValueSet": {"values": ["FX", "Bonds"]}}},
    }


def test_every_kind_of_value_can_have_dates() -> None:
    row = {
        f"property:{KEY}/Country": "France",
        f"property:{KEY}/Country@effective_from": FROM,
        f"property:{KEY}/Country@effective_until": UNTIL,
        f"metric:{KEY}/NetWorth": "1",
        f"metric:{KEY}/NetWorth@effective_from": FROM,
        f"labels:{KEY}/Markets": ["FX"],
        f"labels:{KEY}/Markets@effective_from": FROM,
    }

    assert wire(row) == {
        f"{KEY}/Country": {
            "key": f"{KEY}/Country",
            "value": {"labelValue": "France"},
            "effectiveFrom": FROM,
            "effectiveUntil": UNTIL,
        },
        f"{KEY}/NetWorth": {
            "key": f"{KEY}/NetWorth",
            "value": {"metricValue": {"value": 1}},
            "effectiveFrom": FROM,
        },
        f"{KEY}/Markets": {
            "key": f"{KEY}/Markets",
            "value": {"labelValueSet": {"values": ["FX"]}},
            "effectiveFrom": FROM,
        },
    }


def test_an_empty_cell_leaves_its_property_out_with_its_dates_and_unit() -> None:
    row = {
        f"property:{KEY}/Country@effective_from": FROM,
        f"metric:{KEY}/NetWorth@unit": "EUR",
        f"labels:{KEY}/Markets@effective_from": FROM,
    }

    assert wire(row) == {}


def test_an_empty_date_or_unit_is_left_out_of_its_property() -> None:
    assert wire({f"property:{KEY}/Country": "France"}) == {
        f"{KEY}/Country": {"key": f"{KEY}/Country", "value": {"labelValue": "France"}}
    }


def test_identifiers_are_maps_in_2_1_and_plain_texts_in_2_3() -> None:
    row = {"identifier:InvestorRecord/A/Z": "1", "identifier:InvestorRecord/A/B": ""}

    assert identifiers_of(COLUMNS, "identifier")(row) == {
        "InvestorRecord/A/Z": {"key": "InvestorRecord/A/Z", "value": {"labelValue": "1"}}
    }
    assert plain_identifiers_of(COLUMNS, "identifier")(row) == {"InvestorRecord/A/Z": "1"}


def test_a_number_reaches_the_wire_digit_for_digit() -> None:
    assert orjson.dumps({"v": number("1234567890123456789.123456789")}) == b'{"v":1234567890123456789.123456789}'
