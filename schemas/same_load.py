"""Whether two loads are the same, and what differs. Who asks says in which traits: each has its own reason to ask."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from schemas.manifest import Manifest


class Trait(StrEnum):
    """What two loads may have in common, as messages call it."""

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


Load = Mapping[Trait, Any]
"""A load, by the traits that count; one that is costly to know is a function, which is called if the rest agrees."""

_OF: Mapping[Trait, Callable[[Manifest], Any]] = {
    Trait.FORMAT: lambda run: run.format,
    Trait.OPERATION: lambda run: run.operation,
    Trait.MODE: lambda run: run.mode,
    Trait.DIALECT: lambda run: run.dialect,
    Trait.TARGET: lambda run: place_of(run.target),
    Trait.REPLAYS: lambda run: run.replays,
    Trait.MAPPING: lambda run: run.mapping and run.mapping.sha256,
    Trait.PATHS: lambda run: sorted(file.path for file in run.extracts),
    Trait.FILES: lambda run: [(file.path, file.bytes) for file in run.extracts],
    Trait.CONTENT: lambda run: [file.sha256 for file in run.extracts],
    Trait.CONTENT_IN_ANY_ORDER: lambda run: sorted(file.sha256 or "" for file in run.extracts),
}


_PORTS = {"http": 80, "https": 443}


def place_of(target: str | None) -> str | None:
    """A target in the one spelling that compares: URLs name a host whatever its case, default port or last dot."""
    try:
        parts = urlsplit(target or "")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return target
    if parts.scheme not in _PORTS or not parts.hostname:
        return target
    return f"{parts.scheme}://{parts.hostname.rstrip('.')}:{port}{parts.path.rstrip('/')}"


def load_of(run: Manifest, *traits: Trait) -> Load:
    """The load that a run carries out, by these traits."""
    return {trait: _OF[trait](run) for trait in traits}


def differences(run: Manifest, load: Load) -> Iterator[Trait]:
    """The traits in which a run's load is another than this one, in their order."""
    for trait, value in load.items():
        if _OF[trait](run) != (value() if callable(value) else value):
            yield trait


def is_same(run: Manifest, load: Load) -> bool:
    """Whether a run's load is this one."""
    return next(differences(run, load), None) is None
