"""What of a request is effective-dated, whatever its texts hold."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.feeds.fingerprints import _moment, _parted

Texts = st.sampled_from(["a", 'say "x"', '","effectiveFrom":"', "{}", "\\", '\\"', ",", "é\n", '":{"key":"']) | st.text(
    max_size=8
)
Values = st.one_of(
    st.none(),
    Texts.map(lambda text: {"labelValue": text}),
    st.tuples(st.integers(0, 9), Texts).map(lambda pair: {"metricValue": {"value": pair[0], "unit": "GBP"}}),
    st.lists(Texts, min_size=1, max_size=3).map(lambda texts: {"labelValueSet": {"values": texts}}),
)
Days = st.integers(1, 5) | st.none()
Entries = st.lists(st.tuples(Values, Days, st.booleans()), max_size=4)


def moment(day: int) -> str:
    return f"2026-11-0{day}T00:00:00.0000000+00:00"


def properties(entries: list[tuple[Any, int | None, bool]]) -> dict[str, Any]:
    made = {}
    for number, (value, day, ends) in enumerate(entries):
        key = f"InvestorRecord/D/P{number}"
        dates = {} if day is None else {"effectiveFrom": moment(day)}
        made[key] = {"key": key, "value": value, **dates, **({"effectiveUntil": moment(9)} if dates and ends else {})}
    return made


@given(Entries, Texts)
def test_what_is_left_is_the_request_without_its_dated_entries(
    entries: list[tuple[Any, int | None, bool]], name: str
) -> None:
    def text(kept: dict[str, Any]) -> bytes:
        body = {"identifiers": {"a/b/c": {"key": "a/b/c", "value": {"labelValue": name}}}}
        return orjson.dumps({name: {**body, "properties": kept, "displayName": name}})[1:-1]

    every = properties(entries)
    days = [day for _, day, _ in entries if day is not None]
    if not days:
        return
    rest, first, last = _parted(text(every))
    assert rest == text({key: each for key, each in every.items() if "effectiveFrom" not in each})
    assert json.loads(b"{%b}" % rest)
    assert [first, last] == [_moment(moment(of(days)).encode()) for of in (min, max)]


@pytest.mark.parametrize("written", ["1969-12-31T23:59:59.9999999+00:00", "0001-01-01T00:00:00.0000000+00:00"])
def test_times_before_1970_are_earlier(written: str) -> None:
    assert _moment(written.encode()) < _moment(moment(1).encode())
