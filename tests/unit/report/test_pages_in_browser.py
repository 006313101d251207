"""The pages in headless Chromium: what they do, that everybody can read them, and that nobody's cell runs.

Skipped where no Chromium is on the path; `make test` installs Debian's where it can, and CI takes no skip.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from night_pages import Nights, hostile_night, large_nights

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTHS = [390, 1200]
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="there is no chromium on the path"),
    pytest.mark.untraced,
]

BROKEN = """() => {
  const broken = [];
  const walker = (cell) => document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  for (const cell of document.querySelectorAll("td, th")) {
    if (getComputedStyle(cell.closest("thead") ?? cell).position === "absolute") continue;
    for (let texts = walker(cell), text; (text = texts.nextNode()); ) {
      for (const found of text.data.matchAll(/[^\\s-]+/g)) {
        const range = document.createRange();
        range.setStart(text, found.index);
        range.setEnd(text, found.index + found[0].length);
        const lines = new Set([...range.getClientRects()].map((each) => Math.round(each.top)));
        if (lines.size > 1 && found[0].length <= 40) broken.push(found[0]);
      }
    }
  }
  return broken;
}"""
"""Words of cells that stand on two lines; one of more than 40 characters may."""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "CI looks at the pages: install Debian's chromium"
    with sync_playwright() as player:
        running = player.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return Nights(tmp_path_factory.mktemp("nights")).pages()


@contextmanager
def opened(browser: "Browser", path: Path, width: int = 1200, *, dark: bool = False) -> "Iterator[Page]":
    """A page that asks for nothing but itself, and whose script meets no error."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: asked.append(str(error)))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert asked == [path.as_uri()]


def keys(page: "Page") -> list[str]:
    """The keys of the table of a load, as far as they are shown, from above."""
    return [cell.inner_text() for cell in page.locator("[data-find] tbody tr:visible td:first-child").all()]


def test_the_keys_of_a_load_are_filtered_and_sorted(browser: "Browser", pages: list[Path]) -> None:
    up = ["IA_0003", "IA_0003", "IA_0004", "IA_0004"]
    with opened(browser, pages[2]) as page:
        assert sorted(keys(page)) == up
        page.get_by_label("words to look for").fill("ia_0004 held")
        assert keys(page) == ["IA_0004", "IA_0004"]
        assert page.locator("output").inner_text() == "2 of 4 shown"
        page.get_by_label("words to look for").fill("")
        page.get_by_label("state", exact=True).select_option("held")
        assert sorted(keys(page)) == up
        head = page.locator("[data-find] th").first
        for order, expected in (("ascending", up), ("descending", up[::-1])):
            head.get_by_role("button").click()
            assert (head.get_attribute("aria-sort"), keys(page)) == (order, expected)
        page.get_by_role("button", name="row").click()
        assert keys(page) == ["IA_0003", "IA_0004", "IA_0003", "IA_0004"]  # rows 3, 4, 13 and 14


STEPS = """() => [...document.querySelectorAll("[data-step]")].filter((each) => each.checkVisibility())
  .map((each) => [each.dataset.step, Number(each.innerText.replaceAll(",", ""))])"""


def test_the_counts_that_are_seen_are_those_of_the_manifests(browser: "Browser", pages: list[Path]) -> None:
    with opened(browser, pages[0]) as page:
        seen = page.evaluate(STEPS)
    manifests = [json.loads(each.with_name("manifest.json").read_bytes())["rows"] for each in pages[1:-1]]
    for name in ("read", "accepted"):
        assert [count for step, count in seen if step == name] == [rows[name] for rows in manifests]
    for state in ("invalid", "held"):
        lost = [-rows[state] for rows in manifests if rows[state]]
        assert lost
        assert [count for step, count in seen if step == state] == lost
    with opened(browser, pages[2]) as page:
        text = page.inner_text("body")
        assert all(f"{count:,}" in text for count in manifests[1].values() if count)


FIRST_SCREEN = """() => [...document.querySelectorAll("h1, h2, h3, p, li, pre")]
  .filter((each) => each.getBoundingClientRect().bottom <= innerHeight).map((each) => each.innerText).join("\\n")"""


@pytest.mark.parametrize("hundreds", [1, pytest.param(100, marks=pytest.mark.soak)])
def test_the_first_screen_of_a_large_night_answers_what_is_asked_in_the_morning(
    browser: "Browser", tmp_path: Path, hundreds: int
) -> None:
    """Of 54,000 rows with 300 invalid, 500 held and two refused: how it went, what to fix first, whose, what is new."""
    _, night = large_nights(tmp_path, hundreds)
    read, bad = 540 * hundreds, 8 * hundreds + 2
    assert night.page is not None
    with opened(browser, night.page) as page:
        text = page.evaluate(FIRST_SCREEN)
        for told in (
            f"Amber: {bad:,} of {read:,} rows not accepted",
            "2 rows refused by LUSID",
            "MyScope/B0008 (row 8)",
            "MyScope/B0009_27 (row 9)",
            f"{3 * hundreds:,} rows invalid, never sent: NotAllowed",
            f"{5 * hundreds:,} held rows wait for them",
            "source team",
        ):
            assert told in text, text
        assert text.index("2 rows refused") < text.index("rows invalid")
        assert "3 keys new since 2026-11-26" in text
        assert f"{bad - 3:,} still failing, the oldest since 2026-11-26" in text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_no_violation(browser: "Browser", pages: list[Path], dark: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for path in (pages[0], pages[2], pages[-1]):
        with opened(browser, path, dark=dark) as page:
            found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways_and_no_word_of_a_cell_is_broken(
    browser: "Browser", pages: list[Path], width: int
) -> None:
    for path in pages:
        with opened(browser, path, width) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
            assert page.evaluate(BROKEN) == [], path.name


def test_a_hostile_extract_runs_no_script(browser: "Browser", tmp_path: Path) -> None:
    for path in hostile_night(tmp_path):
        with opened(browser, path) as page:
            assert page.title() != "taken"
            assert page.locator("script").count() == 1
            page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p onclick=document.title=1 id=x>x</p>')")
            page.locator("#x").click()
            assert page.title() != "1"  # the page's policy holds, should a text ever be markup


def test_paper_keeps_what_to_type_next_and_loses_what_cannot_be_pressed(browser: "Browser", pages: list[Path]) -> None:
    with opened(browser, pages[0]) as page:
        text = page.locator(".next pre").first
        command = text.inner_text()
        page.get_by_role("button", name="Copy").first.click()
        assert page.evaluate("getSelection().toString().trim()") == command.strip()
        page.emulate_media(media="print")
        assert "replay" in command
        assert text.is_visible()
        assert page.locator("button:visible").count() == 0
        assert page.locator(".next").evaluate("each => getComputedStyle(each).breakInside") == "avoid"
        assert len(page.pdf()) > 1000
