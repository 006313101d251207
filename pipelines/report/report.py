"""How a run ended, for scripts in Python."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.run_folder.folder import RunFolder
from pipelines.report import glance
from pipelines.report.documents import run_document
from pipelines.report.summary import Summary
from schemas.documents import RunDocument
from schemas.errors import LoadError
from schemas.manifest import Reason
from schemas.nights.owners import Owners
from schemas.states import EXIT_CODES, GOOD, State, Verdict, good_in
from schemas.verdicts import Colour, RedAt, colour_of

if TYPE_CHECKING:
    import pandas as pd


class RowsNotAcceptedError(LoadError):
    """Some rows of a run were not accepted; the report says which."""

    exit_code = 3


@dataclass(frozen=True, repr=False)
class Report:
    """A finished run. At a prompt or in a notebook it shows itself on one screen.

    Attributes:
        target: a LUSID's base URL, `sandbox` or `sandbox:FILE`; None of a dry run.
        rows: extract rows by state; keys: requests' keys by state. Every state is present.
        requests: calls made; retries: attempts beyond the first of each.
        seconds: how long the run took.
        reasons: why rows were not accepted, the most frequent first.
        changes: accepted keys that were created, updated or the same, as far as LUSID's answers tell.
        alerts: what LUSID took otherwise than it was meant, with some of the rows.
        warnings: what the run noticed that is no row's fault.
        red_at: from which share of rejects on it is red; None for the default.
        failed_refs: references of the rows that were not accepted, for the loads that depend on this one; empty unless
            `Options.followed` announced such loads.
        refs_unknown: why the failed references are not known; None when they are.
        limited: whether it stopped by its own guard or failure budget, so that loads that do not need it may go on.
    """

    run_id: str
    run_dir: Path
    operation: str
    mode: str
    target: str | None
    verdict: Verdict
    rows_read: int
    rows: Mapping[State, int]
    keys: Mapping[State, int]
    requests: int
    retries: int
    seconds: float
    reasons: tuple[Reason, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    red_at: RedAt | None = None
    failed_refs: Mapping[str, str] = field(default_factory=dict)
    refs_unknown: str | None = None
    limited: bool = False

    def __repr__(self) -> str:
        """The run on one screen; where its folder is gone, its id and verdict."""
        summary = self._summary
        return glance.as_text(summary) if summary else f"{self.run_id}: {self.verdict}"

    def _repr_html_(self) -> str | None:
        """The run as a notebook shows it; None, so that it shows the text, where its folder is gone."""
        summary = self._summary
        return glance.as_html(summary) if summary else None

    @property
    def brief(self) -> str:
        """How it ended, on one line: its colour, and the rows by state."""
        rows = ", ".join(f"{n:,} {state}" for state, n in self.rows.items() if n)
        return f"{self.colour}: {self.rows_read:,} read{f', {rows}' if rows else ''}"

    @property
    def _summary(self) -> Summary | None:
        try:
            return Summary.of_run(self.run_dir)
        except LoadError:
            return None

    @property
    def exit_code(self) -> int:
        """The command's exit code."""
        return EXIT_CODES[self.verdict]

    @property
    def good(self) -> frozenset[State]:
        """The states that need nothing from anyone: in a dry run a valid row was not sent because none was to be."""
        return good_in(dry_run=self.target is None)

    @property
    def colour(self) -> Colour:
        """What its end amounts to."""
        rows = {"read": self.rows_read, **{state.value: n for state, n in self.rows.items()}}
        return colour_of(self.verdict, rows, self.red_at) or Colour.RED

    @cached_property
    def failures(self) -> "pd.DataFrame":
        """failures.csv from the run folder, every cell a text."""
        import pandas as pd  # it takes longer to import than a small load

        return pd.read_csv(RunFolder(self.run_dir).failures, dtype=str, keep_default_na=False)

    def raise_for_failures(self) -> None:
        """Raises RowsNotAcceptedError unless every row was accepted."""
        if self.exit_code != 0:
            bad = {s.value: n for s, n in self.rows.items() if n and s not in GOOD}
            texts = ", ".join(f"{n:,} {state}" for state, n in bad.items())
            raise RowsNotAcceptedError(f"{self.run_id}: {texts}; see {RunFolder(self.run_dir).failures}")

    def document(self, owners: Owners = Owners()) -> RunDocument:  # noqa: B008  # it cannot be changed
        """The document that --json prints, from the run's folder; `owners` says who must act."""
        return run_document(Summary.of_run(self.run_dir), owners)
