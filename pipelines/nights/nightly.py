"""Loads a night: the extracts of one folder, one after another; rows that depend on a failed row are held.

`night` knows the folder, its date and its night.yaml, `requirements` holds the extracts to that, and `sequence` loads
them; `trading_day` does the same with other names. Knows no HTTP and no Prefect: `flows` runs the same night with loads
whose steps are Prefect tasks.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from pipelines.arguments import speaking_of_arguments
from pipelines.history.nights.records import rows_before
from pipelines.load import carry_out
from pipelines.loading.spec import CarryOut
from pipelines.nights.folder import NAMES
from pipelines.nights.night import Night, ordered
from pipelines.nights.pages import Leaving
from pipelines.nights.report import NightlyReport
from pipelines.nights.requirements import Contents, contents, expected, unknown_volumes
from pipelines.nights.sequence import load_steps
from pipelines.nights.step import Step
from pipelines.options import Options, Progress
from schemas.errors import ConfigError, FatalError


@speaking_of_arguments()
def nightly(
    folder: Path,
    *,
    day: date | None = None,
    progress: Progress | None = None,
    carry_out: CarryOut = carry_out,
    **options: Any,
) -> NightlyReport:
    """Loads a folder's investor records, then its accounts, then its orders, into one target.

    Each load passes the references that failed to the next, where rows that need them are `held`; where these are not
    known, the loads that depend on them do not start. A load that stops early ends the night. An extract that its
    night.yaml requires and that is missing, stale or out of volume holds the loads that need it; the others are carried
    out. The same night again resumes where it stopped.

    Args:
        folder: holds the extracts, by name, and their mappings; may hold `{date:...}`.
        day: the business date; None for the one that it is now.
        progress: receives notes and progress.
        carry_out: carries out each load.
        options: fields of `Options` for every load, and `again` to load everything anew instead of resuming; mappings
            come from the folder. `verify` reads so many of the accepted keys back at the end. `done` is asked whether
            the night has been loaded before, once no other process can be loading it.

    Raises:
        ConfigError: there is no such folder, it holds no extract, an option or night.yaml is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Errors of later loads are reported.
    """
    progress = progress or Progress()
    night = Night.of(str(folder), day)
    found = contents(night, NAMES)
    before = partial(rows_before, Options.of(runs=options.get("runs")).runs, night.name, night.day)
    notes = (*found.notes, *unknown_volumes(night, before))
    for note in notes:
        progress.note(note)
    steps = [*_steps(night, found, options, before)]
    known = {"day": night.day, "name": night.name, "may_still_come": night.may_still_come}
    as_tonight = partial(replace, owners=night.rules.owners, **known)
    leaving = Leaving("nightly", options, progress.note)
    try:
        report = load_steps(night.folder, steps, progress, carry_out, options, awaits=night.file is not None)
    except FatalError as error:
        if not isinstance(error, ConfigError):  # otherwise it did not begin: another one may be under way
            ended = NightlyReport(night.folder, (), leaving.url, notes, error)
            leaving.leave(as_tonight(ended))
        raise
    report = as_tonight(report.after(notes))
    return report if report.done_before else leaving.leave(report)


def _steps(night: Night, found: Contents, options: dict[str, Any], before: "partial[list[int]]") -> Iterator[Step]:
    """The loads of a night in their order."""
    for operation in ordered(night.rules, NAMES):
        if operation in found.missing:
            yield Step.lacking(operation, found.missing[operation])
        elif operation in found.extracts:
            expect = expected(night, operation, before).merged(Options.of(expect=options.get("expect")).expect)
            yield Step.of(found.extracts[operation], {**night.settings(operation, options), "expect": expect})
