"""The life of a run before and after its requests are sent: its rows are prepared, its books closed."""

import time
from collections.abc import Sequence
from pathlib import Path

from connectors.run_folder.folder import RunFolder, write_json
from connectors.run_folder.locks import LOOK_AGAIN_SECONDS, LockedError, lock_path, locked
from connectors.run_folder.workbook import write_workbook
from connectors.targets import lasts
from pipelines.account.accountant import Accountant, RunCounts
from pipelines.account.failed_references import FailedRefs
from pipelines.deliver.ledger import Ledger, since
from pipelines.deliver.limits import Watch
from pipelines.feeds.of_load import wanted_of
from pipelines.history.catalog import loading_now, refuse_finished
from pipelines.history.replays.check import check_keys
from pipelines.loading.archiving import archived
from pipelines.loading.assumed import warnings_of
from pipelines.loading.earlier import check_same
from pipelines.loading.manifest import closed
from pipelines.loading.opening import OpenRun
from pipelines.loading.remembering import remember
from pipelines.loading.sending import PreparedRun, Sent
from pipelines.prepare import reading
from pipelines.prepare.processes.dask_tasks import DaskTasks
from pipelines.prepare.processes.own_processes import OwnProcesses
from pipelines.prepare.reading import Rules, Workers
from pipelines.report.html import write_html
from pipelines.report.report import Report
from schemas.errors import BalanceError, ConfigError, LimitError, RunFolderError
from schemas.manifest import Manifest
from schemas.same_load import Aspect, load_of
from schemas.states import Verdict
from schemas.verdicts import verdict_of


def prepare(run: OpenRun) -> PreparedRun:
    """Reads and validates every row, and writes every request to disk. Sends nothing.

    Raises:
        ConfigError: the run cannot be resumed, or --once refuses it.
        ExtractError, RunFolderError: as `reading.prepare` raises them.
    """
    spec, options = run.spec, run.spec.options
    rules = Rules(
        *(spec.operation, options.dialect, options.duplicates, options.max_batch_bytes, options.hold, run.expect),
        match_case=run.assumed.identifiers_match_case.get(spec.operation.name, True),
    )
    watch = Watch(options.max_failures, spec.progress)
    crew = DaskTasks(run.cluster) if run.cluster else OwnProcesses()
    workers = Workers(options.workers, options.strict, run.mapping, options.null_words, crew)
    requests = reading.prepare(run.extract, run.binding, rules, run.folder.scratch, watch.reading, workers)
    run.closing.callback(requests.close)
    if spec.replayed is not None:
        check_keys(spec.replayed, requests, whole=spec.operation.grouped)
    digests = run.extract.digests()
    manifest = _with_kept_copy(run)
    run.extract.check_unchanged()
    ledger = Ledger(run.journal, len(requests), requests.name, since(manifest.started))
    force = _check_earlier(run, ledger, digests)
    if run.target is not None:
        ledger.plan(*requests.digests(), force=force)
    run.record.write(manifest.with_digests(digests))  # only now: digests in a manifest mean that the journal has a plan
    if options.once:
        _keep_others_away(run)
        refuse_finished(options.runs, run.record.manifest)
    feed = None if run.feed is None else run.feed.take(requests, wanted_of(options, run.day, run.feed.state))
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
    if options.archive is not None:
        report = archived(run, report, options.archive)
    run.spec.progress.closed(run.folder.path)
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
        retries=run.target.client.retries_done - run.retries_before + sent.retries if run.target else 0,
        seconds=time.monotonic() - run.began,
        reasons=tuple(counts.reasons),
        changes=counts.changes,
        alerts=tuple(counts.alerts),
        warnings=(*warnings_of(spec, run.assumed), *warnings, *stopped_by, *prepared.requests.remarks, *sent.warnings),
        red_at=options.red_at,
        failed_refs=refs.found() if refs is not None else {},
        refs_unknown=refs.unknown if refs is not None else None,
        limited=isinstance(sent.stopped_by, LimitError),
    )
