"""What a caller gave as the extract of a load."""

from collections.abc import Iterable
from pathlib import Path

from pipelines.options import kind_of
from schemas.errors import ConfigError


def extract_paths(given: object) -> list[str | Path]:
    """The paths of an extract; the Python API passes on whatever it was given."""
    paths = []
    for path in [given] if isinstance(given, str) or not isinstance(given, Iterable) else given:
        if not isinstance(path, str | Path) or not str(path):
            raise ConfigError(f"an extract is a path, several paths or a DataFrame, not {kind_of(path)}")
        paths.append(path)
    return paths
