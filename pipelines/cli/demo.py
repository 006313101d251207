"""`bulkload demo`: loads the sample extracts into the embedded sandbox, and proves that they are there.

The sandbox's own lists are read through the API and compared with outcomes.parquet, key by key. Nothing here reaches a
real LUSID: the target is always a sandbox, whose data stays in a file so that the command to type next works.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from connectors.lusid.client import LusidClient
from connectors.run_folder.folder import RunFolder, make_runs_folder
from connectors.run_folder.results import accepted_keys
from connectors.targets import SANDBOX, open_target
from pipelines.cli.commands.load import run_night
from pipelines.cli.console import Line, print_summaries, table
from pipelines.operations import investors, orders
from pipelines.options import Options
from pipelines.report.report import Report
from pipelines.report.summary import Summary
from pipelines.sample.write import write_sample
from schemas.errors import BalanceError
from schemas.states import EXIT_CODES, FINISHED_CODES, Verdict

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
"""The committed sample; missing where bulkload is installed without its repository."""

PAGE = 1000
"""Entities on a page: fewer than there are, so that the demo reads several pages."""


@dataclass(frozen=True)
class Listing:
    """One of the API's lists.

    Attributes:
        entities: what the list holds, in words.
        path: of the list in the API.
        names: the names of an entity; one of them is its key in outcomes.parquet, unless `by_row`.
        by_row: whether each row, rather than each key, makes one entity.
    """

    entities: str
    path: str
    names: Callable[[Mapping[str, Any]], set[str]]
    by_row: bool = False

    def agrees(self, found: Sequence[Mapping[str, Any]], accepted: Mapping[str, int]) -> bool:
        """Whether the list holds everything that was accepted, once each, and nothing else."""
        named = [self.names(entity) for entity in found]
        if self.by_row:
            return len(found) == len(set().union(*named)) == sum(accepted.values())
        keys = [names & accepted.keys() for names in named]
        return len(found) == len(accepted) and set().union(*keys) == accepted.keys()


def _identifiers(entity: Mapping[str, Any]) -> set[str]:
    return {identifier["value"]["labelValue"] for identifier in entity["identifiers"].values()}


def _resource_id(entity: Mapping[str, Any]) -> set[str]:
    return {f"{entity['id']['scope']}/{entity['id']['code']}"}


LISTINGS: Mapping[str, tuple[Listing, ...]] = {
    **{
        each.name: (Listing(each.name.replace("-", " "), each.path.removesuffix("/$batchUpsert"), _identifiers),)
        for each in investors.OPERATIONS
    },
    orders.ORDERS.name: (
        Listing("blocks", "/api/blocks", _resource_id),
        Listing("orders", "/api/orders", _resource_id, by_row=True),
    ),
}


def run_demo(runs: Path, console: Console, *, prefect: bool | None) -> int:
    """Runs the demo; returns the exit code, which is 0 unless the load did not finish.

    Args:
        runs: where run folders go, and the sandbox's data as `demo.db`.
        console: where the outcome is printed.
        prefect: whether to load through Prefect; None does so where a server is named.

    Raises:
        BalanceError: the sandbox does not hold exactly what was accepted.
    """
    database = _fresh(runs / "demo.db")
    target = f"{SANDBOX}:{database}"
    options = Options(target=target, runs=runs)
    night = run_night(_sample(runs), options, prefect=prefect, quiet=True)
    summaries = [Summary.of_run(report.run_dir) for report in night.reports]
    if night.exit_code not in FINISHED_CODES:
        print_summaries(summaries, console)
        return night.exit_code
    with open_target(target, options, lambda _: None) as opened:
        print_summaries(summaries, console, _comparison(opened.client, night.reports))
    return EXIT_CODES[Verdict.COMPLETE]


def _sample(runs: Path) -> Path:
    """The folder of the sample extracts; without the repository's, a new one is written."""
    if (SAMPLE / "investors.csv").is_file():
        return SAMPLE
    made = runs / "demo-sample"
    write_sample(made, formats=["csv"])
    return made


def _fresh(database: Path) -> Path:
    """Removes the database file, so that each demo begins with an empty sandbox."""
    for file in (database, *database.parent.glob(f"{database.name}-*")):
        with suppress(FileNotFoundError):
            file.unlink()
    make_runs_folder(database.parent)
    return database


def _comparison(client: LusidClient, reports: tuple[Report, ...]) -> Iterator[Line]:
    rows = [("", "accepted", "listed", "")]
    for report in reports:
        accepted = accepted_keys(RunFolder(report.run_dir).outcomes)
        rows += [_compared(client, listing, accepted) for listing in LISTINGS[report.operation]]
    yield "", ""
    yield "What the sandbox's own lists hold", "bold"
    yield from table(rows)


def _compared(client: LusidClient, listing: Listing, accepted: Mapping[str, int]) -> tuple[str, str, str, str]:
    """One line of the comparison.

    Raises:
        BalanceError: an entity is missing, was never accepted, or is listed twice.
    """
    expected = sum(accepted.values()) if listing.by_row else len(accepted)
    found = list(entities(client, listing.path))
    if not listing.agrees(found, accepted):
        raise BalanceError(
            f"the sandbox lists {len(found):,} {listing.entities}, {expected:,} were accepted: they are not the same"
        )
    return listing.entities, f"{expected:,}", f"{len(found):,}", "AGREE"


def entities(client: LusidClient, path: str) -> Iterator[Mapping[str, Any]]:
    """Every entity of a list, page after page."""
    page: str | None = None
    while True:
        parameters = {"limit": str(PAGE), **({"page": page} if page else {})}
        answer = client.get(path, parameters).body
        yield from answer["values"]
        page = answer.get("nextPage")
        if not page:
            return
