"""Loads of a feed into one LUSID: only what changed, never an older date for a newer one, and one load at a time."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import COUNTRY, IR_ID, Row, account, investor, read_csv, write_csv
from keeping_lusid import Keeping
from portions import in_portions
from run_checks import check_books, outcomes
from scripted_lusid import ScriptedLusid

from connectors.run_folder.locks import lock_path, locked
from pipelines.cli import main as cli
from pipelines.feeds.place import FeedPlace
from pipelines.load import load
from pipelines.replay import replay
from pipelines.report.report import Report
from schemas.errors import ConfigError
from schemas.same_load import place_of
from schemas.states import State

DAYS = [f"2026-11-{day:02d}" for day in range(1, 10)]


class Shop:
    """A LUSID that keeps records, and the loads of one feed into it."""

    def __init__(self, folder: Path, lusid: ScriptedLusid) -> None:
        self.folder, self.lusid, self.loads = folder, lusid, 0

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    def load(self, rows: list[Row], date: str, operation: str = "investor-records", **options: Any) -> Report:
        """One load, whose books balance."""
        self.loads += 1
        path = write_csv(self.folder / f"{self.loads}.csv", rows)
        given = {"feed": "crm", "date": date, "batch_size": 4, **options}
        report = load(operation, path, target=self.lusid.url, runs=self.runs, **given)
        check_books(report)
        return report

    @property
    def names(self) -> dict[str, str]:
        """The name of each record that LUSID holds."""
        assert isinstance(self.lusid.rule, Keeping)
        return {key: each["displayName"] for key, each in self.lusid.rule.held.items()}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    with ScriptedLusid(Keeping()) as lusid:
        yield Shop(tmp_path, lusid)


@pytest.mark.parametrize("portions", [2, 3])
def test_the_same_requests_have_changed_however_they_were_prepared(shop: Shop, portions: int) -> None:
    """One process prepared what the feed had accepted; key by key the state is the same after the next day."""
    accounts = [account(n, holder) for holder in (1, 2) for n in range(30)]  # holders of an account stand far apart
    shop.load(accounts, DAYS[0], "investment-accounts")
    accounts[7] = accounts[7] | {"display_name": "Renamed"}
    accounts[37] = accounts[37] | {"display_name": "Renamed"}
    with in_portions(portions):
        again = shop.load(accounts, DAYS[1], "investment-accounts", changed_only=True)
    assert (again.rows[State.UNCHANGED], again.rows[State.ACCEPTED]) == (58, 2)
    assert shop.load(accounts, DAYS[2], "investment-accounts", changed_only=True).rows[State.UNCHANGED] == 60


def people(names: Mapping[int, str]) -> list[Row]:
    return [investor(serial, {"display_name": name}) for serial, name in names.items()]


def some(report: Report) -> dict[str, int]:
    return {state.value: n for state, n in report.rows.items() if n}


ALL = dict.fromkeys(range(10), "Old")


def test_only_what_changed_is_sent_and_what_left_the_extract_is_named(shop: Shop) -> None:
    shop.load(people(ALL), DAYS[0])
    second = shop.load(people({n: "New" if n == 3 else "Old" for n in range(8)}), DAYS[1], changed_only=True)
    assert some(second) == {"accepted": 1, "unchanged": 7}
    assert second.exit_code == 0
    assert second.requests == 1
    assert [row["_key"] for row in read_csv(second.run_dir / "vanished.csv")] == ["IR_0008", "IR_0009"]
    assert second.warnings == ("2 keys of the feed's last extract not in this one: vanished.csv names them",)
    assert shop.names == {f"IR_000{n}": "New" if n == 3 else "Old" for n in range(10)}
    third = shop.load(people({n: "New" if n == 3 else "Old" for n in range(8)}), DAYS[2], changed_only=True)
    assert (some(third), third.warnings) == ({"unchanged": 8}, ())
    full = shop.load(people(ALL), DAYS[3], changed_only=True, full=True)
    assert some(full) == {"accepted": 10}
    document = json.loads(json.dumps(full.document().as_json()))
    assert (document["feed"], document["date"]) == ("crm", DAYS[3])


def test_a_full_load_comes_by_itself_when_the_last_one_is_old(shop: Shop) -> None:
    found = [some(shop.load(people({1: "Old"}), DAYS[n], changed_only=True, full_every="3d")) for n in (0, 1, 2, 3, 4)]
    accepted, unchanged = {"accepted": 1}, {"unchanged": 1}
    assert found == [accepted, unchanged, unchanged, accepted, unchanged]


def test_a_backfill_and_a_late_replay_change_nothing_that_a_later_day_set(shop: Shop) -> None:
    first = shop.load(people({1: "Old", 2: "Old", 3: "Old", 4: "Refused"}), DAYS[0])
    assert some(first) == {"accepted": 3, "failed": 1}
    shop.load(people({1: "New", 4: "New"}), DAYS[2])
    late = shop.load(people({1: "Old", 2: "Between", 5: "Between"}), DAYS[1])
    assert some(late) == {"accepted": 2, "outdated": 1}
    assert late.exit_code == 0
    (line,) = [each for each in outcomes(late.run_dir) if each["state"] == "outdated"]
    assert line["code"] == "Outdated"
    assert line["message"].startswith(f"{DAYS[2]} of this feed was loaded for this key")
    assert "vanished.csv" not in {path.name for path in late.run_dir.iterdir()}, "an old extract tells nothing of that"
    corrected = [row | {"display_name": "Corrected"} for row in read_csv(first.run_dir / "failures.csv")]
    again = replay(first.run_id, write_csv(shop.folder / "corrected.csv", corrected), runs=shop.runs)
    assert some(again) == {"outdated": 1}
    assert shop.names == {
        "IR_0001": "New",
        "IR_0002": "Between",
        "IR_0003": "Old",
        "IR_0004": "New",
        "IR_0005": "Between",
    }
    forced = shop.load(people({1: "Old"}), DAYS[0], even_if_newer=True)
    assert some(forced) == {"accepted": 1}
    assert shop.names["IR_0001"] == "Old"
    assert some(shop.load(people({1: "New"}), DAYS[2], changed_only=True)) == {"accepted": 1}


def test_what_was_found_unchanged_is_as_good_as_accepted_for_its_date(shop: Shop) -> None:
    shop.load(people({1: "Same"}), DAYS[0])
    shop.load(people({1: "Same"}), DAYS[2], changed_only=True)
    assert some(shop.load(people({1: "Other"}), DAYS[1])) == {"outdated": 1}


@pytest.mark.parametrize("kind", ["Refused", ""])
def test_a_key_whose_last_state_was_not_accepted_is_sent(shop: Shop, kind: str) -> None:
    shop.load(people({1: "Old"}), DAYS[0])
    assert shop.load(people({1: kind}), DAYS[1], changed_only=True).exit_code == 3
    assert some(shop.load(people({1: "Old"}), DAYS[2], changed_only=True)) == {"accepted": 1}


def test_accounts_are_compared_as_whole_requests(shop: Shop) -> None:
    rows = [account(1, holder) for holder in (1, 2)] + [account(2, 1)]
    options: dict[str, Any] = {"operation": "investment-accounts", "changed_only": True}
    assert some(shop.load(rows, DAYS[0], **options)) == {"accepted": 3}
    assert some(shop.load([*rows, rows[0]], DAYS[1], **options)) == {"unchanged": 3, "duplicate": 1}
    changed = [rows[0], rows[1] | {"portfolio_key": "Other"}, rows[2]]
    assert some(shop.load(changed, DAYS[2], **options)) == {"accepted": 2, "unchanged": 1}


def test_the_files_of_a_feed_hold_no_key_and_no_name_and_are_private(shop: Shop) -> None:
    shop.load(people(ALL), DAYS[0])
    files = [path for path in (shop.runs / "feeds").rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["key", "state.parquet"]
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        assert not any(word in path.read_bytes() for word in (b"IR_0001", b"Old", IR_ID.encode()))


def test_feeds_targets_and_dialects_know_nothing_of_each_other(shop: Shop) -> None:
    shop.load(people({1: "Old"}), DAYS[1])
    for options in ({"feed": "other"}, {"dialect": "2.3"}):
        rows = [row | {"scope": "Desk"} for row in people({1: "Old"})]
        assert some(shop.load(rows, DAYS[0], changed_only=True, **options)) == {"accepted": 1}


def test_a_second_load_of_a_feed_waits_or_is_refused(shop: Shop) -> None:
    place = FeedPlace.of(shop.runs, "crm", "investor-records", "2.1", str(place_of(shop.lusid.url)))
    with locked(lock_path(shop.runs, "feed", *place.about), "20261121T020000Z-investor-records-7f3a"):
        with pytest.raises(ConfigError) as refused:
            shop.load(people({1: "Old"}), DAYS[0])
        assert refused.value.message == (
            "feed crm: 20261121T020000Z-investor-records-7f3a is loading this feed; wait=SECONDS waits for it"
        )
        assert some(shop.load(people({1: "Old"}), DAYS[0], feed="other")) == {"accepted": 1}
    assert [path for path in shop.runs.iterdir() if path.name.endswith(".lock")] == []


@pytest.mark.parametrize(
    ("operation", "flags", "said"),
    [
        ("investor-records", ["--changed-only"], "--changed-only needs --feed NAME: without one nothing is remembered"),
        ("orders", ["--changed-only", "--feed", "x"], "orders has no --changed-only"),
        ("investor-records", ["--changed-only", "--feed", "x", "--target", "sandbox"], "use --target sandbox:FILE"),
        ("investor-records", ["--feed", "../x"], "feed takes letters, digits"),
        ("investor-records", ["--date", "20261130"], "date takes a date such as 2026-11-30, not the text '20261130'"),
        ("investor-records", ["--timezone", "Nowhere"], "timezone takes a name such as Europe/London"),
        ("investor-records", ["--full-every", "7"], "--full-every takes days such as 7d"),
    ],
)
def test_what_does_not_fit_is_one_line_and_code_2(
    operation: str, flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_csv(tmp_path / "a.csv", people({1: "Old"}))
    target = [] if "--target" in flags else ["--target", "sandbox"]
    assert cli.run(["load", operation, str(path), *flags, *target, "--runs", str(tmp_path / "runs")]) == 2
    (line,) = [each for each in capsys.readouterr().err.splitlines() if not each.startswith("feed ")]
    assert said in line
    assert list((tmp_path / "runs").glob("2*")) == []


def test_a_damaged_state_or_another_key_is_refused(shop: Shop) -> None:
    shop.load(people({1: "Old"}), DAYS[0])
    key = shop.runs / "feeds" / "key"
    kept = key.read_bytes()
    key.write_bytes(kept[::-1])
    with pytest.raises(ConfigError, match="was written with another key"):
        shop.load(people({1: "Old"}), DAYS[1])
    key.write_bytes(kept)
    (state,) = (shop.runs / "feeds").rglob("state.parquet")
    state.write_bytes(state.read_bytes()[:-9])
    with pytest.raises(
        ConfigError, match=r"state\.parquet is damaged, so what the feed last had accepted is not known"
    ):
        shop.load(people({1: "Old"}), DAYS[1])


def test_an_older_date_is_sent_where_all_it_changes_is_effective_dated(shop: Shop) -> None:
    def since(day: str, name: str = "Same", country: str = "Norway") -> list[Row]:
        return [investor(1, {"display_name": name, COUNTRY: country, f"{COUNTRY}@effective_from": day})]

    shop.load(since("2026-11-05"), DAYS[4])
    assert some(shop.load(since("2026-11-01", country="Chile"), DAYS[0])) == {"accepted": 1}
    assert some(shop.load(since("2026-11-01", name="Other"), DAYS[0])) == {"outdated": 1}
    assert some(shop.load(since("2026-11-05", country="Peru"), DAYS[0])) == {"outdated": 1}
    assert some(shop.load(since("2026-11-05"), DAYS[5], changed_only=True)) == {"unchanged": 1}
