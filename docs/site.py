"""Puts together what the site is built from: the documents, the reference made from the code, and the settings.

`make site` runs it and then the generator, which refuses a link or an anchor that leads nowhere. A link to a file that
is not among the documents (`../pipelines/load.py`) becomes the name of the file.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from docs.reference import PAGES

DOCS = Path(__file__).resolve().parent
NAV: Mapping[str, Sequence[str]] = {
    "Start": ("first-load.md", "install.md", "connect.md"),
    "Loading": ("mapping.md", "reading.md", "feeds.md", "nights.md", "examples.md"),
    "Before, after, again": ("before-and-after.md", "bad-night.md", "sandbox.md", "sql.md", "proof.md"),
    "Prefect": ("prefect.md",),
    "Python": ("python.md", "moving.md"),
    "Reference": tuple(f"reference/{name}.md" for name in PAGES),
    "Behind it": ("architecture.md", "decisions/index.md", "lusid.md", "speed.md", "dask.md"),
}
"""The pages by section; one that is not there is left out, one that has no place is an error."""

_LINK = re.compile(r"\[([^\]]*)\]\((\.\./[^)]*)\)")
_SETTINGS = """\
[project]
site_name = "bulkload"
site_description = "Loads investors, accounts and orders into LUSID in bulk, and accounts for every row."
docs_dir = "pages"
site_dir = "site"
nav = [
{nav}
]

[project.theme]
font = false
features = ["navigation.indexes", "navigation.sections", "navigation.footer", "content.code.copy", "search.highlight"]

[[project.theme.palette]]
media = "(prefers-color-scheme: light)"
scheme = "default"
toggle.icon = "lucide/sun"
toggle.name = "Dark"

[[project.theme.palette]]
media = "(prefers-color-scheme: dark)"
scheme = "slate"
toggle.icon = "lucide/moon"
toggle.name = "Light"
"""


def stage(folder: Path) -> None:
    """Writes the pages and the generator's settings into a folder, which is emptied first.

    Raises:
        ValueError: a document has no place in the site.
    """
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "pages"
    for path in documents():
        target = pages / path.relative_to(DOCS)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            target.write_text(_within(path.read_text("utf-8"), path), "utf-8")
        else:
            shutil.copy(path, target)
    (pages / "reference").mkdir()
    for name, page in PAGES.items():
        (pages / "reference" / f"{name}.md").write_text(f"{page()}\n", "utf-8")
    (pages / "decisions" / "index.md").write_text(_decisions(), "utf-8")
    (folder / "zensical.toml").write_text(_SETTINGS.replace("{nav}", "\n".join(_nav(pages))), "utf-8")


def documents() -> list[Path]:
    """The documents of the repository: pages and what they hand out."""
    return [path for path in sorted(DOCS.rglob("*")) if path.suffix in (".md", ".json", ".ipynb")]


def _within(text: str, path: Path) -> str:
    """A page whose links out of the documents are the names of what they lead to."""

    def link(found: re.Match[str]) -> str:
        target = (path.parent / found[2].partition("#")[0]).resolve()
        return found[0] if target.is_relative_to(DOCS) else found[1]

    return _LINK.sub(link, text)


def _decisions() -> str:
    lines = []
    for path in sorted(DOCS.glob("decisions/[0-9]*.md")):
        title = path.read_text("utf-8").partition("\n")[0].lstrip("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(["# Decisions", "", "What was decided, and what was refused for it.", "", *lines, ""])


def _nav(pages: Path) -> Iterator[str]:
    there = {str(path.relative_to(pages)) for path in pages.rglob("*.md")}
    placed = {"index.md", *(name for names in NAV.values() for name in names)}
    if lost := sorted(name for name in there - placed if not name.startswith("decisions/")):
        raise ValueError(f"{', '.join(lost)} has no place in the site: add it to NAV in docs/site.py")
    yield '  "index.md",'
    for section, names in NAV.items():
        shown = ", ".join(f'"{name}"' for name in names if name in there)
        if section == "Behind it":
            more = ", ".join(f'"{name}"' for name in sorted(there) if name.startswith("decisions/0"))
            shown = shown.replace('"decisions/index.md"', f'{{ "Decisions" = ["decisions/index.md", {more}] }}')
        if shown:
            yield f'  {{ "{section}" = [{shown}] }},'


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
