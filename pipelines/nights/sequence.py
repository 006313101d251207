"""Carries out the loads of a night or a trading day, one after another into one target.

Each load passes the references that failed to the next, which holds rows that need them. What is wrong with one load
alone (its header, its mapping, its extract, its own limits) keeps back the loads that depend on it, and no other; what
would end any load, such as a LUSID that does not answer, ends the night. The same night again continues there. Knows no
folder and no operation by name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.arguments import in_callers_words
from pipelines.loading.interrupts import Interrupted, interrupts, stop_at_once
from pipelines.loading.places import loads_target
from pipelines.loading.spec import CarryOut, LoadSpec, named
from pipelines.nights.continuation import Continuation
from pipelines.nights.folder import NightExtract
from pipelines.nights.marker import NightMarker
from pipelines.nights.night_lock import night_lock
from pipelines.nights.report import NightlyReport
from pipelines.nights.step import Missing, Refused, Step
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
    awaits: bool = False,
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
        awaits: an extract that cannot be read or is not whole may still come as it should be, so it is missing;
            otherwise its load is refused.

    Raises:
        ConfigError: an option of the whole night is wrong; nothing was sent.
        FatalError: no load could be carried out, for a reason that is not one load's own.
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
        sequence = _Sequence({**settings, "target": target}, continuation, carry_out, interrupted, awaits=awaits)
        sequence.run(steps, progress)
        if sequence.is_over:
            marker.remove()
            if sample is not None and target is not None:
                read_back = verified(sequence.reports, target, sample, plain, progress)
                notes = (*notes, f"verify: {read_back}")
                progress.quote(notes[-1], f"verify: {read_back.shareable}")
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
        missing=tuple(each._replace(holds=sequence.held_by(each.operation)) for each in sequence.missing),
        refused=tuple(each._replace(holds=sequence.held_by(each.operation)) for each in sequence.refused),
        not_started=tuple(later.operation for later in steps[begun:]),
        held=tuple(sequence.held),
        verified=read_back,
    )


class _Sequence:
    """The loads of a night, as far as they have come.

    Attributes:
        reports: of the loads that ended, in order.
        missing: extracts that were not there, or not whole.
        refused: loads that were refused before anything of them was sent, and why.
        held: loads that were not carried out, because they need one that did not finish.
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
        awaits: bool,
    ) -> None:
        self.reports: list[Report] = []
        self.missing: list[Missing] = []
        self.refused: list[Refused] = []
        self.held: list[str] = []
        self.begun = 0
        self.error: FatalError | None = None
        self.ended_between = self.is_over = False
        self._settings, self._continuation, self._carry_out = settings, continuation, carry_out
        self._hold: dict[str, str] = {}
        self._not_in: dict[str, str] = {}
        self._held_by: dict[str, str] = {}
        self._refs_lost: FatalError | None = None
        self._loading = False
        self._interrupted, self._awaits = interrupted, awaits

    def run(self, steps: Sequence[Step], progress: Progress) -> None:
        """Loads step by step until something ends the night.

        Raises:
            FatalError: no load could be carried out, for a reason that is not one load's own.
        """
        try:
            for step in steps:
                self.begun += 1
                if self._passes_over(step, progress):
                    continue
                self._loading = True
                ends_night = self._loaded(step, progress, _dependents(step, steps[self.begun :]))
                self._loading = False
                if ends_night:
                    return
                if self._interrupted.by and self.begun < len(steps):
                    stop_at_once(self._interrupted.by)
            self.error, self.is_over = self._refs_lost, not self._not_in
        except FatalError as error:
            if not (self.reports or self.missing or self.refused):
                raise
            self.error, self.ended_between = error, not self._loading

    def _passes_over(self, step: Step, progress: Progress) -> bool:
        """Whether a load is not to be carried out: its extract is not there, or it needs one that did not go in."""
        if step.lacks is not None:
            self._miss(Missing(step.operation, step.lacks), progress)
            return True
        lacking = next((each for each in self._not_in if _needs(step, each)), None)
        if lacking is None:
            return False
        if self._not_in[lacking]:
            progress.note(f"{step.operation}: held, because {lacking} {self._not_in[lacking]}")
            self.held.append(step.operation)
            self._held_by[step.operation] = self._held_by.get(lacking, lacking)
        self._not_in[step.operation] = self._not_in[lacking] and "was held"
        return True

    def held_by(self, operation: str) -> tuple[str, ...]:
        """The loads that were held for one, be it for another one in between."""
        return tuple(each for each, root in self._held_by.items() if root == operation)

    def _miss(self, missing: Missing, progress: Progress) -> None:
        progress.quote(str(missing), missing.shareable)
        self.missing.append(missing)
        self._not_in[missing.operation] = "was not loaded"

    def _refuse(self, refused: Refused, progress: Progress) -> None:
        progress.quote(str(refused), refused.shareable)
        self.refused.append(refused)
        self._not_in[refused.operation] = "was refused"

    def _loaded(self, step: Step, progress: Progress, dependent: Sequence[str]) -> bool:
        """Carries out one load, unless what is wrong with it alone refuses it; returns whether the night ends."""
        try:
            report = self._load(step, progress, dependent)
        except FatalError as error:
            if type(error) not in (ConfigError, ExtractError):  # what is of neither kind would end any other load, too
                raise
            error = in_callers_words(error)
            if self._awaits and isinstance(error, ExtractError):
                why, outside = (f"was not loaded: {text}" for text in (error.message, error.shareable))
                self._miss(Missing(step.operation, why, outside=outside), progress)
            else:
                paths = step.given.paths if step.given else ()
                self._refuse(Refused(step.operation, named(error, step.operation, paths)), progress)
            return False
        if report is None:
            return False
        self.reports.append(report)
        self._hold = {**self._hold, **report.failed_refs}
        if report.exit_code == EXIT_CODES[Verdict.STOPPED]:
            self._not_in[step.operation] = "did not finish"
            return not report.limited
        if lost := _refs_lost(report, dependent):
            self._refs_lost = self._refs_lost or lost
            self._not_in[step.operation] = ""
        return False

    def _load(self, step: Step, progress: Progress, dependent: Sequence[str]) -> Report | None:
        """Carries out one load; returns None where there is nothing to load."""
        if self._continuation.has(step):
            return self._continuation.resume(step, progress, self._carry_out, followed=bool(dependent))
        extract = step.extract(self._settings["target"], self.reports)
        if extract is None:
            return None
        rows = extract.paths if extract.frame is None else extract.frame
        settings = {**_settings(step, extract, self._settings), "hold": self._hold, "followed": bool(dependent)}
        return self._carry_out(LoadSpec.of(extract.operation, rows, progress=progress, **settings))


def _needs(step: Step, operation: str) -> bool:
    """Whether rows of a step may need what another operation brings into LUSID."""
    needed = operation_named(operation)
    return step.source == operation or operation_named(step.operation).depends_on(needed)


def _dependents(step: Step, later: Sequence[Step]) -> list[str]:
    """The operations among later steps that need a step, or one that needs it."""
    found = [step.operation]
    for each in later:
        if any(_needs(each, operation) for operation in found):
            found.append(each.operation)
    return found[1:]


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
