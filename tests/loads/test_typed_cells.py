"""A cell that has a type is its value, whatever a mapping says of text: looked at in what LUSID holds."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from desk import Desk, desk

from schemas.errors import ConfigError
from schemas.states import State

COUNTRY = "property:InvestorRecord/Details/Country"
INVESTORS: dict[str, Any] = {
    "display_name": "id",
    "investor_type": {"constant": "LegalEntity"},
    "identifier:InvestorRecord/Ext/Id": "id",
    "investor:LegalEntity/Ext/LEI": "id",
    COUNTRY: {"constant": "France"},
}
SINCE, UNTIL = f"{COUNTRY}@effective_from", f"{COUNTRY}@effective_until"
ORDERS: dict[str, Any] = {
    "block_scope": {"constant": "S"},
    "block_code": "id",
    "order_scope": {"constant": "S"},
    "order_code": "id",
    "side": {"constant": "Buy"},
    "instrument:Instrument/default/Figi": {"constant": "BBG1"},
}
NUMBERS = [Decimal("12.345"), Decimal("1234.500"), Decimal("7.000"), Decimal("-0.125")]


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def dates(at: Desk, member: str = "effectiveFrom") -> list[str]:
    """A date of every record's property, by the record's name."""
    return [r["properties"]["InvestorRecord/Details/Country"].get(member) for _, r in sorted(at.records().items())]


def table(at: Desk, name: str = "x.parquet", **columns: pa.Array) -> Path:
    ids = pa.array([f"K{n}" for n in range(len(next(iter(columns.values()))))])
    pq.write_table(pa.table({"id": ids, **columns}), at.folder / name)
    return at.folder / name


@pytest.mark.parametrize(
    "texts",
    [
        ["9999-12-31T23:59:59.999999", "1601-01-01T00:00:00.000000", "2262-04-12T00:00:00.000000"],
        ["2030-06-30T12:00:00.123456", "1677-09-21T00:00:00.000000", "1969-12-31T23:59:59.999999"],
    ],
)
def test_instants_arrive_from_int96_as_from_any_other_type(at: Desk, texts: list[str]) -> None:
    column = pa.array([datetime.fromisoformat(text) for text in texts], pa.timestamp("us"))
    path = table(at, on=column)
    pq.write_table(pq.read_table(path), path, use_deprecated_int96_timestamps=True)
    assert pq.ParquetFile(path).schema.column(1).physical_type == "INT96"

    at.load("investor-records", path, {"columns": INVESTORS | {SINCE: {"column": "on", "timezone": "UTC"}}})

    assert dates(at) == [f"{text}0+00:00" for text in texts]


def test_what_int96_says_of_a_microsecond_arrives(at: Desk) -> None:
    path = table(at, on=pa.array([-100, 1_700_000_000_123_456_700, None], pa.timestamp("ns")))
    pq.write_table(pq.read_table(path), path, use_deprecated_int96_timestamps=True)

    at.load("investor-records", path, {"columns": INVESTORS | {SINCE: {"column": "on", "timezone": "UTC"}}})

    assert dates(at) == ["1969-12-31T23:59:59.9999999+00:00", "2023-11-14T22:13:20.1234567+00:00", None]


def test_a_time_that_its_type_holds_and_no_calendar_does_refuses_its_row(at: Desk) -> None:
    column = pa.array([1, 2**62, -(2**55), None], pa.timestamp("ms"))
    report = at.load("investor-records", table(at, on=column), {"columns": INVESTORS | {"description": "on"}})
    assert report.rows[State.INVALID] == 2
    assert {r.code for r in report.reasons} == {"OutOfRange"}
    assert {name: r.get("description") for name, r in at.records().items()} == {
        "K0": "1970-01-01T00:00:00.001",
        "K3": None,
    }


@pytest.mark.parametrize(
    "column",
    [
        pa.array(NUMBERS, pa.decimal128(12, 3)),
        pa.array(NUMBERS, pa.decimal256(40, 6)),
        pa.array([float(n) for n in NUMBERS], pa.float64()),
        pa.array([float(n) for n in NUMBERS], pa.float32()),
        pa.array(["12,345", "1.234,5", "7", "-0,125"]),
    ],
    ids=lambda column: str(column.type),
)
def test_separators_are_for_text_and_a_number_is_its_value(at: Desk, column: pa.Array) -> None:
    quantity = {"column": "n", "decimal": ",", "thousands": "."}
    at.load("orders", table(at, n=column), {"columns": ORDERS | {"quantity": quantity}})
    assert [order["quantity"] for _, order in sorted(at.orders().items())] == ["12.345", "1234.5", 7, "-0.125"]


def test_the_case_of_a_frame_and_of_a_control_total(at: Desk) -> None:
    frame = pd.DataFrame({"id": ["K0", "K1"], "n": [Decimal("12.345"), Decimal("1000")]})
    worth = {"metric:InvestorRecord/Details/Worth": {"column": "n", "decimal": ",", "thousands": "."}}
    mapping = {"columns": INVESTORS | worth, "expect": {"totals": {"n": "1012.345"}}}
    at.load("investor-records", frame, mapping)
    found = [r["properties"]["InvestorRecord/Details/Worth"]["value"] for _, r in sorted(at.records().items())]
    assert found == [{"metricValue": {"value": "12.345"}}, {"metricValue": {"value": 1000}}]


NAIVE = pa.array([datetime(2024, 7, 1), datetime(2024, 7, 1, 9, 30)], pa.timestamp("us"))  # noqa: DTZ001  # on purpose
LONDON = {"column": "on", "timezone": "Europe/London"}
AS_DATE, AS_LOCAL = "2024-07-01T00:00:00.0000000+00:00", "2024-06-30T23:00:00.0000000+00:00"
MORNING = "2024-07-01T08:30:00.0000000+00:00"
CARRIERS = {
    "text": pa.array(["2024-07-01", "2024-07-01T09:30:00"]),
    "text times": pa.array(["2024-07-01T00:00:00", "2024-07-01 09:30"]),
    "microseconds": NAIVE,
    "nanoseconds": NAIVE.cast(pa.timestamp("ns")),
    "milliseconds": NAIVE.cast(pa.timestamp("ms")),
}


@pytest.mark.parametrize("column", CARRIERS.values(), ids=CARRIERS)
@pytest.mark.parametrize(("midnight", "expected"), [("date", AS_DATE), ("local", AS_LOCAL)])
def test_a_midnight_is_what_the_mapping_says_whichever_way_a_file_carries_it(
    at: Desk, column: pa.Array, midnight: str, expected: str
) -> None:
    at.load("investor-records", table(at, on=column), {"columns": INVESTORS | {SINCE: LONDON | {"midnight": midnight}}})
    assert dates(at) == [expected, MORNING]


@pytest.mark.parametrize("midnight", [0, 1, 2])
def test_midnights_that_may_be_dates_stop_the_load_before_the_first_row(at: Desk, midnight: int) -> None:
    days = [datetime(2024, 7, 1, 9), datetime(2024, 7, 2, 9), datetime(2024, 7, 3, 9)]  # noqa: DTZ001  # on purpose
    rule = {"columns": INVESTORS | {UNTIL: LONDON}}
    at.load("investor-records", table(at, on=pa.array(days)), rule)
    assert dates(at, "effectiveUntil")[0] == "2024-07-01T08:00:00.0000000+00:00"
    days[midnight] = days[midnight].replace(hour=0)
    runs = len([*(at.folder / "runs").iterdir()])
    with pytest.raises(ConfigError) as caught:
        at.load("investor-records", table(at, on=pa.array(days)), rule)
    assert caught.value.message == (
        f"column {UNTIL} (column on) has timestamps without a zone, some of them midnights, which are dates or local "
        "times: declare `midnight: date` or `midnight: local` beside the `timezone` in the mapping"
    )
    assert len([*(at.folder / "runs").iterdir()]) == runs


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([19905], pa.date32()), AS_DATE),
        (NAIVE[:1].cast(pa.date64()), AS_DATE),
        (pa.array([datetime(2024, 7, 1)], pa.timestamp("us", "UTC")), AS_DATE),  # noqa: DTZ001  # an instant
        (pa.array([datetime(2024, 6, 30, 22)], pa.timestamp("s", "Asia/Tokyo")), "2024-06-30T22:00:00.0000000+00:00"),  # noqa: DTZ001
    ],
    ids=lambda value: str(getattr(value, "type", value)),
)
def test_dates_and_instants_need_no_declaration_and_meet_no_zone(at: Desk, column: pa.Array, expected: str) -> None:
    at.load("investor-records", table(at, on=column), {"columns": INVESTORS | {SINCE: LONDON | {"format": "%d.%m.%Y"}}})
    assert dates(at) == [expected]


def test_failures_of_a_typed_extract_load_again_as_the_values_they_are(at: Desk) -> None:
    """Its failures.csv is text, of which the mapping's separators are not."""
    column = pa.array([Decimal("12.345"), Decimal("1234.5")], pa.decimal128(12, 3))
    rules = {"columns": ORDERS | {"quantity": {"column": "n", "decimal": ",", "thousands": "."}, "side": "side"}}
    path = at.folder / "x.parquet"
    pq.write_table(pa.table({"id": ["K0", "K1"], "n": column, "side": ["NULL", "NULL"]}), path)
    report = at.load("orders", path, rules)
    failures = report.run_dir / "failures.csv"
    failures.write_text(failures.read_text().replace("NULL", "Buy"))
    assert '"{""n"": ""decimal""}"' in failures.read_text()
    at.load("orders", failures, rules)
    assert {code: order["quantity"] for code, order in at.orders().items()} == {"K0": "12.345", "K1": "1234.5"}
