"""Reading back: what LUSID holds of requests whose answer was lost, and of what a held request needs.

Sends nothing but reads. What they cannot settle is `unknown`, never a guess.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from connectors.lusid.client import Answer
from pipelines.deliver.breaker import Brake
from pipelines.deliver.ledger import Ledger, Outcome, Part
from pipelines.deliver.redaction import quoting_nothing
from pipelines.operations.evidence import Finding, Params, examine
from pipelines.operations.operation import BodyShape, CallSpec
from pipelines.prepare.reading import Prepared
from schemas.errors import FatalError, LoadError, RetryableError
from schemas.states import State

NO_CALL = 0
"""The call number in the journal of what reading back settled without a call of its own."""

PAUSES = (1.0, 5.0)
"""Seconds until what is not there is looked for once more, before it is sent the second time and the third: a call that
was cut off may be on its way still."""


class Reader(Protocol):
    """What reading back needs of the LUSID client."""

    def get(self, path: str, params: Params) -> Answer:
        """Reads; raises as `LusidClient.get` does."""

    def pause(self, seconds: float) -> None:
        """Waits."""


class ReadingBack:
    """What is in doubt in one run; its senders share it, each with requests of its own.

    Attributes:
        doubtful: requests that an earlier call, whose answer was lost, may have applied.
        held: requests that an earlier run held; they are sent when what they need is there by now.
    """

    def __init__(
        self,
        prepared: Prepared,
        spec: CallSpec,
        ledger: Ledger,
        reader: Reader,
        brake: Brake,
        *,
        doubtful: set[int],
        held: set[int],
    ) -> None:
        self._prepared, self._spec, self._ledger = prepared, spec, ledger
        self._reader, self._brake = reader, brake
        self.doubtful, self.held = doubtful, held

    def may_go(self, part: Part) -> Part:
        """Of requests that are to be sent, those that may be: neither in already, nor in need of what is not there."""
        if not self._spec.operation.idempotent and (doubtful := [r for r in part if r in self.doubtful]):
            why = "an earlier process sent it and did not settle it"
            absent = self.settle_lost(NO_CALL, doubtful, why, sent=1)
            part = [r for r in part if r not in self.doubtful or r in absent]
        return [r for r in part if r not in self.held or self._released(r)]

    def settle_lost(self, call: int, part: Part, why: str | Mapping[int, str], sent: int = 0) -> set[int]:
        """Settles the requests of a call that reading back shows to be applied, or cannot tell.

        Args:
            call: the call whose answer was lost.
            why: what to say of it, or of each request.
            sent: how often they were sent so far, if they may be sent again.

        Returns:
            The requests that are not in LUSID, in doubt still.
        """
        texts = dict.fromkeys(part, why) if isinstance(why, str) else why
        absent = self._settle_found(call, part, texts)
        if absent and sent:
            self._reader.pause(PAUSES[sent - 1])
            absent = self._settle_found(call, sorted(absent), texts)
        return absent

    def _settle_found(self, call: int, part: Part, texts: Mapping[int, str]) -> set[int]:
        findings: dict[int, Finding] = {}
        try:
            for request in part:
                findings[request] = self._look(request)
        except RetryableError as error:  # the client has tried long enough: the rest would take as long, each
            self._brake.lost(error)
        finally:  # what stops the reading must not leave a request that was sent looking as if it was not
            absent = {r for r in part if findings.get(r) is Finding.ABSENT}
            settled = [self._found(r, findings.get(r), texts[r]) for r in part if r not in absent]
            self._ledger.settle(call, None, settled)
        return absent

    def reconsidered(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """What is called refused now, and may have been done by a call whose answer was lost, looked at again."""
        return [self._reconsidered(o) if o.state.traits.refused and o.request in self.doubtful else o for o in outcomes]

    def not_sent(self, part: Part, error: LoadError) -> list[Outcome]:
        """This call did not reach LUSID; whether an earlier one did is another matter."""
        kind = type(error).__name__.removesuffix("Error")
        lost = f"an earlier call's answer was lost, and now: {error.message}"
        return [
            _unknown(r, lost) if r in self.doubtful else Outcome(r, State.NOT_SENT, kind, error.message) for r in part
        ]

    def not_found(self, call: int, part: Part, why: str) -> None:
        """Settles what was sent as often as it may be, and is not there: it may be applied yet."""
        if part:
            self._ledger.settle(call, None, [_unknown(r, f"{why}; not found when read back") for r in part])

    def settle_unclear(self, call: int, outcomes: Sequence[Outcome]) -> None:
        """Settles what an answer that came does not tell: reading back may."""
        why = {o.request: o.message for o in outcomes}
        absent = self.settle_lost(call, list(why), why)
        left = [o._replace(message=f"{o.message}; not found when read back") for o in outcomes if o.request in absent]
        if left:
            self._ledger.settle(call, None, left)

    def settle_rest(self) -> None:
        """Settles what was sent and is still open when the run ends: it is unknown, and must not look unsent."""
        text = "it was sent, and the run stopped before it was known what became of it"
        left = [r for r in self._ledger.open_requests().tolist() if self._ledger.in_doubt[r] or r in self.doubtful]
        if left:
            self._ledger.settle(NO_CALL, None, [_unknown(r, text) for r in left])

    def _found(self, request: int, finding: Finding | None, why: str) -> Outcome:
        if finding is Finding.APPLIED:
            return Outcome(request, State.ACCEPTED, "ReadBack", f"read back: {why}")
        if finding is Finding.DIFFERS:
            return _unknown(request, f"{why}; LUSID holds it, but not as it was sent: compare the two")
        return _unknown(request, f"{why}; reading back could not settle it")

    def _reconsidered(self, outcome: Outcome) -> Outcome:
        try:
            found = self._look(outcome.request)
        except (RetryableError, FatalError) as error:  # this answer's other keys are still to be settled
            self._brake.lost(error) if isinstance(error, RetryableError) else self._brake.stop(error)
            text = f"an earlier call's answer was lost, reading back failed, and now: {outcome.message}"
            return _unknown(outcome.request, text)
        if found in (Finding.ABSENT, Finding.DIFFERS):  # what is there is not ours
            return outcome
        if found is Finding.UNCLEAR and self._spec.operation.idempotent:
            return outcome
        if found is Finding.UNCLEAR:  # it may be refused because it is there
            text = f"an earlier call's answer was lost, reading back could not settle it, and now: {outcome.message}"
            return _unknown(outcome.request, text)
        text = "an earlier call, whose answer was lost, had done it: read back alike"
        return Outcome(outcome.request, State.ACCEPTED, "ReadBack", text)

    def _released(self, request: int) -> bool:
        """Whether a held request may go; one that may not is settled as held again."""
        parents = self._spec.operation.parents(self._request(request), self._spec.dialect)
        try:
            absent = any(examine([parent], self._read) is Finding.ABSENT for parent in parents)
        except RetryableError:
            absent = False  # LUSID itself will say
        if not absent:
            return True
        text = "what it needs is still not in LUSID"
        self._ledger.settle(NO_CALL, None, [Outcome(request, State.HELD, "ParentFailed", text)])
        return False

    def _look(self, request: int) -> Finding:
        body = self._request(request)
        with quoting_nothing(orjson.dumps(body)):
            return examine(self._spec.operation.evidence(body, self._spec.dialect), self._read)

    def _request(self, request: int) -> Any:
        """One request as it goes on the wire."""
        entry = self._prepared.entries.read(int(self._prepared.entry_of[request]))[:-1]
        if self._spec.body is not BodyShape.KEYED:
            return orjson.loads(entry)
        (body,) = orjson.loads(b"{%b}" % entry).values()
        return body

    def _read(self, path: str, params: Params) -> Any:
        return self._reader.get(path, params).body


def _unknown(request: int, text: str) -> Outcome:
    return Outcome(request, State.UNKNOWN, "PerhapsApplied", text)
