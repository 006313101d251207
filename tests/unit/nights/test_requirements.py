"""What a night requires by its night.yaml: what is missing, stale or out of volume is red, holds what needs it, and is
named in the first line; the rest is loaded, and the same night again finishes."""

import json
import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from builders import account, investor, order, write_csv

from connectors.sandbox.server import Sandbox
from docs.generate import NIGHT_SCHEMA, night_schema
from pipelines.history.nights.records import keep
from pipelines.nights.backfill import backfill
from pipelines.nights.folder import NAMES
from pipelines.nights.night import checked
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport
from schemas.errors import ConfigError
from schemas.nights.record import NightLoad, NightRecord
from schemas.states import State, Verdict
from schemas.verdicts import Colour

TODAY = datetime.now(UTC).date()
TONIGHT = date(2026, 11, 27)
"""A Friday."""


class Place:
    """A night's folder, its runs, and a sandbox."""

    def __init__(self, path: Path, lusid: Sandbox) -> None:
        self.folder, self.runs, self._lusid = path / "extracts", path / "runs", lusid
        self.folder.mkdir()

    def extracts(self, **rows: list[dict[str, str]]) -> None:
        for name, lines in rows.items():
            write_csv(self.folder / f"{name}.csv", lines)

    def rules(self, text: str) -> None:
        (self.folder / "night.yaml").write_text(text)

    def night(self, **options: Any) -> NightlyReport:
        return nightly(self.folder, **{"day": TODAY, "runs": self.runs, "target": self._lusid.url, **options})


@pytest.fixture
def place(tmp_path: Path, shared: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("FBN_TOKEN_URL", "FBN_USERNAME", "FBN_PASSWORD", "FBN_CLIENT_ID", "FBN_CLIENT_SECRET"):
        monkeypatch.setenv(name, shared.token_url if name == "FBN_TOKEN_URL" else "sandbox")
    return Place(tmp_path, shared)


def loads(night: NightlyReport) -> list[str]:
    return [report.operation for report in night.reports]


def test_a_required_extract_that_has_not_come_holds_what_needs_it_and_the_rest_is_loaded(place: Place) -> None:
    place.rules("require: [investor-records, orders]")
    place.extracts(accounts=[account(1, holder=1)], orders=[order(block=11, serial=11)])
    night = place.night()
    assert (loads(night), night.held) == (["orders"], ("investment-accounts",))
    assert (night.exit_code, night.verdict, night.colour) == (4, Verdict.MISSING, Colour.RED)
    missing = f"investor-records has not come: {place.folder} holds no investor-records* or investors*"
    assert night.headline.splitlines() == [
        f"✗ night of {night.day} (extracts), red: {missing}; investment-accounts held; 1 row, none to correct"
    ]
    document = night.document("again")
    assert (document.missing, document.held, document.next) == ([missing], ["investment-accounts"], "again")
    place.extracts(investors=[investor(1)])
    finished = place.night()
    assert (loads(finished), finished.exit_code) == (["investor-records", "investment-accounts", "orders"], 0)
    assert finished.reports[2].run_id == night.reports[0].run_id  # what is in is not loaded again


def test_what_never_came_is_exit_code_2_once_it_is_overdue(place: Place) -> None:
    place.rules("require: [investor-records]\ndue: 24h")
    place.extracts(orders=[order(block=12, serial=12)])
    assert place.night(day=TONIGHT - timedelta(days=30)).exit_code == 2


def test_no_folder_at_all_is_missing_too(place: Place) -> None:
    place.rules("require: [orders]")
    absent = place.folder / "{date:%Y%m%d}"
    night = nightly(absent, day=TODAY, runs=place.runs, target="sandbox")
    assert night.headline.endswith(f"red: orders has not come: there is no folder {night.folder}")
    assert (night.name, night.exit_code) == ("extracts", 4)


def test_files_of_an_earlier_night_are_stale(place: Place) -> None:
    place.rules("fresh: 24h")
    place.extracts(investors=[investor(1)], orders=[order(block=13, serial=13)])
    nine_days = time.time() - 9 * 86400
    os.utime(place.folder / "investors.csv", (nine_days, nine_days))
    night = place.night()
    assert (loads(night), night.exit_code, night.colour) == (["orders"], 4, Colour.RED)
    written = datetime.fromtimestamp(nine_days, UTC)
    told = (
        f"investor-records is stale: investors.csv was written on {written:%Y-%m-%d %H:%M} UTC, 9 days before the night"
    )
    assert told in night.headline


def test_a_past_date_is_measured_at_the_time_it_was_due(place: Place) -> None:
    place.rules("fresh: 24h")
    place.extracts(orders=[order(block=14, serial=14)])
    assert place.night(day=TODAY - timedelta(days=30)).exit_code == 0


def test_only_files_that_bear_the_date_are_loaded(place: Place) -> None:
    place.rules('date: "%Y%m%d"')
    place.extracts(
        **{
            "investors-20261126": [investor(31)],
            "orders-20261127": [order(block=15, serial=15)],
            "orders-20261126": [order(block=16, serial=16)],
        }
    )
    night = place.night(day=TONIGHT)
    assert [str(each) for each in night.missing] == [
        "investor-records is of another date: investors-20261126.csv does not hold 20261127"
    ]
    assert "not loaded, because their names do not hold 20261127: orders-20261126.csv" in night.notes
    assert [(r.operation, r.rows_read) for r in night.reports] == [("orders", 1)]


def earlier(place: Place, *rows: int) -> None:
    """Nights before, with so many investor records each."""
    for number, count in enumerate(rows, 1):
        load = NightLoad(
            run_id="", operation="investor-records", verdict=Verdict.COMPLETE, colour=Colour.GREEN, rows={"read": count}
        )
        record = NightRecord(
            name="extracts",
            date=str(TODAY - timedelta(days=number)),
            folder=str(place.folder),
            target="sandbox",
            started="",
            finished="",
            verdict=Verdict.COMPLETE,
            colour=Colour.GREEN,
            exit_code=0,
            headline="",
            loads=(load,),
        )
        keep(place.runs, record)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (7, "7 rows, fewer than the 8 expected"),
        (8, None),
        (15, None),
        (16, "16 rows, more than the 15 expected"),
    ],
)
def test_an_extract_out_of_volume_is_not_sent(place: Place, rows: int, said: str | None) -> None:
    place.rules("rows: {investor-records: {min: 80%, max: 150%}}")
    earlier(place, 10, 11, 2, 9, 300)
    place.extracts(investors=[investor(400 + n) for n in range(rows)], orders=[order(block=17, serial=17)])
    night = place.night(dry_run=True)
    assert loads(night) == (["orders"] if said else ["investor-records", "orders"])
    assert [each.why.partition(": nothing")[0] for each in night.missing] == (
        [f"was not loaded: the extract is not complete: {said}; nothing was sent"] if said else []
    )


