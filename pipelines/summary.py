"""How a run ended, in words: what the terminal, report.html and `bulkload report` all show.

Made from the manifest alone, so that a run tells the same story on the night and a year later. Texts that came
from outside (keys, a server's messages) leave here on one line, bounded and without control characters.
"""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from connectors.run_folder import RunFolder
from pipelines.manifest import FORMAT
from pipelines.report import Verdict
from schemas.answers import server_text
from schemas.errors import ConfigError
from schemas.states import GOOD, State

NAME = "bulkload"

MOST_TOLD = 3
"""Messages shown of one code: those that name a row or a parent differ for each row."""

EXAMPLE_LIMIT = 120
"""Characters of a key and its place that are shown."""

_DEFAULT_FLAGS: Mapping[str, object] = {
    "--mode": "Partial",
    "--dialect": "2.1",
    "--runs": "runs",
    "--batch-size": 1000,
    "--max-batch-bytes": 8 << 20,
    "--concurrency": 4,
    "--duplicates": "refuse",
}


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

    state: str
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
    manifest: Mapping[str, Any]
    groups: tuple[Group, ...]

    @classmethod
    def of(cls, folder: RunFolder, manifest: Mapping[str, Any]) -> Self:
        """The summary of a run whose manifest says how it ended.

        Raises:
            ConfigError: it does not: the run is still working, was killed, or ended in an error.
        """
        if manifest.get("format") != FORMAT:
            raise ConfigError(f"{folder.path} was written by another version of bulkload")
        if "rows" not in manifest:
            ending = manifest.get("error") or "it is still working, or was killed"
            raise ConfigError(f"run {folder.run_id} has no report: {ending}")
        return cls(folder, manifest, tuple(_groups(manifest)))

    @classmethod
    def of_run(cls, run_dir: Path) -> Self:
        """The summary of the run in a folder; raises as `of` does, and where there is no run."""
        folder = RunFolder(run_dir)
        return cls.of(folder, folder.read_manifest())

    @property
    def operation(self) -> str:
        """The operation's name."""
        return str(self.manifest["operation"])

    @property
    def verdict(self) -> Verdict:
        """How the run ended."""
        return Verdict(self.manifest["verdict"])

    @property
    def rows(self) -> Mapping[str, int]:
        """Extract rows: `read`, then by state."""
        found: Mapping[str, int] = self.manifest["rows"]
        return found

    @property
    def keys(self) -> Mapping[str, int]:
        """Requests' keys by state."""
        found: Mapping[str, int] = self.manifest["keys"]
        return found

    @property
    def dry_run(self) -> bool:
        """Whether nothing was to be sent."""
        return bool(self.manifest["settings"]["dry_run"])

    @property
    def to_correct(self) -> int:
        """Rows in failures.csv that need something from someone."""
        valid = self.rows[State.NOT_SENT] if self.dry_run else 0
        return self.rows["read"] - sum(self.rows[state] for state in GOOD) - valid

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        read = f"{self.rows['read']:,} {_rows(self.rows['read'])}"
        if self.dry_run:
            return f"dry run, nothing was sent: {self.to_correct:,} of {read} must be corrected"
        if self.verdict is Verdict.COMPLETE:
            return f"complete: {read}, none to correct"
        if self.verdict is Verdict.STOPPED:
            return f"stopped early: {self.to_correct:,} of {read} not accepted"
        return f"finished: {self.to_correct:,} of {read} not accepted"

    @property
    def effort(self) -> str:
        """Calls, retries and time."""
        calls, retries = self.manifest["requests"], self.manifest["retries"]
        took = f"{self.manifest['seconds']:,.1f} s"
        return f"{_many(calls, 'call', 'calls')}, {_many(retries, 'retry', 'retries')}, {took}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run noticed that is no row's fault."""
        return tuple(server_text(text, 1000) for text in self.manifest["warnings"])

    @property
    def files(self) -> tuple[tuple[Path, str], ...]:
        """What there is to open, and what it is."""
        named = [(self.folder.report, "the picture of the run"), (self.folder.outcomes, "what became of every key")]
        if self.to_correct:
            named.insert(0, (self.folder.failures, f"{_many(self.to_correct, 'row', 'rows')} to correct"))
        return tuple(named)

    @property
    def next_command(self) -> str:
        """What to type next; empty when nothing is left to do."""
        if self.verdict is Verdict.STOPPED:
            runs = [] if str(self.folder.path.parent) == "runs" else ["--runs", str(self.folder.path.parent)]
            return shlex.join([program(), "resume", self.folder.run_id, *runs])
        if self.to_correct:
            return shlex.join(self._command([str(self.folder.failures)]))
        if self.dry_run:
            return shlex.join(self._command([shown(extract["path"]) for extract in self.manifest["extracts"]]))
        return ""

    @property
    def next_step(self) -> str:
        """What to do before typing it."""
        if self.verdict is Verdict.STOPPED:
            return "When what stopped the run is mended, go on with it; what is settled is not sent again."
        if self.to_correct:
            return "Correct the rows in failures.csv and load it as it is (it ignores columns that begin with _)."
        return "Every row is valid: load them." if self.dry_run else "Nothing is left to do."

    def _command(self, extracts: Sequence[str]) -> list[str]:
        """The load of other extracts with this run's flags."""
        manifest, settings = self.manifest, self.manifest["settings"]
        mapping, target = manifest["mapping"], manifest["target"]
        flags = {
            "--mode": manifest["mode"],
            "--mapping": shown(mapping["path"]) if mapping else None,
            "--target": target,
            "--dialect": manifest["dialect"],
            "--encoding": settings.get("encoding"),
            "--delimiter": settings.get("delimiter"),
            "--runs": str(self.folder.path.parent),
            "--batch-size": settings["batch_size"],
            "--max-batch-bytes": settings["max_batch_bytes"],
            "--concurrency": settings["concurrency"],
            "--duplicates": manifest["duplicates"],
            "--max-failures": settings["max_failures"],
        }
        told = [(n, v) for n, v in flags.items() if v is not None and v != _DEFAULT_FLAGS.get(n)]
        return [program(), "load", self.operation, *extracts, *(str(word) for flag in told for word in flag)]

    def as_json(self) -> dict[str, Any]:
        """The document that `load --json` printed."""
        names = ("run_id", "operation", "mode", "verdict", "rows", "keys", "requests", "retries", "seconds")
        found = {name: self.manifest[name] for name in names}
        return {"run_id": found.pop("run_id"), "run_dir": str(self.folder.path), **found}


