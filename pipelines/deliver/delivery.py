"""One batch on its way: sent, taken apart when refused, settled to the last key.

The calls of a batch follow each other in one thread, so a key is never in two calls at once.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from connectors.lusid.client import Answer
from pipelines.deliver.answer_reader import hinted, read_answer
from pipelines.deliver.changes import call_began, without_updates
from pipelines.deliver.culprits import Refusal, bisect, named_culprits, too_much
from pipelines.deliver.doubts import Before, too_large
from pipelines.deliver.first_clear import FirstClear
from pipelines.deliver.ledger import Ledger, Outcome, Took
from pipelines.deliver.limits import Brake, CallSize
from pipelines.deliver.list_reading import LONGEST
from pipelines.deliver.parts import Part, picked
from pipelines.deliver.read_back import Reader, ReadingBack
from pipelines.deliver.redaction import Personal, mask_error
from pipelines.operations.operation import BodyShape, CallSpec
from pipelines.prepare.reading import Requests
from schemas.assumptions import INFERRED, Assumptions
from schemas.errors import (
    FatalError,
    LoadError,
    PerhapsAppliedError,
    RejectedError,
    RetryableError,
    UnreachableError,
)
from schemas.states import Mode, State
from schemas.texts import many

MOST_STRANGERS = 100

ASKED = 6
"""How often a call that is refused in nobody's words is sent in all: words are lost like any other answer."""


class Client(Reader, Protocol):
    """What delivery needs of the LUSID client.

    Attributes:
        stop: ends every wait once it is set, as `LusidClient.stop` does.
    """

    stop: threading.Event

    def post(
        self, path: str, body: bytes, *, params: Mapping[str, str], idempotent: bool, expected_status: int
    ) -> Answer:
        """Sends a body; raises as `LusidClient.post` does."""