def test_of_few_earlier_nights_no_median_is_taken_and_a_note_says_so(place: Place) -> None:
    place.rules("rows: {investor-records: {min: 80%}}")
    earlier(place, 1000, 1000)
    place.extracts(investors=[investor(1)])
    night = place.night(dry_run=True)
    assert (night.exit_code, night.missing) == (0, ())
    assert (
        "investor-records: its number of rows is not compared yet: 2 earlier nights are known, and it takes 3"
        in night.notes
    )


def test_without_its_done_marker_nothing_is_loaded(place: Place) -> None:
    place.rules("done_marker: READY")
    place.extracts(orders=[order(block=18, serial=18)])
    night = place.night()
    assert (loads(night), night.exit_code) == ([], 4)
    assert "the done-marker" in night.headline
    (place.folder / "READY").touch()
    assert place.night().exit_code == 0


def test_order_mappings_settings_and_red_at_are_those_of_night_yaml(place: Place) -> None:
    place.rules(
        "order: [orders]\nmappings: {orders: own.yaml}\nred_at: 30%\n"
        "settings: {orders: {batch_size: 7, mode: Atomic}, investor-records: {concurrency: 1}}"
    )
    (place.folder / "own.yaml").write_text("operation: orders\n")
    place.extracts(investors=[investor(51)], orders=[order(block=19, serial=19)])
    night = place.night(concurrency=2, red_at="40%")
    assert loads(night) == ["orders", "investor-records"]
    orders, records = (report.document() for report in night.reports)
    assert (orders.mode, records.mode) == ("Atomic", "Partial")
    settings = [r.run_dir for r in night.reports]
    texts = [(path / "manifest.json").read_text() for path in settings]
    assert ('"batch_size": 7' in texts[0], "own.yaml" in texts[0], '"red_at": "40%"' in texts[0]) == (True, True, True)
    assert '"concurrency": 2' in texts[1]  # a flag that is given goes before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("requires: [orders]", "requires: is not a member; did you mean require?"),
        ("require: [order]", "require: order is none of a night; did you mean orders?"),
        ("fresh: 1 day", "fresh: is not an age such as 90m, 24h or 2d"),
        ("rows: {orders: {min: most}}", "rows.orders.min: is neither a share of the median such as 80%"),
        ("rows: {orders: {mim: 80%}}", "rows.orders.mim: is not a member; did you mean min?"),
        ("date: 20261127", "date: is not text: put it in quotes"),
        ('date: "%Y"', 'date: is not how a file name holds a date, such as "%Y%m%d" or "%d-%m-%y"'),
        ("red_at: 5", "red_at: red_at takes a percentage up to 100%, not 5"),
        ("timezone: Europe/Londn", "timezone: is not a time zone such as Europe/London"),
        ("order: [investment-accounts, investor-records]", "order: investment-accounts depends on inv"),
        ("settings: {orders: {mod: Atomic}}", "settings.orders.mod: is no option of a night's load; did you mean"),
        ("settings: {orders: {batch_size: 0}}", "settings.orders: batch_size takes a whole number from 1 on, not 0"),
        ("settings: {orders: {target: x}}", "settings.orders.target: is no option of a night's load"),
        ("calendar: [soon]", "calendar: is neither a list of dates such as 2026-12-25 nor the name of a file of dates"),
        ("calendar: days.txt", "the calendar"),
        ("require: [orders", "is not YAML"),
        ("fresh: 1h\nfresh: 2h", "fresh is given twice"),
        ("owners: {codes: {X: them}}", "owners.codes.X: takes 'source', 'lusid' or 'us'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_night_yaml_is_one_line_before_anything_is_sent(place: Place, text: str, said: str) -> None:
    place.rules(text)
    place.extracts(orders=[order()])
    with pytest.raises(ConfigError) as refused:
        place.night()
    assert f"{place.folder / 'night.yaml'}" in refused.value.message
    assert said in refused.value.message
    assert "\n" not in refused.value.message
    assert not place.runs.exists()


def test_the_page_has_a_night_yaml_that_is_taken_and_the_schema_is_of_this_version(place: Place) -> None:
    docs = Path(__file__).parents[3] / "docs"
    example = (docs / "nights.md").read_text().partition("```yaml\n")[2].partition("```")[0]
    place.rules(example)
    (place.folder / "holidays.txt").write_text("2026-12-25\n")
    assert checked(place.folder / "night.yaml", NAMES).rows["orders"].max == 200_000
    assert NIGHT_SCHEMA.read_text("utf-8") == night_schema(), "run `make docs`"
    jsonschema.Draft202012Validator(json.loads(night_schema())).validate(
        json.loads(json.dumps(yaml.safe_load(example)))
    )


def test_a_backfill_passes_over_holidays_and_says_each_date(place: Place) -> None:
    (place.folder / "night.yaml").write_text("require: [orders]\ncalendar: days.txt\n")
    (place.folder / "days.txt").write_text("# bank holidays\n2026-11-26  # Thanksgiving\n")
    for day, name in (("20261125", "orders"), ("20261127", "orders")):
        (place.folder / day).mkdir()
        write_csv(place.folder / day / f"{name}.csv", [order(block=int(day[-2:]), serial=int(day[-2:]))])
    pattern = f"{place.folder}/{{date:%Y%m%d}}"
    done = backfill(pattern, date(2026, 11, 25), date(2026, 11, 29), runs=place.runs, target="sandbox")
    assert [(str(day), night.name, night.rows) for day, night in rows_of(done.nights)] == [
        ("2026-11-25", "extracts", 1),
        ("2026-11-27", "extracts", 1),
    ]
    assert [line.split(" (")[0] for line in done.headlines] == ["✓ night of 2026-11-25", "✓ night of 2026-11-27"]


def rows_of(nights: Any) -> list[tuple[date, Any]]:
    class Seen:
        def __init__(self, night: NightlyReport) -> None:
            self.name, self.rows = night.name, sum(r.rows[State.ACCEPTED] for r in night.reports)

    return [(day, Seen(night)) for day, night in nights]


def test_on_a_holiday_nothing_is_required(place: Place) -> None:
    place.rules("require: [investor-records]\ncalendar: [2026-11-27]")
    place.extracts(orders=[order(block=20, serial=20)])
    night = place.night(day=TONIGHT)
    assert (night.exit_code, night.missing) == (0, ())
    told = "2026-11-27 is a holiday of the calendar, so nothing is required: investor-records did not come"
    assert told in night.notes
