"""The last step of a load: writes every row's state to disk and counts twice before the run counts as done."""

import time

from connectors.run_folder.atomic_files import write_json
from pipelines.account.accountant import Accountant, RunCounts
from pipelines.account.failed_references import FailedRefs
from pipelines.loading.manifest import closed
from pipelines.loading.preparing import PreparedRun
from pipelines.loading.sending import Sent
from pipelines.report.html import write_html
from pipelines.report.report import Report
from schemas.errors import BalanceError
from schemas.verdicts import Verdict, verdict_of


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
    warnings = list(dict.fromkeys(accountant.warnings))
    report = _report(prepared, sent, counts, warnings, refs)
    if refs is not None and (refs.unknown or report.failed_refs):
        write_json(run.folder.failed, {"refs": report.failed_refs, "unknown": refs.unknown})
    manifest = closed(run.record.manifest, report)
    write_html(run.folder, manifest)
    prepared.requests.close()
    run.folder.clear_scratch()  # before the verdict: a finished run is neither resumed nor tidied up
    run.record.write(manifest)
    return report


def _report(
    prepared: PreparedRun, sent: Sent, counts: RunCounts, warnings: list[str], refs: FailedRefs | None
) -> Report:
    run, spec, options = prepared.run, prepared.run.spec, prepared.run.spec.options
    if sent.stopped_by is not None:
        warnings = [*warnings, sent.stopped_by.message]
    return Report(
        run_id=run.folder.run_id,
        run_dir=run.folder.path,
        operation=spec.operation.name,
        mode=options.mode,
        verdict=verdict_of(counts.rows, stopped=sent.stopped_by is not None, dry_run=options.dry_run),
        rows_read=counts.rows_read,
        rows=counts.rows,
        keys=counts.keys,
        requests=prepared.ledger.calls,
        retries=run.target.client.retries_done - run.retries_before if run.target else 0,
        seconds=time.monotonic() - run.began,
        reasons=tuple(counts.reasons),
        warnings=(*warnings, *sent.warnings),
        failed_refs=refs.found() if refs is not None else {},
        refs_unknown=refs.unknown if refs is not None else None,
    )
