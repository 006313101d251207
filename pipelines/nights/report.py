"""How a night ended: the reports of its loads, notes, and its exit code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from pipelines.nights.step import Missing, Refused
from pipelines.nights.verified import Verified
from pipelines.report import glance
from pipelines.report.report import Report
from schemas.documents import NightDocument
from schemas.errors import ConfigError, FatalError, StoppedError
from schemas.nights.owners import Owners
from schemas.states import EXIT_CODES, Verdict
from schemas.texts import many
from schemas.verdicts import Colour, worst_of

_WORST_FIRST = (5, 4, 2, 3, 0)
"""Unbalanced books, stopped, wrong input, rejects, all accepted: a night has the exit code of its worst load."""

_WORST_OF = (Verdict.COMPLETE, Verdict.REJECTS, Verdict.STOPPED, Verdict.UNBALANCED)
_VERDICTS = {**{EXIT_CODES[verdict]: verdict for verdict in _WORST_OF}, 2: Verdict.ERROR}

UNFINISHED = frozenset({StoppedError.exit_code, ConfigError.exit_code})
"""Exit codes of a night that the same command continues."""


@dataclass(frozen=True, repr=False)
class NightlyReport:
    """A finished night. At a prompt or in a notebook it shows itself on one screen.

    Attributes:
        reports: one for each load that ended, in order.
        target: a LUSID's base URL, `sandbox` or `sandbox:FILE`; None of a dry run.
        notes: what was skipped or not started, and why.
        error: what ended the night where a load has no report; what was loaded before stands.
        done_before: nothing was loaded, because earlier runs had finished the night.
        missing: required extracts that have not come, and extracts that are stale or not whole.
        refused: loads that were refused before anything of them was sent, and why.
        held: loads that were not carried out, because they need one that is missing, was refused or stopped.
        not_started: loads after the one that did not finish.
        may_still_come: whether what is missing may still come.
        day: the business date; None of a night that has none.
        name: what the nights of this folder are called; empty of a night that has no name.
        page: its page; None where there is none.
        noun: what it is called: a night, or a trading day.
        owners: who must act on rows that are not in.
        verified: what reading back showed, where that was asked for.
    """

    folder: Path
    reports: tuple[Report, ...]
    target: str | None
    notes: tuple[str, ...] = ()
    error: FatalError | None = None
    done_before: bool = False
    missing: tuple[Missing, ...] = ()
    refused: tuple[Refused, ...] = ()
    held: tuple[str, ...] = ()
    not_started: tuple[str, ...] = ()
    may_still_come: bool = True
    day: date | None = None
    name: str = ""
    page: Path | None = None
    noun: str = "night"
    owners: Owners = field(default_factory=Owners)
    verified: Verified = field(default_factory=Verified)

    def __repr__(self) -> str:
        """The night on one screen."""
        return glance.lines_as_text(self.headline, self._glance, str(self.page or ""))

    def _repr_html_(self) -> str:
        """The night as a notebook shows it."""
        return glance.lines_as_html(self.headline, self._glance, str(self.page or ""))

    @property
    def _glance(self) -> list[tuple[str, str]]:
        return [(report.operation, report.brief) for report in self.reports]

    @property
    def exit_code(self) -> int:
        """The exit code of its worst load: 5, then 4, 2, 3 and 0; of what is missing 4 while it may come, then 2."""
        codes = [*(ended.exit_code for ended in self.reports), *(each.error.exit_code for each in self.refused)]
        codes += self.verified.codes
        if self.error:
            codes.append(self.error.exit_code)
        if self.missing:
            codes.append(StoppedError.exit_code if self.may_still_come else ConfigError.exit_code)
        return worst(codes)

    def after(self, notes: Sequence[str]) -> "NightlyReport":
        """The same night, with the notes from before it began put first."""
        return replace(self, notes=(*notes, *self.notes))

    @property
    def verdict(self) -> Verdict:
        """The verdict of its worst load, or that extracts are missing."""
        if self.missing and self.error is None:
            return Verdict.MISSING
        if self.error is not None or self.refused or self.verified.error is not None:
            return _VERDICTS[self.exit_code]
        if self.verified.different and not any(report.exit_code for report in self.reports):
            return Verdict.DIFFERENCES
        return min(self.reports, key=severity).verdict if self.reports else Verdict.COMPLETE

    @property
    def colour(self) -> Colour:
        """The colour of its worst load; red where a load is missing or was refused, or something ended the night."""
        broken = self.error is not None or self.missing or self.refused or any(self.verified.codes)
        return worst_of([*(report.colour for report in self.reports), Colour.RED if broken else None])

    @property
    def headline(self) -> str:
        """How it ended, in one line: what is missing or was refused, what ended it, how many rows are not in."""
        day = f" of {self.day}" if self.day else ""
        name = f" ({self.name})" if self.name else ""
        return f"{self.colour.mark} {self.noun}{day}{name}, {self.colour}: {'; '.join(self._told())}"

    def _told(self) -> Iterator[str]:
        yield from map(str, self.missing)
        yield from map(str, self.refused)
        if self.held:
            yield f"{' and '.join(self.held)} held"
        if self.error is not None:
            yield self.error.message
        if self.not_started:
            yield f"{' and '.join(self.not_started)} not started"
        read = sum(report.rows_read for report in self.reports)
        bad = read - sum(n for r in self.reports for state, n in r.rows.items() if state in r.good)
        stopped = [report.operation for report in self.reports if report.verdict is Verdict.STOPPED]
        if stopped:
            yield f"{', '.join(stopped)} stopped"
        if self.verified.codes:
            yield str(self.verified)
        rows = many(read, "row", "rows")
        if self.reports:
            yield f"{bad:,} of {rows} not accepted" if bad else f"{rows}, none to correct"
        elif not self.missing and not self.refused and self.error is None:
            yield "nothing was left to load"

    def document(self, repeat: str | None, *, outside: bool = False) -> NightDocument:
        """The document that --json prints.

        Args:
            repeat: the command that continues the night where it stopped.
            outside: leave out what may quote a row: LUSID's words, and an extract's header or cells.
        """
        error = self.error or self.verified.error
        runs = [report.document(self.owners) for report in self.reports]
        return NightDocument(
            night=str(self.folder),
            date=self.day.isoformat() if self.day else None,
            target=self.target,
            verdict=self.verdict,
            colour=self.colour,
            exit_code=self.exit_code,
            runs=runs,
            page=str(self.page) if self.page else None,
            missing=[each.shareable if outside else str(each) for each in self.missing],
            refused=[each.shareable if outside else str(each) for each in self.refused],
            held=[*self.held],
            verified=[run.document() for run in self.verified.runs],
            notes=list(self.notes),
            error=(error.shareable if outside else error.message) if error else None,
            next=repeat if self.exit_code in UNFINISHED else next((run.next for run in runs if run.next), None),
        )


def severity(ended: Report | NightlyReport) -> int:
    """How well a load or a night ended, the worst first."""
    return 2 * _WORST_FIRST.index(ended.exit_code) + (ended.verdict is Verdict.COMPLETE)


def worst(codes: list[int]) -> int:
    """The worst of several exit codes: 5 before 4, 2, 3 and 0; 0 where there are none."""
    return min(codes, key=_WORST_FIRST.index, default=0)
