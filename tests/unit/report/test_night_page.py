"""The page of a night: its numbers are those of the manifests, what is new is told apart, nothing is markup."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from builders import investor, write_csv
from night_pages import Nights, hostile_night

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from pipelines.cli import main as cli
from pipelines.deliver.ledger import Ledger, Outcome, Took
from pipelines.history.nights.pace import PARTS, pace_of
from pipelines.history.nights.records import find_night
from pipelines.history.retention import purge
from pipelines.nights.nightly import nightly
from pipelines.nights.pages import write_page
from pipelines.replay import replay
from schemas.history_documents import NightFactsDocument
from schemas.states import STATES, State

Capture = pytest.CaptureFixture[str]


class Page(HTMLParser):
    """The cells of a page by the names of their columns, its links and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.steps: list[tuple[str, int]] = []
        self.commands: list[str] = []
        self.text = ""
        self._step: str | None = None
        self._in_pre = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.links += [given["href"] or ""] if "href" in given else []
        self._step = given.get("data-step")
        self._in_pre = tag == "pre"

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + " "
        if self._step:
            self.steps.append((self._step, int(data.replace(",", ""))))
            self._step = None
        if self._in_pre:
            self.commands += data.splitlines()
            self._in_pre = False


def shown(nights: Nights, day: str) -> tuple[Page, NightFactsDocument]:
    """The page of a night, brought up to date, and what it shows."""
    night = find_night(nights.runs, f"2026-11-{day}")
    document = write_page(night).document()
    return Page(night.page.read_text("utf-8")), document


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nights]:
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("PREFECT_API_URL", raising=False)
        yield Nights(tmp_path_factory.mktemp("nights"))


def test_every_count_of_the_page_is_that_of_a_manifest(nights: Nights) -> None:
    page, document = shown(nights, "27")
    expected: list[tuple[str, int]] = []
    for report in nights.second.reports:
        rows = RunFolder(report.run_dir).read_manifest().rows
        assert rows is not None
        sent = sum(rows[state] for state in STATES if state.traits.sent)
        never = [(state, -rows[state]) for state in STATES if not state.traits.sent and rows[state]]
        lost = [(state, -rows[state]) for state in STATES if state.traits.sent and state != "accepted" and rows[state]]
        expected += [("read", rows["read"]), *never, ("sent", sent), *lost, ("accepted", rows["accepted"])]
    assert page.steps == expected
    assert (document.read, document.accepted, document.not_accepted) == (29, 22, 7)
    assert sum(sum(reason.rows.values()) for reason in document.reasons) == 7


def test_what_is_new_still_failing_and_whose_it_is(nights: Nights) -> None:
    page, document = shown(nights, "27")
    invalid, of_orders, held = document.reasons
    assert (invalid.state, invalid.rows, invalid.owner, invalid.party) == (
        State.INVALID,
        {"investor-records": 2},
        "CRM team",
        "source",
    )
    assert (invalid.new, invalid.still, invalid.since, invalid.holds) == (1, 1, "2026-11-26", 4)
    assert (held.state, held.rows, held.since) == (State.HELD, {"investment-accounts": 4}, "2026-11-26")
    assert (of_orders.rows, of_orders.owner, of_orders.holds) == ({"orders": 1}, "source team", 0)
    assert (document.new, document.still, document.cured) == (2, 3, 0)
    assert "2 keys new since 2026-11-26" in page.text.replace("  ", " ")
    first, _ = shown(nights, "26")
    assert "no earlier night to compare with" in first.text


def test_held_rows_stand_under_the_row_that_holds_them(nights: Nights) -> None:
    page, _ = shown(nights, "27")
    told = page.text.partition("Rows that wait for another row")[2].partition("When, and how fast")[0]
    for n in (3, 4):
        assert f"investor-records IR_000{n} (row {n})" in told
        assert f"IA_000{n}" in told


def test_the_pace_of_a_load_is_that_of_its_calls(nights: Nights, tmp_path: Path) -> None:
    page, _ = shown(nights, "27")
    assert "Their calls, over that time" in page.text
    folder = RunFolder(tmp_path)
    assert pace_of(folder) is None
    journal = Journal(folder.journal)
    clock = iter((1000, 1000, 1400, 5000))
    ledger = Ledger(journal, 30, since=lambda: next(clock))
    first, second = ledger.begin(range(20)), ledger.begin(range(20, 30))
    ledger.settle(first, None, [], range(20), took=Took(0.4, 1))
    ledger.settle(second, None, [Outcome(20, State.FAILED, "X", "")], range(21, 30), took=Took(1.0, 3))
    journal.close()
    pace = pace_of(folder)
    assert pace is not None
    assert (pace.begins, pace.seconds, len(pace.rates)) == (1.0, 4.0, PARTS)
    assert (pace.rates[4], pace.rates[-1], sum(pace.rates)) == (200, 100, 300)  # 20 and 10 in a tenth of a second
    assert (pace.answers, pace.median, pace.slowest) == ((400, 1000), 700, 1000)
    assert (pace.again[4], pace.again[-1], pace.waited) == (0, 2, 3.0)


