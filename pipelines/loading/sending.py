"""The third step of a load: what is not settled yet goes to LUSID, until all of it is or something stops the run."""

from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from connectors.lusid.client import LusidClient
from connectors.targets import Target
from pipelines.deliver.delivery import Delivery
from pipelines.deliver.doubts import Before
from pipelines.deliver.first_clear import FirstClear
from pipelines.deliver.ledger import Ledger
from pipelines.deliver.limits import Pressure, Spending
from pipelines.deliver.sender import Batch, Portion, batches, send_batches
from pipelines.deliver.unknown_instruments import hold_unknown
from pipelines.feeds.feed import FeedLoad
from pipelines.loading.opening import OpenRun
from pipelines.operations.operation import CallSpec
from pipelines.prepare.reading import Prepared
from schemas.errors import FatalError
from schemas.option_types.choices import UnknownInstruments
from schemas.states import State

if TYPE_CHECKING:
    from pipelines.deliver.cluster.remote import Remote


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

    @property
    def calls(self) -> CallSpec:
        """How its requests go on the wire."""
        spec = self.run.spec
        return CallSpec(spec.operation, spec.options.mode, spec.options.dialect)


@dataclass(frozen=True)
class Sent:
    """How sending ended.

    Attributes:
        stopped_by: what stopped the run; None where nothing did.
        warnings: what the user should know about it.
        retries: attempts beyond each call's first that workers of a cluster made.
    """

    stopped_by: FatalError | None = None
    warnings: tuple[str, ...] = ()
    retries: int = 0


def send(prepared: PreparedRun) -> Sent:
    """Sends what is not settled yet; returns when every request is settled or the run has stopped.

    A dry run sends nothing.
    """
    target = prepared.run.target
    return Sent() if target is None else _Sending(prepared, target).to_the_end()


