"""Says whether two loads are the same, and what differs. The caller names the aspects that matter to it."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from schemas.manifest import Manifest


class Aspect(StrEnum):
    """What two loads may have in common, in the words of messages."""

    FORMAT = "the format of the run folder"
    OPERATION = "the operation"
    MODE = "the mode"
    DIALECT = "the dialect"
    TARGET = "the target"
    REPLAYS = "the run that is replayed"
    MAPPING = "the mapping"
    PATHS = "the paths of the extract"
    """In any order."""
    FILES = "the files of the extract"
    """Paths and sizes, in order."""
    CONTENT = "the content of the extract"
    """Hashes, file by file, in order; None for a file that was not read to its end."""
    CONTENT_IN_ANY_ORDER = "the content of the extract's files"


Load = Mapping[Aspect, Any]
"""A load by the aspects that matter; a costly value is a function, called only if the aspects before it agree."""

_OF: Mapping[Aspect, Callable[[Manifest], Any]] = {
    Aspect.FORMAT: lambda run: run.format,
    Aspect.OPERATION: lambda run: run.operation,
    Aspect.MODE: lambda run: run.mode,
    Aspect.DIALECT: lambda run: run.dialect,
    Aspect.TARGET: lambda run: place_of(run.target),
    Aspect.REPLAYS: lambda run: run.replays,
    Aspect.MAPPING: lambda run: run.mapping and run.mapping.sha256,
    Aspect.PATHS: lambda run: sorted(file.path for file in run.extracts),
    Aspect.FILES: lambda run: [(file.path, file.bytes) for file in run.extracts],
    Aspect.CONTENT: lambda run: [file.sha256 for file in run.extracts],
    Aspect.CONTENT_IN_ANY_ORDER: lambda run: sorted(file.sha256 or "" for file in run.extracts),
}


_PORTS = {"http": 80, "https": 443}


def place_of(target: str | None) -> str | None:
    """A target in comparable form: the case, default port and trailing dot of a URL's host do not matter."""
    try:
        parts = urlsplit(target or "")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return target
    if parts.scheme not in _PORTS or not parts.hostname:
        return target
    return f"{parts.scheme}://{parts.hostname.rstrip('.')}:{port}{parts.path.rstrip('/')}"


def load_of(run: Manifest, *aspects: Aspect) -> Load:
    """The load of a run, by these aspects."""
    return {aspect: _OF[aspect](run) for aspect in aspects}


def differences(run: Manifest, load: Load) -> Iterator[Aspect]:
    """The aspects in which a run's load differs from this one, in order."""
    for aspect, value in load.items():
        if _OF[aspect](run) != (value() if callable(value) else value):
            yield aspect


def is_same(run: Manifest, load: Load) -> bool:
    """Whether a run's load is the same as this one."""
    return next(differences(run, load), None) is None