def test_links_and_commands_lead_on(nights: Nights) -> None:
    page, document = shown(nights, "27")
    for link in page.links:
        assert (nights.second.page.parent / link).resolve().exists(), link  # type: ignore[union-attr]
    records, accounts, orders = (report.run_id for report in nights.second.reports)
    assert [line.split()[-3] for line in page.commands] == [records, orders, accounts]  # wrong cells first
    assert document.next == page.commands


def test_after_replays_the_page_says_what_is_still_open(nights: Nights, tmp_path: Path) -> None:
    run = nights.first.reports[0]
    with (run.run_dir / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [{**row, "investor_type": "Person"} for row in csv.DictReader(file)]
    corrected = write_csv(tmp_path / "corrected.csv", rows)
    replay(run.run_id, corrected, runs=nights.runs, target=nights.target)
    _, document = shown(nights, "26")
    assert (document.not_accepted, document.open) == (4, 3)
    replay(nights.first.reports[1].run_id, runs=nights.runs, target=nights.target)
    page, document = shown(nights, "26")
    assert document.open == 1
    assert "1 still open after replays and later loads" in page.text
    assert [line.split()[1] for line in page.commands] == ["replay", "open"]


def test_report_of_a_night_and_of_two_runs(nights: Nights, capsys: Capture) -> None:
    runs = ["--runs", str(nights.runs)]
    assert cli.run(["report", "--night", "latest", *runs]) == 0
    said = capsys.readouterr().out
    assert said.startswith("✗ night of 2026-11-27 (extracts), red: 7 of 29 rows not accepted\n")
    before, now = (night.reports[0].run_id for night in (nights.first, nights.second))
    assert cli.run(["report", now, "--compare", before, *runs]) == 0
    said = capsys.readouterr().out
    assert re.search(r"\n  accepted +11 +10 +-1\n", said)
    assert re.search(r"\n  invalid: NotAllowed +1 +2 +1 +1 +0 +0\n", said)
    other = nights.second.reports[2].run_id
    for words in (
        ["report"],
        ["report", now, "--night", "latest"],
        ["report", "--night", "2020-01-01"],
        ["report", "--night", "2026-11-2"],
        ["report", now, "--compare", other],
        ["report", now, "--compare", now],
    ):
        assert cli.run([*words, *runs]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_dry_run_has_a_page_of_what_would_not_go_in(nights: Nights, tmp_path: Path) -> None:
    dry = nightly(nights.place / "extracts" / "20261127", runs=tmp_path, day=date(2026, 11, 27), dry_run=True)
    document = write_page(find_night(tmp_path, "latest")).document()
    assert (dry.colour, document.read, document.accepted, document.not_accepted) == ("red", 29, 0, 7)
    assert [(reason.state, sum(reason.rows.values())) for reason in document.reasons] == [
        ("invalid", 2),
        ("invalid", 1),
        ("held", 4),
    ]


def test_the_index_lists_every_night(nights: Nights) -> None:
    page = Page((nights.runs / "index.html").read_text("utf-8"))
    assert page.links == [f"nights/2026-11-{day}-extracts/night.html" for day in ("27", "26")]
    assert all((nights.runs / link).exists() for link in page.links)


def test_purge_removes_pages_and_keeps_the_counts_for_the_trend(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    target = f"sandbox:{tmp_path / 's.db'}"
    write_csv(tmp_path / "investors.csv", [investor(1, {"investor_type": "Persn"}), investor(2)])
    old = nightly(tmp_path, day=date(2026, 11, 26), runs=runs, target=target)
    purge(runs, "0h")
    assert old.page is not None
    assert not old.page.exists()
    new = nightly(tmp_path, day=date(2026, 11, 27), runs=runs, target=target)
    assert new.page is not None
    page = Page(new.page.read_text("utf-8"))
    assert not [link for link in page.links if "2026-11-26" in link]
    assert "2026-11-26" in page.text
    assert Page((runs / "index.html").read_text("utf-8")).links == [f"nights/{new.page.parent.name}/night.html"]


def test_a_hostile_extract_is_text_on_every_page(tmp_path: Path) -> None:
    for path in hostile_night(tmp_path):
        page = Page(path.read_text("utf-8"))
        assert page.tags.count("script") == 1
        assert "img" not in page.tags
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_page_that_cannot_be_written_does_not_change_how_the_night_ended(tmp_path: Path) -> None:
    folder = tmp_path / "extracts"
    folder.mkdir()
    write_csv(folder / "investors.csv", [investor(1)])
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "nights").write_text("in the way")
    night = nightly(folder, runs=tmp_path / "runs", target="sandbox")
    assert (night.exit_code, night.page) == (0, None)
