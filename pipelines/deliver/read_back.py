"""Reading back: what LUSID holds of requests whose answer was lost, and of what a held request needs.

Sends nothing but reads. They may lag behind writes: only what was absent for `lag` seconds after an answer was lost may
be sent again. What reading cannot settle is `unknown`, never a guess.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import orjson

from connectors.lusid.client import Answer
from pipelines.deliver.doubts import Before, Doubt, is_older, says_it_is_there
from pipelines.deliver.ledger import NO_CALL, Ledger, Outcome
from pipelines.deliver.limits import Brake
from pipelines.deliver.list_reading import LONGEST, ListReader
from pipelines.deliver.parts import Part
from pipelines.deliver.redaction import mask_error
from pipelines.operations.evidence import Examined, Finding, Params, examine_all
from pipelines.operations.operation import BodyShape, CallSpec
from pipelines.prepare.reading import Requests
from schemas.errors import FatalError, LoadError, PerhapsAppliedError, RetryableError
from schemas.states import State

_EARLIER = "an earlier process sent it and did not settle it"


class Reader(Protocol):
    """What reading back needs of the LUSID client.

    Attributes:
        opened_at: when LUSID was first asked for anything, by its own clock.
    """

    opened_at: datetime | None

    def get(self, path: str, params: Params) -> Answer:
        """Reads; raises as `LusidClient.get` does."""

    def pause(self, seconds: float) -> None:
        """Waits."""

    def now(self) -> float:
        """Seconds by the clock that waits go by."""


class ReadingBack:
    """What is in doubt in one run; its senders share it, each with requests of its own."""

    def __init__(
        self,
        prepared: Requests,
        spec: CallSpec,
        ledger: Ledger,
        reader: Reader,
        brake: Brake,
        *,
        lag: float,
        longest: int = LONGEST,
        before: Before,
    ) -> None:
        """Reads nothing yet.

        Args:
            lag: seconds by which reads may lag behind writes.
            longest: characters of a first filter, as a URL spells it; 0 where lists take none.
            before: what is known of the requests from before this process.
        """
        self._prepared, self._spec, self._ledger = prepared, spec, ledger
        self._reader, self._brake, self._lag, self._longest = reader, brake, lag, longest
        self._doubts, self._inherited = dict[int, Doubt](), set[int]()
        self.inherit(before.doubtful)
        self._sent_before, self._held = set(before.refused), before.held

    def inherit(self, requests: Iterable[int]) -> None:
        """Notes that another process sent requests and did not settle them; what is in doubt already stays so."""
        new = set(requests) - self._doubts.keys()
        self._doubts |= {request: Doubt(self._reader.now(), _EARLIER, [None]) for request in new}
        self._inherited |= new

    def may_go(self, part: Part) -> Part:
        """Of requests that are to be sent, those that may be: neither in already, nor in need of what is not there."""
        if not self._spec.operation.idempotent:
            part = self._cleared(part)
        held = [r for r in part if r in self._held] if self._held else []
        missing = self._missing(held) if held else set()
        return [r for r in part if r not in missing] if missing else part

    def is_due(self, part: Part) -> bool:
        """Whether what LUSID does not show of these requests by now, it does not hold."""
        return self._reader.now() >= self.surely_shown(part)

    def in_doubt(self, part: Part) -> Part:
        """Those of some requests that may have been applied, and are not settled."""
        return [r for r in part if r in self._doubts] if self._doubts else []

    def lost(self, part: Part, error: PerhapsAppliedError) -> None:
        """Notes that the answer to a call was lost."""
        now = self._reader.now()
        for request in part:
            self._doubts.setdefault(request, Doubt(now, "")).lost(error, now, alone=len(part) == 1)

    def settle_lost(self, call: int, part: Part) -> Part:
        """Settles the requests of a call whose answer was lost that LUSID shows; gives those that it does not show yet.

        Those are in doubt until `may_go` has looked again, when reads have had the time that they may take.
        """
        shown = self._looked_at(call, part)
        done = [r for r in part if r not in shown or self._is_done(r, shown[r])]
        self._settle(call, [self._settled(r, shown.get(r)) for r in done])
        return [r for r in part if r not in set(done)]

    def settle_for_good(self, call: int, part: Part) -> None:
        """Settles the requests of a call whose answer was lost and that is not to be repeated."""
        shown = self._looked_at(call, part)
        self._ledger.settle(call, None, [self._settled(r, shown.get(r)) for r in part])

    def settle_unclear(self, call: int, outcomes: Sequence[Outcome]) -> None:
        """Settles what an answer that came does not tell: reading back may, now or later."""
        now = self._reader.now()
        for outcome in outcomes:
            self._doubts.setdefault(outcome.request, Doubt(now, "", [None])).not_told(outcome.message, now)
        settle = self.settle_for_good if self._spec.operation.idempotent else self.settle_lost
        settle(call, [outcome.request for outcome in outcomes])

    def reconsidered(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """What is called refused now, and may have been done by a call whose answer was lost, looked at again."""
        again = {o.request for o in outcomes if o.state.traits.refused and o.request in self._doubts}
        shown: Mapping[int, Examined] = {}
        try:
            shown = self._examined(sorted(again)) if again else {}
        except RetryableError as error:  # this answer's other keys are still to be settled
            self._brake.lost(error)
        except FatalError as error:
            self._brake.stop(error)
        return [self._reconsidered(o, shown.get(o.request)) if o.request in again else o for o in outcomes]

    def not_sent(self, part: Part, error: LoadError) -> list[Outcome]:
        """This call did not reach LUSID; whether an earlier one did is another matter."""
        kind = type(error).__name__.removesuffix("Error")
        lost = f"an earlier call's answer was lost, and now: {error.message}"
        return [
            _unknown(r, lost) if r in self._doubts else Outcome(r, State.NOT_SENT, kind, error.message) for r in part
        ]

    def locked_out(self, part: Part) -> bool:
        """Whether somebody said twice of one of these requests what would stop the run, had LUSID said it."""
        return any(self._doubts[r].locked_out > 1 for r in part)

    def settle_rest(self) -> None:
        """Settles what was sent and is still open when the run ends: it is unknown, and must not look unsent."""
        text = "it was sent, and the run stopped before it was known what became of it"
        left = [r for r in self._ledger.open_requests().tolist() if self._ledger.in_doubt[r] or r in self._doubts]
        self._settle(NO_CALL, [_unknown(r, text) for r in left])

    def _cleared(self, part: Part) -> Part:
        """Those of some requests that are not in LUSID; the others are settled."""
        doubtful, once = self.in_doubt(part), [r for r in part if r in self._sent_before]
        self._sent_before.difference_update(once)
        if not doubtful and not once:
            return part
        left = self.surely_shown(doubtful) - self._reader.now()
        if left > 0:
            self._reader.pause(left)
        shown = self._looked_at(NO_CALL, [*doubtful, *once], sure=True)
        done = {r for r in once if r not in shown or shown[r].finding is Finding.APPLIED}
        done |= {r for r in doubtful if not self._may_go_again(r, shown.get(r))}
        self._settle(NO_CALL, [self._settled(r, shown.get(r)) for r in sorted(done)])
        if lost := [r for r in doubtful if r in shown and self._is_lost(r, shown[r])]:
            self._brake.lost(PerhapsAppliedError(self._doubts[lost[0]].why))
        return [r for r in part if r not in done]

    def surely_shown(self, part: Part) -> float:
        """From when on reads show what was done of these requests, by the client's clock."""
        return max((self._doubts[r].since for r in part if r in self._doubts), default=0.0) + self._lag

    def _may_go_again(self, request: int, shown: Examined | None) -> bool:
        if shown is None or not self._is_missing(request, shown):
            return False
        doubt = self._doubts[request]
        return doubt.again and not doubt.is_used_up and doubt.too_large is None

    def _is_lost(self, request: int, shown: Examined) -> bool:
        """Whether it was sent as often as it may be, and each time in vain."""
        return self._doubts[request].is_used_up and self._is_missing(request, shown)

    def _is_missing(self, request: int, shown: Examined) -> bool:
        """Whether LUSID does not hold what was sent: at most what was there before."""
        if shown.finding is Finding.DIFFERS:
            return is_older(shown.origins, self._began(request))
        return shown.finding is Finding.ABSENT

    def _is_done(self, request: int, shown: Examined) -> bool:
        ours = shown.finding is Finding.DIFFERS and self._doubts[request].is_ours(shown.origins)
        return ours or shown.finding is Finding.APPLIED

    def _began(self, request: int) -> datetime | None:
        return None if request in self._inherited else self._reader.opened_at

    def _looked_at(self, call: int, part: Part, *, sure: bool = False) -> dict[int, Examined]:
        """What LUSID shows of each request; of none where it does not answer.

        What stops the reading must not leave a request that was sent looking as if it was not.
        """
        try:
            return self._examined(part, sure=sure)
        except RetryableError as error:  # the client has tried long enough
            self._brake.lost(error)
            return {}
        except FatalError:
            self._ledger.settle(call, None, [self._settled(r, None) for r in part if r in self._doubts])
            raise

    def _settle(self, call: int, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._ledger.settle(call, None, outcomes)

    def _settled(self, request: int, shown: Examined | None) -> Outcome:
        doubt = self._doubts.get(request) or Doubt(0.0, "it was sent before")
        if shown is None and request not in self._doubts:
            text = "it was sent before, and LUSID does not answer whether it is there"
            return Outcome(request, State.NOT_SENT, "NotSent", text)
        if shown is not None and shown.finding is Finding.APPLIED:
            return Outcome(request, State.ACCEPTED, "ReadBack", f"read back: {doubt.why}")
        if shown is None or shown.finding is Finding.UNCLEAR:
            return _unknown(request, f"{doubt.why}; reading back could not settle it")
        if doubt.is_ours(shown.origins):
            return Outcome(request, State.ACCEPTED, "ReadBack", f"read back, and changed since: {doubt.why}")
        if shown.finding is Finding.DIFFERS and not self._is_missing(request, shown):
            return _unknown(request, f"{doubt.why}; LUSID holds it, but not as it was sent: compare the two")
        if doubt.too_large is not None:
            return Outcome(request, State.FAILED, doubt.too_large.kind, f"{doubt.too_large.reason} (alone in its call)")
        return _unknown(request, f"{doubt.why}; not found when read back")

    def _reconsidered(self, outcome: Outcome, shown: Examined | None) -> Outcome:
        doubt, refused = self._doubts[outcome.request], f"and now: {outcome.message}"
        if shown is None:
            return _unknown(outcome.request, f"an earlier call's answer was lost, reading back failed, {refused}")
        if self._spec.operation.idempotent and shown.finding is not Finding.APPLIED:
            return outcome
        if doubt.is_anothers(shown.origins, self._began(outcome.request)):
            return outcome
        if self._is_done(outcome.request, shown):
            text = "an earlier call, whose answer was lost, had done it: read back alike"
            return Outcome(outcome.request, State.ACCEPTED, "ReadBack", text)
        there = outcome.state is State.FAILED and says_it_is_there(outcome.code, outcome.message)
        if shown.finding is Finding.ABSENT and not there:
            return outcome
        said = {
            Finding.ABSENT: "LUSID does not show it",
            Finding.DIFFERS: "LUSID holds it, but not as it was sent",
        }.get(shown.finding, "reading back could not settle it")
        return _unknown(outcome.request, f"an earlier call's answer was lost, {said}, {refused}")

    def _missing(self, held: Part) -> set[int]:
        """Held requests that may not go yet; they are settled as held again."""
        parents = {r: list(self._spec.operation.parents(self._request(r), self._spec.dialect)) for r in held}
        each = {n: (r, e) for n, (r, e) in enumerate((r, e) for r, several in parents.items() for e in several)}
        try:
            shown = examine_all({n: [e] for n, (_, e) in each.items()}, self._lists.bodies)
        except RetryableError:
            return set()  # LUSID itself will say
        missing = {r for n, (r, _) in each.items() if shown[n].finding is Finding.ABSENT}
        text = "what it needs is still not in LUSID"
        self._settle(NO_CALL, [Outcome(r, State.HELD, "ParentFailed", text) for r in held if r in missing])
        return missing

    def _examined(self, part: Part, *, sure: bool = False) -> dict[int, Examined]:
        bodies = {r: self._request(r) for r in part}
        evidence = {r: list(self._spec.operation.evidence(b, self._spec.dialect)) for r, b in bodies.items()}
        try:
            return examine_all(evidence, self._lists.sure_bodies if sure else self._lists.bodies)
        except LoadError as error:
            mask_error(error, orjson.dumps(list(bodies.values())))
            raise

    def _request(self, request: int) -> Any:
        return request_of(self._prepared, self._spec, request)

    @cached_property
    def _lists(self) -> ListReader:
        return ListReader(self._read, longest=self._longest)

    def _read(self, path: str, params: Params) -> Any:
        return self._reader.get(path, params).body


def request_of(prepared: Requests, spec: CallSpec, request: int) -> Any:
    """One request as it goes on the wire, parsed."""
    entry = prepared.entries.read(int(prepared.entry_of[request]))[:-1]
    if spec.body is not BodyShape.KEYED:
        return orjson.loads(entry)
    (body,) = orjson.loads(b"{%b}" % entry).values()
    return body


def _unknown(request: int, text: str) -> Outcome:
    return Outcome(request, State.UNKNOWN, "PerhapsApplied", text)
