"""Loads a trading day: one folder's extracts, from orders to transactions; rows that depend on a failed row are held.

Decides the order of the day and derives the extracts that the folder lacks: the placements to allocate are those with
accepted executions, and the allocations to book are those that LUSID made from the allocated placements. `requirements`
finds the extracts and holds them to the folder's night.yaml, and `sequence` loads them. Knows no HTTP and no Prefect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from connectors.extracts.assumptions_file import read_assumptions
from connectors.lusid.client import LusidClient
from connectors.lusid.listing import URL, list_by_codes
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import accepted_keys
from connectors.targets import Target
from pipelines.arguments import speaking_of_arguments
from pipelines.history.nights.records import rows_before
from pipelines.load import carry_out
from pipelines.loading.spec import CarryOut
from pipelines.nights.folder import NightExtract, names_of
from pipelines.nights.night import Night, ordered
from pipelines.nights.pages import Leaving
from pipelines.nights.report import NightlyReport
from pipelines.nights.requirements import Contents, contents, expected, unknown_volumes
from pipelines.nights.sequence import load_steps
from pipelines.nights.step import Step
from pipelines.operations import booking, orders
from pipelines.options import Options, Progress
from pipelines.report.report import Report

NAMES = names_of((*orders.OPERATIONS, *booking.OPERATIONS))
"""The day's operations in the order of loading, and how the names of their extracts begin."""

BOOKED = "Booked"

_Row = dict[str, str]
_Rows = Callable[[LusidClient, set[str], int], list[_Row]]
"""Derives the rows of a load from the keys that an earlier load had accepted, by filters of a length."""


@speaking_of_arguments()
def trading_day(
    folder: Path, *, progress: Progress | None = None, carry_out: CarryOut = carry_out, **options: Any
) -> NightlyReport:
    """Loads a folder's orders and what follows from them during the day, into one target.

    Any extract may be missing that its night.yaml does not require: what a night requires, a day may, of its own
    operations. Without one for `allocate`, the placements with accepted executions are allocated.
    Without one for `book-transactions`, the allocations of the allocated placements are booked, and marked as booked,
    so that the same day again books nothing twice.

    Args:
        folder: holds the extracts, by name, and their mappings; may hold `{date:...}`.
        progress: receives notes and progress.
        carry_out: carries out each load.
        options: fields of `Options` for every load; mappings come from the folder.

    Raises:
        ConfigError: there is no such folder, it holds no extract, an option or night.yaml is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Errors of later loads are reported.
    """
    today = Night.of(str(folder), None, NAMES)
    day = _Day(today, progress or Progress(), options)
    steps = list(day.steps(contents(today, NAMES, usual=())))
    leaving = Leaving("trading-day", options, day.progress.note)
    awaits = today.file is not None
    report = load_steps(today.folder, steps, day.progress, carry_out, options, awaits=awaits).after(day.notes)
    report = replace(report, noun="trading day", day=today.day, name=today.name, owners=today.rules.owners)
    return leaving.leave(replace(report, may_still_come=today.may_still_come))


class _Day:
    """The steps of a day, and the notes from before they began."""

    def __init__(self, day: Night, progress: Progress, options: dict[str, Any]) -> None:
        self.progress = progress
        self._longest = read_assumptions(options.get("assume")).filter_of(URL)
        self.notes: list[str] = []
        self._day, self._options = day, options
        runs = Options.of(runs=options.get("runs")).runs
        self._before = partial(rows_before, runs, day.name, day.day, kind="trading-day")

    def say(self, note: str) -> None:
        """Adds a note to the progress and to the report."""
        self.progress.note(note)
        self.notes.append(note)

    def steps(self, found: Contents) -> Iterator[Step]:
        """The steps in order: for the extracts of the folder, and for those derived from an earlier load."""
        for note in (*found.notes, *unknown_volumes(self._day, self._before)):
            self.say(note)
        there: set[str] = set()
        for operation in ordered(self._day.rules, NAMES):
            settings = self._day.settings(operation, self._options) if self._day.file else {}
            if operation in found.missing:
                yield Step.lacking(operation, found.missing[operation])
            elif operation in found.extracts:
                given = Options.of(expect=self._options.get("expect")).expect
                expect = expected(self._day, operation, self._before).merged(given)
                yield Step.of(found.extracts[operation], {**settings, "expect": expect})
            elif operation in _DERIVED and _DERIVED[operation].source in there:
                source = _DERIVED[operation].source
                yield Step(operation, partial(self._derived, operation), settings=settings, source=source)
            else:
                continue
            there.add(operation)

    def _derived(self, operation: str, target: Target | None, reports: Sequence[Report]) -> NightExtract | None:
        """The extract of an operation, derived from the load of another; the run that loads it keeps it."""
        source, rows = _DERIVED[operation]
        report = next((each for each in reports if each.operation == source), None)
        accepted = accepted_keys(RunFolder(report.run_dir).outcomes) if report else {}
        found = rows(target.client, set(accepted), self._longest) if target else []
        if not report or not found:
            self.say(f"{operation}: nothing to load after {source}")
            return None
        import pandas as pd  # it takes longer to import than a small load

        mapping = self._day.mapping(operation) or self._day.folder / f"{operation}.yaml"
        return NightExtract(operation, (), mapping if mapping.exists() else None, pd.DataFrame(found))


def _executed(client: LusidClient, executions: set[str], longest: int) -> list[_Row]:
    """The placements of executions, each once."""
    found: dict[str, _Row] = {}
    for execution in list_by_codes(client, "executions", "id.code", executions, longest):
        placement = execution.placement
        if placement and execution.id.name in executions:
            found[placement.name] = {"placement_scope": placement.scope, "placement_code": placement.code}
    return list(found.values())


def _unbooked(client: LusidClient, placements: set[str], longest: int) -> list[_Row]:
    """The allocations of placements that are not booked yet."""
    found = {
        each.id.name: {"allocation_scope": each.id.scope, "allocation_code": each.id.code, "mark_as_booked": "true"}
        for each in list_by_codes(client, "allocations", "placementIds.code", placements, longest)
        if each.state != BOOKED and any(placement.name in placements for placement in each.placements or ())
    }
    return list(found.values())


class _Derivation(NamedTuple):
    """How an extract is derived: from which load, and its rows."""

    source: str
    rows: _Rows


_DERIVED: Mapping[str, _Derivation] = {
    "allocate": _Derivation("executions", _executed),
    "book-transactions": _Derivation("allocate", _unbooked),
}
