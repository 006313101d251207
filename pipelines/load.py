"""A load, from extract to report. Read this first: the product is what this page does, in this order.

1. Bind the extract's header to the operation, and make sure LUSID lets us in: what does not fit stops here.
2. Prepare: every row is read, validated and keyed; every request is written down. Nothing has been sent yet.
3. Send: requests go to LUSID in calls; each key is settled by what the answer says of it.
4. Close the books: every row's state is on disk, counted twice, before the run says it is done.
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from connectors.extracts import Cell, Extract, extract_from_frame, open_extract
from connectors.frames import frame_columns
from connectors.journal import Journal
from connectors.mapping_file import read_mapping
from connectors.outcome_files import is_failure_report
from connectors.run_folder import RunFolder
from connectors.targets import Target, open_target
from pipelines.account import Accountant, Accounts
from pipelines.budget import Budget, Spending
from pipelines.deliver import Delivery, Manner
from pipelines.gate import check_before
from pipelines.history import refuse_finished
from pipelines.html_report import write_html
from pipelines.interrupts import interrupts
from pipelines.ledger import Ledger
from pipelines.manifest import add_digests, check_same, closing, opening
from pipelines.operations import Operation, operation_named
from pipelines.prepare import Prepared, Rules, prepare
from pipelines.pressure import Pressure
from pipelines.report import EXIT_CODES, Report, Verdict, verdict_of
from pipelines.send import Batch, Portion, batches, send
from schemas.binding import Binding
from schemas.dialects import Dialect
from schemas.errors import BalanceError, FatalError, LoadError, StoppedError
from schemas.expectations import Expectations
from schemas.mapping import Mapping as ColumnMapping
from schemas.states import Duplicates, Mode, State

Extracts = str | Path | Sequence[str | Path] | pd.DataFrame

WINDOW = 64
"""Calls in one stretch of sending: one Prefect task."""

_COLLECT_EVERY = 200_000


@dataclass(frozen=True)
class Options:
    """What a load may be told; the command line's flags of the same names.

    Attributes:
        target: base URL of a LUSID, `sandbox`, `sandbox:FILE`, None for what the environment says, or an open one
            that outlives the load.
        batch_size: requests in one call, at most; max_batch_bytes: bytes in one call, at most.
        concurrency: calls in flight.
        dry_run: stop before anything is sent.
        max_failures: rows that may fail, `50` or `2.5%`, before the run stops.
        once: refuse an extract that a run has already finished.
        expect: what must be true of the whole extract; wins over the mapping's.
        hold: references (`InvestorRecord/Scope/Code=value`) that failed tonight, to what is said of them.
    """

    mode: Mode = Mode.PARTIAL
    mapping: Path | None = None
    target: str | Target | None = None
    dialect: Dialect = Dialect.V2_1
    runs: Path = Path("runs")
    batch_size: int = 1000
    max_batch_bytes: int = 8 << 20
    concurrency: int = 4
    duplicates: Duplicates = Duplicates.REFUSE
    dry_run: bool = False
    max_failures: Budget | None = None
    expect: Expectations = field(default_factory=Expectations)
    once: bool = False
    hold: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, **changes: Any) -> Self:
        """Options from plain values: `Options.of(mode="Atomic", runs="/data/runs")`."""
        kinds: dict[str, Callable[[Any], Any]] = {
            "mode": Mode,
            "dialect": Dialect,
            "duplicates": Duplicates,
            "max_failures": lambda text: text if isinstance(text, Budget) else Budget.parse(str(text)),
            "expect": Expectations.model_validate,
            "runs": Path,
            "mapping": Path,
        }
        given: dict[str, Any] = {n: v for n, v in changes.items() if v is not None}
        return cls(**{n: kinds[n](v) if n in kinds else v for n, v in given.items()})


@dataclass(frozen=True)
class Replayed:
    """The run that an extract of failures comes from.

    Attributes:
        states: the state each row of the extract had there, in reading order.
    """

    run_id: str
    states: Sequence[str]

    def requests(self, prepared: Prepared, state: State) -> set[int]:
        """Numbers of the requests that a row of this state went into."""
        rows = np.flatnonzero(np.array([s == state for s in self.states], bool))
        found = prepared.book.requests[rows]
        return set(found[found >= 0].tolist())


class Progress:
    """What a load tells whoever watches. This one keeps silent; a terminal's overrides it."""

    def note(self, text: str) -> None:
        """Something the user should know, once."""

    def reading(self, rows: int) -> None:
        """Rows read and validated so far."""

    def sending(self, settled: int, total: int) -> None:
        """Requests settled so far, of how many."""


