"""report.html: a run on one page, in one file that needs no network.

It shows what `Summary` holds, and the keys and reasons of rows that are not in, never a cell. The template escapes
every text; the page's policy allows no script but ours, by its hash.
"""

import functools
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from connectors.run_folder.folder import RunFolder, atomic_write
from pipelines.report import advice
from pipelines.report.failing_keys import FailingKeys, failing_keys
from pipelines.report.summary import Summary
from schemas.manifest import Manifest
from schemas.states import STATES, State

if TYPE_CHECKING:
    from jinja2 import Environment, Template

TEMPLATE = "report.html.j2"


class Slice(NamedTuple):
    """A state's slice of the bar: its rows, its keys and its share of all rows in percent."""

    state: State
    rows: int
    keys: int
    percent: float


def write_html(folder: RunFolder, manifest: Manifest) -> None:
    """Writes report.html into a run's folder.

    Args:
        folder: where the page goes.
        manifest: says how the run ended.

    Raises:
        RunFolderError: the page cannot be written.
    """
    summary = Summary.of(folder, manifest)
    text = html_of(summary, failing_keys(folder.outcomes, dry_run=summary.dry_run) if summary.to_correct else None)
    with atomic_write(folder.report) as part:
        part.write_text(text, "utf-8")


def html_of(summary: Summary, failing: FailingKeys | None = None) -> str:
    """The page of one run, with the keys that are not in."""
    manifest = summary.manifest.as_json()
    slices = [*slices_of(summary)]
    return template(TEMPLATE).render(run=summary, manifest=manifest, advice=advice, slices=slices, failing=failing)


def template(name: str = TEMPLATE) -> "Template":
    """A page's template, compiled once for all loads of a night."""
    return _environment().get_template(name)


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("pipelines.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = files("pipelines.report").joinpath("templates", "page.js").read_text("utf-8").strip()
    environment.globals.update(
        states=STATES,
        page_script=Markup(script),  # noqa: S704  # ours, and no text of anybody else is in it
        script_hash=f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}",
    )
    return environment


def slices_of(summary: Summary) -> Iterator[Slice]:
    """Every state's slice of a run's bar, in the order of the states."""
    rows, keys = summary.rows, summary.keys
    read = rows["read"]
    for state in STATES:
        yield Slice(state, rows[state], keys[state], 100 * rows[state] / read if read else 0.0)
