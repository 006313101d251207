"""The second half of a load: requests go out in calls, and every key is settled by what LUSID says of it.

Every call leaves a line in the journal before it is sent and one when it is settled. A key is in one call at a
time: the calls of a batch, however it is taken apart, follow each other in one thread.
"""

import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from connectors.client import Answer
from connectors.journal import Journal
from pipelines.answers import Outcome, read_answer
from pipelines.book import PENDING, code_of
from pipelines.chunks import cut
from pipelines.isolate import Refusal, bisect, named_culprits
from pipelines.operations import Body, Operation
from pipelines.prepare import Prepared
from schemas.errors import (
    FatalError,
    NeverSentError,
    PerhapsAppliedError,
    RejectedError,
    RetryableError,
    StoppedError,
    ThrottledError,
)
from schemas.states import Mode, State

TOO_LARGE = 413
MOST_STRANGERS = 100

Part = Sequence[int]
"""Numbers of the requests of one call, ascending."""


class Client(Protocol):
    """What sending needs of the LUSID client."""

    def post(
        self,
        path: str,
        body: bytes,
        *,
        params: Mapping[str, str] | None = None,
        idempotent: bool,
        expected_status: int,
    ) -> Answer:
        """Sends a body; raises as `LusidClient.post` does."""


@dataclass(frozen=True)
class Sending:
    """How requests go out.

    Attributes:
        batch_size: requests in one call, at most; the operation's own limit may be lower.
        max_bytes: bytes in one call.
        concurrency: calls in flight.
        breaker: transport failures in a row that stop the run.
    """

    mode: Mode = Mode.PARTIAL
    batch_size: int = 1000
    max_bytes: int = 8 << 20
    concurrency: int = 4
    breaker: int = 3


