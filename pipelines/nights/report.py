"""How a night ended: the reports of its loads, notes, and its exit code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.report.report import Report
from schemas.documents import NightDocument
from schemas.errors import ConfigError, FatalError, StoppedError
from schemas.states import EXIT_CODES, Verdict
from schemas.verdicts import Colour, worst_of

_WORST_FIRST = (5, 4, 2, 3, 0)
"""Unbalanced books, stopped, wrong input, rejects, all accepted: a night has the exit code of its worst load."""

_WORST_OF = (Verdict.COMPLETE, Verdict.REJECTS, Verdict.STOPPED, Verdict.UNBALANCED)
_VERDICTS = {**{EXIT_CODES[verdict]: verdict for verdict in _WORST_OF}, 2: Verdict.ERROR}

UNFINISHED = frozenset({StoppedError.exit_code, ConfigError.exit_code})
"""Exit codes of a night that the same command continues."""


@dataclass(frozen=True)
class NightlyReport:
    """A finished night.

    Attributes:
        reports: one for each load that ended, in order.
        target: a LUSID's base URL, `sandbox` or `sandbox:FILE`; None of a dry run.
        notes: what was skipped or not started, and why.
        error: what ended the night where a load has no report; earlier loads stand.
        done_before: nothing was loaded, because earlier runs had finished the night.
    """

    folder: Path
    reports: tuple[Report, ...]
    target: str | None
    notes: tuple[str, ...] = ()
    error: FatalError | None = None
    done_before: bool = False

    @property
    def exit_code(self) -> int:
        """The exit code of its worst load: 5, then 4, 2, 3 and 0."""
        codes = [report.exit_code for report in self.reports]
        return worst([*codes, self.error.exit_code] if self.error else codes)

    def after(self, notes: Sequence[str]) -> "NightlyReport":
        """The same night, with the notes from before it began put first."""
        return replace(self, notes=(*notes, *self.notes))

    @property
    def verdict(self) -> Verdict:
        """The verdict of its worst load."""
        if self.error is not None:
            return _VERDICTS[self.exit_code]
        return min(self.reports, key=severity).verdict if self.reports else Verdict.COMPLETE

    @property
    def colour(self) -> Colour:
        """The colour of its worst load; red where something ended the night."""
        return worst_of([*(report.colour for report in self.reports), Colour.RED if self.error else None])

    def document(self, repeat: str | None, date: str | None = None) -> NightDocument:
        """The document that --json prints.

        Args:
            repeat: the command that continues the night where it stopped.
            date: its business date, as an ISO 8601 text.
        """
        runs = [report.document() for report in self.reports]
        return NightDocument(
            night=str(self.folder),
            date=date,
            target=self.target,
            verdict=self.verdict,
            colour=self.colour,
            exit_code=self.exit_code,
            runs=runs,
            notes=list(self.notes),
            error=self.error.message if self.error else None,
            next=repeat if self.exit_code in UNFINISHED else next((run.next for run in runs if run.next), None),
        )


def severity(ended: Report | NightlyReport) -> int:
    """How well a load or a night ended, the worst first."""
    return 2 * _WORST_FIRST.index(ended.exit_code) + (ended.verdict is Verdict.COMPLETE)


def worst(codes: list[int]) -> int:
    """The worst of several exit codes: 5 before 4, 2, 3 and 0; 0 where there are none."""
    return min(codes, key=_WORST_FIRST.index, default=0)
