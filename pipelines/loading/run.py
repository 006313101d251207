"""The life of a run once it is open: its rows are prepared, its requests sent, its books closed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from connectors.lusid.client import LusidClient
from connectors.run_folder.folder import RunFolder, write_json
from connectors.run_folder.locks import LOOK_AGAIN_SECONDS, LockedError, lock_path, locked
from connectors.run_folder.workbook import write_workbook
from connectors.targets import lasts
from pipelines.account.accountant import Accountant, RunCounts
from pipelines.account.failed_references import FailedRefs
from pipelines.deliver.delivery import Delivery
from pipelines.deliver.doubts import Before
from pipelines.deliver.ledger import Ledger
from pipelines.deliver.limits import Pressure, Spending, Watch
from pipelines.deliver.sender import Batch, Portion, batches, send_batches
from pipelines.feeds.feed import FeedLoad
from pipelines.feeds.of_load import wanted_of
from pipelines.history.catalog import loading_now, refuse_finished
from pipelines.history.replays.check import check_keys
from pipelines.loading.earlier import check_same
from pipelines.loading.manifest import closed
from pipelines.loading.opening import OpenRun
from pipelines.loading.remembering import remember
from pipelines.operations.operation import CallSpec
from pipelines.prepare import reading
from pipelines.prepare.reading import Prepared, Rules
from pipelines.report.html import write_html
from pipelines.report.report import Report
from schemas.errors import BalanceError, ConfigError, FatalError, RunFolderError
from schemas.manifest import Manifest
from schemas.same_load import Aspect, load_of
from schemas.states import State, Verdict
from schemas.verdicts import verdict_of


@dataclass(frozen=True)
class PreparedRun:
    """A run whose requests are on disk.

    Attributes:
        requests: the requests to send.
        ledger: the state of each request.
        feed: what of them is not sent; None where nothing is remembered.
    """

    run: OpenRun
    requests: Prepared
    ledger: Ledger
    feed: FeedLoad | None = None


@dataclass(frozen=True)
class Sent:
    """How sending ended.

    Attributes:
        stopped_by: what stopped the run; None where nothing did.
        warnings: what the user should know about it.
    """

    stopped_by: FatalError | None = None
    warnings: tuple[str, ...] = ()


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
    ledger = Ledger(run.journal, len(requests), requests.name)
    force = _check_earlier(run, ledger, digests)
    if run.target is not None:
        ledger.plan(*requests.digests(), force=force)
    run.record.write(manifest.with_digests(digests))  # only now: digests in a manifest mean that the journal has a plan
    if options.once:
        _keep_others_away(run)
        refuse_finished(options.runs, run.record.manifest)
    feed = None if run.feed is None else run.feed.take(requests, wanted_of(options, run.day, run.feed.state))
    if feed is not None:
        ledger.restore()
        feed.withhold(ledger)
    return PreparedRun(run, requests, ledger, feed)


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


def send(prepared: PreparedRun) -> Sent:
    """Sends what is not settled yet; returns when every request is settled or the run has stopped.

    A dry run sends nothing.
    """
    target = prepared.run.target
    return Sent() if target is None else _Sending(prepared, target.client).to_the_end()


class _Sending:
    """One run's requests on their way."""

    def __init__(self, prepared: PreparedRun, client: LusidClient) -> None:
        """Makes ready what sends, from what the journal and the run that is replayed know of the requests."""
        spec, options, requests = prepared.run.spec, prepared.run.spec.options, prepared.requests
        self._prepared, self._progress = prepared, spec.progress
        self._pressure = Pressure(options.concurrency, lambda: client.setbacks)
        before = _before(prepared)
        self._delivery = Delivery(
            requests,
            CallSpec(spec.operation, options.mode, options.dialect),
            prepared.ledger,
            client,
            heard=self._pressure.answered,
            lag=options.read_lag,
            before=before,
        )
        budget = options.max_failures
        self._spending = None if budget is None else Spending(budget, requests, prepared.ledger)
        if self._spending is not None:
            self._spending.add(np.arange(len(requests)))  # what a plan kept back may count as failed
        self._settled = len(requests) - len(prepared.ledger.open_requests())

    def to_the_end(self) -> Sent:
        """Sends until each request is settled or something stops the run; what is in doubt then is unknown."""
        run, brake = self._prepared.run, self._delivery.brake
        run.closing.callback(brake.release)
        run.interrupt.settle_first(self._interrupted)
        self._stop_over_budget()
        options, most = run.spec.options, run.spec.operation.max_items
        portion = Portion(min(options.batch_size, most or options.batch_size), options.max_batch_bytes)
        work = batches(self._prepared.requests, self._prepared.ledger, portion)
        send_batches(work, self._delivery, self._pressure, self._count)
        self._delivery.reading_back.settle_rest()
        return Sent(brake.error, tuple(self._delivery.warnings()))

    def _interrupted(self, error: FatalError) -> None:
        """Stops the run in a signal's handler."""
        self._delivery.brake.stop(error)
        self._progress.stopping()

    def _count(self, batch: Batch) -> None:
        self._settled += len(batch)
        self._progress.sending(self._settled, len(self._prepared.requests))
        if self._spending is not None:
            self._spending.add(batch)
            self._stop_over_budget()

    def _stop_over_budget(self) -> None:
        over = self._spending.over() if self._spending is not None else None
        if over is not None:
            self._delivery.brake.stop(over)


