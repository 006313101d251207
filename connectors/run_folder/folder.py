"""The folder of a run: which files it holds, how it is made and found again, and how its files are written.

A file is complete or absent, whatever dies while it is written, and private to its owner.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import Manifest
from schemas.texts import is_text

RUN_ID = re.compile(r"(\d{8}T\d{6})Z-[a-z-]+-[0-9a-f]{4}")
"""The form of run ids: start time in UTC, operation, and four hexadecimal digits that tell runs apart."""


class RunFolder:
    """`runs/<run-id>/`, readable by its owner only.

    Attributes:
        manifest, journal, outcomes, failures, report: left behind by every run that ends.
        plan, plan_page: what a load would do with each key, where that was read in LUSID beforehand; a table, a page.
        verified: what LUSID was found to hold of its accepted keys, where somebody asked.
        vanished: the keys of the feed's last extract that are not in this run's.
        workbook: failures.csv for spreadsheets, where somebody wanted it.
        frame: the data frame that was loaded, if the extract was one.
        hold: the references whose rows this run holds back, because they failed earlier in the night.
        taken: the rows of another run that this run replays; their corrected cells are in `corrected.csv`.
        failed: the references that failed in this run, for the later loads of the night that depend on them.
        scratch: files that exist only while the run works.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name
        self.manifest = path / "manifest.json"
        self.journal = path / "journal.jsonl"
        self.outcomes = path / "outcomes.parquet"
        self.failures = path / "failures.csv"
        self.plan = path / "plan.parquet"
        self.plan_page = path / "plan.html"
        self.verified = path / "verify.parquet"
        self.workbook = path / "failures.xlsx"
        self.vanished = path / "vanished.csv"
        self.report = path / "report.html"
        self.frame = path / "extract.parquet"
        self.hold = path / "hold.json"
        self.taken = path / "taken.parquet"
        self.failed = path / "failed.json"
        self.scratch = path / "scratch"

    @classmethod
    def create(cls, runs: Path, operation: str) -> "RunFolder":
        """Creates the folder of a new run.

        Raises:
            ConfigError: `runs` cannot be created or written; nothing was done.
        """
        make_runs_folder(runs)
        try:
            folder = cls._made(runs, operation)
            sync(runs)  # otherwise a crash of the machine could lose the folder with the journal in it
        except OSError as error:
            raise _not_writable(runs, error) from None
        return folder

    @classmethod
    def _made(cls, runs: Path, operation: str) -> "RunFolder":
        """Creates a folder that no other run has; two runs that begin in the same second may draw the same name."""
        while True:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            folder = cls(runs / f"{stamp}-{operation}-{secrets.token_hex(2)}")
            with suppress(FileExistsError):
                folder.path.mkdir(mode=0o700)
                return folder

    @classmethod
    def find(cls, runs: Path, name: str) -> "RunFolder":
        """The folder of an existing run.

        Args:
            runs: the folder that run folders stand in.
            name: the run's id, the beginning of it, or a path.

        Raises:
            ConfigError: no run, or more than one, has this name.
        """
        if (Path(name) / "manifest.json").is_file():
            return cls(Path(name).resolve())  # `.` has no name and a link has another, so replays would not be found
        known = sorted(path.parent for path in runs.glob("*/manifest.json"))
        hits = [p for p in known if p.name == name] or [p for p in known if p.name.startswith(name)]
        if not hits:
            raise ConfigError(f"there is no run {name} in {runs}: `bulkload runs` lists them")
        if len(hits) > 1:
            names = ", ".join(p.name for p in hits[:3])
            raise ConfigError(f"{len(hits)} runs begin with {name}: {names}{', ...' if len(hits) > 3 else ''}")
        return cls(hits[0])

    def keep_copy(self, given: Path, compression: str) -> str:
        """Keeps a copy of a corrected file, which somebody may go on editing, and returns the copy's name.

        Args:
            given: the file.
            compression: the ending that says how it is compressed; empty when it is not.

        Raises:
            RunFolderError: the file cannot be read, or its copy cannot be written.
        """
        path = self.path / f"corrected.csv{compression}"
        with atomic_write(path) as part:
            shutil.copyfile(given, part)
        return path.name

    def write_manifest(self, manifest: Manifest) -> None:
        """Writes the manifest whole, in place of the one before."""
        write_json(self.manifest, manifest.as_json())

    def read_manifest(self) -> Manifest:
        """The manifest; of one that is damaged, what can be read of it (`Manifest.damaged` names the rest).

        Raises:
            ConfigError: there is none, or it is no manifest.
        """
        try:
            content = orjson.loads(self.manifest.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise ConfigError(f"{self.path} is not a run: it has no manifest.json") from None
        if not isinstance(content, dict):
            raise ConfigError(f"{self.manifest} is not a manifest")
        return Manifest.read(content)

    def open_scratch(self) -> None:
        """Creates an empty scratch folder, removing what a crash left of an earlier one.

        Raises:
            RunFolderError: it cannot be created.
        """
        self.clear_scratch()
        try:
            self.scratch.mkdir(mode=0o700)
        except OSError as error:
            raise RunFolderError(f"{self.scratch}: cannot be created: {error.strerror}") from None

    def clear_scratch(self) -> None:
        """Removes the files that only a working run needs."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def make_runs_folder(runs: Path) -> None:
    """Creates the folder that run folders stand in, if it does not exist, for its owner only.

    Raises:
        ConfigError: it cannot be created.
    """
    if not is_text(str(runs)):
        raise ConfigError(f"the name of the run folder {runs} is not UTF-8; choose another with --runs")
    try:
        made = [path for path in (runs, *runs.parents) if not path.exists()]
        for each in reversed(made):
            each.mkdir(mode=0o700, exist_ok=True)
        runs.mkdir(exist_ok=True)  # says so where it is no folder
        for each in made:
            sync(each.parent)
    except OSError as error:
        raise _not_writable(runs, error) from None


def _not_writable(runs: Path, error: OSError) -> ConfigError:
    return ConfigError(f"the run folder {runs} cannot be written: {error.strerror}; choose another with --runs")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file atomically.

    Raises:
        RunFolderError: it cannot be written.
    """
    with atomic_write(path) as part:
        part.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write to; when the block succeeds, it is synced to disk and renamed to `path`.

    Raises:
        RunFolderError: the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        handle = os.open(part, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        os.close(handle)
        yield part
        sync(part)
        part.replace(path)
        sync(path.parent)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)  # Arrow's errors carry no errno
        raise RunFolderError(f"{path}: cannot be written: {why}") from None
    finally:
        with suppress(OSError):  # the folder itself may have been removed
            part.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Waits until a file, or the entries of a folder, are on disk; raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
