"""How a run ended, in words: what the terminal, report.html and `bulkload report` all show.

Made from the manifest alone, so that a run's summary is the same on the night and a year later. Texts that came from
outside (keys, a server's messages) leave here on one line, bounded and without control characters.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from connectors.run_folder.folder import RunFolder
from pipelines.account.reasons import OTHER
from pipelines.account.rules import RUN_STOPPED
from schemas.errors import ConfigError
from schemas.manifest import FORMAT, Manifest, Reason
from schemas.states import GOOD, STATES, State, Verdict, good_in
from schemas.texts import many, one_line, server_text, without_middle
from schemas.verdicts import RED_AT, REJECTED, Colour, colour_of

MOST_RULES = 3
"""Rules shown of one code; the manifest and --json have them all."""

CHANGES = ("created", "updated", "same")

EXAMPLE_LIMIT = 120
"""Characters shown of an example: a key and its row."""


@dataclass(frozen=True)
class Rule:
    """A rule that rows broke: its text, how many, and in one text some of them as `key (row 42)`."""

    text: str
    rows: int
    examples: str


@dataclass(frozen=True)
class Group:
    """The rows that are in one state with one code.

    Attributes:
        rules: the most frequent ones; more: how many rows broke others.
    """

    state: State
    code: str
    rows: int
    rules: tuple[Rule, ...]
    more: int


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        folder: where its files are.
        manifest: as it is on disk, or is about to be written.
        groups: why rows were not accepted, the most frequent first.
    """

    folder: RunFolder
    manifest: Manifest
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, folder: RunFolder, manifest: Manifest) -> Self:
        """The summary of a run whose manifest says how it ended.

        Raises:
            ConfigError: the run is still working, was killed or ended in an error; or the manifest is damaged.
        """
        if manifest.format != FORMAT:
            raise ConfigError(f"{folder.path} was written by another version of bulkload")
        if is_unfinished(manifest):
            ending = manifest.error or "it is still working, or was killed"
            raise ConfigError(f"run {folder.run_id} has no report: {ending}")
        if manifest.damaged:
            raise ConfigError(f"{folder.manifest} is damaged, or was written by a later version of bulkload")
        return cls(folder, manifest, tuple(groups_of(all_reasons(manifest))))

    @classmethod
    def of_run(cls, run_dir: Path) -> Self:
        """The summary of the run in a folder; raises ConfigError as `of` does, and where there is no run."""
        folder = RunFolder(run_dir)
        return cls.of(folder, folder.read_manifest())

    @property
    def operation(self) -> str:
        """The operation's name."""
        return self.manifest.operation

    @property
    def verdict(self) -> Verdict:
        """How the run ended."""
        return self.manifest.verdict

    @property
    def colour(self) -> Colour:
        """What its end amounts to."""
        colour = colour_of(self.verdict, self.rows, self.manifest.settings.red_at)
        assert colour is not None  # noqa: S101  # `of` saw to it that it has ended
        return colour

    @property
    def why_red(self) -> str:
        """Which share of rejects makes a finished run red; empty where that is not why."""
        red_at = self.manifest.settings.red_at or RED_AT
        rejected = sum(self.rows[state] for state in REJECTED)
        if self.verdict is not Verdict.REJECTS or not red_at.reached(rejected, self.rows["read"]):
            return ""
        return f"{100 * rejected / self.rows['read']:.3g}% of its rows were rejected, and from {red_at} on that is red"

    @property
    def rows(self) -> Mapping[str, int]:
        """Extract rows: `read`, then by state."""
        assert self.manifest.rows is not None  # noqa: S101  # `of` saw to it
        return self.manifest.rows

    @property
    def keys(self) -> Mapping[str, int]:
        """Requests' keys by state."""
        return self.manifest.keys

    @property
    def dry_run(self) -> bool:
        """Whether nothing was to be sent."""
        return self.manifest.settings.dry_run

    @cached_property
    def to_correct(self) -> int:
        """Rows in failures.csv that need something from someone."""
        return self.rows["read"] - sum(self.rows[state] for state in good_in(dry_run=self.dry_run))

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        read = many(self.rows["read"], "row", "rows")
        if self.dry_run:
            return f"dry run, nothing was sent: {self.to_correct:,} of {read} must be corrected"
        if self.verdict is Verdict.COMPLETE:
            return f"complete: {read}, none to correct"
        if self.verdict in (Verdict.ALERTS, Verdict.FAILED_BY_ALERTS):
            return f"{self.verdict}: {read}, none to correct, some to look at"
        if self.verdict is Verdict.STOPPED:
            rows_given_up = sum(reason.rows for reason in given_up(self.manifest))
            continued = 0 < rows_given_up == self.rows[State.NOT_SENT]
            ending = "not complete" if continued else "stopped early"
            return f"{ending}: {self.to_correct:,} of {read} not accepted{self._of_them}"
        return f"finished: {self.to_correct:,} of {read} not accepted"

    @property
    def _of_them(self) -> str:
        """How many rows of a stopped run a person may correct, and how many a resumed run settles; empty where none."""
        rows = self.rows
        to_resume = sum(rows[state] for state in STATES if state.traits.again)
        if self.verdict is not Verdict.STOPPED or not to_resume:
            return ""
        to_correct = sum(rows[state] for state in STATES if state.traits.correctable)
        return f" ({to_correct:,} to correct, {to_resume:,} to resume)"

    @property
    def way(self) -> str:
        """The mode, and where the rows were sent."""
        target = self.manifest.target
        return f"{self.manifest.mode} mode{f' into {one_line(target)}' if target else ''}"

    @property
    def changes(self) -> str:
        """What LUSID did with the accepted keys; empty where its answers do not tell."""
        told = [f"{self.manifest.changes[name]:,} {name}" for name in CHANGES if self.manifest.changes[name]]
        return f"accepted keys: {', '.join(told)}" if told else ""

    @property
    def effort(self) -> str:
        """Calls, retries and time."""
        calls, retries = self.manifest.requests, self.manifest.retries
        took = f"{self.manifest.seconds:,.1f} s"
        return f"{many(calls, 'call', 'calls')}, {many(retries, 'retry', 'retries')}, {took}"

    @property
    def files(self) -> tuple[tuple[Path, str], ...]:
        """The files to open, and what each holds."""
        named = [(self.folder.report, "the run on one page"), (self.folder.outcomes, "the outcome of every key")]
        if self.folder.plan_page.exists():
            named.append((self.folder.plan_page, "what it would do with each key, as LUSID was then"))
        if self.to_correct:
            if self.folder.workbook.exists():
                named.insert(0, (self.folder.workbook, "the same for spreadsheets, every cell a text"))
            of_them = self._of_them
            about = f"not accepted{of_them}" if of_them else "to correct"
            named.insert(0, (self.folder.failures, f"{many(self.to_correct, 'row', 'rows')} {about}"))
        return tuple(named)

    @property
    def replay_line(self) -> str:
        """Which run a replay replays, and how many of its rows are resolved; empty where the run is no replay."""
        earlier, read = self.manifest.replays, self.rows["read"]
        if not earlier:
            return ""
        left = {state: n for state, n in self.rows.items() if n and state != "read" and state not in GOOD}
        rest = (
            f", {sum(left.values()):,} left ({', '.join(f'{n:,} {state}' for state, n in left.items())})"
            if left
            else ""
        )
        return f"replays {earlier}: {read - sum(left.values()):,} of {many(read, 'row', 'rows')} resolved{rest}"


