"""The first step of a load: opens the run and finds everything that is wrong before the first row; sends nothing."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date

from connectors.cluster.cluster import Cluster
from connectors.extracts.assumptions_file import read_assumptions
from connectors.extracts.extract import Extract
from connectors.extracts.frame_extract import columns_of_frame, extract_from_frame, is_frame
from connectors.extracts.mapping_file import read_mapping
from connectors.memory import plain_memory
from connectors.run_folder.folder import RunFolder, write_json
from connectors.run_folder.journal import Journal, patiently
from connectors.run_folder.results import is_failure_report
from connectors.targets import Target
from pipelines.feeds.feed import Feed
from pipelines.feeds.of_load import check_feed, feed_of
from pipelines.loading.assumed import check_followed
from pipelines.loading.collector import quiet_collector
from pipelines.loading.earlier import check_target, resumed
from pipelines.loading.given_extract import open_files
from pipelines.loading.given_plan import check_given, keep_plan
from pipelines.loading.interrupts import LoadInterrupt, interrupts
from pipelines.loading.manifest import Record, opening
from pipelines.loading.places import check_places, cluster_of, loads_target, named_target
from pipelines.loading.spec import LoadSpec
from pipelines.prepare.completeness import check_before
from schemas.assumptions import Assumptions
from schemas.errors import SEE_OUTPUT, ConfigError, RunFolderError
from schemas.expectations import Expectations
from schemas.manifest import Manifest
from schemas.option_types import business_dates
from schemas.rows import mapping as mappings
from schemas.rows.binding import Binding


@dataclass(frozen=True)
class OpenRun:
    """A run that is open.

    Attributes:
        binding: the extract's header bound to the operation.
        mapping: what it was bound with; None where the header is canonical.
        expect: what must be true of the whole extract, from the mapping and the options.
        assumed: what is assumed of the target.
        target: None in a dry run.
        cluster: None where this machine works alone.
        day: its business date.
        feed: what it is of; None where nothing is remembered.
        journal_from: where the journal ended when the run was opened, in bytes.
        before: the manifest that an earlier process left; None for a new run.
        interrupt: handles an interrupt of the run.
        closing: closes everything the run has open.
        began: seconds of the monotonic clock.
        retries_before: retries of the target's client before this run.
    """

    spec: LoadSpec
    extract: Extract
    binding: Binding
    mapping: mappings.Mapping | None
    expect: Expectations
    assumed: Assumptions
    target: Target | None
    cluster: Cluster | None
    folder: RunFolder
    journal: Journal
    record: Record
    day: date
    feed: Feed | None
    journal_from: int
    before: Manifest | None
    interrupt: LoadInterrupt
    closing: ExitStack
    began: float
    retries_before: int

    @property
    def is_new(self) -> bool:
        """Whether no process has read the extract before, so that nothing of it was sent."""
        return self.before is None or not self.before.begun


@contextmanager
def open_run(spec: LoadSpec) -> Iterator[OpenRun]:
    """Opens what a load needs, and closes it; a run that ends in an error says so in its manifest.

    From here on an interrupt ends the load early: at once or, once it sends, as soon as calls in flight are settled.

    Raises:
        ConfigError, ExtractError, AuthError, UnreachableError, RunFolderError: the load cannot begin.
    """
    interrupt = LoadInterrupt()
    with interrupts(interrupt), ExitStack() as closing:
        run = _opened(spec, interrupt, closing)
        try:
            yield run
        except BaseException as error:
            run.record.fail(error)
            raise


def _opened(spec: LoadSpec, interrupt: LoadInterrupt, closing: ExitStack) -> OpenRun:
    began = time.monotonic()
    closing.enter_context(quiet_collector())
    closing.enter_context(plain_memory())
    assumed = read_assumptions(spec.options.assume)
    found, bound, mapping, expect = _checked(spec, assumed, closing)
    again = "resume" if spec.earlier else "load"
    target = closing.enter_context(loads_target(spec.options, spec.progress, again))
    cluster = closing.enter_context(cluster_of(spec.options, spec.progress.note))
    day = business_dates.business_date(spec.options.date or business_dates.today(spec.options.timezone).isoformat())
    spec.progress.begins(day, spec.options.feed)
    folder = spec.earlier.folder if spec.earlier else RunFolder.create(spec.options.runs, spec.operation.name)
    with _whole_or_gone(folder, is_new=spec.earlier is None):
        journal = Journal(folder.journal)
        closing.callback(journal.close)
        feed = closing.enter_context(
            feed_of(spec.operation, spec.options, target.url if target else None, folder.run_id, spec.progress.note)
        )
        folder.open_scratch()
        closing.callback(folder.clear_scratch)
        if spec.earlier is not None:
            patiently(journal.take_in_parts)  # of a run on a cluster that was killed
        extract = found or closing.enter_context(_frame_extract(spec, folder))
        binding = bound or bind(spec, mapping, extract)
        if spec.options.hold:
            write_json(folder.hold, dict(spec.options.hold))
        before = folder.read_manifest() if spec.earlier else None
        manifest = opening(spec, folder.run_id, target.url if target else None, extract.sources)
        keep_plan(spec, folder, manifest)
        manifest = manifest.changed(date=day.isoformat())
        record = _recorded(spec, before, manifest, journal, folder)
    return OpenRun(
        spec=spec,
        extract=extract,
        binding=binding,
        mapping=mapping,
        expect=expect,
        assumed=assumed,
        target=target,
        cluster=cluster,
        folder=folder,
        journal=journal,
        record=record,
        day=day,
        feed=feed,
        journal_from=journal.end,
        before=before,
        interrupt=interrupt,
        closing=closing,
        began=began,
        retries_before=target.client.retries_done if target else 0,
    )


def _recorded(
    spec: LoadSpec, before: Manifest | None, manifest: Manifest, journal: Journal, folder: RunFolder
) -> Record:
    """The manifest of a run, written to disk where the run is new, with the rows of a replay."""
    if before is not None:
        check_target(before, manifest, journal)
    if spec.replayed is not None and (before is None or not before.begun):
        spec.replayed.write(folder)
    record = Record(folder, resumed(before, manifest) if before else manifest)
    if before is None:
        record.write(manifest)
    return record


def _checked(
    spec: LoadSpec, assumed: Assumptions, closing: ExitStack
) -> tuple[Extract | None, Binding | None, mappings.Mapping | None, Expectations]:
    """The extract and its binding (None for a data frame), the mapping, and what must be true of the extract."""
    operation, options, given = spec.operation, spec.options, spec.extract
    operation.check_mode(options.mode)
    operation.check_dialect(options.dialect)
    operation.check_duplicates(options.duplicates)
    check_places(options)
    check_given(spec)
    check_feed(operation, options)
    mapping = read_mapping(options.mapping, operation.name) if options.mapping else None
    operation.check_key(mapping)
    named_target(options)  # before the extract is opened
    extract = None if is_frame(given) else closing.enter_context(open_files(spec, mapping))
    header = columns_of_frame(given) if is_frame(given) else extract.columns if extract else []
    binding = bind(spec, mapping, extract) if extract is not None else None
    # The frame's columns are bound again once they are written down, with their types.
    shape = operation.rows(strict=options.strict)
    known = binding or Binding(header, shape, options.dialect, operation.key, mapping, null=options.null_words)
    expect = expectations(spec, mapping, header)
    _check_used(known, expect)
    check_followed(spec, known, assumed)
    check_before(expect, header, extract.sources if extract else ())
    return extract, binding, mapping, expect


def expectations(spec: LoadSpec, mapping: mappings.Mapping | None, header: Sequence[str]) -> Expectations:
    """What must be true of the whole extract, from the options and, but for a report of failures, from the mapping.

    Args:
        header: the columns of the extract.
    """
    standing = Expectations() if mapping is None or is_failure_report(header) else mapping.expect
    return standing.merged(spec.options.expect)


def bind(spec: LoadSpec, mapping: mappings.Mapping | None, extract: Extract) -> Binding:
    """The extract's columns bound to the operation.

    Args:
        spec: the load.
        mapping: its mapping.
        extract: its extract, open.

    Raises:
        ConfigError: the header does not fit the operation or the mapping.
    """
    operation = spec.operation
    binding = Binding(
        extract.columns,
        operation.rows(strict=spec.options.strict),
        spec.options.dialect,
        operation.key,
        mapping,
        extract.kinds,
        spec.options.null_words,
    )
    extract.check_readable(binding.used_columns)
    unclear = [name for name, column in binding.unclear_midnights.items() if extract.has_midnights(column)]
    if unclear:
        raise ConfigError(
            f"column {', '.join(map(binding.name, unclear))} has timestamps without a zone, some of them midnights, "
            "which are dates or local times: declare `midnight: date` or `midnight: local` beside the `timezone` in "
            "the mapping"
        )
    return binding


def _frame_extract(spec: LoadSpec, folder: RunFolder) -> Extract:
    assert is_frame(spec.extract)  # noqa: S101  # files are open already
    return extract_from_frame(spec.extract, folder.frame)


@contextmanager
def _whole_or_gone(folder: RunFolder, *, is_new: bool) -> Iterator[None]:
    """Removes the folder of a new run that cannot begin: without a manifest it could not be resumed either.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        yield
    except BaseException as error:
        if is_new:
            shutil.rmtree(folder.path, ignore_errors=True)
            if isinstance(error, RunFolderError):
                raise ConfigError(f"{error.message}: nothing was sent; make room, or choose another --runs") from None
        raise


def _check_used(binding: Binding, expect: Expectations) -> None:
    """Refuses columns that nothing uses where the mapping says so."""
    if (unused := binding.unused(expect.totals)) and binding.unmapped == "refuse":
        advice = "and it says `unmapped: refuse`: map them, have them left out, or declare `unmapped: note`"
        raise ConfigError(
            f"the mapping does not fit: nothing uses {unused}, {advice}",
            f"the mapping does not fit: nothing uses some columns of the extract, {advice}{SEE_OUTPUT}",
        )
