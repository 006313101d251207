"""The second step of a load: reads every row, writes every request to disk, and checks that the run may proceed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.run_folder.locks import LOOK_AGAIN_SECONDS, LockedError, lock_path, locked
from connectors.targets import lasts
from pipelines.deliver.ledger import Ledger
from pipelines.deliver.limits import Watch
from pipelines.history.catalog import loading_now, refuse_finished
from pipelines.history.replay_check import check_keys
from pipelines.loading.earlier import check_same
from pipelines.loading.opening import OpenRun
from pipelines.prepare import reading
from pipelines.prepare.reading import Prepared, Rules
from schemas.errors import ConfigError
from schemas.manifest import Manifest
from schemas.same_load import Aspect, load_of


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
        _keep_others_away(run)
        refuse_finished(options.runs, run.record.manifest)
    return PreparedRun(run, requests, ledger)


def _keep_others_away(run: OpenRun) -> None:
    """Keeps other loads of this extract under --once away until the run is over."""
    options, manifest = run.spec.options, run.record.manifest
    if not lasts(manifest.target):
        return
    until = time.monotonic() + options.wait
    load = load_of(manifest, Aspect.OPERATION, Aspect.TARGET, Aspect.CONTENT_IN_ANY_ORDER)
    path = lock_path(options.runs, "once", *map(str, load.values()))
    try:
        run.closing.enter_context(locked(path, run.folder.run_id, options.wait, run.spec.progress.note))
        _wait_for_others(options.runs, manifest, until)
    except LockedError as error:
        raise ConfigError(f"--once: {error.message} is loading this extract; --wait SECONDS waits for it") from None


def _wait_for_others(runs: Path, manifest: Manifest, until: float) -> None:
    """Waits for loads of this extract without --once, which take no lock; raises LockedError when time is up."""
    while other := loading_now(runs, manifest):
        if time.monotonic() >= until:
            raise LockedError(other)
        time.sleep(LOOK_AGAIN_SECONDS)


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