def is_unfinished(manifest: Manifest) -> bool:
    """Whether the books of a run are not closed: it is under way, was killed, or ended in an error."""
    return manifest.format == FORMAT and manifest.rows is None and "rows" not in manifest.damaged


def given_up(manifest: Manifest) -> list[Reason]:
    """The reasons of rows whose calls the client gave up on while the run continued."""
    found = (r for r in manifest.reasons if r.state is State.NOT_SENT and r.code != RUN_STOPPED)
    return [] if manifest.settings.dry_run else list(found)


def all_reasons(manifest: Manifest) -> list[Reason]:
    """Why rows were not accepted, the most frequent reason first; the rows add up to those of failures.csv.

    An earlier version kept a hundred reasons at most: the other rows of such a run have one reason for each state. In a
    dry run `not_sent` needs none.
    """
    good, rows = good_in(dry_run=manifest.settings.dry_run), manifest.rows or {}
    found = [reason for reason in manifest.reasons if reason.state not in good]
    for state in (state for state in STATES if state not in good):
        left = rows.get(state, 0) - sum(reason.rows for reason in found if reason.state is state)
        if left > 0:
            found.append(Reason(state=state, code=OTHER, message="failures.csv says why", rows=left))
    return sorted(found, key=lambda reason: -reason.rows)


def groups_of(found: Iterable[Reason]) -> Iterator[Group]:
    """Reasons by state and code, the most frequent first."""
    by_code: dict[tuple[State, str], list[Reason]] = {}
    for reason in found:
        by_code.setdefault((reason.state, reason.code), []).append(reason)
    ranked = sorted(by_code.items(), key=lambda item: -sum(r.rows for r in item[1]))
    for (state, code), reasons in ranked:
        shown, others = reasons[:MOST_RULES], reasons[MOST_RULES:]
        rows = sum(reason.rows for reason in reasons)
        yield Group(state, server_text(code, 100), rows, tuple(map(rule_shown, shown)), sum(r.rows for r in others))


def rule_shown(reason: Reason) -> Rule:
    """A reason for the eye; where its message says more than its rule, that of one row is shown, too."""
    named, left = ", ".join(map(_example, reason.examples)), reason.rows - len(reason.examples)
    more = f" and {left:,} more" if named and left > 0 else ""
    if reason.rows == 1 or reason.message == reason.rule:
        return Rule(server_text(reason.message), reason.rows, f"{named}{more}")
    return Rule(server_text(reason.rule), reason.rows, f"{named}{more}; the first: {server_text(reason.message)}")


def _example(text: str) -> str:
    """`key (row 42)` on one line; a key that is too long loses its middle."""
    return server_text(without_middle(text, EXAMPLE_LIMIT), 10 * EXAMPLE_LIMIT)
