"""One mapping reads a table as CSV, as Parquet and as a frame: the same bytes, and what was written is what arrives."""

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import prepare_extract
from desk import Desk, desk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from three_forms import (
    CLEARED,
    DEFAULT,
    KINDS,
    Conventions,
    Entry,
    conventions,
    entries,
    frame,
    write_csv,
    write_parquet,
)

from connectors.extracts.extract import Extract, open_extract
from connectors.extracts.frame_extract import extract_from_frame
from connectors.extracts.mapping_file import reading_rules
from pipelines.report.report import Report
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.states import Verdict

NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("forms")) as found:
        yield found


@pytest.fixture
def at(kept: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", kept.sandbox.access_token)
    return kept


def requests(extract: Extract, mapping: ColumnMapping, folder: Path) -> list[bytes]:
    """The requests of an extract as they stand in a call, in order."""
    with extract, prepare_extract("investor-records", extract, folder, mapping=mapping) as found:
        refused = [note for note in found.notes if note != ("", "")]
        assert refused == []
        return found.entries


def told(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What LUSID holds of a record, as values."""
    properties = {code.rpartition("/")[2]: each for code, each in record["properties"].items()}
    worth = properties.get("Worth", {}).get("value", {}).get("metricValue", {}).get("value")
    tags = properties.get("Tags", {}).get("value", {}).get("labelValueSet", {}).get("values", [])
    return (
        record["displayName"],
        record.get("description"),
        record["investor"]["investorType"],
        None if worth is None else Decimal(str(worth)),
        dt.datetime.fromisoformat(properties["City"]["effectiveFrom"]),
        sorted(tags),
        properties.get("Tier", {}).get("value", {}).get("labelValue"),
    )


def expected(row: Entry, written: Conventions) -> tuple[Any, ...]:
    since = row.since
    if not isinstance(since, dt.datetime):
        since = dt.datetime.combine(since, dt.time(), dt.UTC)
    name = f"{row.name} {row.last}" if written.joined else row.name
    note = DEFAULT if written.default and row.note is None else row.note
    tier = None if row.tier == CLEARED else row.tier
    return (name, note, KINDS[row.kind], row.worth, since, sorted(row.tags), tier)


def check(at: Desk, table: list[Entry], written: Conventions, folder: Path) -> None:
    mapping = ColumnMapping.model_validate({"operation": "investor-records", **written.mapping()})
    csv = write_csv(folder / "a.csv", table, written)
    parquet = write_parquet(folder / "a.parquet", table, written)
    of_csv = requests(open_extract([csv], declared=reading_rules(mapping)), mapping, folder / "1")
    assert requests(open_extract([parquet]), mapping, folder / "2") == of_csv
    of_frame = extract_from_frame(frame(table, written), folder / "f.parquet")
    assert requests(of_frame, mapping, folder / "3") == of_csv
    report: Report = at.load("investor-records", csv, written.mapping())
    assert report.verdict is Verdict.COMPLETE
    held = at.records()
    assert [told(held[row.id]) for row in table] == [expected(row, written) for row in table]


LOOSE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.mark.untraced
@settings(LOOSE, max_examples=12)
@given(data=st.data())
def test_csv_parquet_and_frames_make_the_same_requests_and_arrive_as_they_were_written(
    at: Desk, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    written = data.draw(conventions())
    table = data.draw(entries(written, f"X{next(NUMBERS)}"))
    check(at, table, written, tmp_path_factory.mktemp("form"))


@pytest.mark.soak
@settings(LOOSE, max_examples=1500)
@given(data=st.data())
def test_many_tables_arrive_as_they_were_written(
    at: Desk, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    written = data.draw(conventions())
    table = data.draw(entries(written, f"Y{next(NUMBERS)}"))
    check(at, table, written, tmp_path_factory.mktemp("form"))
