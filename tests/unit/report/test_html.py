"""report.html: one file, everything escaped, nothing from elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from builders import investor, write_csv
from summaries import HOSTILE, manifest, summary, typed

from connectors.run_folder.folder import RunFolder
from pipelines.load import load
from pipelines.report.html import html_of, write_html
from schemas.errors import RunFolderError

ROOT = Path(__file__).resolve().parents[3]


class Page(HTMLParser):
    """The texts, the tags and the attributes of a page; it fails on tags that do not close."""

    _VOID = frozenset({"meta", "br", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(" ".join(data.split()))


def test_the_page_shows_what_ran_how_it_ended_why_and_the_next_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_LUSID_URL", "https://acme.lusid.com/api")
    monkeypatch.setenv("FBN_ACCESS_TOKEN", "token")
    texts = Page(html_of(summary(warnings=["LUSID answered for keys that were never sent: x"]))).texts
    for text in (
        "Red: finished: 2 of 10 rows not accepted",
        "LUSID answered for keys that were never sent: x",
        "Conflict",
        "it is there",
        "S/B (row 4) and 1 more",
        "https://acme.lusid.com/api",
        "/extracts/orders.csv",
        f"sha256 {'ab' * 32}",
        "1,234",
        "bulkload replay 20261121T020000Z-orders-7f3a",
    ):
        assert text in texts
    assert texts[texts.index("accepted") :][:4] == ["accepted", "7", "70.00 %", "4"]


def test_the_page_shows_unknown_rows_and_what_a_replay_resolved() -> None:
    rows = {**manifest()["rows"], "failed": 0, "unknown": 2}
    texts = Page(html_of(summary(replays="RUN_X", rows=rows))).texts
    assert "Replays RUN_X: 8 of 10 rows resolved, 2 left (2 unknown)." in texts
    assert any(text.startswith("2 rows are unknown: sent, but the answer was lost") for text in texts)


def test_the_page_needs_no_network_and_runs_no_script_but_ours() -> None:
    text = html_of(summary())
    page = Page(text)
    assert page.links == ["failures.csv", "report.html", "outcomes.parquet"], "files of its own folder alone"
    assert page.tags.count("script") == 1
    assert not {"link", "img", "iframe", "object", "form"} & set(page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_texts_from_outside_are_escaped_and_bounded() -> None:
    evil = "<script>alert(1)</script>\"'&" + HOSTILE
    reason = {"state": "failed", "code": evil, "message": evil * 200, "rows": 1, "examples": [evil * 200]}
    text = html_of(summary(reasons=[reason], warnings=[evil]))
    assert text.count("<script") == 1
    assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert len(text) < 30_000


def test_an_empty_extract_and_a_dry_run_have_a_page_too() -> None:
    empty = dict.fromkeys(manifest()["rows"], 0)
    text = html_of(
        summary(rows=empty, reasons=[], verdict="complete", target=None, mapping={"path": "m", "sha256": "0"})
    )
    assert "Green: complete: 0 rows, none to correct" in text
    assert "none: a dry run" in text


def test_a_run_leaves_its_page_private_and_without_a_cell(tmp_path: Path) -> None:
    report = load("investor-records", ROOT / "data" / "sample" / "investors.csv", target="sandbox", runs=tmp_path)
    file = report.run_dir / "report.html"
    text = file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "Amber: finished: 7 of 1,008 rows not accepted" in Page(text).texts
    assert "IR_Z0000001 (row 42, line 45)" in text
    names = ("O&#39;Shea", "O'Shea", "Lena Voss", "Persn", "2.5m", "31/12/2019")
    assert not re.search("|".join(map(re.escape, names)), text)


def test_a_page_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"report\.html: cannot be written: No such file or directory"):
        write_html(RunFolder(tmp_path / "gone"), typed())


def test_a_page_that_cannot_list_every_key_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extract = write_csv(tmp_path / "a.csv", [investor(n, {"investor_type": "Persn"}) for n in range(3)])
    monkeypatch.setattr("pipelines.report.failing_keys.MOST", 2)
    some, every = (load("investor-records", extract, target="sandbox", runs=tmp_path / str(n)) for n in (1, 2))
    text = (some.run_dir / "report.html").read_text("utf-8")
    assert text.count("<tr data-group=") == 2
    assert "The first 2 keys are listed; failures.csv has every row." in text
    (every.run_dir / "outcomes.parquet").write_bytes(b"damaged")
    write_html(RunFolder(every.run_dir), RunFolder(every.run_dir).read_manifest())
    assert "data-group" not in (every.run_dir / "report.html").read_text("utf-8")
