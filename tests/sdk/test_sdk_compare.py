"""Which bodies count as the same, and which do not."""

import pytest
from sdk_compare import differences


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ('{"a": null, "b": 1}', '{"b": 1, "c": null}'),
        ('{"a": {"b": null}}', '{"a": {}}'),
        ("100", "100.0"),
        ("12413.33", "12413.33"),
        ("12345678.123456789012345678", "12345678.12345679"),
        ('"2016-01-01T00:00:00.1234567+00:00"', '"2016-01-01T00:00:00.123456+00:00"'),
        ('"2016-01-01T01:00:00.0000000+01:00"', '"2016-01-01T00:00:00+00:00"'),
        ('"0001-01-01T00:00:00.0000000+00:00"', '"0001-01-01T00:00:00+00:00"'),
        ('["a", true, {}]', '["a", true, {}]'),
    ],
)
def test_the_same_body_written_differently_is_no_difference(sent: str, returned: str) -> None:
    assert differences(sent, returned) == []


@pytest.mark.parametrize(
    ("sent", "returned", "expected"),
    [
        ('{"a": {"b": [1, {"c": 2}]}}', '{"a": {"b": [1, {}]}}', ["$.a.b[1].c: dropped"]),
        ('{"a": 1}', '{"a": 1, "b": 0}', ["$.b: added"]),
        ('{"a": []}', '{"a": null}', ["$.a: dropped"]),
        ("[1, 2]", "[1]", ["$: [1, 2] became [1]"]),
        ("[1, 2]", "[2, 1]", ["$[0]: 1 became 2", "$[1]: 2 became 1"]),
        ("12413.33", "12413.34", ["$: 12413.33 became 12413.34"]),
        ("0.1", "0.10000000000000002", ["$: 0.1 became 0.10000000000000002"]),
        ("9007199254740993", "9007199254740992", ["$: 9007199254740993 became 9007199254740992"]),
        ('"1"', "1", ["$: 1 became 1"]),
        ("1", "true", ["$: 1 became True"]),
        ('""', "null", ["$: dropped"]),
        ('"00123"', '"123"', ["$: 00123 became 123"]),
        (
            '"2016-01-01T00:00:00.0000000+00:00"',
            '"2016-01-01T00:00:00"',
            ["$: 2016-01-01T00:00:00.0000000+00:00 became 2016-01-01T00:00:00"],
        ),
        (
            '"2016-01-01T00:00:00.0000010+00:00"',
            '"2016-01-01T00:00:00+00:00"',
            ["$: 2016-01-01T00:00:00.0000010+00:00 became 2016-01-01T00:00:00+00:00"],
        ),
    ],
)
def test_what_was_dropped_added_or_changed_is_named(sent: str, returned: str, expected: list[str]) -> None:
    assert differences(sent, returned) == expected
