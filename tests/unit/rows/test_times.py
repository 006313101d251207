"""Dates and times: one text for one instant, no guessing, and no local time without its zone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from bound import read
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator

from schemas.rows.conventions.time_formats import NAMES, format_named, time_reader
from schemas.rows.times import TimeText, time, time_in

NOT_ISO = "is not an ISO 8601 date or time such as 2026-11-20 or 2026-11-20T08:15:00Z: declare `format` in the mapping"
NO_SUCH_DATE = "is not a date or time that exists"
NO_SUCH_OFFSET = "has an offset that no timezone has"
LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("cell", "wire"),
    [
        ("", ""),
        ("  ", ""),
        ("2016-01-01", "2016-01-01T00:00:00.0000000+00:00"),
        (" 2016-01-01 ", "2016-01-01T00:00:00.0000000+00:00"),
        ("0001-01-01", "0001-01-01T00:00:00.0000000+00:00"),
        ("9999-12-31", "9999-12-31T00:00:00.0000000+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00.0000000+00:00"),
        ("0001-01-01T00:00:00.0000000+00:00", "0001-01-01T00:00:00.0000000+00:00"),
        ("9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59.9999999+00:00"),
        ("2026-11-20T08:15Z", "2026-11-20T08:15:00.0000000+00:00"),
        ("2026-11-20t08:15:30z", "2026-11-20T08:15:30.0000000+00:00"),
        ("2026-11-20 08:15:30 Z", "2026-11-20T08:15:30.0000000+00:00"),
        ("2026-11-20T08:15:30+01:00", "2026-11-20T07:15:30.0000000+00:00"),
        ("2026-01-01T00:00:00-0530", "2026-01-01T05:30:00.0000000+00:00"),
        ("2026-01-01T00:00:00+14:00", "2025-12-31T10:00:00.0000000+00:00"),
        ("2026-11-20T08:15:30.5Z", "2026-11-20T08:15:30.5000000+00:00"),
        ("2026-11-20T08:15:30.1234567Z", "2026-11-20T08:15:30.1234567+00:00"),
        ("2026-11-20T08:15:30.123456789Z", "2026-11-20T08:15:30.1234567+00:00"),
    ],
)
def test_iso_dates_and_times_become_what_lusid_writes(cell: str, wire: str) -> None:
    assert read(TimeText, cell) == wire


@pytest.mark.parametrize(
    ("cell", "code", "message"),
    [
        ("2023-02-29", "NotTime", NO_SUCH_DATE),
        ("2026-13-01", "NotTime", NO_SUCH_DATE),
        ("0000-01-01", "NotTime", NO_SUCH_DATE),
        ("2026-01-01T24:00:00Z", "NotTime", NO_SUCH_DATE),
        ("2026-01-01T23:59:60Z", "NotTime", NO_SUCH_DATE),
        ("2026-01-01T10:00:00+10:75", "NotTime", NO_SUCH_OFFSET),
        ("2026-01-01T10:00:00+25:00", "NotTime", NO_SUCH_OFFSET),
        ("2026-01-01T10:00:00-14:01", "NotTime", NO_SUCH_OFFSET),
        ("0001-01-01T00:00:00+01:00", "NotTime", "is out of range in UTC"),
        ("9999-12-31T23:30:00-01:00", "NotTime", "is out of range in UTC"),
        ("2026-01-01T10:00:00", "NaiveTime", "has no offset: declare its `timezone` in the mapping"),
        (["2026-01-01"], "NotTime", "takes one time, not a list"),
        *(
            (cell, "NotTime", NOT_ISO)
            for cell in (
                "2023-02-8",
                "20240304",
                "45355",
                "04/03/2024",
                "2026-01-01Z",
                "2026-01-01T10Z",
                "2026-01-01T10:00:00.1234567890Z",
                "2026-01-01T10:00:00,5Z",
                "\uff12\uff10\uff12\uff16-01-01",
                "2026-01-01T00:00:00.\uff11Z",
                "2018-08-31NSingaporeClose",
                "12026-01-01",
                "-2026-01-01",
            )
        ),
    ],
)
def test_what_names_no_one_instant_is_refused(cell: object, code: str, message: str) -> None:
    assert read(TimeText, cell) == (code, message)


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=OFFSETS)  # noqa: DTZ001  # bounds are naive


@given(MOMENTS)
def test_a_time_is_the_instant_that_an_independent_reader_sees(moment: datetime) -> None:
    kept = time(moment.isoformat())

    assert datetime.fromisoformat(kept) == moment
    assert kept == moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+", "0+")
    assert time(kept) == kept


LOCAL_TIMES = st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001  # local times have no zone


@given(LOCAL_TIMES, st.sampled_from(["Europe/London", "America/New_York"]))
def test_a_local_time_is_read_in_its_zone_or_refused_where_the_clocks_change(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    offsets = {moment.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}

    found = read(_typed(time_in(zone)), moment.isoformat())

    if len(offsets) == 1:
        assert datetime.fromisoformat(found) == moment.replace(tzinfo=zone)
    else:
        assert found[0] in {"NoSuchTime", "AmbiguousTime"}


def _typed(reader: Any) -> Any:
    return Annotated[str, BeforeValidator(reader)]


def test_a_local_time_that_the_clocks_skip_or_repeat_is_refused() -> None:
    local = _typed(time_in(LONDON))

    assert read(local, "2026-03-29T01:30:00") == (
        "NoSuchTime",
        "does not exist in its timezone: the clocks skip it",
    )
    assert read(local, "2026-10-25T01:30:00") == (
        "AmbiguousTime",
        "names two instants: the clocks run it twice; give an offset",
    )
    assert read(local, "2026-10-25T01:30:00+01:00") == "2026-10-25T00:30:00.0000000+00:00"
    assert read(local, "2026-07-01T12:00:00") == "2026-07-01T11:00:00.0000000+00:00"


def test_a_date_alone_never_meets_a_timezone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")

    assert time_in(tokyo)("2016-01-01") == "2016-01-01T00:00:00.0000000+00:00"
    assert dated("%d/%m/%Y", tokyo)("01/01/2016") == "2016-01-01T00:00:00.0000000+00:00"


def dated(text_format: str, zone: ZoneInfo | None) -> Callable[[Any], str]:
    return time_reader((text_format,), None, zone, None)


@pytest.mark.parametrize(
    ("text_format", "cell", "wire"),
    [
        ("%d/%m/%Y", "04/03/2024", "2024-03-04T00:00:00.0000000+00:00"),
        ("%Y%m%d", "20240304", "2024-03-04T00:00:00.0000000+00:00"),
        ("%d/%m/%Y", "", ""),
        ("%d/%m/%Y %H:%M:%S", "01/07/2026 12:00:00", "2026-07-01T11:00:00.0000000+00:00"),
        ("%d/%m/%Y %I:%M %p", "01/07/2026 12:30 AM", "2026-06-30T23:30:00.0000000+00:00"),
        ("%d/%m/%Y %H:%M:%S.%f", "01/01/2026 12:00:00.25", "2026-01-01T12:00:00.2500000+00:00"),
        ("%d/%m/%Y %H:%M %z", "01/07/2026 12:00 +0200", "2026-07-01T10:00:00.0000000+00:00"),
    ],
)
def test_a_declared_format_is_followed(text_format: str, cell: str, wire: str) -> None:
    assert read(_typed(dated(text_format, LONDON)), cell) == wire


def test_a_declared_format_is_the_only_one() -> None:
    day_first = _typed(dated("%d/%m/%Y", None))

    assert read(day_first, "2024-03-04") == ("NotTime", "does not follow the format %d/%m/%Y")
    assert read(day_first, "31/02/2024") == ("NotTime", "does not follow the format %d/%m/%Y")
    assert read(day_first, ["04/03/2024"]) == ("NotTime", "takes one time, not a list")
    assert read(_typed(dated("{%d}%m/%Y", None)), "x") == ("NotTime", "does not follow the format {%d}%m/%Y")
    assert read(_typed(dated("%d/%m/%Y %H:%M", None)), "04/03/2024 10:00")[0] == "NaiveTime"
    assert read(_typed(dated("%Y-%m-%d %H:%M %z", None)), "0001-01-01 00:00 +0100") == (
        "NotTime",
        "is out of range in UTC",
    )


@pytest.mark.parametrize(
    "text_format", ["%Q", "%d/%m", "%m/%Y", "%d/%d/%Y", "%d/%m/%Y %I:%M", "%d/%m/%Y %M", "%d/%m/%Y %Z", "%"]
)
def test_a_format_that_does_not_read_a_whole_date_back_is_refused(text_format: str) -> None:
    with pytest.raises(ValueError, match="is not a strptime format that reads a whole date"):
        format_named(text_format, None)


@pytest.mark.parametrize(("name", "near"), [("", ""), ("dd/mm/yyyy", ""), ("epoch_sec", "; did you mean epoch_s?")])
def test_a_name_that_no_format_has_is_refused_with_those_that_there_are(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{name} is none of {', '.join(NAMES)}, nor a strptime")) as caught:
        format_named(name, None)
    assert str(caught.value).endswith(near)


def test_two_digits_of_a_year_are_read_with_a_declared_century_alone() -> None:
    with pytest.raises(ValueError, match="reads two digits of a year: declare `century`"):
        format_named("%d/%m/%y", None)
    for century, years in ((1930, (1968, 1969, 2024)), (1969, (2068, 1969, 2024)), (2000, (2068, 2069, 2024))):
        read_time = _typed(time_reader(("%d/%m/%y",), century, None, None))
        found = [read(read_time, f"16/07/{digits}")[:4] for digits in (68, 69, 24)]
        assert found == [*map(str, years)]


@pytest.mark.parametrize(
    ("name", "cell", "wire"),
    [
        ("iso", "2024-03-01 10:00:00 UTC", "2024-03-01T10:00:00.0000000+00:00"),
        ("iso", "2024-03-01 10:00:00.5 UTC", "2024-03-01T10:00:00.5000000+00:00"),
        ("iso", "2024-03-01 10:00:00+00", "2024-03-01T10:00:00.0000000+00:00"),
        ("iso", "2024-03-01T10:00:00.123456789Z[UTC]", "2024-03-01T10:00:00.1234567+00:00"),
        ("iso", "2024-03-01 10:00-05", "2024-03-01T15:00:00.0000000+00:00"),
        ("epoch_s", "1709287200", "2024-03-01T10:00:00.0000000+00:00"),
        ("epoch_s", "-0.5", "1969-12-31T23:59:59.5000000+00:00"),
        ("epoch_ms", "1709287200123", "2024-03-01T10:00:00.1230000+00:00"),
        ("epoch_us", "1709287200123456", "2024-03-01T10:00:00.1234560+00:00"),
        ("epoch_ns", "1709287200123456789", "2024-03-01T10:00:00.1234567+00:00"),
        ("excel_serial", "45352", "2024-03-01T00:00:00.0000000+00:00"),
        ("excel_serial", "45352.416666666664", "2024-03-01T10:00:00.0000000+00:00"),
        ("excel_serial_1904", "43890", "2024-03-01T00:00:00.0000000+00:00"),
        ("oracle", "01-MAR-2024", "2024-03-01T00:00:00.0000000+00:00"),
        ("oracle", "01-Mar-2024 10.00.00.500000 AM +01:00", "2024-03-01T09:00:00.5000000+00:00"),
        ("oracle", "01-MAR-2024 12:00:00 PM", "2024-03-01T12:00:00.0000000+00:00"),
        ("fix", "20240301", "2024-03-01T00:00:00.0000000+00:00"),
        ("fix", "20240301-10:00:00.123", "2024-03-01T10:00:00.1230000+00:00"),
    ],
)
def test_named_formats_read_what_systems_write(name: str, cell: str, wire: str) -> None:
    assert read(_typed(time_reader((name,), None, LONDON, None)), cell) == wire


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("excel_serial", "60"),  # 1900-02-29, which was none
        ("excel_serial", "2024-03-01"),
        ("epoch_s", "1e9"),
        ("epoch_ms", "99999999999999999"),
        ("oracle", "01-MAR-24"),
        ("oracle", "31-FEB-2024"),
        ("oracle", "01-MAR-2024 13:00 PM"),
        ("fix", "2024030"),
        ("iso", "2024-03-01 10:00:00 CET"),
        ("iso", "2024-03-01T10:00:00+01:00[UTC]"),
        ("%Y%m%d", "2024115"),
        ("%d%m%Y", "1112024"),
        ("%Y%m%d%H%M", "2024010112"),
    ],
)
def test_what_a_format_would_have_to_guess_is_refused(name: str, cell: str) -> None:
    assert read(_typed(time_reader((name,), None, LONDON, None)), cell) == (
        "NotTime",
        f"does not follow the format {name}",
    )


def test_formats_are_tried_in_their_order() -> None:
    formats = ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "iso", "epoch_ms")
    read_time = _typed(time_reader(formats, None, LONDON, None))
    cells = ["01/02/2024 10:00:00", "01/13/2024 10:00:00", "2024-01-02", "1704189600000", ""]
    days = ["2024-02-01T10", "2024-01-13T10", "2024-01-02T00", "2024-01-02T10", ""]
    assert [read(read_time, cell)[:13] for cell in cells] == days
    assert read(read_time, "2 Jan") == ("NotTime", f"follows none of the formats {', '.join(formats)}")
