"""Packs runs for an auditor: one zip that proves what was loaded and how it ended, and says how to check it.

The same runs make the same bytes: times are those of the runs, names are in order, and nothing is compressed, because
what a compressor makes of the same bytes differs from one version to the next. Personal data goes in only where that is
asked for: the manifest and the page are then those of the run, otherwise they are written anew without keys.
"""

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from connectors.run_folder.folder import RunFolder, atomic_write
from pipelines.history.proof.evidence import closed_run, counted_again, files_of, journal_of, verified
from pipelines.history.proof.without_keys import without_keys
from pipelines.report.html import html_of
from pipelines.report.summary import Summary
from schemas.errors import ConfigError
from schemas.manifest import Manifest

FORMAT = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can name."""

_README = """This file says what bulkload loaded, and proves it.

{contents}

How to check it
---------------
1. That nothing in here was changed since it was packed:          sha256sum -c SHA256SUMS
2. That a run's folder still holds what it held then, from within
   that folder (runs/<run id>):                                   sha256sum -c <here>/<run id>/files.sha256
3. That an extract is the one that was loaded: compare its sha256sum with `extracts` in <run id>/manifest.json.
4. That every row read has exactly one end: in audit.json, `rows` of a run. `read` is what the run read, `in_outcomes`
   and `in_failures` were counted anew from outcomes.parquet and failures.csv when this was packed; `balanced` says
   whether all of them agree. Rows of `forgotten` persons were taken out of failures.csv on purpose (`bulkload forget`).
5. That the journal is as it was written: in audit.json, `journal`. Each of its lines bears a checksum; `intact` says
   whether all of them hold. `requests` has the digests of what was to be sent, from before anything was.
6. That LUSID holds what it accepted: in audit.json, `verified`, keys by result; null where nobody asked LUSID
   (`bulkload verify`).

Packing the same runs again with the same version of bulkload gives the same bytes.
"""
_WITHOUT = """It holds no personal data. In manifest.json and report.html, keys and messages that may name them are left
out; files.sha256 has the hashes of the files as they are in the run's folder."""
_WITH = """It holds personal data: handle it accordingly. The files are those of the run's folder."""


@dataclass(frozen=True)
class Packed:
    """What was packed.

    Attributes:
        runs: their ids.
        sha256: of the zip.
        balanced: whether the rows of every run, counted anew, agree, and every journal is intact.
    """

    path: Path
    runs: tuple[str, ...]
    sha256: str
    balanced: bool


def pack(folders: Sequence[RunFolder], out: Path, *, personal: bool) -> Packed:
    """Packs runs into a zip, whole or not at all.

    Args:
        folders: of the runs.
        out: where the zip goes; it replaces one that is there.
        personal: whether personal data goes in.

    Raises:
        ConfigError: the books of a run are not closed, a file of it is missing or damaged, or `out` is no place for it.
        RunFolderError: the zip cannot be written.
    """
    if not out.parent.is_dir() or out.is_dir():
        raise ConfigError(f"--out {out}: {'is a folder' if out.is_dir() else 'its folder does not exist'}")
    if any(folder.path.resolve() in out.resolve().parents for folder in folders):
        raise ConfigError(f"--out {out} is in the folder of a run, whose files it would change: choose another place")
    runs = [closed_run(folder) for folder in folders]
    told = [_told(run) for run in runs]
    with atomic_write(out) as part:
        with zipfile.ZipFile(part, "w") as archive:
            pack_in = _Archive(archive, max((_moment(run.manifest) for run in runs), default=_EPOCH))
            pack_in.add("README.txt", _README.format(contents=_WITH if personal else _WITHOUT).encode())
            pack_in.add("audit.json", _json({"format": FORMAT, "personal_data": personal, "runs": told}))
            for run, about in zip(runs, told, strict=True):
                _add_run(pack_in, run, about, personal=personal)
            pack_in.finish()
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Packed(out, tuple(run.folder.run_id for run in runs), digest, all(map(_is_sound, told)))