def _before(prepared: PreparedRun) -> Before:
    """What the journal and the run that is replayed know of the requests."""
    doubtful, refused, held = prepared.ledger.restore(), set[int](), set[int]()
    if (replayed := prepared.run.spec.replayed) is not None:
        for state in State:
            requests = replayed.requests(prepared.requests, state)
            doubtful |= requests if state.traits.in_doubt else set()
            refused |= requests if state.traits.refused or state.traits.unfinished else set()
            held |= requests if state is State.HELD else set()
    if prepared.feed is not None:
        prepared.feed.begin(prepared.run.folder, prepared.run.journal_from)
        doubtful &= set(prepared.ledger.open_requests().tolist())
    return Before(doubtful, refused, held)


def close_books(prepared: PreparedRun, sent: Sent) -> Report:
    """Writes every row's state and compares the counts; only then is the run over.

    Raises:
        BalanceError: the counts differ.
    """
    run, options = prepared.run, prepared.run.spec.options
    why = None if options.dry_run else f"the run stopped first: {sent.stopped_by.message if sent.stopped_by else ''}"
    refs = FailedRefs(run.spec.operation, run.binding.named_row) if options.followed else None
    accountant = Accountant(prepared.requests, prepared.ledger, run.journal, refs, why)
    try:
        counts = accountant.close_books(run.folder, run.extract)
    except BalanceError as error:
        run.record.write(run.record.manifest.changed(verdict=Verdict.UNBALANCED, error=error.message))
        raise
    warnings = list(dict.fromkeys([*run.extract.notes(), *accountant.warnings]))
    if prepared.feed is not None:
        warnings += remember(run, prepared.ledger, prepared.feed, counts)
    if options.xlsx:
        warnings += _workbook(run.folder)
    report = _report(prepared, sent, counts, warnings, refs)
    if refs is not None and (refs.unknown or report.failed_refs):
        write_json(run.folder.failed, {"refs": report.failed_refs, "unknown": refs.unknown})
    manifest = closed(run.record.manifest, report)
    write_html(run.folder, manifest)
    prepared.requests.close()
    run.folder.clear_scratch()  # before the verdict: a finished run is neither resumed nor tidied up
    run.record.write(manifest)
    return report


def _workbook(folder: RunFolder) -> list[str]:
    """Writes failures.xlsx; returns why there is none, which is no reason to call the run unfinished."""
    try:
        write_workbook(folder.failures, folder.workbook)
    except (ConfigError, RunFolderError) as error:
        return [f"there is no {folder.workbook.name}: {error.message}"]
    return []


def _report(
    prepared: PreparedRun, sent: Sent, counts: RunCounts, warnings: list[str], refs: FailedRefs | None
) -> Report:
    run, spec, options = prepared.run, prepared.run.spec, prepared.run.spec.options
    stopped_by = () if sent.stopped_by is None else (sent.stopped_by.message,)
    return Report(
        run_id=run.folder.run_id,
        run_dir=run.folder.path,
        operation=spec.operation.name,
        mode=options.mode,
        target=run.target.url if run.target else None,
        verdict=verdict_of(
            counts.rows,
            stopped=bool(stopped_by),
            dry_run=options.dry_run,
            alerts=options.alerts if counts.alerts else None,
        ),
        rows_read=counts.rows_read,
        rows=counts.rows,
        keys=counts.keys,
        requests=prepared.ledger.calls,
        retries=run.target.client.retries_done - run.retries_before if run.target else 0,
        seconds=time.monotonic() - run.began,
        reasons=tuple(counts.reasons),
        changes=counts.changes,
        alerts=tuple(counts.alerts),
        warnings=(*warnings, *stopped_by, *prepared.requests.remarks, *sent.warnings),
        red_at=options.red_at,
        failed_refs=refs.found() if refs is not None else {},
        refs_unknown=refs.unknown if refs is not None else None,
    )
