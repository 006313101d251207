"""One batch on its way: sent, taken apart when refused, read back when its answer is lost, settled to the last key.

The calls of a batch follow each other in one thread, so a key is never in two calls at once.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import orjson

from connectors.client import Answer
from pipelines.answers import read_answer
from pipelines.evidence import Finding, examine
from pipelines.isolate import Refusal, bisect, named_culprits, too_much
from pipelines.ledger import Ledger, Outcome, Part, runs_of
from pipelines.operation import Body, Operation
from pipelines.prepare import Prepared
from schemas.dialects import Dialect
from schemas.errors import FatalError, PerhapsAppliedError, RejectedError, RetryableError, RunFolderError, StoppedError
from schemas.states import Mode, State

MOST_STRANGERS = 100
READ_BACK = 0
"""The call number of what reading back settled without a call of its own."""

TRIES = 3
"""How often a request whose answer was lost, and which reading back did not find, is sent in all."""


class Client(Protocol):
    """What delivery needs of the LUSID client."""

    def post(
        self, path: str, body: bytes, *, params: Mapping[str, str], idempotent: bool, expected_status: int
    ) -> Answer:
        """Sends a body; raises as `LusidClient.post` does."""

    def get(self, path: str, params: Mapping[str, str]) -> Answer:
        """Reads; raises as `LusidClient.get` does."""


@dataclass(frozen=True)
class Manner:
    """How requests are sent and judged.

    Attributes:
        breaker: calls without an answer, in a row and repeated in vain, that stop the run.
    """

    operation: Operation
    mode: Mode
    dialect: Dialect
    breaker: int = 3


class Delivery:
    """Delivers the batches of one run; its threads share it.

    Attributes:
        error: what stopped the run, if something did; no call is begun after that.
        strangers: keys that LUSID's answers named and we never sent.
        doubtful: requests that an earlier call, whose answer was lost, may have applied.
        held: requests that an earlier run held; they are sent when what they need is there by now.
    """

    def __init__(self, prepared: Prepared, manner: Manner, ledger: Ledger, client: Client) -> None:
        self._prepared, self._manner, self._ledger, self._client = prepared, manner, ledger, client
        self._operation, self._mode = manner.operation, manner.mode
        self._path, self._body = manner.operation.endpoint(manner.dialect)
        self.error: FatalError | None = None
        self.strangers: list[str] = []
        self.doubtful: set[int] = set()
        self.held: set[int] = set()
        self._losses = 0
        self._most: int | None = None
        self._lock = threading.RLock()  # a signal's handler stops the run, in a thread that may just be stopping it

    def stop(self, error: FatalError) -> None:
        """Lets no further call begin; what is in flight is settled."""
        with self._lock:
            self.error = self.error or error

    def settle_doubts(self) -> None:
        """Settles what was sent and is still open when the run ends: it is unknown, and must not look unsent."""
        text = "it was sent, and the run stopped before it was known what became of it"
        left = [r for r in self._ledger.open_requests().tolist() if r in self.doubtful]
        if left:
            self._ledger.settle(READ_BACK, None, [Outcome(r, State.UNKNOWN, "PerhapsApplied", text) for r in left])

    def deliver(self, part: Part) -> None:
        """Sends requests and settles each of them, unless the run stops first."""
        doubtful = [r for r in part if r in self.doubtful]
        if doubtful and not self._operation.idempotent:
            absent = self._read_back(READ_BACK, doubtful, "an earlier process sent it and did not settle it")
            part = [r for r in part if r not in self.doubtful or r in absent]
        part = [r for r in part if r not in self.held or self._released(r)]
        while part:
            size = self._most or len(part)
            self._deliver(part[:size])
            part = part[size:]

    def _released(self, request: int) -> bool:
        """Whether a held request may go; one that may not is settled as held again."""
        parents = self._operation.parents(self._request(request), self._manner.dialect)
        try:
            absent = any(examine([parent], self._read) is Finding.ABSENT for parent in parents)
        except RetryableError:
            absent = False  # LUSID itself will say
        if not absent:
            return True
        text = "what it needs is still not in LUSID"
        self._ledger.settle(READ_BACK, None, [Outcome(request, State.HELD, "ParentFailed", text)])
        return False

    def _deliver(self, part: Part) -> None:
        refusal = self._send(part)
        if refusal is None:
            return
        part = refusal.part
        if too_much(refusal.problem) and len(part) > 1:
            half = len(part) // 2
            with self._lock:
                self._most = min(self._most or half, half)
            self._deliver(part[:half])
            self._deliver(part[half:])
        else:
            self._judge(refusal)

    def _judge(self, refusal: Refusal) -> None:
        """Settles what a refusal settles; one in nobody's words is asked for again, for it blames all alike."""
        for _ in range(1, TRIES):
            if refusal.problem.is_lusids:
                break
            again = self._send(refusal.part)
            if again is None:
                return
            refusal = again
        if self._mode is Mode.ATOMIC:
            self._roll_back(refusal)
        else:
            self._isolate(refusal)

    def _isolate(self, refusal: Refusal) -> None:
        """Takes the culprits that a refusal names out and sends the rest; bisects if it names none."""
        while culprits := self._culprits(refusal):
            part = refusal.part
            self._refused(refusal, [Outcome(part[p], State.FAILED, *why) for p, why in culprits.items()])
            rest = [request for p, request in enumerate(part) if p not in culprits]
            again = self._send(rest) if rest else None
            if again is None:
                return
            refusal = again
        bisect(refusal, self._send, self._refuse_one)

    def _roll_back(self, refusal: Refusal) -> None:
        """Atomic: the culprits failed, their neighbours were rolled back with them."""
        culprits, part, problem = self._culprits(refusal), refusal.part, refusal.problem
        if not culprits:
            text = f"{problem.reason} (the answer names no culprit among {len(part)} keys)"
            self._refused(refusal, [Outcome(r, State.FAILED, problem.kind, text) for r in part])
            return
        names = ", ".join(self._prepared.key(part[p]) for p in list(culprits)[:3])
        more = f" and {len(culprits) - 3} more" if len(culprits) > 3 else ""
        innocent = (State.ROLLED_BACK, "RolledBack", f"its Atomic request was refused because of {names}{more}")
        outcomes = [
            Outcome(r, State.FAILED, *culprits[p]) if p in culprits else Outcome(r, *innocent)
            for p, r in enumerate(part)
        ]
        self._refused(refusal, outcomes)

    def _culprits(self, refusal: Refusal) -> dict[int, tuple[str, str]]:
        listed = self._body is not Body.KEYED
        return named_culprits(refusal.problem, self._keys(refusal.part), listed=listed)

    def _refuse_one(self, request: int, refusal: Refusal, state: State, remark: str) -> None:
        problem = refusal.problem
        text = f"{problem.reason} ({remark})" if remark else problem.reason
        self._refused(refusal, [Outcome(request, state, problem.kind, text)])

    def _refused(self, refusal: Refusal, outcomes: Sequence[Outcome]) -> None:
        """Settles what LUSID refused; a refusal after a lost answer may only say that it is there already."""
        outcomes = [self._reconsidered(o) for o in outcomes]
        log = refusal.problem.instance.rpartition("/logs/")[2]
        self._ledger.settle(refusal.call, log or None, outcomes)

    def _reconsidered(self, outcome: Outcome) -> Outcome:
        """What is called refused now, and may have been done by a call whose answer was lost, is looked at again."""
        request = outcome.request
        if request not in self.doubtful or outcome.state not in (State.FAILED, State.ROLLED_BACK):
            return outcome
        try:
            found = self._examine(request)
        except RetryableError as error:
            self._lost(error)
            text = f"an earlier call's answer was lost, reading back failed, and now: {outcome.message}"
            return Outcome(request, State.UNKNOWN, "PerhapsApplied", text)
        if found is not Finding.APPLIED:
            return outcome
        text = "an earlier call, whose answer was lost, had done it: read back alike"
        return Outcome(request, State.ACCEPTED, "ReadBack", text)

    def _send(self, part: Part, tries: int = 1) -> Refusal | None:
        """One call; settles its requests, or gives the refusal of those that it refused whole."""
        if self.error is not None:
            raise self.error
        call = self._ledger.begin(part)
        try:
            answer = self._post(part)
        except RejectedError as refused:
            self._losses = 0
            return Refusal(refused.problem, call, part)
        except PerhapsAppliedError as error:
            if self._operation.idempotent or tries == TRIES:  # else nobody has repeated it yet: one loss is no pattern
                self._lost(error)
            return self._after_loss(call, part, error, tries)
        except RetryableError as error:
            self._lost(error)
            self._ledger.settle(call, None, [self._not_sent(r, error) for r in part])
            return None
        self._losses = 0
        reading = read_answer(answer.body, self._operation, part, self._keys(part), self._mode)
        self.strangers += reading.strangers[: MOST_STRANGERS - len(self.strangers)]
        outcomes = reading.outcomes if self._operation.idempotent else [self._reconsidered(o) for o in reading.outcomes]
        try:
            self._ledger.settle(call, answer.request_id, outcomes, reading.accepted, reading.ids)
        except RunFolderError:  # done, and not written down: it must not look unsent when the books are closed
            self.doubtful.update(part)
            raise
        return None

    def _not_sent(self, request: int, error: RetryableError) -> Outcome:
        """This call did not reach LUSID; whether an earlier one did is another matter."""
        if request in self.doubtful:
            text = f"an earlier call's answer was lost, and now: {error.message}"
            return Outcome(request, State.UNKNOWN, "PerhapsApplied", text)
        return Outcome(request, State.NOT_SENT, type(error).__name__.removesuffix("Error"), error.message)

    def _post(self, part: Part) -> Answer:
        wide = self._prepared.wides.of(int(self._prepared.first_row[part[0]]))
        params = dict(wide.params)
        if self._operation.success_mode:
            params["successMode"] = self._mode.value
        places = self._prepared.entry_of[np.asarray(part)]
        entries = b"".join(self._prepared.entries.read(*run) for run in runs_of(places))
        return self._client.post(
            self._path,
            self._body.around(entries[:-1], wide.members),
            params=params,
            idempotent=self._operation.idempotent,
            expected_status=self._operation.expected_status,
        )

    def _after_loss(self, call: int, part: Part, error: PerhapsAppliedError, tries: int) -> Refusal | None:
        """The answer is lost: what reading back does not find is sent again, where the client has not done so."""
        self.doubtful.update(part)
        absent = sorted(self._read_back(call, part, error.message))
        if not absent:
            return None
        if not self._operation.idempotent and tries < TRIES:
            return self._send(absent, tries + 1)
        text = f"{error.message}; not found when read back"
        self._ledger.settle(call, None, [Outcome(r, State.UNKNOWN, "PerhapsApplied", text) for r in absent])
        return None

    def _read_back(self, call: int, part: Part, why: str) -> set[int]:
        """Settles what reading back shows to be applied, or cannot tell; gives what is not there."""
        absent: set[int] = set()
        outcomes = []
        findings: dict[int, Finding] = {}
        try:
            for request in part:
                findings[request] = self._examine(request)
        except RetryableError as error:  # the client has tried long enough: the rest would take as long, each
            self._lost(error)
        finally:  # what stops the reading must not leave a request that was sent looking as if it was not
            for request in part:
                found = findings.get(request, Finding.UNCLEAR)
                if found is Finding.ABSENT:
                    absent.add(request)
                elif found is Finding.APPLIED:
                    outcomes.append(Outcome(request, State.ACCEPTED, "ReadBack", f"read back: {why}"))
                else:
                    text = f"{why}; reading back could not settle it"
                    outcomes.append(Outcome(request, State.UNKNOWN, "PerhapsApplied", text))
            self._ledger.settle(call, None, outcomes)
        return absent

    def _examine(self, request: int) -> Finding:
        return examine(self._operation.evidence(self._request(request), self._manner.dialect), self._read)

    def _request(self, request: int) -> Mapping[str, Any]:
        """One request as it goes on the wire."""
        entry = self._prepared.entries.read(int(self._prepared.entry_of[request]))[:-1]
        if self._body is not Body.KEYED:
            body: Mapping[str, Any] = orjson.loads(entry)
            return body
        (body,) = orjson.loads(b"{%b}" % entry).values()
        return body

    def _read(self, path: str, params: Mapping[str, str]) -> Any:
        return self._client.get(path, params).body

    def _lost(self, error: RetryableError) -> None:
        with self._lock:
            self._losses += 1
            losses = self._losses
        if losses >= self._manner.breaker:
            self.stop(StoppedError(f"{losses} calls in a row got no answer, so the run stops: {error.message}"))

    def _keys(self, part: Part) -> list[str]:
        rows = self._prepared.first_row[np.asarray(part)]
        return [key.decode() for run in runs_of(rows) for key in self._prepared.keys.split(*run)]
