"""How a night ended: the reports of its loads, notes, and its exit code."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.report.report import Report
from schemas.errors import FatalError

_WORST_FIRST = (5, 4, 2, 3, 0)
"""Unbalanced books, stopped, wrong input, rejects, all accepted: a night has the exit code of its worst load."""


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

    def as_json(self) -> dict[str, Any]:
        """The document that --json prints."""
        return {
            "folder": str(self.folder),
            "target": self.target,
            "exit_code": self.exit_code,
            "error": self.error.message if self.error else None,
            "notes": list(self.notes),
            "runs": [report.as_json() for report in self.reports],
        }


def worst(codes: list[int]) -> int:
    """The worst of several exit codes: 5 before 4, 2, 3 and 0; 0 where there are none."""
    return min(codes, key=_WORST_FIRST.index, default=0)
