"""How a run ended, in words: what the terminal, report.html and `bulkload report` all show.

Made from the manifest alone, so that a run tells the same story on the night and a year later. Texts that came
from outside (keys, a server's messages) leave here on one line, bounded and without control characters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from connectors.run_folder.folder import RunFolder
from schemas.answers import server_text
from schemas.errors import ConfigError
from schemas.manifest import FORMAT, Manifest, Reason
from schemas.states import GOOD, State, good_in
from schemas.verdicts import Verdict

STOPPED_FIRST = "NotSent"
"""The code of rows that were left because the run stopped; any other code of `not_sent` is of a call given up."""

MOST_TOLD = 3
"""Messages shown of one code: those that name a row or a parent differ for each row."""

EXAMPLE_LIMIT = 120
"""Characters of a key and its place that are shown."""


@dataclass(frozen=True)
class Told:
    """One message, how many rows it was said of, and some of them: `key (row 42)`."""

    message: str
    rows: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The rows that are in one state for reasons of one code.

    Attributes:
        told: the most frequent messages; more: how many further messages there are.
    """

    state: State
    code: str
    rows: int
    told: tuple[Told, ...]
    more: int


@dataclass(frozen=True)
class Summary:
    """A finished run.

    Attributes:
        folder: where its files are.
        manifest: as it stands on disk, or is about to.
        groups: why rows were not accepted, the most frequent first.
    """

    folder: RunFolder
    manifest: Manifest
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, folder: RunFolder, manifest: Manifest) -> Self:
        """The summary of a run whose manifest says how it ended.

        Raises:
            ConfigError: it does not: the run is still working, was killed, or ended in an error; or it is damaged.
        """
        if manifest.format != FORMAT:
            raise ConfigError(f"{folder.path} was written by another version of bulkload")
        if manifest.rows is None and "rows" not in manifest.damaged:
            ending = manifest.error or "it is still working, or was killed"
            raise ConfigError(f"run {folder.run_id} has no report: {ending}")
        if manifest.damaged:
            raise ConfigError(f"{folder.manifest} is damaged, or was written by a later version of bulkload")
        return cls(folder, manifest, tuple(_groups(manifest)))

    @classmethod
    def of_run(cls, run_dir: Path) -> Self:
        """The summary of the run in a folder; raises as `of` does, and where there is no run."""
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

    @property
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
        if self.verdict is Verdict.STOPPED:
            rows_given_up = sum(reason.rows for reason in given_up(self.manifest))
            went_on = 0 < rows_given_up == self.rows[State.NOT_SENT]
            return f"{'not complete' if went_on else 'stopped early'}: {self.to_correct:,} of {read} not accepted"
        return f"finished: {self.to_correct:,} of {read} not accepted"

    @property
    def effort(self) -> str:
        """Calls, retries and time."""
        calls, retries = self.manifest.requests, self.manifest.retries
        took = f"{self.manifest.seconds:,.1f} s"
        return f"{many(calls, 'call', 'calls')}, {many(retries, 'retry', 'retries')}, {took}"

    @property
    def files(self) -> tuple[tuple[Path, str], ...]:
        """What there is to open, and what it is."""
        named = [(self.folder.report, "the picture of the run"), (self.folder.outcomes, "what became of every key")]
        if self.to_correct:
            named.insert(0, (self.folder.failures, f"{many(self.to_correct, 'row', 'rows')} to correct"))
        return tuple(named)

    @property
    def cured(self) -> str:
        """Of a replay: whose failures it sent again, and how many of them are in now; empty for any other run."""
        earlier, read = self.manifest.replays, self.rows["read"]
        if not earlier:
            return ""
        left = {state: n for state, n in self.rows.items() if n and state != "read" and state not in GOOD}
        rest = (
            f", {sum(left.values()):,} left ({', '.join(f'{n:,} {state}' for state, n in left.items())})"
            if left
            else ""
        )
        return f"replays {earlier}: {read - sum(left.values()):,} of {many(read, 'row', 'rows')} cured{rest}"

    def as_json(self) -> dict[str, Any]:
        """The document that `load --json` printed."""
        names = ("run_id", "operation", "mode", "verdict", "rows", "keys", "requests", "retries", "seconds")
        manifest = self.manifest.as_json()
        found = {name: manifest[name] for name in names}
        return {"run_id": found.pop("run_id"), "run_dir": str(self.folder.path), **found}


def given_up(manifest: Manifest) -> list[Reason]:
    """The reasons of rows whose calls were repeated as often as we repeat, while the run went on."""
    found = (r for r in manifest.reasons if r.state is State.NOT_SENT and r.code != STOPPED_FIRST)
    return [] if manifest.settings.dry_run else list(found)


def _groups(manifest: Manifest) -> Iterator[Group]:
    """The manifest's reasons by state and code; in a dry run, rows that were merely not sent have none."""
    good = good_in(dry_run=manifest.settings.dry_run)
    by_code: dict[tuple[State, str], list[Reason]] = {}
    for reason in manifest.reasons:
        if reason.state not in good:
            by_code.setdefault((reason.state, reason.code), []).append(reason)
    ranked = sorted(by_code.items(), key=lambda item: -sum(r.rows for r in item[1]))
    for (state, code), reasons in ranked:
        told = tuple(_told(reason) for reason in reasons[:MOST_TOLD])
        yield Group(state, server_text(code, 100), sum(r.rows for r in reasons), told, len(reasons) - len(told))


def _told(reason: Reason) -> Told:
    return Told(server_text(reason.message), reason.rows, tuple(map(_example, reason.examples)))


def _example(text: str) -> str:
    """`key (row 42)` on one line; of a key that is too long the middle goes, and the place stays."""
    if len(text) > EXAMPLE_LIMIT:
        text = f"{text[: EXAMPLE_LIMIT // 2]}…{text[-EXAMPLE_LIMIT // 2 :]}"
    return server_text(text, 10 * EXAMPLE_LIMIT)


def many(count: int, one: str, more: str) -> str:
    """A count with its noun."""
    return f"{count:,} {one if count == 1 else more}"
