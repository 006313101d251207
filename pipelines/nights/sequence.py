"""Carries out the loads of a night or a trading day, one after another into one target.

Each load passes the references that failed to the next, which holds rows that need them. A load that stops ends the
night, and the same night again resumes there. Knows no folder and no operation by name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.loading.interrupts import Interrupted, interrupts, stop_at_once
from pipelines.loading.opening import loads_target
from pipelines.loading.spec import CarryOut, LoadSpec
from pipelines.nights.continuation import Continuation
from pipelines.nights.folder import NightExtract
from pipelines.nights.marker import NightMarker
from pipelines.nights.night_lock import night_lock
from pipelines.nights.report import NightlyReport
from pipelines.nights.step import Missing, Step
from pipelines.nights.verified import Verified, check_sample, verified
from pipelines.operations.table import operation_named
from pipelines.options import Options, Progress
from pipelines.report.report import Report
from schemas.errors import ConfigError, ExtractError, FatalError, StoppedError
from schemas.states import EXIT_CODES, Duplicates, Verdict


def load_steps(
    folder: Path,
    steps: Sequence[Step],
    progress: Progress,
    carry_out: CarryOut,
    options: Mapping[str, Any],
    *,
    goes_on: bool = False,
) -> NightlyReport:
    """Carries out the loads of a night in order, into one target.

    Args:
        folder: the night's.
        steps: its loads.
        progress: receives notes and progress.
        carry_out: carries out each load.
        options: fields of `Options` for every load, and `again`; `verify` is how many of the accepted keys are read
            back at the end, as `N` or `N%`; `done` is asked whether the night has been loaded before, once no other
            process can be loading it.
        goes_on: where an extract cannot be read or is not whole, the loads that do not need it are carried out.

    Raises:
        ConfigError: an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out.
    """
    if options.get("mapping") is not None:
        raise ConfigError("a night has one mapping for each extract: put <operation>.yaml into its folder")
    settings = dict(options)
    again, done = settings.pop("again", False), settings.pop("done", lambda: False)
    sample, read_back = settings.pop("verify", None), Verified()
    plain = Options.of(**settings)
    check_sample(sample, plain)
    notes = _without_duplicates(steps, plain.duplicates)
    for note in notes:
        progress.note(note)
    with (
        interrupts(stop_at_once) as interrupted,
        loads_target(plain, progress) as target,
        night_lock(plain.runs, folder, target, plain.wait, progress.note) as before,
    ):
        url = target.url if target else None
        if done():
            return NightlyReport(folder, (), url, done_before=True)
        marker = NightMarker(plain.runs, folder, target, again=again, before=before)
        continuation = Continuation(steps, plain, target, marker.since)
        sequence = _Sequence({**settings, "target": target}, continuation, carry_out, interrupted, goes_on=goes_on)
        sequence.run(steps, progress)
        if sequence.is_over:
            marker.remove()
            if sample is not None and target is not None:
                read_back = verified(sequence.reports, target, sample, plain, progress)
                notes = (*notes, f"verify: {read_back}")
                progress.note(notes[-1])
    begun = sequence.begun
    why = "the night was interrupted" if sequence.ended_between else f"{steps[begun - 1].operation} did not finish"
    absent = tuple(f"{later.operation}: not started, because {why}" for later in steps[begun:])
    for note in absent:
        progress.note(note)
    return NightlyReport(
        folder,
        tuple(sequence.reports),
        url,
        (*notes, *absent),
        sequence.error,
        missing=tuple(sequence.missing),
        not_started=tuple(later.operation for later in steps[begun:]),
        held=tuple(sequence.held),
        verified=read_back,
    )


class _Sequence:
    """The loads of a night, as far as they have come.

    Attributes:
        reports: of the loads that ended, in order.
        missing: extracts that were not there, or not whole.
        held: loads that were not carried out, because they need one of those.
        begun: how many steps have begun.
        error: what ended the night where a load has no report.
        ended_between: whether an interrupt ended the night while no load was under way.
        is_over: whether every load is over.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        continuation: Continuation,
        carry_out: CarryOut,
        interrupted: Interrupted,
        *,
        goes_on: bool,
    ) -> None:
        self.reports: list[Report] = []
        self.missing: list[Missing] = []
        self.held: list[str] = []
        self.begun = 0
        self.error: FatalError | None = None
        self.ended_between = self.is_over = False
        self._settings, self._continuation, self._carry_out = settings, continuation, carry_out
        self._hold: dict[str, str] = {}
        self._refs_lost: FatalError | None = None
        self._loading = False
        self._interrupted, self._goes_on = interrupted, goes_on

    def run(self, steps: Sequence[Step], progress: Progress) -> None:
        """Loads step by step until a load stops early.

        Raises:
            FatalError: the first load could not be carried out.
        """
        try:
            for step in steps:
                self.begun += 1
                if self._passes_over(step, progress):
                    continue
                dependent = [s.operation for s in steps[self.begun :] if operation_named(s.operation).depends]
                self._loading = True
                stopped = self._loaded(step, progress, dependent)
                self._loading = False
                if stopped:
                    return
                if self._interrupted.by and self.begun < len(steps):
                    stop_at_once(self._interrupted.by)
            self.error, self.is_over = self._refs_lost, self._refs_lost is None and not self.missing
        except FatalError as error:
            if not self.reports and not self.missing:
                raise
            self.error, self.ended_between = error, not self._loading

    def _named(self, error: FatalError, step: Step) -> FatalError:
        """The error with the load and its files, where what is wrong is one of theirs."""
        if type(error) not in (ConfigError, ExtractError):
            return error
        paths = [str(path) for path in step.given.paths] if step.given else []
        if any(path in error.message for path in paths):
            return error
        where = f" ({', '.join(paths)})" if paths else ""
        return type(error)(f"{step.operation}{where}: {error.message}")

    def _passes_over(self, step: Step, progress: Progress) -> bool:
        """Whether a load is not to be carried out: its extract is not there, or it needs one that did not go in."""
        depends = operation_named(step.operation).depends
        if step.lacks is not None:
            self._miss(Missing(step.operation, step.lacks), progress)
            return True
        if self.missing and depends:
            progress.note(f"{step.operation}: held, because {self.missing[0].operation} was not loaded")
            self.held.append(step.operation)
            return True
        return self._refs_lost is not None and depends

    def _miss(self, missing: Missing, progress: Progress) -> None:
        progress.note(str(missing))
        self.missing.append(missing)

    def _loaded(self, step: Step, progress: Progress, dependent: Sequence[str]) -> bool:
        """Carries out one load, if its extract is whole; returns whether it stopped early."""
        try:
            return self._load(step, progress, dependent)
        except FatalError as error:
            if not (self._goes_on and isinstance(error, ExtractError)):
                raise self._named(error, step) from error.__cause__
            self._miss(Missing(step.operation, f"was not loaded: {error.message}"), progress)
            return False

    def _load(self, step: Step, progress: Progress, dependent: Sequence[str]) -> bool:
        """Carries out one load; returns whether it stopped early."""
        if self._continuation.has(step):
            report = self._continuation.resume(step, progress, self._carry_out, followed=bool(dependent))
        else:
            extract = step.extract(self._settings["target"], self.reports)
            if extract is None:
                return False
            rows = extract.paths if extract.frame is None else extract.frame
            settings = {**_settings(step, extract, self._settings), "hold": self._hold, "followed": bool(dependent)}
            report = self._carry_out(LoadSpec.of(extract.operation, rows, progress=progress, **settings))
        self.reports.append(report)
        self._hold = {**self._hold, **report.failed_refs}
        self._refs_lost = self._refs_lost or _refs_lost(report, dependent)
        return report.exit_code == EXIT_CODES[Verdict.STOPPED]


def _settings(step: Step, extract: NightExtract, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of one load of a night."""
    refuse = {"duplicates": Duplicates.REFUSE} if operation_named(extract.operation).grouped else {}
    return {**options, **refuse, **step.settings, "mapping": extract.mapping}


def _refs_lost(report: Report, dependent: Sequence[str]) -> FatalError | None:
    """The error where it is not known which rows later loads must hold, so that they are not loaded at all."""
    if report.refs_unknown is None or not dependent:
        return None
    return StoppedError(
        f"{', '.join(dependent)}: not loaded, because it is not known which rows depend on failures in "
        f"{report.operation} ({report.refs_unknown}); fix that, then load them"
    )


def _without_duplicates(steps: Sequence[Step], policy: Duplicates) -> tuple[str, ...]:
    """Notes on the loads that ignore a policy for duplicates, because all rows of a key make one request."""
    if policy is Duplicates.REFUSE:
        return ()
    return tuple(
        f"{step.operation}: --duplicates {policy} does not apply, as all rows of one "
        f"{operation_named(step.operation).entity} make one request"
        for step in steps
        if operation_named(step.operation).grouped
    )
