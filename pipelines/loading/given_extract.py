"""What a caller gave as the extract of a load: its paths, and its files once they are open."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from connectors.extracts.extract import Extract, open_sources
from connectors.extracts.mapping_file import reading_rules
from connectors.extracts.remote.copies import local_sources
from pipelines.loading.spec import LoadSpec
from pipelines.options import kind_of
from schemas.errors import ConfigError
from schemas.rows.mapping import Mapping
from schemas.settings import READING


def extract_paths(given: object) -> list[str | Path]:
    """The paths of an extract; the Python API passes on whatever it was given."""
    paths = []
    for path in [given] if isinstance(given, str) or not isinstance(given, Iterable) else given:
        if not isinstance(path, str | Path) or not str(path):
            raise ConfigError(f"an extract is a path, several paths or a DataFrame, not {kind_of(path)}")
        paths.append(path)
    return paths


@contextmanager
def open_files(spec: LoadSpec, mapping: Mapping | None) -> Iterator[Extract]:
    """Opens the files of a load's extract, or copies of those that are elsewhere.

    Raises:
        ConfigError, ExtractError: see `open_extract` and `local_sources`.
    """
    options = spec.options
    declared = reading_rules(mapping, **{name: getattr(options, name) for name in READING})
    names = spec.earlier.names if spec.earlier else None
    with ExitStack() as closing:
        sources = closing.enter_context(local_sources(extract_paths(spec.extract), options.runs))
        yield closing.enter_context(open_sources(sources, declared=declared, names=names))
