"""The third step of a load: sends every request that is not settled yet to LUSID, several calls at a time."""

from dataclasses import dataclass

from connectors.lusid.client import LusidClient
from pipelines.deliver.delivery import Delivery
from pipelines.deliver.doubts import Before
from pipelines.deliver.limits import Pressure, Spending
from pipelines.deliver.sender import Batch, Portion, batches, send_batches
from pipelines.loading.preparing import PreparedRun
from pipelines.operations.operation import CallSpec
from schemas.errors import FatalError
from schemas.states import State


@dataclass(frozen=True)
class Sent:
    """How sending ended.

    Attributes:
        stopped_by: what stopped the run; None where nothing did.
        warnings: what the user should know about it.
    """

    stopped_by: FatalError | None = None
    warnings: tuple[str, ...] = ()


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
        self._delivery = Delivery(
            requests,
            CallSpec(spec.operation, options.mode, options.dialect),
            prepared.ledger,
            client,
            heard=self._pressure.answered,
            lag=options.read_lag,
            before=_before(prepared),
        )
        self._spending = Spending(options.max_failures, requests, prepared.ledger)
        self._settled = len(requests) - len(prepared.ledger.open_requests())

    def to_the_end(self) -> Sent:
        """Sends until each request is settled or something stops the run; what is in doubt then is unknown."""
        run, brake = self._prepared.run, self._delivery.brake
        run.closing.callback(brake.release)
        run.interrupt.settle_first(brake.stop)
        self._stop_over_budget()
        options, most = run.spec.options, run.spec.operation.max_items
        portion = Portion(min(options.batch_size, most or options.batch_size), options.max_batch_bytes)
        work = batches(self._prepared.requests, self._prepared.ledger, portion)
        send_batches(work, self._delivery, self._pressure, self._count)
        self._delivery.reading_back.settle_rest()
        return Sent(brake.error, tuple(self._delivery.warnings()))

    def _count(self, batch: Batch) -> None:
        self._settled += len(batch)
        self._progress.sending(self._settled, len(self._prepared.requests))
        self._spending.add(batch)
        self._stop_over_budget()

    def _stop_over_budget(self) -> None:
        over = self._spending.over()
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
    return Before(doubtful, refused, held)