class Delivery:
    """Delivers the batches of one run; its threads share it.

    Attributes:
        brake: stops the run.
        reading_back: what is in doubt.
        strangers: keys that LUSID's answers named and we never sent.
    """

    def __init__(
        self,
        prepared: Requests,
        spec: CallSpec,
        ledger: Ledger,
        client: Client,
        *,
        heard: Callable[[int, float], None],
        lag: float,
        assumed: Assumptions = INFERRED,
        before: Before,
        first_clear: FirstClear | None = None,
    ) -> None:
        """Sends nothing yet.

        Args:
            heard: told of each call that was answered: its requests, and the seconds the answer took.
            lag: seconds by which reads may lag behind writes.
            assumed: what is assumed of this LUSID.
            before: what is known of the requests from before this process.
            first_clear: reads back what is on trial.
        """
        self._prepared, self._spec, self._ledger, self._client = prepared, spec, ledger, client
        self._operation = spec.operation
        self.brake = Brake(client.stop)
        longest = assumed.filter_of(LONGEST)
        self.reading_back = ReadingBack(
            prepared, spec, ledger, client, self.brake, lag=lag, longest=longest, before=before
        )
        self._versions_tell = not assumed.unchanged_makes_version.get(self._operation.name, False)
        self.strangers: list[str] = []
        self._heard, self._first_clear = heard, first_clear
        self._size = CallSize()

    def warnings(self) -> list[str]:
        """What the user should know of how it went, one line each."""
        found = []
        if self.strangers:
            found.append(f"LUSID answered for keys that were never sent: {', '.join(self.strangers[:5])}")
        if self._size.least and self._spec.mode is Mode.ATOMIC:
            found.append(
                f"LUSID takes no more than {self._size.least} of these requests in a call: each such call was Atomic"
            )
        return found

    def deliver(self, part: Part) -> None:
        """Sends requests and settles each of them, unless the run stops first, or an answer is lost.

        What was lost then, and reading back does not show yet, stays open: it is to be delivered again.
        """
        part = self.reading_back.may_go(part)
        while part:
            size = self._size.most or len(part)
            too_large = self._deliver(part[:size])
            part = [*too_large, *part[size:]]

    def left(self, part: Part) -> Part:
        """Those of some requests that were delivered and are to be delivered again."""
        return self.reading_back.in_doubt(self._ledger.open_among(part))

    def is_due(self, part: Part) -> bool:
        """Whether requests that were lost can be delivered again without a wait."""
        return self.reading_back.is_due(part)

    def sync(self) -> None:
        """Waits until what this thread settled is on disk, or stops the run; where a call follows, that does so."""
        try:
            self._ledger.sync()
        except FatalError as error:
            self.brake.stop(error)

    def _deliver(self, part: Part) -> Part:
        """Sends one call; gives the requests of one that is too large."""
        if (refusal := self._send(part)) is None:
            return []
        if too_much(refusal.problem):
            self._size.refused(refusal.part)
            if len(refusal.part) > 1:
                return refusal.part
        self._judge(refusal)
        return []

    def _judge(self, refusal: Refusal) -> None:
        """Settles what a refusal settles; one in nobody's words is asked for again, for it blames all alike."""
        for _ in range(1, ASKED):
            if refusal.problem.is_lusids:
                break
            again = self._send(refusal.part)
            if again is None:
                return
            refusal = again
        if self._spec.mode is Mode.ATOMIC:
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
            text = f"{problem.reason} (the answer names no culprit among {many(len(part), 'key', 'keys')})"
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
        listed = self._spec.body is not BodyShape.KEYED
        return named_culprits(refusal.problem, self._keys(refusal.part), listed=listed)

    def _refuse_one(self, request: int, refusal: Refusal, state: State, remark: str) -> None:
        text = f"{refusal.problem.reason} ({remark})" if remark else refusal.problem.reason
        self._refused(refusal, [Outcome(request, state, refusal.problem.kind, text)])

    def _refused(self, refusal: Refusal, outcomes: Sequence[Outcome]) -> None:
        """Settles what LUSID refused; a refusal after a lost answer may only say that it is there already."""
        log = refusal.problem.instance.rpartition("/logs/")[2]
        outcomes = hinted(self.reading_back.reconsidered(outcomes), self._spec, refusal.problem.status)
        self._ledger.settle(refusal.call, log or None, outcomes)

    def _send(self, part: Part) -> Refusal | None:
        """One call; settles its requests or leaves them in doubt, or gives the refusal of all of them."""
        if self.brake.error is not None:
            raise self.brake.error
        call = self._ledger.begin(part)
        try:
            answer = self._post(part)
        except RejectedError as refused:
            self.brake.answered()
            if refused.problem.is_lusids:
                self._ledger.refused(part)
            return Refusal(refused.problem, call, part)
        except PerhapsAppliedError as error:
            self._after_loss(call, part, error)
            return None
        except (RetryableError, FatalError) as error:
            self._not_sent(call, part, error)
            return None
        self.brake.answered()
        self._size.accepted(len(part))
        self._heard(len(part), answer.seconds)
        self._settle(call, part, answer)
        return None

    def _settle(self, call: int, part: Part, answer: Answer) -> None:
        """Settles requests by what a 2xx answer says of each."""
        began = call_began(answer.at, answer.seconds) if answer.attempts == 1 else None  # another may have changed it
        reading = read_answer(answer.body, self._operation, part, self._keys(part), self._spec.mode, began)
        if reading.outcomes or reading.strangers:
            reading = Personal(self._body(part)).masked_reading(reading)
        if self._first_clear is not None and (kept := self._first_clear.read_back(reading.accepted)):
            reading = reading.overruled(kept)
        self.strangers += reading.strangers[: MOST_STRANGERS - len(self.strangers)]
        told = [o for o in reading.outcomes if o.state is not State.UNKNOWN]
        if not self._operation.idempotent:
            told = self.reading_back.reconsidered(told)
        told, took = hinted(told, self._spec), Took(answer.seconds, answer.attempts)
        changes = reading.changes if self._versions_tell else without_updates(reading.changes)
        self._ledger.settle(call, answer.request_id, told, reading.accepted, reading.ids, changes, took)
        unclear = [o for o in reading.outcomes if o.state is State.UNKNOWN]
        if unclear:
            self.reading_back.settle_unclear(call, unclear)

    def _not_sent(self, call: int, part: Part, error: LoadError) -> None:
        """Settles a call that did not reach LUSID; where that is not certain its line stays open, in doubt."""
        if isinstance(error, UnreachableError) and error.perhaps_applied:
            raise error
        self._ledger.settle(call, None, self.reading_back.not_sent(part, error))
        if not isinstance(error, RetryableError):
            raise error
        self.brake.lost(error)

    def _after_loss(self, call: int, part: Part, error: PerhapsAppliedError) -> None:
        """The answer is lost: settles what LUSID shows; the rest is in doubt until it is delivered again.

        Raises:
            FatalError: somebody in front of LUSID keeps saying what would stop the run, had LUSID said it.
        """
        self.reading_back.lost(part, error)
        if self._operation.idempotent:  # the client has repeated it
            self.brake.lost(error)
            self.reading_back.settle_for_good(call, part)
            return
        if too_large(error):
            self._size.refused(part)
        left = self.reading_back.settle_lost(call, part)
        if not left:
            self.brake.answered()
            return
        self.brake.missed()
        if isinstance(error.refusal, FatalError) and (self.brake.holds_back or self.reading_back.locked_out(left)):
            raise error.refusal

    def _post(self, part: Part) -> Answer:
        params = dict(self._prepared.wides.of(int(self._prepared.first_row[part[0]])).params)
        if self._operation.success_mode:
            params["successMode"] = self._spec.mode.value
        body = self._body(part)
        try:
            return self._client.post(
                self._spec.path,
                body,
                params=params,
                idempotent=self._operation.idempotent,
                expected_status=self._operation.expected_status,
            )
        except LoadError as error:
            mask_error(error, body)
            raise

    def _body(self, part: Part) -> bytes:
        entries = self._prepared.entries.together(picked(self._prepared.entry_of, part))
        wide = self._prepared.wides.of(int(self._prepared.first_row[part[0]]))
        return self._spec.body.around(memoryview(entries)[:-1], wide.members)

    def _keys(self, part: Part) -> list[str]:
        return self._prepared.keys.texts(picked(self._prepared.first_row, part))
