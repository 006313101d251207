"""The loads of a night or a trading day, one after another into one target, and what each hands to the next.

Owns the order of events: what did not make it in one load is held in the next, a load that stops ends the night, and a
night that is begun again goes on where it stopped. Knows no folder and no operation by name.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connectors.targets import Target, open_target
from pipelines.loading.interrupts import Interrupted, interrupts, stop_at_once
from pipelines.loading.job import CarryOut, Job
from pipelines.nights.continuation import Left
from pipelines.nights.folder import NightExtract
from pipelines.nights.marker import OpenNight
from pipelines.nights.report import NightlyReport
from pipelines.nights.step import Step
from pipelines.operations.table import operation_named
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError, FatalError, StoppedError
from schemas.states import Duplicates
from schemas.verdicts import EXIT_CODES, Verdict


def load_steps(
    folder: Path, steps: Sequence[Step], progress: Progress, carry_out: CarryOut, options: Mapping[str, Any]
) -> NightlyReport:
    """Carries out the loads of a night in order, into one target.

    Args:
        folder: the night's.
        steps: its loads.
        progress: told what happens.
        carry_out: what carries out each load.
        options: fields of `Options` for every load, and `again`.

    Raises:
        ConfigError: an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out.
    """
    if options.get("mapping") is not None:
        raise ConfigError("a night has one mapping for each extract: put <operation>.yaml into its folder")
    settings = dict(options)
    again = settings.pop("again", False)
    plain = Options.of(**settings)
    notes = _without_duplicates(steps, plain.duplicates)
    for note in notes:
        progress.note(note)
    with interrupts(stop_at_once) as interrupted, shared_target(plain, progress) as target:
        night = OpenNight(plain.runs, folder, target, again=again)
        left = Left(steps, plain, target, night.since)
        done = _Done({**settings, "target": target}, left, carry_out, interrupted)
        done.take(steps, progress)
        if done.is_whole:
            night.over()
    why = "the night was interrupted" if done.ended_between else f"{steps[done.begun - 1].operation} did not finish"
    absent = tuple(f"{later.operation}: not started, because {why}" for later in steps[done.begun :])
    for note in absent:
        progress.note(note)
    return NightlyReport(folder, tuple(done.reports), (*notes, *absent), done.error)


class _Done:
    """What is done of a night.

    Attributes:
        begun: how many steps were begun.
        error: what ended the night and left no report.
        ended_between: it was interrupted when no load was under way.
        is_whole: each load is over.
    """

    def __init__(self, settings: dict[str, Any], left: Left, carry_out: CarryOut, interrupted: Interrupted) -> None:
        self.reports: list[Report] = []
        self.begun = 0
        self.error: FatalError | None = None
        self.ended_between = self.is_whole = False
        self._settings, self._left, self._carry_out = settings, left, carry_out
        self._hold: dict[str, str] = {}
        self._blind: FatalError | None = None
        self._at_work = False
        self._interrupted = interrupted

    def take(self, steps: Sequence[Step], progress: Progress) -> None:
        """Loads until one stops early.

        Raises:
            FatalError: the first could not be carried out.
        """
        try:
            for step in steps:
                self.begun += 1
                if self._blind is not None and operation_named(step.operation).depends:
                    continue
                dependent = [s.operation for s in steps[self.begun :] if operation_named(s.operation).depends]
                self._at_work = True
                stopped = self._one(step, progress, dependent)
                self._at_work = False
                if stopped:
                    return
                if self._interrupted.by and self.begun < len(steps):
                    stop_at_once(self._interrupted.by)
            self.error, self.is_whole = self._blind, self._blind is None
        except FatalError as error:
            if not self.reports:
                raise
            self.error, self.ended_between = error, not self._at_work

    def _one(self, step: Step, progress: Progress, dependent: Sequence[str]) -> bool:
        """Carries out one load; gives whether it stopped early."""
        if self._left.has(step):
            report = self._left.take_up(step, progress, self._carry_out, followed=bool(dependent))
        else:
            extract = step.extract(self._settings["target"], self.reports)
            if extract is None:
                return False
            rows = extract.paths if extract.frame is None else extract.frame
            settings = {**_settings(extract, self._settings), "hold": self._hold, "followed": bool(dependent)}
            report = self._carry_out(Job.of(extract.operation, rows, progress=progress, **settings))
        self.reports.append(report)
        self._hold = {**self._hold, **report.failed_refs}
        self._blind = self._blind or _blind(report, dependent)
        return report.exit_code == EXIT_CODES[Verdict.STOPPED]


def _settings(extract: NightExtract, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one load of a night."""
    refuse = {"duplicates": Duplicates.REFUSE} if operation_named(extract.operation).grouped else {}
    return {**options, **refuse, "mapping": extract.mapping}


def _blind(report: Report, dependent: Sequence[str]) -> FatalError | None:
    """What to say when nobody can tell which rows of later loads are to be held: those are not loaded at all."""
    if report.refs_unknown is None or not dependent:
        return None
    return StoppedError(
        f"{', '.join(dependent)}: not loaded, because it cannot be told which rows depend on what failed in "
        f"{report.operation} ({report.refs_unknown}); put that right, then load them"
    )


def _without_duplicates(steps: Sequence[Step], policy: Duplicates) -> tuple[str, ...]:
    """Says of which loads a policy does not hold, where rows of one key make one request: there it is left out."""
    if policy is Duplicates.REFUSE:
        return ()
    return tuple(
        f"{step.operation}: --duplicates {policy} does not apply, as all rows of one "
        f"{operation_named(step.operation).entity} make one request"
        for step in steps
        if operation_named(step.operation).grouped
    )


@contextmanager
def shared_target(options: Options, progress: Progress) -> Iterator[Target | None]:
    """The one target of several loads, open while the block lasts; None in a dry run."""
    if options.dry_run:
        yield None
        return
    with open_target(options.target, options, progress.note) as target:
        yield target
