"""Expectations of an extract, from a mapping and from flags."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipelines.cli.expect_flags import expectations
from schemas.errors import ConfigError
from schemas.expectations import Expectations, Trailer


def flags(**given: Any) -> Expectations:
    return expectations(**{"totals": None, "trailer": None, **given})


def test_flags_become_expectations_and_what_is_not_given_stays_unset() -> None:
    found = flags(totals=["a=b=1.50", "c=-2"], trailer="END=3", rows=0, min_rows=None, done_marker=Path("x"))
    assert found == Expectations(
        totals={"a=b": Decimal("1.50"), "c": Decimal(-2)},
        trailer=Trailer(starts_with="END", rows_cell=3),
        rows=0,
        done_marker=Path.cwd() / "x",
    )
    assert found.model_fields_set == {"totals", "trailer", "rows", "done_marker"}
    assert flags() == Expectations()
    assert flags().model_fields_set == set()
    assert flags(trailer="END").trailer == Trailer(starts_with="END")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"totals": ["amount"]}, "--control-total takes COLUMN=SUM, not amount"),
        ({"totals": ["=5"]}, "--control-total takes COLUMN=SUM, not =5"),
        ({"totals": ["a=much"]}, "--control-total takes COLUMN=SUM; see `bulkload load --help`"),
        ({"totals": ["a=NaN"]}, "--control-total takes COLUMN=SUM; see `bulkload load --help`"),
        ({"trailer": "END=1"}, "--trailer takes TEXT or TEXT=CELL (2 or more); see `bulkload load --help`"),
        ({"trailer": ""}, "--trailer takes TEXT or TEXT=CELL (2 or more); see `bulkload load --help`"),
        ({"settled_seconds": float("inf")}, "--settled takes seconds; see `bulkload load --help`"),
        ({"rows": 1, "min_rows": 2}, "--expect-rows is less than --min-rows; see `bulkload load --help`"),
    ],
)
def test_a_flag_that_cannot_be_read_is_named_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        flags(**given)
    assert caught.value.message == said


def test_flags_win_over_the_mapping_one_by_one() -> None:
    mapped = Expectations(rows=5, min_rows=2, totals={"a": Decimal(1)})
    assert mapped.merged(flags(rows=7)) == Expectations(rows=7, min_rows=2, totals={"a": Decimal(1)})
    assert mapped.merged(flags()) == mapped


@pytest.mark.parametrize(
    "content",
    [
        {"rows": -1},
        {"rwos": 1},
        {"trailer": {"starts_with": ""}},
        {"settled_seconds": -1},
        {"settled_seconds": "inf"},
        {"rows": 1, "min_rows": 2},
        {"done_marker": ""},
        {"done_marker": "."},
    ],
)
def test_a_mapping_that_expects_the_impossible_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Expectations.model_validate(content)