class _Sending:
    """One run's requests on their way."""

    def __init__(self, prepared: PreparedRun, target: Target) -> None:
        """Makes ready what sends, from what the journal and the run that is replayed know of the requests."""
        spec, options, requests = prepared.run.spec, prepared.run.spec.options, prepared.requests
        self._prepared, self._progress, self._target, client = prepared, spec.progress, target, target.client
        self._remote: Remote | None = None
        self._before = _before(prepared)
        self._pressure = Pressure(options.concurrency, self._setbacks)
        self._lag, calls = prepared.run.assumed.lag_of(options.read_lag), prepared.calls
        self._first_clear = FirstClear(requests, calls, client, self._lag) if _is_to_be_tried(prepared) else None
        self._delivery = Delivery(
            requests,
            calls,
            prepared.ledger,
            client,
            heard=self._pressure.answered,
            assumed=prepared.run.assumed,
            lag=self._lag,
            before=self._before,
            first_clear=self._first_clear,
        )
        if spec.operation.has_instrument and options.unknown_instruments is UnknownInstruments.REFUSE:
            self._hold_unknown(client, self._before.doubtful)
        budget = options.max_failures
        self._spending = None if budget is None else Spending(budget, requests, prepared.ledger)
        if self._spending is not None:
            self._spending.add(np.arange(len(requests)))  # what a plan kept back may count as failed
        self._settled = self._shown = len(requests) - len(prepared.ledger.open_requests())
        most = spec.operation.max_items or options.batch_size
        self._portion = Portion(min(options.batch_size, most), options.max_batch_bytes)

    def _hold_unknown(self, client: LusidClient, doubtful: Set[int]) -> None:
        """Holds what LUSID has no instrument for; where LUSID does not say that, nothing is sent."""
        try:
            hold_unknown(self._prepared.requests, self._prepared.ledger, client, doubtful)
        except FatalError as error:
            self._delivery.brake.stop(error)

    def to_the_end(self) -> Sent:
        """Sends until each request is settled or something stops the run; what is in doubt then is unknown.

        Raises:
            RunFolderError: what was settled last is not on disk, so the books cannot be closed; the run can be resumed.
        """
        run, brake = self._prepared.run, self._delivery.brake
        run.closing.callback(brake.release)
        run.interrupt.settle_first(self._interrupted)
        self._stop_over_budget()
        if self._first_clear is not None:
            self._try_clears(self._first_clear, self._portion.batch_size)
        work = batches(self._prepared.requests, self._prepared.ledger, self._portion)
        if work and brake.error is None and (remote := self._opened()) is not None:
            send_batches(remote.arranged(work), remote, self._pressure, self._count, self._show)
            remote.end()
        else:
            send_batches(work, self._delivery, self._pressure, self._count, self._show)
        self._show()
        self._delivery.reading_back.settle_rest()
        self._prepared.ledger.sync()
        told = [*self._delivery.warnings(), *(self._remote.warnings if self._remote else ())]
        return Sent(brake.error, tuple(dict.fromkeys(told)), self._remote.retries if self._remote else 0)

    def _opened(self) -> "Remote | None":
        """What sends through the workers of a cluster; None where this process sends."""
        run, requests = self._prepared.run, self._prepared.requests
        if run.cluster is None or "://" not in self._target.url:  # a sandbox of this process is nobody else's
            return None
        from pipelines.deliver.cluster.handover import About, Handover, homes_of
        from pipelines.deliver.cluster.remote import Remote

        path, journal = run.folder.scratch.absolute() / "handover", run.folder.journal.absolute()
        manifest, options = run.record.manifest, run.spec.options
        about = About(
            journal,
            self._target.url,
            options,
            self._portion,
            self._prepared.calls,
            manifest.started,
            self._lag,
            run.assumed,
            self._before,
        )
        Handover.of(requests, about).write(path)
        self._remote = Remote(
            run.cluster,
            path,
            run.journal,
            self._prepared.ledger,
            self._delivery.brake,
            heard=self._pressure.answered,
            homes=homes_of(requests, run.cluster.wrote),
            most=options.concurrency,
            stopping=self._target.client.stop,
        )
        return self._remote

    def _setbacks(self) -> int:
        """Attempts that came to nothing, of this process and of workers."""
        return self._target.client.setbacks + (self._remote.setbacks if self._remote else 0)

    def _try_clears(self, first: FirstClear, most: int) -> None:
        """Sends what proves that LUSID heeds clears; where it does not, nothing else is sent."""
        brake, open_requests = self._delivery.brake, self._prepared.ledger.open_requests()
        try:
            for part in first.trials(open_requests, most):
                self._delivery.deliver(part)
                self._count(np.array(part, np.int64))
        except FatalError as error:
            brake.stop(error)
        if first.error is not None:
            brake.stop(first.error)
        if first.is_open and not first.removed:
            self._progress.note("nothing that is cleared was there to remove: whether LUSID removes it was not seen")

    def _interrupted(self, error: FatalError) -> None:
        """Stops the run in a signal's handler."""
        self._delivery.brake.stop(error)
        self._progress.stopping()

    def _show(self) -> None:
        """Tells how far it is, where that has changed."""
        if self._shown != (settled := self._settled):
            self._progress.sending(settled, len(self._prepared.requests))
            self._shown = settled

    def _count(self, batch: Batch) -> None:
        self._settled += len(batch)
        if self._spending is not None:
            self._spending.add(batch)
            self._stop_over_budget()

    def _stop_over_budget(self) -> None:
        over = self._spending.over() if self._spending is not None else None
        if over is not None:
            self._delivery.brake.stop(over)


def _is_to_be_tried(prepared: PreparedRun) -> bool:
    """Whether it is only inferred that LUSID removes what this load clears."""
    run = prepared.run
    return bool(run.binding.columns.clearing) and not run.assumed.null_clears.get(run.spec.operation.name, False)


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
        prepared.feed.withhold(prepared.ledger)
        prepared.feed.begin(prepared.run.folder, prepared.run.journal_from)
        doubtful &= set(prepared.ledger.open_requests().tolist())
    return Before(doubtful, refused, held)