def _is_sound(told: dict[str, Any]) -> bool:
    return bool(told["rows"]["balanced"] and (told["journal"] is None or told["journal"]["intact"]))


def _told(run: Summary) -> dict[str, Any]:
    """What audit.json says of a run."""
    manifest = run.manifest
    plain = ("run_id", "operation", "mode", "dialect", "target", "date", "replays", "started", "finished", "versions")
    return {
        **{name: getattr(manifest, name) for name in plain},
        "resumed": [each.model_dump(mode="json") for each in manifest.resumed],
        "verdict": run.verdict,
        "exit_code": manifest.exit_code,
        "dry_run": run.dry_run,
        "rows": counted_again(run),
        "keys": {state: n for state, n in manifest.keys.items() if n},
        "extracts": [{"name": each.name, "bytes": each.bytes, "sha256": each.sha256} for each in manifest.extracts],
        "mapping": manifest.mapping.sha256 if manifest.mapping else None,
        "journal": journal_of(run.folder),
        "verified": verified(run.folder),
        "files": files_of(run.folder),
    }


def _add_run(archive: "_Archive", run: Summary, told: dict[str, Any], *, personal: bool) -> None:
    """Adds the files of a run, in a folder of its id."""
    name, folder = run.folder.run_id, run.folder
    lines = (f"{each['sha256']}  {each['name']}\n" for each in told["files"])
    archive.add(f"{name}/files.sha256", "".join(lines).encode())
    if personal:
        for path in (folder.manifest, folder.report, folder.outcomes, folder.failures):
            archive.add_file(f"{name}/{path.name}", path)
        return
    manifest = without_keys(run.manifest)
    archive.add(f"{name}/manifest.json", _json(manifest.as_json()))
    archive.add(f"{name}/report.html", html_of(Summary.of(folder, manifest)).encode())


class _Archive:
    """A zip that depends on what is put into it alone."""

    def __init__(self, archive: zipfile.ZipFile, moment: tuple[int, int, int, int, int, int]) -> None:
        self._archive, self._moment = archive, moment
        self._sums: list[str] = []

    def add(self, name: str, content: bytes) -> None:
        """Adds a file of this content."""
        self._sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        self._archive.writestr(self._entry(name), content)

    def add_file(self, name: str, path: Path) -> None:
        """Adds a copy of a file; raises ConfigError where it cannot be read."""
        digest = hashlib.sha256()
        try:
            with path.open("rb") as file, self._archive.open(self._entry(name), "w", force_zip64=True) as entry:
                shutil.copyfileobj(file, _Tee(entry.write, digest.update))
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
        self._sums.append(f"{digest.hexdigest()}  {name}\n")

    def finish(self) -> None:
        """Adds the hashes of all that was added."""
        self._archive.writestr(self._entry("SHA256SUMS"), "".join(self._sums))

    def _entry(self, name: str) -> zipfile.ZipInfo:
        return zipfile.ZipInfo(name, self._moment)  # zipfile makes it readable by its owner


class _Tee:
    """Writes to several places."""

    def __init__(self, *writes: Callable[[bytes], Any]) -> None:
        self._writes = writes

    def write(self, content: bytes) -> None:
        """Writes a piece."""
        for write in self._writes:
            write(content)


def _moment(manifest: Manifest) -> tuple[int, int, int, int, int, int]:
    """When a run's books were closed, as a zip has it."""
    try:
        at = datetime.fromisoformat(manifest.finished or manifest.started).astimezone(UTC)
    except ValueError:
        return _EPOCH
    return max(_EPOCH, (at.year, at.month, at.day, at.hour, at.minute, at.second))


def _json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"


def lines_of(packed: Packed) -> Iterator[str]:
    """What to say of it."""
    yield f"{packed.path}: {', '.join(packed.runs)}"
    yield f"SHA-256 {packed.sha256}"
    if not packed.balanced:
        yield "The rows, counted anew, do not agree, or a journal is damaged: audit.json says which."