def load(operation: str, extract: Extracts, *, progress: Progress | None = None, **options: Any) -> Report:
    """Loads an extract into LUSID and accounts for every row.

    Args:
        operation: its name, such as `investor-records`.
        extract: files, globs or directories of CSV or Parquet, or a pandas DataFrame.
        progress: told what happens.
        options: fields of `Options`, as in `load("orders", "orders.csv", mode="Atomic")`.

    Returns:
        The report, when every row's state is on disk; `report.raise_for_failures()` raises if a row did not make it.

    Raises:
        ConfigError: a setting, mapping or header is wrong; nothing was sent.
        ExtractError: the extract cannot be read; nothing was sent.
        AuthError, UnreachableError: LUSID does not let us in or does not answer; nothing was sent.
        BalanceError: the books do not balance.
    """
    return carry_out(Run(operation_named(operation), extract, Options.of(**options), progress or Progress()))


def carry_out(run: "Run") -> Report:
    """Takes a run through its steps; an interrupt ends it early, settled and resumable."""
    with interrupts(run.interrupt), run:
        run.prepare()
        for window in run.windows():
            run.send(window)
        return run.close_books()


class Run:
    """One load under way. Its steps are separate so that Prefect can make tasks of them."""

    def __init__(
        self,
        operation: Operation,
        extract: Extracts,
        options: Options,
        progress: Progress,
        *,
        earlier: RunFolder | None = None,
        replayed: Replayed | None = None,
    ) -> None:
        """Describes a load; nothing is opened yet.

        Args:
            earlier: the folder of a run that stopped, to go on with.
            replayed: the run whose failures the extract is.
        """
        self.operation, self.options, self.progress = operation, options, progress
        self.delivery: Delivery | None = None
        self.manifest: dict[str, Any] = {}
        self._given, self._earlier, self.replayed = extract, earlier, replayed
        self._clock = time.monotonic()
        self._open = ExitStack()
        self._settled = 0
        self._is_ours = earlier is None

    def __enter__(self) -> Self:
        """Opens everything the run needs; what does not fit stops here, before the first row."""
        operation, options, given = self.operation, self.options, self._given
        operation.check_mode(options.mode)
        operation.check_dialect(options.dialect)
        with ExitStack() as stack:
            stack.enter_context(_quiet_collector())
            mapping = read_mapping(options.mapping, operation.name) if options.mapping else None
            if isinstance(given, pd.DataFrame):
                header = frame_columns(given)
            else:
                self.extract = stack.enter_context(_open_files(given, mapping))
                header = self.extract.columns
            standing = Expectations() if mapping is None or is_failure_report(header) else mapping.expect
            self.expect = standing.merged(options.expect)
            self.binding = Binding(header, operation.shape, options.dialect, operation.key, mapping)
            self.target = self._reach(stack)
            self._retries_before = self.target.client.retries_done if self.target else 0
            self.folder = self._earlier or RunFolder.create(options.runs, operation.name)
            self.journal = Journal(self.folder.journal)
            stack.callback(self.journal.close)
            self._keep_names()
            self.folder.open_scratch()
            stack.callback(self.folder.clear_scratch)
            if isinstance(given, pd.DataFrame):
                self.extract = stack.enter_context(extract_from_frame(given, self.folder.frame))
            check_before(self.expect, self.extract)
            if options.hold:
                self.folder.write_json(self.folder.hold, dict(options.hold))
            self.manifest = opening(self)
            if self._earlier is None:
                self.folder.write_manifest(self.manifest)
            self._open = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, *_: object) -> None:
        """Lets go of everything; a run that ends in an error says so in its manifest.

        A run that may not go on, as its extract changed, stays as it was: the hashes it began with are its own.
        """
        with self._open:
            if error is not None and self._is_ours and "verdict" not in self.manifest:
                stopped = isinstance(error, FatalError) and error.exit_code == EXIT_CODES[Verdict.STOPPED]
                text = error.message if isinstance(error, LoadError) else type(error).__name__
                verdict = Verdict.STOPPED.value if stopped else "error"
                self.folder.write_manifest({**self.manifest, "verdict": verdict, "error": text})

    def interrupt(self, name: str) -> None:
        """Stops the run: before sending at once, while sending when what is in flight is settled."""
        error = StoppedError(f"interrupted by {name}")
        if self.delivery is None or self.target is None:
            raise error
        self.delivery.stop(error)
        self.target.client.stop.set()

    def _keep_names(self) -> None:
        """A run that goes on calls its files what it called them at first."""
        if self._earlier is not None:
            names = [source["name"] for source in self._earlier.read_manifest()["extracts"]]
            named = zip(self.extract.sources, names, strict=True)
            self.extract.sources = [replace(source, name=name) for source, name in named]

    def _reach(self, stack: ExitStack) -> Target | None:
        if self.options.dry_run:
            return None
        return stack.enter_context(open_target(self.options.target, self.options.dialect, self.progress.note))

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
        self.prepared = prepare(self.extract, self.binding, rules, self.folder.scratch, self.progress.reading)
        self._open.callback(self.prepared.close)
        add_digests(self.manifest, self.extract.digests())
        if self._earlier is not None:
            check_same(self._earlier.read_manifest(), self.manifest)
            self._is_ours = True
        if options.once:
            refuse_finished(options.runs, self.manifest)
        self.folder.write_manifest(self.manifest)
        self.ledger = Ledger(self.journal, len(self.prepared))
        if self.target is not None:
            client = self.target.client
            manner = Manner(self.operation, options.mode, options.dialect)
            self.pressure = Pressure(options.concurrency, lambda: client.retries_done)
            self.ledger.plan(self.prepared.digest())
            self.delivery = Delivery(self.prepared, manner, self.ledger, client)
            self.delivery.doubtful = self.ledger.restore()
            if self.replayed is not None:
                self.delivery.doubtful |= self.replayed.requests(self.prepared, State.UNKNOWN)
                self.delivery.held = self.replayed.requests(self.prepared, State.HELD)
            self._settled = len(self.prepared) - len(self.ledger.open_requests())
            self.spending = Spending(options.max_failures, self.prepared, self.ledger)
            self._stop_over_budget()

    def windows(self) -> Iterator[list[Batch]]:
        """The calls to make, in stretches of WINDOW; none in a dry run."""
        if self.options.dry_run:
            return iter(())
        limit = min(self.options.batch_size, self.operation.max_items or self.options.batch_size)
        work = batches(self.prepared, self.ledger, Portion(limit, self.options.max_batch_bytes))
        return (work[i : i + WINDOW] for i in range(0, len(work), WINDOW))

    def send(self, window: Sequence[Batch]) -> None:
        """Sends one window; returns when each of its requests is settled, or the run has stopped."""

        def settled(batch: Batch) -> None:
            self._settled += len(batch)
            self.progress.sending(self._settled, len(self.prepared))
            self.spending.add(batch)
            self._stop_over_budget()

        assert self.delivery is not None  # noqa: S101  # there are no windows in a dry run
        send(window, self.delivery, self.pressure, settled)

    def _stop_over_budget(self) -> None:
        over = self.spending.over()
        if over is not None and self.delivery is not None:
            self.delivery.stop(over)

    def close_books(self) -> Report:
        """Writes every row's state down and compares the counts; only then is the run over."""
        if self.delivery is not None:
            self.delivery.settle_doubts()
        stopped = self.delivery.error if self.delivery else None
        why = None if self.options.dry_run else f"the run stopped first: {stopped.message if stopped else ''}"
        accountant = Accountant(self.prepared, self.ledger, self.journal, self._refs, why)
        try:
            accounts = accountant.close_books(self.folder, self.extract)
        except BalanceError as error:
            self.manifest |= {"verdict": Verdict.UNBALANCED.value, "error": error.message}
            self.folder.write_manifest(self.manifest)
            raise
        report = self._report(accounts, stopped, list(dict.fromkeys(accountant.warnings)))
        self.manifest |= closing(report)
        write_html(self.folder, self.manifest)
        self.folder.write_manifest(self.manifest)
        return report

    def _refs(self, cells: Sequence[Cell]) -> Iterable[str]:
        return self.operation.provides(self.binding.raw(cells))

    def _report(self, accounts: Accounts, error: FatalError | None, warnings: list[str]) -> Report:
        strangers = self.delivery.strangers if self.delivery else []
        warnings += [error.message] if error else []
        if strangers:
            warnings.append(f"LUSID answered for keys that were never sent: {', '.join(strangers[:5])}")
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
            failed_refs=accounts.failed_refs,
        )


def _open_files(given: str | Path | Sequence[str | Path], mapping: ColumnMapping | None) -> Extract:
    paths = [given] if isinstance(given, str | Path) else list(given)
    if mapping is None:
        return open_extract(paths)
    return open_extract(paths, encoding=mapping.encoding, delimiter=mapping.delimiter)


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
