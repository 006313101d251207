"""Opening a run: everything that can be wrong before the first row is found here, and nothing has been sent."""

import gc
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
from pipelines.loading.earlier import check_target, go_on
from pipelines.loading.interrupts import LoadInterrupt, interrupts
from pipelines.loading.job import Job
from pipelines.loading.manifest import opening
from pipelines.loading.record import Record
from pipelines.options import kind_of
from pipelines.prepare.completeness import check_before
from schemas.errors import ConfigError, RunFolderError
from schemas.expectations import Expectations
from schemas.manifest import Manifest
from schemas.rows import mapping as mappings
from schemas.rows.binding import Binding

_COLLECT_EVERY = 200_000


@dataclass(frozen=True)
class OpenRun:
    """A run that is open.

    Attributes:
        binding: the extract's header bound to the operation.
        expect: what must be true of the whole extract, by the mapping and the options.
        target: None in a dry run.
        before: the manifest as an earlier process left it, of a run that goes on.
        interrupt: what an interrupt does to the run.
        closing: closes what the run works with.
        began: when, in seconds of the monotonic clock.
        retries_before: retries of the target's client before this run.
    """

    job: Job
    extract: Extract
    binding: Binding
    expect: Expectations
    target: Target | None
    folder: RunFolder
    journal: Journal
    record: Record
    before: Manifest | None
    interrupt: LoadInterrupt
    closing: ExitStack
    began: float
    retries_before: int

    @property
    def is_new(self) -> bool:
        """Whether no process has read the extract before, so that nothing was sent of it."""
        return self.before is None or not self.before.begun


@contextmanager
def open_run(job: Job) -> Iterator[OpenRun]:
    """Opens what a load works with, and closes it; a run that ends in an error says so in its manifest.

    From here on an interrupt ends the load early: at once, or, once it sends, when what is in flight is settled.

    Raises:
        ConfigError, ExtractError, AuthError, UnreachableError, RunFolderError: something does not fit.
    """
    interrupt = LoadInterrupt()
    with interrupts(interrupt), ExitStack() as closing:
        run = _opened(job, interrupt, closing)
        try:
            yield run
        except BaseException as error:
            run.record.fail(error)
            raise


def _opened(job: Job, interrupt: LoadInterrupt, closing: ExitStack) -> OpenRun:
    began = time.monotonic()
    closing.enter_context(_quiet_collector())
    found, binding, expect = _bound(job, closing)
    target = closing.enter_context(_target(job))
    folder = job.earlier.folder if job.earlier else RunFolder.create(job.options.runs, job.operation.name)
    with _whole_or_gone(folder, is_new=job.earlier is None):
        journal = Journal(folder.journal)
        closing.callback(journal.close)
        folder.open_scratch()
        closing.callback(folder.clear_scratch)
        extract = found or closing.enter_context(_frame_extract(job, folder))
        if job.options.hold:
            write_json(folder.hold, dict(job.options.hold))
        before = folder.read_manifest() if job.earlier else None
        manifest = _manifest(job, folder, target, extract)
        if before is not None:
            check_target(before, manifest, journal)
        if job.replayed is not None and (before is None or not before.begun):
            job.replayed.write(folder)
        record = Record(folder, go_on(before, manifest) if before else manifest)
        if before is None:
            record.write(manifest)
    return OpenRun(
        job=job,
        extract=extract,
        binding=binding,
        expect=expect,
        target=target,
        folder=folder,
        journal=journal,
        record=record,
        before=before,
        interrupt=interrupt,
        closing=closing,
        began=began,
        retries_before=target.client.retries_done if target else 0,
    )


def _bound(job: Job, closing: ExitStack) -> tuple[Extract | None, Binding, Expectations]:
    """The extract's files, its header bound to the operation, and what must be true of it; no files of a data frame."""
    operation, options, given = job.operation, job.options, job.extract
    operation.check_mode(options.mode)
    operation.check_dialect(options.dialect)
    operation.check_duplicates(options.duplicates)
    mapping = read_mapping(options.mapping, operation.name) if options.mapping else None
    operation.check_key(mapping)
    extract = None if isinstance(given, pd.DataFrame) else closing.enter_context(_open_files(job, mapping))
    header = frame_columns(given) if isinstance(given, pd.DataFrame) else extract.columns if extract else []
    _check_delimiter(header)
    binding = Binding(header, operation.shape, options.dialect, operation.key, mapping)
    if extract is not None:
        extract.check_readable(binding.used_columns)
    standing = Expectations() if mapping is None or is_failure_report(header) else mapping.expect
    expect = standing.merged(options.expect)
    check_before(expect, header, extract.sources if extract else ())
    return extract, binding, expect


@contextmanager
def _target(job: Job) -> Iterator[Target | None]:
    options = job.options
    if options.dry_run:
        yield None
        return
    with open_target(options.target, options, job.progress.note) as target:
        yield target


def _frame_extract(job: Job, folder: RunFolder) -> Extract:
    assert isinstance(job.extract, pd.DataFrame)  # noqa: S101  # anything else is open already
    return extract_from_frame(job.extract, folder.frame)


def _manifest(job: Job, folder: RunFolder, target: Target | None, extract: Extract) -> Manifest:
    return opening(
        folder.run_id,
        job.operation.name,
        job.options,
        target=target.url if target else None,
        sources=extract.sources,
        replays=job.replayed.run.run_id if job.replayed else None,
    )


@contextmanager
def _whole_or_gone(folder: RunFolder, *, is_new: bool) -> Iterator[None]:
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


def _paths(given: object) -> list[str | Path]:
    """The paths of an extract, which the Python API takes as it is given."""
    paths = []
    for path in [given] if isinstance(given, str) or not isinstance(given, Iterable) else given:
        if not isinstance(path, str | Path) or not str(path):
            raise ConfigError(f"an extract is a path, several paths or a DataFrame, not {kind_of(path)}")
        paths.append(path)
    return paths


def _open_files(job: Job, mapping: mappings.Mapping | None) -> Extract:
    declared = {"encoding": job.options.encoding, "delimiter": job.options.delimiter}
    if mapping is not None:
        declared = {name: value or getattr(mapping, name) for name, value in declared.items()}
    names = job.earlier.names if job.earlier else None
    return open_extract(_paths(job.extract), names=names, **{name: value for name, value in declared.items() if value})


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