class Sender:
    """Sends the requests of one run.

    Attributes:
        states: the state code of each request, PENDING until it is settled.
        settled_at: journal offset of the line that settled each request; -1 before.
        calls: calls made, not counting the client's own retries.
        error: what stopped the run, if something did.
        strangers: keys that LUSID's answers named and we never sent.
    """

    def __init__(
        self,
        prepared: Prepared,
        operation: Operation,
        client: Client | None,
        journal: Journal,
        sending: Sending,
    ) -> None:
        self._prepared, self._operation, self._client = prepared, operation, client
        self._journal, self._sending = journal, sending
        count = len(prepared)
        self.states = bytearray([PENDING]) * count
        self.settled_at = array("q", [-1]) * count
        self.calls = 0
        self.error: FatalError | None = None
        self.strangers: list[str] = []
        self._failures_in_a_row = 0
        self._lock = threading.Lock()

    def batches(self) -> list[tuple[int, int]]:
        """Ranges [first, end) of request numbers, one for each first call."""
        limit = self._sending.batch_size
        if self._operation.max_items is not None:
            limit = min(limit, self._operation.max_items)
        return list(cut(self._prepared.sizes, limit, self._sending.max_bytes))

    def send(self, batches: Iterable[tuple[int, int]], progress: Callable[[int], None] = lambda _: None) -> None:
        """Sends batches, some at once; returns when each is settled or the run has stopped.

        Args:
            batches: ranges of request numbers.
            progress: told the number of requests settled, from this thread.
        """
        waiting: set[Future[int]] = set()
        with ThreadPoolExecutor(self._sending.concurrency, "send") as pool:
            for first, end in batches:
                if self.error is not None:
                    break
                waiting.add(pool.submit(self._deliver_batch, range(first, end)))
                if len(waiting) >= 2 * self._sending.concurrency:
                    waiting = self._collect(waiting, progress)
            while waiting:
                waiting = self._collect(waiting, progress)

    def _collect(self, waiting: set[Future[int]], progress: Callable[[int], None]) -> set[Future[int]]:
        done, still = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            progress(future.result())
        return still

    def _deliver_batch(self, part: Part) -> int:
        if self.error is not None:
            return 0
        try:
            self._deliver(part)
        except FatalError as error:
            with self._lock:
                self.error = self.error or error
        return len(part)

    def _deliver(self, part: Part) -> None:
        refusal = self._send(part)
        if refusal is None:
            return
        if refusal.problem.status == TOO_LARGE and len(part) > 1:
            self._deliver(part[: len(part) // 2])
            self._deliver(part[len(part) // 2 :])
        elif self._sending.mode is Mode.ATOMIC:
            self._roll_back(part, refusal)
        else:
            self._isolate(part, refusal)

    def _isolate(self, part: Part, refusal: Refusal) -> None:
        """Takes the culprits that a refusal names out and sends the rest; bisects if it names none."""
        rest = list(part)
        while culprits := self._culprits(rest, refusal):
            failed = [Outcome(rest[p], State.FAILED, *why) for p, why in culprits.items()]
            self._settle(refusal.call, refusal.problem.instance, failed)
            rest = [request for p, request in enumerate(rest) if p not in culprits]
            again = self._send(rest) if rest else None
            if again is None:
                return
            refusal = again
        bisect(rest, refusal, self._send, self._settle_refused)

    def _roll_back(self, part: Part, refusal: Refusal) -> None:
        """Atomic: the culprits failed, their neighbours were rolled back with them."""
        culprits = self._culprits(part, refusal)
        problem = refusal.problem
        if not culprits:
            text = f"{problem.reason} (the answer names no culprit among {len(part)} keys)"
            outcomes = [Outcome(r, State.FAILED, problem.kind, text) for r in part]
        else:
            names = ", ".join(self._prepared.key(part[p]) for p in list(culprits)[:3])
            more = f" and {len(culprits) - 3} more" if len(culprits) > 3 else ""
            text = f"its Atomic request was refused because of {names}{more}"
            outcomes = [
                Outcome(r, State.FAILED, *culprits[p])
                if p in culprits
                else Outcome(r, State.ROLLED_BACK, "RolledBack", text)
                for p, r in enumerate(part)
            ]
        self._settle(refusal.call, problem.instance, outcomes)

    def _culprits(self, part: Part, refusal: Refusal) -> dict[int, tuple[str, str]]:
        listed = self._operation.body is Body.REQUESTS
        return named_culprits(refusal.problem, self._keys(part), listed=listed)

    def _settle_refused(self, request: int, refusal: Refusal, remark: str) -> None:
        problem = refusal.problem
        text = f"{problem.reason} ({remark})" if remark else problem.reason
        outcome = Outcome(request, State.FAILED, problem.kind, text)
        self._settle(refusal.call, problem.instance, [outcome])

    def _send(self, part: Part) -> Refusal | None:
        """One call; settles its keys, or gives the refusal of the whole of it."""
        call = self._begin(part)
        try:
            answer = self._post(part)
        except RejectedError as refused:
            self._failures_in_a_row = 0
            return Refusal(refused.problem, call)
        except (NeverSentError, ThrottledError) as error:
            self._transport_failed(call, part, State.NOT_SENT, error)
            return None
        except PerhapsAppliedError as error:
            self._transport_failed(call, part, State.UNKNOWN, error)
            return None
        self._failures_in_a_row = 0
        keys = self._keys(part)
        reading = read_answer(answer.body, self._operation, part, keys, self._sending.mode)
        with self._lock:
            self.strangers += reading.strangers[: MOST_STRANGERS - len(self.strangers)]
        self._settle(call, answer.request_id, reading.outcomes, reading.accepted, reading.ids)
        return None

    def _begin(self, part: Part) -> int:
        """Journals what is about to be sent; gives the number of the call."""
        with self._lock:
            if self.error is not None:
                raise self.error
            self.calls += 1
            call = self.calls
        self._journal.append({"call": call, "sent": _ranges(part)})
        return call

    def _post(self, part: Part) -> Answer:
        params = None
        if self._operation.body is Body.KEYED:
            params = {"successMode": self._sending.mode.value}
        assert self._client is not None  # noqa: S101  # only a dry run has none, and it sends nothing
        return self._client.post(
            self._operation.path,
            self._body(part),
            params=params,
            idempotent=self._operation.idempotent,
            expected_status=self._operation.expected_status,
        )

    def _transport_failed(self, call: int, part: Part, state: State, error: RetryableError) -> None:
        code = type(error).__name__.removesuffix("Error")
        self._settle(call, None, [Outcome(r, state, code, error.message) for r in part])
        with self._lock:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= self._sending.breaker and self.error is None:
                self.error = StoppedError(
                    f"{self._failures_in_a_row} calls in a row got no answer, so the run stops: {error.message}"
                )

    def _settle(
        self,
        call: int,
        request_id: str | None,
        outcomes: Sequence[Outcome],
        accepted: Part = (),
        ids: Sequence[str | None] = (),
    ) -> None:
        """Journals what became of requests, then notes it in memory."""
        record: dict[str, Any] = {"call": call, "request_id": request_id, "settled": [list(o) for o in outcomes]}
        if accepted:
            record["accepted"] = _ranges(accepted)
            record["ids"] = ids if any(ids) else None
        offset = self._journal.append(record)
        for request in accepted:
            self.states[request] = _ACCEPTED
            self.settled_at[request] = offset
        for outcome in outcomes:
            self.states[outcome.request] = code_of(outcome.state)
            self.settled_at[outcome.request] = offset

    def _keys(self, part: Part) -> list[str]:
        rows = self._prepared.first_row[np.asarray(part)]
        return [key.decode() for run in _runs(rows) for key in self._prepared.keys.split(*run)]

    def _body(self, part: Part) -> bytes:
        places = self._prepared.entry_of[np.asarray(part)]
        joined = b"".join(self._prepared.entries.read(*run) for run in _runs(places))
        if self._operation.body is Body.KEYED:
            return b"{" + joined[:-1] + b"}"
        return b'{"requests":[' + joined[:-1] + b"]}"


_ACCEPTED = code_of(State.ACCEPTED)


def _runs(numbers: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """(first, count) of the stretches of consecutive numbers."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    starts = np.concatenate(([0], breaks))
    counts = np.diff(np.concatenate((starts, [len(numbers)])))
    return zip(numbers[starts].tolist(), counts.tolist(), strict=True)


def _ranges(part: Part) -> list[list[int]]:
    """[first, count] pairs of a call's request numbers."""
    return [list(run) for run in _runs(np.asarray(part, np.int64))]
