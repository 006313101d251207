"""A trading day: one folder's extracts take orders from blocks to transactions, and what depends on a failure is held.

Owns the order of the day and what it makes itself: the placements to allocate, where nobody gave them, are those that
executions were accepted for; the allocations to book are those that LUSID made of the placements that were allocated.
How a folder is read is `night_folder`'s, how one load hands on to the next `steps`'. Knows no HTTP and no Prefect.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from connectors.lusid.client import LusidClient
from connectors.lusid.listing import list_by_codes
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import accepted_keys
from connectors.targets import Target
from pipelines.load import carry_out
from pipelines.loading.job import CarryOut
from pipelines.nights.folder import Names, NightExtract, find_extracts
from pipelines.nights.report import NightlyReport
from pipelines.nights.sequence import load_steps
from pipelines.nights.step import Step
from pipelines.options import Progress
from pipelines.report.report import Report

NAMES: Names = {
    operation: (operation,)
    for operation in (
        *("orders", "move-orders", "place-blocks", "update-placements", "cancel-orders", "cancel-placements"),
        *("executions", "allocate", "book-transactions"),
    )
}
"""The day's operations, in the order they are loaded; their extracts' names begin like theirs."""

BOOKED = "Booked"

_Row = dict[str, str]
_Rows = Callable[[LusidClient, set[str]], list[_Row]]
"""Given the keys that a load accepted, the rows of the load that follows from it."""


def trading_day(
    folder: Path, *, progress: Progress | None = None, carry_out: CarryOut = carry_out, **options: Any
) -> NightlyReport:
    """Loads a folder's orders and all that becomes of them during a day, into one target.

    Any extract may be absent. Without one of `allocate`, the placements that executions were accepted for are
    allocated; without one of `book-transactions`, the allocations of the placements that were allocated are booked,
    and marked as booked, so that a day that is loaded again books nothing twice.

    Args:
        folder: holds the extracts, by name, and their mappings.
        progress: told what happens.
        carry_out: what carries out each load.
        options: fields of `Options` for every load; mappings come from the folder.

    Raises:
        ConfigError: there is no such folder, it holds no extract, or an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Later ones' errors are reported.
    """
    day = _Day(folder, progress or Progress())
    found = find_extracts(folder, NAMES, expected=())
    for note in found.notes:
        day.say(note)
    steps = list(day.steps(found.extracts))
    return load_steps(folder, steps, day.progress, carry_out, options).after(day.said)


class _Day:
    """The loads of a day, and what was said of them before they began."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.progress = progress
        self.said: list[str] = []
        self._folder = folder

    def say(self, note: str) -> None:
        """Tells whoever watches, and the report."""
        self.progress.note(note)
        self.said.append(note)

    def steps(self, extracts: Sequence[NightExtract]) -> Iterator[Step]:
        """The loads in order: of extracts that are there, and those that follow from a load before them."""
        given = {extract.operation: extract for extract in extracts}
        there: set[str] = set()
        for operation in NAMES:
            if operation in given:
                yield Step.of(given[operation])
            elif operation in _FOLLOWS and _FOLLOWS[operation].source in there:
                yield Step(operation, partial(self._following, operation))
            else:
                continue
            there.add(operation)

    def _following(self, operation: str, target: Target | None, reports: Sequence[Report]) -> NightExtract | None:
        """The extract of an operation that follows from the load of another; its own run keeps it."""
        source, rows = _FOLLOWS[operation]
        report = next((each for each in reports if each.operation == source), None)
        accepted = accepted_keys(RunFolder(report.run_dir).outcomes) if report else {}
        found = rows(target.client, set(accepted)) if target else []
        if not report or not found:
            self.say(f"{operation}: nothing to do after {source}, so none is loaded")
            return None
        mapping = self._folder / f"{operation}.yaml"
        return NightExtract(operation, (), mapping if mapping.exists() else None, pd.DataFrame(found))


def _executed(client: LusidClient, executions: set[str]) -> list[_Row]:
    """The placements of executions, each once."""
    found: dict[str, _Row] = {}
    for execution in list_by_codes(client, "executions", "id.code", executions):
        placement = execution.placement
        if placement and execution.id.name in executions:
            found[placement.name] = {"placement_scope": placement.scope, "placement_code": placement.code}
    return list(found.values())


def _unbooked(client: LusidClient, placements: set[str]) -> list[_Row]:
    """The allocations of placements that are not booked yet."""
    found = {
        each.id.name: {"allocation_scope": each.id.scope, "allocation_code": each.id.code, "mark_as_booked": "true"}
        for each in list_by_codes(client, "allocations", "placementIds.code", placements)
        if each.state != BOOKED and any(placement.name in placements for placement in each.placements or ())
    }
    return list(found.values())


class _Following(NamedTuple):
    """An operation that needs no extract: the load it follows from, and what it is to do after it."""

    source: str
    rows: _Rows


_FOLLOWS: Mapping[str, _Following] = {
    "allocate": _Following("executions", _executed),
    "book-transactions": _Following("allocate", _unbooked),
}
