"""Backfills past business dates: loads their nights one after another, each from its own folder.

Decides which dates to load and which are done already; `nightly` loads each of them. Knows no Prefect.

A date is done when every extract of its folder has a run that finished into the same target, with the same file,
content and mapping. A run into a sandbox in memory never counts, because nothing of it is left.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from connectors.targets import lasts
from pipelines.arguments import speaking_of_arguments
from pipelines.feeds.of_load import loaded_until
from pipelines.history.catalog import past_runs
from pipelines.loading.interrupts import interrupts, stop_at_once
from pipelines.loading.places import loads_target
from pipelines.nights.continuation import load_of_extract
from pipelines.nights.dates import dated_folders, is_dated
from pipelines.nights.folder import NAMES, NightExtract
from pipelines.nights.night import Night
from pipelines.nights.night_lock import night_lock
from pipelines.nights.nightly import nightly
from pipelines.nights.report import NightlyReport, severity, worst
from pipelines.nights.requirements import contents
from pipelines.operations.table import operation_named
from pipelines.options import Options, Progress
from pipelines.report import glance
from schemas.documents import BackfillDocument
from schemas.errors import FatalError, StoppedError
from schemas.manifest import Manifest
from schemas.same_load import is_same, place_of
from schemas.states import FINISHED, FINISHED_CODES, Verdict
from schemas.texts import many
from schemas.verdicts import Colour, worst_of


@dataclass(frozen=True, repr=False)
class BackfillReport:
    """A finished backfill. At a prompt or in a notebook it shows itself on one screen.

    Attributes:
        target: a LUSID's base URL, `sandbox` or `sandbox:FILE`; None of a dry run.
        nights: one for each date that was loaded, in order; the last may have stopped early.
        done_before: dates that were skipped because earlier runs had finished them.
        not_started: dates that were not loaded because the one before them stopped.
    """

    target: str | None
    nights: tuple[tuple[date, NightlyReport], ...]
    done_before: tuple[date, ...] = ()
    not_started: tuple[date, ...] = ()

    def __repr__(self) -> str:
        """The backfill on one screen."""
        return glance.lines_as_text(self._headline, self._lines, "")

    def _repr_html_(self) -> str:
        """The backfill as a notebook shows it."""
        return glance.lines_as_html(self._headline, self._lines, "")

    @property
    def _headline(self) -> str:
        dates = len(self.nights) + len(self.done_before) + len(self.not_started)
        return f"backfill, {self.colour}: {many(dates, 'date', 'dates')}, {len(self.nights):,} loaded now"

    @property
    def _lines(self) -> list[tuple[str, str]]:
        return [("", line.strip()) for line in self.headlines]

    @property
    def exit_code(self) -> int:
        """The exit code of its worst night."""
        return worst([night.exit_code for _, night in self.nights])

    @property
    def headlines(self) -> list[str]:
        """How each date ended, in one line."""
        told = [(day, night.headline) for day, night in self.nights]
        told += [(day, f"  night of {day}: an earlier run had finished it") for day in self.done_before]
        told += [(day, f"  night of {day}: not started, because the one before it stopped") for day in self.not_started]
        return [line for _, line in sorted(told)]

    @property
    def verdict(self) -> Verdict:
        """The verdict of its worst night."""
        worst_night = min((night for _, night in self.nights), key=severity, default=None)
        return worst_night.verdict if worst_night else Verdict.COMPLETE

    @property
    def colour(self) -> Colour:
        """The colour of its worst night."""
        return worst_of(night.colour for _, night in self.nights)

    def document(self, repeat: str | None, *, outside: bool = False) -> BackfillDocument:
        """The document that --json prints.

        Args:
            repeat: the command that continues the backfill where it stopped.
            outside: leave out what may quote a row: LUSID's words, and an extract's header or cells.
        """
        nights = [night.document(repeat, outside=outside) for _, night in self.nights]
        return BackfillDocument(
            target=self.target,
            verdict=self.verdict,
            colour=self.colour,
            exit_code=self.exit_code,
            nights=nights,
            done_before=[day.isoformat() for day in self.done_before],
            not_started=[day.isoformat() for day in self.not_started],
            next=next((night.next for night in nights if night.next), None),
        )


@speaking_of_arguments()
def backfill(
    folder_pattern: str,
    first: date,
    last: date,
    *,
    progress: Progress | None = None,
    night: Callable[..., NightlyReport] = nightly,
    again: bool = False,
    **options: Any,
) -> BackfillReport:
    """Loads the nights of a range of dates into one target, in order.

    Weekends are skipped unless they have a folder. The first date that stops early ends the backfill; the same backfill
    again resumes there.

    Args:
        folder_pattern: where a date's extracts are, such as `/extracts/{date:%Y%m%d}`.
        first, last: both included.
        progress: receives notes and progress.
        night: loads a night; called as `nightly` is.
        again: also load dates that earlier runs have finished.
        options: fields of `Options`.

    Raises:
        ConfigError: the pattern or the range is wrong, or folders are missing (all are named); nothing was sent.
        FatalError: the very first load could not be carried out. Errors of later ones are in the report.
    """
    progress = progress or Progress()
    folders = nights_between(folder_pattern, first, last)
    extracts = {day: _to_load(folder, day) for day, folder in folders}
    settings = Options.of(**options)
    nights: list[tuple[date, NightlyReport]] = []
    done: list[date] = []
    with (
        interrupts(stop_at_once) as interrupted,
        loads_target(settings, progress) as target,
        night_lock(settings.runs, Path(folder_pattern), target, settings.wait, progress.note, "backfill"),
    ):
        url = target.url if target else None
        history = _History(settings.runs, url)
        for note in _behind(folders, extracts, options, url):
            progress.note(note)
        for position, (day, folder) in enumerate(folders):
            progress.note(f"{day}: {folder}")
            is_done = partial(history.has, extracts[day])
            given = {**options, "target": target, "again": again, **({} if again else {"done": is_done})}
            try:
                report = night(folder, day=day, progress=progress, **given)
            except FatalError as error:
                if not nights:
                    raise
                report = NightlyReport(folder, (), url, (), error, day=day)  # those before it stand
            if report.done_before:
                progress.note(f"{day}: finished by an earlier run, so it is not loaded again")
                done.append(day)
                continue
            rest = tuple(later for later, _ in folders[position + 1 :])
            if interrupted.by and rest and report.exit_code in FINISHED_CODES:  # in its last load, which ended well
                report = replace(report, error=StoppedError(f"interrupted by {interrupted.by}"))
            nights.append((day, report))
            if report.exit_code not in FINISHED_CODES:
                return BackfillReport(url, tuple(nights), tuple(done), rest)
    return BackfillReport(url, tuple(nights), tuple(done))


def nights_between(folder_pattern: str, first: date, last: date) -> list[tuple[date, Path]]:
    """The dates whose nights a backfill loads, and their folders, in order; raises ConfigError as `dated_folders`."""
    closed = Night.of(folder_pattern, first).rules.closed if is_dated(folder_pattern) else lambda _: None
    return dated_folders(folder_pattern, first, last, closed)


def _behind(
    folders: Sequence[tuple[date, Path]],
    extracts: Mapping[date, Sequence[NightExtract]],
    options: dict[str, Any],
    url: str | None,
) -> Iterator[str]:
    """How many of the dates lie before what the feeds of their loads have loaded."""
    behind: dict[tuple[str, date], int] = {}
    for day, folder in folders:
        night = Night.of(str(folder), day)
        for extract in extracts[day]:
            given = Options.of(**{**options, **night.settings(extract.operation, options)})
            until = loaded_until(operation_named(extract.operation), given, url)
            if until is not None and day < until:
                behind[given.feed or "", until] = behind.get((given.feed or "", until), 0) + 1
    for (feed, until), count in behind.items():
        yield (
            f"{many(count, 'date lies', 'dates lie')} before {until}, which feed {feed} has loaded: what later dates "
            "set stays (`outdated`); --even-if-newer sends it all the same"
        )


def _to_load(folder: Path, day: date) -> Sequence[NightExtract]:
    """The extracts of a night; none where it lacks one."""
    found = contents(Night.of(str(folder), day), NAMES)
    return () if found.missing else tuple(found.extracts.values())


class _History:
    """The loads that earlier runs have finished in this target."""

    def __init__(self, runs: Path, url: str | None) -> None:
        """Takes where runs are kept, and the target's URL; None in a dry run, before which nothing counts."""
        self._runs, self._url = runs, url
        self._finished: dict[Path, Manifest] = {}

    def has(self, extracts: Sequence[NightExtract]) -> bool:
        """Whether each of a night's extracts has a run that has finished by now; never where one is missing."""
        if not lasts(self._url) or not extracts:
            return False
        for run in past_runs(self._runs, passed_over=self._finished):
            if run.verdict in FINISHED and place_of(run.manifest.target) == place_of(self._url):
                self._finished[run.folder.path] = run.manifest
        loads = map(load_of_extract, extracts)
        return all(any(is_same(manifest, load) for manifest in self._finished.values()) for load in loads)
