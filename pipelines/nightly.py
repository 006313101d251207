"""A night: the extracts of one folder go in one after another, and what depends on a failed row is held.

Owns the order of the loads and what one hands to the next; `trading_day` does the same with other names, and
`night_folder` says which files are which extract. Knows no HTTP and no Prefect: `flows` runs the same night with loads
that are Prefect tasks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from connectors.targets import Target, open_target
from pipelines.load import Options, Progress, load
from pipelines.night_folder import NightExtract, find_extracts
from pipelines.operations import operation_named
from pipelines.report import EXIT_CODES, Report, Verdict
from schemas.errors import ConfigError, FatalError, StoppedError
from schemas.states import Duplicates

Loader = Callable[..., Report]
"""Anything that is called as `load` is."""

_WORST_FIRST = (5, 4, 2, 3, 0)
"""Unbalanced books, stopped, wrong input, rejects, all accepted: a night has the exit code of its worst load."""


class Step(NamedTuple):
    """One load of a night.

    Attributes:
        extract: given the target and the reports so far, what to load; None when there is nothing after all.
    """

    operation: str
    extract: Callable[[Target | None, Sequence[Report]], NightExtract | None]

    @classmethod
    def of(cls, extract: NightExtract) -> "Step":
        """The load of an extract that is there."""
        return cls(extract.operation, lambda _target, _reports: extract)


@dataclass(frozen=True)
class NightlyReport:
    """A finished night.

    Attributes:
        reports: one of each load that ended, in order.
        notes: what was passed over or not started, and why.
        error: what ended the night when a load could not even be reported; earlier loads stand.
    """

    folder: Path
    reports: tuple[Report, ...]
    notes: tuple[str, ...] = ()
    error: FatalError | None = None

    @property
    def exit_code(self) -> int:
        """The worst of its loads': 5, then 4, 2, 3 and 0."""
        codes = [report.exit_code for report in self.reports]
        return worst([*codes, self.error.exit_code] if self.error else codes)

    def after(self, notes: Sequence[str]) -> "NightlyReport":
        """The same night, with what was to be said before it began."""
        return replace(self, notes=(*notes, *self.notes))

    def as_json(self) -> dict[str, Any]:
        """The document that --json prints."""
        return {
            "folder": str(self.folder),
            "exit_code": self.exit_code,
            "error": self.error.message if self.error else None,
            "notes": list(self.notes),
            "runs": [report.as_json() for report in self.reports],
        }


def worst(codes: list[int]) -> int:
    """The exit code of several: 5 before 4, 2, 3 and 0; 0 of none."""
    return min(codes, key=_WORST_FIRST.index, default=0)


def nightly(folder: Path, *, progress: Progress | None = None, load: Loader = load, **options: Any) -> NightlyReport:
    """Loads a folder's investor records, then its accounts, then its orders, into one target.

    What did not make it in one load is told to the next, where a row that needs it ends `held`; where that cannot be
    told any more, the loads that depend on it are not begun. A load that stops early ends the night.

    Args:
        folder: holds the extracts, by name, and their mappings.
        progress: told what happens.
        load: what carries out each load.
        options: fields of `Options` for every load; mappings come from the folder.

    Raises:
        ConfigError: there is no such folder, it holds no extract, or an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out, as `load` raises it. Later ones' errors are reported.
    """
    progress = progress or Progress()
    found = find_extracts(folder)
    for note in found.notes:
        progress.note(note)
    return load_steps(folder, [Step.of(e) for e in found.extracts], progress, load, options).after(found.notes)


def load_steps(
    folder: Path, steps: Sequence[Step], progress: Progress, load: Loader, options: Mapping[str, Any]
) -> NightlyReport:
    """Carries out the loads of a night in order, into one target.

    Raises:
        ConfigError: an option is wrong; nothing was sent.
        FatalError: the first load could not be carried out.
    """
    if options.get("mapping") is not None:
        raise ConfigError("a night has one mapping for each extract: put <operation>.yaml into its folder")
    notes = _without_duplicates(steps, Options.of(**options).duplicates)
    for note in notes:
        progress.note(note)
    with shared_target(Options.of(**options), progress) as target:
        reports, error, ended = _load_in_order(steps, progress, load, {**options, "target": target})
    absent = tuple(
        f"{later.operation}: not started, because {steps[ended - 1].operation} did not finish"
        for later in steps[ended:]
    )
    for note in absent:
        progress.note(note)
    return NightlyReport(folder, tuple(reports), (*notes, *absent), error)


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
    with open_target(options.target, options.dialect, progress.note, patience=options.patience) as target:
        yield target


def _load_in_order(
    steps: Sequence[Step], progress: Progress, load: Loader, options: dict[str, Any]
) -> tuple[list[Report], FatalError | None, int]:
    """Loads until one stops early; gives the reports, the error that left none, and how many steps were begun."""
    reports: list[Report] = []
    hold: dict[str, str] = {}
    blind: FatalError | None = None
    for begun, step in enumerate(steps, 1):
        if blind is not None and operation_named(step.operation).depends:
            continue
        dependent = [s.operation for s in steps[begun:] if operation_named(s.operation).depends]
        try:
            extract = step.extract(options["target"], reports)
            if extract is None:
                continue
            settings = {**_settings(extract, options), "hold": hold, "followed": bool(dependent)}
            report = load(extract.operation, extract.paths, progress=progress, **settings)
        except FatalError as error:
            if not reports:
                raise
            return reports, error, begun
        reports.append(report)
        hold = {**hold, **report.failed_refs}
        blind = blind or _blind(report, dependent)
        if report.exit_code == EXIT_CODES[Verdict.STOPPED]:
            return reports, None, begun
    return reports, blind, len(steps)


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
