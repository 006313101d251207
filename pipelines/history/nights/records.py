"""The records of nights: where each stands, and which nights were before one."""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import orjson
from pydantic import ValidationError

from connectors.run_folder.folder import make_runs_folder, sync, write_json
from schemas.errors import ConfigError, RunFolderError
from schemas.nights.record import FORMAT, NightRecord
from schemas.same_load import place_of

NIGHTS = "nights"
"""The folder beside the run folders that the nights stand in."""

COMPARED = 10
"""Earlier nights that one is compared with."""

LATEST = "latest"

_RECORD, _PAGE = "night.json", "night.html"


@dataclass(frozen=True)
class PastNight:
    """A night's folder and its record."""

    path: Path
    record: NightRecord

    @property
    def page(self) -> Path:
        """The night's page."""
        return self.path / _PAGE

    @property
    def runs(self) -> Path:
        """The folder of the runs."""
        return self.path.parent.parent


def keep(runs: Path, record: NightRecord) -> PastNight:
    """Writes the record of a night, in place of the one that the same night left before.

    Raises:
        RunFolderError: it cannot be written.
    """
    name = f"{record.date}-{_plain(record.name)}{'' if record.kind == 'night' else f'-{record.kind}'}"
    whose = f"{record.folder}\n{place_of(record.target)}"
    path = runs / NIGHTS / name
    known = _read(path)
    if known is not None and f"{known.record.folder}\n{place_of(known.record.target)}" != whose:
        path = path.with_name(f"{name}-{hashlib.sha256(whose.encode(errors='replace')).hexdigest()[:4]}")
    try:
        make_runs_folder(runs)
        for each in (path.parent, path):
            each.mkdir(mode=0o700, exist_ok=True)
        sync(path.parent)
    except OSError as error:
        raise RunFolderError(f"{path}: cannot be created: {error.strerror}") from None
    write_json(path / _RECORD, record.as_json())
    return PastNight(path, record)


def _plain(name: str) -> str:
    """A folder's name as part of another's."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "night"


def past_nights(runs: Path) -> list[PastNight]:
    """The nights of a folder of runs, newest date first; a record that cannot be read is passed over."""
    found = filter(None, (_read(path.parent) for path in runs.glob(f"{NIGHTS}/*/{_RECORD}")))
    return sorted(found, key=lambda each: (each.record.date, each.record.started), reverse=True)


def _read(path: Path) -> PastNight | None:
    with suppress(OSError, orjson.JSONDecodeError, ValidationError):
        record = NightRecord.model_validate(orjson.loads((path / _RECORD).read_bytes()))
        if record.format == FORMAT:
            return PastNight(path, record)
    return None


def nights_before(night: PastNight, known: list[PastNight]) -> list[PastNight]:
    """The nights of the same folder and target on earlier dates, newest first, at most ten."""
    mine = night.record
    place = place_of(mine.target)

    def is_before(other: NightRecord) -> bool:
        same = (other.kind, other.name, place_of(other.target)) == (mine.kind, mine.name, place)
        return same and other.date < mine.date

    return [each for each in known if is_before(each.record)][:COMPARED]


def purge_pages(runs: Path, limit: datetime, note: Callable[[str], None], *, any_owner: bool) -> None:
    """Removes the pages of old nights, which name keys; their records hold counts alone, and stay for the trend.

    Args:
        runs: where runs are kept.
        limit: pages of nights that ended before it are removed.
        note: told of each page that stays.
        any_owner: also remove other users' pages.
    """
    for night in past_nights(runs):
        if night.record.finished >= limit.isoformat(timespec="milliseconds") or not night.page.is_file():
            continue
        if night.path.is_symlink() or (not any_owner and night.page.lstat().st_uid != os.geteuid()):
            note(f"{night.page} stays: it is a link's, or another user's")
            continue
        try:
            night.page.unlink()
        except OSError as error:
            note(f"{night.page} stays: {error.strerror}")


def rows_before(runs: Path, name: str, day: date, operation: str, kind: str = "night") -> list[int]:
    """The rows of an operation's extract on the last nights, or trading days, of a folder, one number a date."""
    found: dict[str, int] = {}
    for each in past_nights(runs):
        if (each.record.kind, each.record.name) == (kind, name) and each.record.date < day.isoformat():
            for load in each.record.loads:
                if load.operation == operation:
                    found.setdefault(each.record.date, load.rows.get("read", 0))
    return [*found.values()][:COMPARED]


def find_night(runs: Path, name: str) -> PastNight:
    """A night by its date, the name of its folder or the beginning of one, or `latest`.

    Raises:
        ConfigError: there is no such night, or several begin like that.
    """
    known = past_nights(runs)
    if name == LATEST and known:
        return max(known, key=lambda each: each.record.finished)
    path = Path(name)
    hits = [each for each in known if each.path.name == name or each.path == path] or [
        each for each in known if each.path.name.startswith(name)
    ]
    if not hits:
        raise ConfigError(f"there is no night {name} in {runs / NIGHTS}: name it by its date, or `{LATEST}`")
    if len(hits) > 1:
        names = ", ".join(each.path.name for each in hits[:3])
        raise ConfigError(f"{len(hits)} nights begin with {name}: {names}{', ...' if len(hits) > 3 else ''}")
    return hits[0]
