"""report.html: a run on one page, in one file that needs no network and runs no script.

It shows what `Summary` holds: keys, rows and reasons, never a cell. The template escapes every text.
"""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from connectors.run_folder.folder import RunFolder, atomic_write
from pipelines.report import advice
from pipelines.report.summary import Summary
from schemas.manifest import Manifest
from schemas.states import STATES, State

if TYPE_CHECKING:
    from jinja2 import Template

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
    text = html_of(Summary.of(folder, manifest))
    with atomic_write(folder.report) as part:
        part.write_text(text, "utf-8")


def html_of(summary: Summary) -> str:
    """The page of one run."""
    manifest = summary.manifest.as_json()
    return template(TEMPLATE).render(run=summary, manifest=manifest, advice=advice, slices=[*_slices(summary)])


@functools.cache
def template(name: str) -> "Template":
    """A page's template, compiled once for all loads of a night."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pipelines.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _slices(summary: Summary) -> Iterator[Slice]:
    rows, keys = summary.rows, summary.keys
    read = rows["read"]
    for state in STATES:
        yield Slice(state, rows[state], keys[state], 100 * rows[state] / read if read else 0.0)