def program() -> str:
    """This program as a person would type it here: by its name where the shell finds it, else by its path."""
    called = Path(sys.argv[0])
    if called.name != NAME or shutil.which(NAME):
        return NAME
    return shown(called.absolute())


def shown(path: str | Path) -> str:
    """A path as a person would type it here: relative where it lies below the working folder."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _groups(manifest: Mapping[str, Any]) -> Iterator[Group]:
    """The manifest's reasons by state and code; in a dry run, rows that were merely not sent have none."""
    dry = manifest["settings"]["dry_run"]
    by_code: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for reason in manifest["reasons"]:
        if not (dry and reason["state"] == State.NOT_SENT):
            by_code.setdefault((reason["state"], reason["code"]), []).append(reason)
    ranked = sorted(by_code.items(), key=lambda item: -sum(r["rows"] for r in item[1]))
    for (state, code), reasons in ranked:
        told = tuple(_told(reason) for reason in reasons[:MOST_TOLD])
        yield Group(state, server_text(code, 100), sum(r["rows"] for r in reasons), told, len(reasons) - len(told))


def _told(reason: Mapping[str, Any]) -> Told:
    return Told(server_text(reason["message"]), reason["rows"], tuple(map(_example, reason["examples"])))


def _example(text: str) -> str:
    """`key (row 42)` on one line; of a key that is too long the middle goes, and the place stays."""
    if len(text) > EXAMPLE_LIMIT:
        text = f"{text[: EXAMPLE_LIMIT // 2]}…{text[-EXAMPLE_LIMIT // 2 :]}"
    return server_text(text, 10 * EXAMPLE_LIMIT)


def _many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
