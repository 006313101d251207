"""Opening a run: everything that can be wrong before the first row is found here, and nothing has been sent."""

import gc
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from connectors.extracts.extract import Extract, extract_from_frame, open_extract
from connectors.extracts.frames import frame_columns
from connectors.extracts.mapping_file import read_mapping
from connectors.run_folder.atomic_files import write_json
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import Journal
from connectors.run_folder.results import is_failure_report
from connectors.targets import Target, open_target
from pipelines.operations.operation import Operation
from pipelines.options import Extracts, Options, kind_of
from pipelines.prepare.completeness import check_before
from schemas.errors import ConfigError, RunFolderError
from schemas.expectations import Expectations
from schemas.rows.binding import Binding
from schemas.rows.mapping import Mapping

_COLLECT_EVERY = 200_000


@dataclass(frozen=True)
class Opened:
    """What a run works with.

    Attributes:
        binding: the extract's header bound to the operation.
        expect: what must be true of the whole extract, by the mapping and the options.
        target: None in a dry run.
    """

    extract: Extract
    binding: Binding
    expect: Expectations
    target: Target | None
    folder: RunFolder
    journal: Journal


def open_run(
    operation: Operation,
    given: Extracts,
    options: Options,
    stack: ExitStack,
    *,
    earlier: RunFolder | None,
    note: Callable[[str], None],
) -> Opened:
    """Opens what a run works with; `stack` closes it.

    Args:
        given: the extract as the user gave it.
        earlier: the folder of a run that stopped, to go on with.
        note: told what the user should know.

    Raises:
        ConfigError, ExtractError, AuthError, UnreachableError, RunFolderError: something does not fit.
    """
    operation.check_mode(options.mode)
    operation.check_dialect(options.dialect)
    operation.check_duplicates(options.duplicates)
    stack.enter_context(_quiet_collector())
    mapping = read_mapping(options.mapping, operation.name) if options.mapping else None
    operation.check_key(mapping)
    extract = None if isinstance(given, pd.DataFrame) else stack.enter_context(_open_files(given, options, mapping))
    header = frame_columns(given) if isinstance(given, pd.DataFrame) else extract.columns if extract else []
    _check_delimiter(header)
    binding = Binding(header, operation.shape, options.dialect, operation.key, mapping)
    if extract is not None:
        extract.check_readable(binding.used_columns)
    standing = Expectations() if mapping is None or is_failure_report(header) else mapping.expect
    expect = standing.merged(options.expect)
    check_before(expect, header, extract.sources if extract else ())
    target = None
    if not options.dry_run:
        target = stack.enter_context(open_target(options.target, options.dialect, note, patience=options.patience))
    folder = earlier or RunFolder.create(options.runs, operation.name)
    with whole_or_gone(folder, is_new=earlier is None):
        journal = Journal(folder.journal)
        stack.callback(journal.close)
        folder.open_scratch()
        stack.callback(folder.clear_scratch)
        if extract is None:
            assert isinstance(given, pd.DataFrame)  # noqa: S101  # anything else was opened above
            extract = stack.enter_context(extract_from_frame(given, folder.frame))
        elif earlier is not None:
            _keep_names(extract, earlier)
        if options.hold:
            write_json(folder.hold, dict(options.hold))
    return Opened(extract, binding, expect, target, folder, journal)


@contextmanager
def whole_or_gone(folder: RunFolder, *, is_new: bool) -> Iterator[None]:
    """Leaves nothing of a new run that cannot be begun: without its manifest it could not be gone on with either.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        yield
    except BaseException as error:
        if is_new:
            shutil.rmtree(folder.path, ignore_errors=True)
            if isinstance(error, RunFolderError):
                raise ConfigError(f"{error.message}: nothing was sent; make room, or choose another --runs") from None
        raise


def _check_delimiter(header: Sequence[str]) -> None:
    """A header that is one column with another delimiter in it was cut by the wrong one."""
    found = next((mark for mark in ";\t|" if mark in header[0]), None) if len(header) == 1 else None
    if found is not None:
        raise ConfigError(
            f"the header is one column with {found!r} in it: pass --delimiter, or declare it in the mapping"
        )


def _keep_names(extract: Extract, earlier: RunFolder) -> None:
    """A run that goes on calls its files what it called them at first."""
    names = [file.name for file in earlier.read_manifest().extracts]
    named = zip(extract.sources, names, strict=True)
    extract.sources = [replace(source, name=name) for source, name in named]


def _paths(given: object) -> list[str | Path]:
    """The paths of an extract, which the Python API takes as it is given."""
    paths = []
    for path in [given] if isinstance(given, str) or not isinstance(given, Iterable) else given:
        if not isinstance(path, str | Path) or not str(path):
            raise ConfigError(f"an extract is a path, several paths or a DataFrame, not {kind_of(path)}")
        paths.append(path)
    return paths


def _open_files(given: str | Path | Sequence[str | Path], options: Options, mapping: Mapping | None) -> Extract:
    paths = _paths(given)
    declared = {"encoding": options.encoding, "delimiter": options.delimiter}
    if mapping is not None:
        declared = {name: value or getattr(mapping, name) for name, value in declared.items()}
    return open_extract(paths, **{name: value for name, value in declared.items() if value})


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keeps the cyclic garbage collector from scanning rows: its scans would cost more than the work."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
