"""A run's folder: what is in it, who may read it, and how its files come to be there whole or not at all."""

import re
import secrets
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import orjson

from connectors.run_folder.atomic_files import sync, whole, write_json
from schemas.errors import ConfigError, RunFolderError
from schemas.manifest import Manifest
from schemas.spellings import is_text

RUN_ID = re.compile(r"(\d{8}T\d{6})Z-[a-z-]+-[0-9a-f]{4}")
"""What runs are called: when they began, what they load, something to tell them apart."""


class RunFolder:
    """`runs/<run-id>/`, readable by its owner only.

    Attributes:
        manifest, journal, outcomes, failures, report: what every run that ends leaves behind.
        frame: a data frame that was given as the extract; hold: what its rows were held for; taken: the rows of
            another run that this one replays, whose corrected cells are in `corrected.csv`; failed: what of it did not
            make it, for the loads of the same night that depend on it.
        scratch: files that live while the run works.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run_id = path.name
        self.manifest = path / "manifest.json"
        self.journal = path / "journal.jsonl"
        self.outcomes = path / "outcomes.parquet"
        self.failures = path / "failures.csv"
        self.report = path / "report.html"
        self.frame = path / "extract.parquet"
        self.hold = path / "hold.json"
        self.taken = path / "taken.parquet"
        self.failed = path / "failed.json"
        self.scratch = path / "scratch"

    @classmethod
    def create(cls, runs: Path, operation: str) -> "RunFolder":
        """Makes the folder of a new run.

        Raises:
            ConfigError: `runs` cannot be made or written; nothing was done.
        """
        make_runs(runs)
        try:
            folder = cls._made(runs, operation)
            sync(runs)  # else the machine's crash could take the folder with the journal in it
        except OSError as error:
            raise _not_writable(runs, error) from None
        return folder

    @classmethod
    def _made(cls, runs: Path, operation: str) -> "RunFolder":
        """A folder that nobody else has: of runs that begin in one second two may draw the same name."""
        while True:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            folder = cls(runs / f"{stamp}-{operation}-{secrets.token_hex(2)}")
            with suppress(FileExistsError):
                folder.path.mkdir(mode=0o700)
                return folder

    @classmethod
    def find(cls, runs: Path, name: str) -> "RunFolder":
        """The folder of a run that was made before.

        Args:
            name: its id, the beginning of it, or a path.

        Raises:
            ConfigError: there is no such run, or several begin like that.
        """
        if (Path(name) / "manifest.json").is_file():
            return cls(Path(name).resolve())  # else `.` has no name, and a link another: its replays would not be found
        known = sorted(path.parent for path in runs.glob("*/manifest.json"))
        hits = [p for p in known if p.name == name] or [p for p in known if p.name.startswith(name)]
        if not hits:
            raise ConfigError(f"there is no run {name} in {runs}: `bulkload runs` lists them")
        if len(hits) > 1:
            names = ", ".join(p.name for p in hits[:3])
            raise ConfigError(f"{len(hits)} runs begin with {name}: {names}{', ...' if len(hits) > 3 else ''}")
        return cls(hits[0])

    def keep_copy(self, given: Path, compression: str) -> str:
        """Keeps a copy of a corrected file, which a person may go on correcting; gives its name in the folder.

        Args:
            given: the file.
            compression: the ending that says how it is compressed; empty where it is not.

        Raises:
            RunFolderError: it cannot be read, or the copy not be written.
        """
        path = self.path / f"corrected.csv{compression}"
        with whole(path) as part:
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
        """Makes an empty scratch folder, whatever a crash left of the one before.

        Raises:
            RunFolderError: it cannot be made.
        """
        self.clear_scratch()
        try:
            self.scratch.mkdir(mode=0o700)
        except OSError as error:
            raise RunFolderError(f"{self.scratch}: cannot be made: {error.strerror}") from None

    def clear_scratch(self) -> None:
        """Removes what only a working run needs."""
        shutil.rmtree(self.scratch, ignore_errors=True)


def make_runs(runs: Path) -> None:
    """Makes the folder that run folders stand in, if it is not there.

    Raises:
        ConfigError: it cannot be made.
    """
    if not is_text(str(runs)):
        raise ConfigError(f"the run folder {runs} is not named in UTF-8; choose another with --runs")
    try:
        made = [path for path in (runs, *runs.parents) if not path.exists()]
        runs.mkdir(parents=True, exist_ok=True)
        for each in made:
            sync(each.parent)
    except OSError as error:
        raise _not_writable(runs, error) from None


def _not_writable(runs: Path, error: OSError) -> ConfigError:
    return ConfigError(f"the run folder {runs} cannot be written: {error.strerror}; choose another with --runs")
