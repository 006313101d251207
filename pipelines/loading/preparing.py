"""The second step of a load: reads every row, writes every request to disk, and checks that the run may proceed."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.deliver.budget import Watch
from pipelines.deliver.ledger import Ledger
from pipelines.history.catalog import refuse_finished
from pipelines.history.replay_check import check_keys
from pipelines.loading.earlier import check_same
from pipelines.loading.opening import OpenRun
from pipelines.prepare import reading
from pipelines.prepare.reading import Prepared, Rules
from schemas.errors import ConfigError
from schemas.manifest import Manifest


@dataclass(frozen=True)
class PreparedRun:
    """A run whose requests are on disk.

    Attributes:
        requests: the requests to send.
        ledger: the state of each request.
    """

    run: OpenRun
    requests: Prepared
    ledger: Ledger


def prepare(run: OpenRun) -> PreparedRun:
    """Reads and validates every row, and writes every request to disk. Sends nothing.

    Raises:
        ConfigError: the run cannot be resumed, or --once refuses it.
        ExtractError, RunFolderError: as `reading.prepare` raises them.
    """
    spec, options = run.spec, run.spec.options
    rules = Rules(
        spec.operation, options.dialect, options.duplicates, options.max_batch_bytes, options.hold, run.expect
    )
    watch = Watch(options.max_failures, spec.progress)
    requests = reading.prepare(run.extract, run.binding, rules, run.folder.scratch, watch.reading)
    run.closing.callback(requests.close)
    if spec.replayed is not None:
        check_keys(spec.replayed, requests, whole=spec.operation.grouped)
    digests = run.extract.digests()
    manifest = _with_kept_copy(run)
    run.extract.check_unchanged()
    ledger = Ledger(run.journal, len(requests))
    force = _check_earlier(run, ledger, digests)
    if run.target is not None:
        ledger.plan(*requests.digests(), force=force)
    run.record.write(manifest.with_digests(digests))  # only now: digests in a manifest mean that the journal has a plan
    if options.once:
        refuse_finished(options.runs, run.record.manifest)
    return PreparedRun(run, requests, ledger)


def _with_kept_copy(run: OpenRun) -> Manifest:
    """The run's manifest; that of a new replay names the copy that it keeps of its file."""
    manifest = run.record.manifest
    if run.spec.replayed is None or not run.is_new:
        return manifest
    (source,), (file,) = run.extract.sources, manifest.extracts
    kept = run.folder.keep_copy(source.path, source.compression)
    return manifest.changed(extracts=(file.model_copy(update={"kept": kept}),))


def _check_earlier(run: OpenRun, ledger: Ledger, digests: Sequence[str]) -> bool:
    """Makes sure that an earlier run may be resumed; returns whether --force resumes it."""
    earlier, before = run.spec.earlier, run.before
    if earlier is None or before is None:
        return False
    check_same(before, run.record.manifest, digests, force=earlier.force)
    if before.begun and not ledger.planned:
        raise ConfigError(
            f"{run.folder.journal} is missing or empty: it is not known what was sent, so the run cannot be resumed"
        )
    return earlier.force
