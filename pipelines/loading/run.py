"""One load under way: the steps that `load` puts in order, and what they share."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Self

from connectors.lusid.client import LusidClient
from connectors.run_folder.atomic_files import write_json
from pipelines.account.accountant import Accountant, Accounts
from pipelines.account.failed_references import FailedRefs
from pipelines.deliver.budget import Spending, Watch
from pipelines.deliver.concurrency import Pressure
from pipelines.deliver.delivery import Delivery
from pipelines.deliver.ledger import Ledger
from pipelines.deliver.sender import Batch, Portion, batches, send
from pipelines.history.catalog import refuse_finished
from pipelines.history.replay_check import check_keys
from pipelines.history.replay_rows import Replayed
from pipelines.loading.earlier import Earlier, check_same, elsewhere, go_on
from pipelines.loading.manifest import closed, opening
from pipelines.loading.opening import open_run, whole_or_gone
from pipelines.operations.operation import CallSpec, Operation
from pipelines.options import Extracts, Options, Progress
from pipelines.prepare.reading import Rules, prepare
from pipelines.report.html import write_html
from pipelines.report.report import Report
from schemas.errors import BalanceError, ConfigError, FatalError, LoadError, StoppedError
from schemas.states import State
from schemas.verdicts import EXIT_CODES, Verdict, verdict_of


class Run:
    """One load under way."""

    def __init__(
        self,
        operation: Operation,
        extract: Extracts,
        options: Options,
        progress: Progress,
        *,
        earlier: Earlier | None = None,
        replayed: Replayed | None = None,
    ) -> None:
        """Describes a load; nothing is opened yet.

        Args:
            earlier: a run that stopped, to go on with.
            replayed: the run whose failures the extract is.
        """
        self.operation, self.options, self.progress = operation, options, progress
        self.delivery: Delivery | None = None
        self._given, self._earlier, self.replayed = extract, earlier, replayed
        self._clock = time.monotonic()
        self._open = ExitStack()
        self._settled = 0
        self._warnings: list[str] = []
        self._is_ours = earlier is None

    def __enter__(self) -> Self:
        """Opens everything the run needs; what does not fit stops here, before the first row."""
        with ExitStack() as stack:
            earlier = self._earlier.folder if self._earlier else None
            opened = open_run(
                self.operation, self._given, self.options, stack, earlier=earlier, note=self.progress.note
            )
            self.extract, self.binding, self.expect = opened.extract, opened.binding, opened.expect
            self.target, self.folder, self.journal = opened.target, opened.folder, opened.journal
            self._retries_before = self.target.client.retries_done if self.target else 0
            self.manifest = opening(
                self.folder.run_id,
                self.operation.name,
                self.options,
                target=self.target.url if self.target else None,
                sources=self.extract.sources,
                replays=self.replayed.run_id if self.replayed else None,
            )
            if earlier is None:
                with whole_or_gone(self.folder, is_new=True):
                    if self.replayed is not None:
                        self.replayed.write(self.folder)
                    self.folder.write_manifest(self.manifest)
            else:
                if self.replayed is not None and self._is_new():
                    self.replayed.write(self.folder)
                before = earlier.read_manifest()
                self._warnings += elsewhere(before, self.manifest)
                self.manifest = go_on(before, self.manifest)
            self._open = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        """Lets go of everything; a run that ends in an error says so in its manifest.

        A run that may not go on, as its extract changed, stays as it was: the hashes it began with are its own.
        """
        with self._open:
            if self.delivery is not None:
                self.delivery.brake.release()
            if error is not None and self._is_ours and self.manifest.verdict is Verdict.UNFINISHED:
                stopped = isinstance(error, FatalError) and error.exit_code == EXIT_CODES[Verdict.STOPPED]
                text = error.message if isinstance(error, LoadError) else type(error).__name__
                verdict = Verdict.STOPPED if stopped else Verdict.ERROR
                self.folder.write_manifest(self.manifest.changed(verdict=verdict, error=text))

    def interrupt(self, name: str) -> None:
        """Stops the run: before sending at once, while sending when what is in flight is settled."""
        error = StoppedError(f"interrupted by {name}")
        if self.delivery is None:
            raise error
        self.delivery.brake.stop(error)

    def prepare(self) -> None:
        """Reads and validates every row, and writes every request down. Sends nothing."""
        options = self.options
        rules = Rules(
            self.operation,
            options.dialect,
            options.duplicates,
            options.max_batch_bytes,
            options.hold,
            self.expect,
        )
        watch = Watch(options.max_failures, self.progress)
        self.prepared = prepare(self.extract, self.binding, rules, self.folder.scratch, watch.reading)
        self._open.callback(self.prepared.close)
        if self.replayed is not None:
            check_keys(self.replayed, self.prepared, whole=self.operation.grouped)
        digests = self.extract.digests()
        if self.replayed is not None and self._is_new():
            (source,) = self.extract.sources
            kept = self.folder.keep_copy(source.path, source.compression)
            (file,) = self.manifest.extracts
            self.manifest = self.manifest.changed(extracts=(file.model_copy(update={"kept": kept}),))
        self.extract.check_unchanged()
        self.ledger = Ledger(self.journal, len(self.prepared))
        force = self._check_earlier(digests)
        if self.target is not None:
            self.ledger.plan(*self.prepared.digests(), force=force)
        # not before: a manifest with digests has a journal with a plan
        self.manifest = self.manifest.with_digests(digests)
        self._is_ours = True
        if options.once:
            refuse_finished(options.runs, self.manifest)
        self.folder.write_manifest(self.manifest)
        if self.target is not None:
            self._open_delivery(self.target.client)

    def _open_delivery(self, client: LusidClient) -> None:
        """Makes ready what sends, from what the journal and the run that is replayed know of the requests."""
        options = self.options
        spec = CallSpec(self.operation, options.mode, options.dialect)
        self.pressure = Pressure(options.concurrency, lambda: client.setbacks)
        self.delivery = Delivery(self.prepared, spec, self.ledger, client)
        reading_back = self.delivery.reading_back
        reading_back.doubtful = self.ledger.restore()
        if self.replayed is not None:
            reading_back.doubtful |= self.replayed.requests(self.prepared, State.UNKNOWN)
            reading_back.held = self.replayed.requests(self.prepared, State.HELD)
        self._settled = len(self.prepared) - len(self.ledger.open_requests())
        self.spending = Spending(options.max_failures, self.prepared, self.ledger)
        self._stop_over_budget()

    def _is_new(self) -> bool:
        """Whether no process has read the extract before, so that nothing was sent of it."""
        return self._earlier is None or not self._earlier.folder.read_manifest().begun

    def _check_earlier(self, digests: Sequence[str]) -> bool:
        """Makes sure that an earlier run may go on; gives whether that is forced."""
        if self._earlier is None:
            return False
        before, force = self._earlier.folder.read_manifest(), self._earlier.force
        check_same(before, self.manifest, digests, force=force)
        if before.begun and not self.ledger.planned:
            raise ConfigError(
                f"{self.folder.journal} is gone or empty: nobody knows what was sent, so the run cannot go on"
            )
        return force

    def send(self) -> None:
        """Sends what is not settled yet; returns when each request is settled, or the run has stopped."""
        if self.delivery is None:  # a dry run
            return
        limit = min(self.options.batch_size, self.operation.max_items or self.options.batch_size)
        work = batches(self.prepared, self.ledger, Portion(limit, self.options.max_batch_bytes))

        def settled(batch: Batch) -> None:
            self._settled += len(batch)
            self.progress.sending(self._settled, len(self.prepared))
            self.spending.add(batch)
            self._stop_over_budget()

        send(work, self.delivery, self.pressure, settled)

    def _stop_over_budget(self) -> None:
        over = self.spending.over()
        if over is not None and self.delivery is not None:
            self.delivery.brake.stop(over)

    def close_books(self) -> Report:
        """Writes every row's state down and compares the counts; only then is the run over."""
        if self.delivery is not None:
            self.delivery.reading_back.settle_rest()
        stopped = self.delivery.brake.error if self.delivery else None
        why = None if self.options.dry_run else f"the run stopped first: {stopped.message if stopped else ''}"
        refs = FailedRefs(self.operation, self.binding.named_row) if self.options.followed else None
        accountant = Accountant(self.prepared, self.ledger, self.journal, refs, why)
        try:
            accounts = accountant.close_books(self.folder, self.extract)
        except BalanceError as error:
            self.manifest = self.manifest.changed(verdict=Verdict.UNBALANCED, error=error.message)
            self.folder.write_manifest(self.manifest)
            raise
        report = self._report(accounts, stopped, [*self._warnings, *dict.fromkeys(accountant.warnings)])
        if refs is not None:
            report = replace(report, failed_refs=refs.found(), refs_unknown=refs.unknown)
            if refs.unknown or report.failed_refs:
                write_json(self.folder.failed, {"refs": report.failed_refs, "unknown": refs.unknown})
        self.manifest = closed(self.manifest, report)
        write_html(self.folder, self.manifest)
        self.prepared.close()
        self.folder.clear_scratch()  # before the verdict: nobody goes on with a finished run, or tidies it up
        self.folder.write_manifest(self.manifest)
        return report

    def _report(self, accounts: Accounts, error: FatalError | None, warnings: list[str]) -> Report:
        warnings += [error.message] if error else []
        warnings += self.delivery.warnings() if self.delivery else []
        return Report(
            run_id=self.folder.run_id,
            run_dir=self.folder.path,
            operation=self.operation.name,
            mode=self.options.mode,
            verdict=verdict_of(accounts.rows, stopped=error is not None, dry_run=self.options.dry_run),
            rows_read=accounts.rows_read,
            rows=accounts.rows,
            keys=accounts.keys,
            requests=self.ledger.calls,
            retries=self.target.client.retries_done - self._retries_before if self.target else 0,
            seconds=time.monotonic() - self._clock,
            reasons=tuple(accounts.reasons),
            warnings=tuple(warnings),
        )
