"""What LUSID's answers say of each key: matched by key, never by position.

A refusal may smell of the wrong dialect: a server of another age asks for members we do not send, or does not know
those we do. How LUSID words that is not documented: the words are the sandbox's and those of the usual .NET readers. So
it is a hint of the setting to change, and decides nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipelines.deliver.alerts import alert_of, is_on_unknown_instrument
from pipelines.deliver.changes import changes_of
from pipelines.deliver.ledger import Outcome
from pipelines.operations.operation import AnswerShape, CallSpec, Operation
from schemas.answers import ErrorDetail
from schemas.dialects import Dialect
from schemas.states import Mode, State
from schemas.texts import server_text

_WITHOUT_KEY = "(without a key)"

_WANTED = r"required|missing"
_STRANGE = r"not a member|find member|not be mapped|(?:unknown|unexpected|unrecogni[sz]ed) (?:member|property|field)"
_SHAPE = re.compile(r"must be (?:a list|an object)|requires a JSON (?:array|object)", re.IGNORECASE)


def _clause(member: str, said: str) -> re.Pattern[str]:
    """One clause that names a member and says something of it, in either order."""
    return re.compile(rf"\b(?:{member})\b[^;]*(?:{said})|(?:{said})[^;]*\b(?:{member})\b", re.IGNORECASE)


_OLD_MEMBERS = "investorIdentifiers|portfolioScope|portfolioCode"
_SMELLS: Mapping[Dialect, Sequence[tuple[re.Pattern[str], Dialect]]] = {
    Dialect.V2_1: [(_clause("scope", _WANTED), Dialect.V2_3), (_clause(_OLD_MEMBERS, _STRANGE), Dialect.V2_3)],
    Dialect.V2_3: [(_clause("scope|amount", _STRANGE), Dialect.V2_1), (_clause(_OLD_MEMBERS, _WANTED), Dialect.V2_1)],
}
"""Of a dialect we speak: what a server of another one says of our members, and which that one is."""


@dataclass(frozen=True)
class Reading:
    """An answer, read.

    Attributes:
        accepted: requests that are done, with LUSID's id of each, where it gave one, in `ids`, and what became of it
            in `changes`, a letter each (`changes`), where the answer tells.
        outcomes: every other request of the call.
        strangers: keys of the answer that we never sent, as they are told.
    """

    accepted: Sequence[int]
    ids: Sequence[str | None] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    changes: str = ""

    def overruled(self, outcomes: Sequence[Outcome]) -> "Reading":
        """The same where some of what was accepted is not done."""
        not_done = {outcome.request for outcome in outcomes}
        kept = [place for place, request in enumerate(self.accepted) if request not in not_done]
        return replace(
            self,
            accepted=[self.accepted[place] for place in kept],
            ids=[self.ids[place] for place in kept],
            outcomes=[*self.outcomes, *outcomes],
            changes="".join(self.changes[place] for place in kept) if self.changes else "",
        )


def read_answer(
    body: Any, operation: Operation, part: Sequence[int], keys: Sequence[str], mode: Mode, began: str | None = None
) -> Reading:
    """Settles the requests of a call by its answer.

    Args:
        body: the parsed answer.
        part: numbers of the requests of the call.
        keys: their keys, in the same order.
        mode: in Atomic mode a key that is neither done nor refused was rolled back, where another was refused and
            none is done: else the call was not refused whole.
        began: when the call began, by LUSID's clock; None where its answer cannot tell what it changed.

    A key the answer does not mention is unknown: LUSID did not say.
    """
    if operation.answer_name is not None:
        keys = [operation.answer_name(key) for key in keys]
    values = _values(body, operation)
    if values is None:
        text = "LUSID's answer does not have the documented shape"
        return Reading([], outcomes=[Outcome(r, State.UNKNOWN, "Protocol", text) for r in part])
    refused = body.get("failed") if operation.answers is AnswerShape.BY_KEY else None
    alerts = _alerts(body, values, operation, zip(part, keys, strict=True))
    if not refused and not alerts and values.keys() == set(keys):
        return Reading(part, _ids(values, keys, operation.lusid_id), changes=changes_of(values, keys, began))
    refused = refused if isinstance(refused, Mapping) else {}
    accepted, accepted_keys, unmentioned, outcomes = [], [], [], []
    for request, key in zip(part, keys, strict=True):
        if key in refused:
            outcomes.append(_refused(request, refused[key], done=key in values))
        elif request in alerts:
            outcomes.append(alerts[request])
        elif key in values:
            accepted.append(request)
            accepted_keys.append(key)
        else:
            unmentioned.append(request)
    whole = mode is Mode.ATOMIC and {State.FAILED} == {o.state for o in outcomes} and not accepted
    outcomes += [_unmentioned(request, rolled_back=whole) for request in unmentioned]
    known = set(keys)
    strangers = [server_text(k, 100) or _WITHOUT_KEY for k in [*values, *refused] if k not in known]
    ids = _ids(values, accepted_keys, operation.lusid_id)
    return Reading(accepted, ids, outcomes, strangers, changes_of(values, accepted_keys, began))


def hinted(outcomes: Sequence[Outcome], spec: CallSpec, status: int | None = None) -> list[Outcome]:
    """Outcomes whose failures say which dialect to try, where they smell of the wrong one.

    Args:
        outcomes: what became of requests.
        spec: the dialect they were sent in.
        status: of the refusal of the whole call; None where LUSID answered for each key.
    """
    return [_hinted(o, spec, status) if o.state is State.FAILED else o for o in outcomes]


def _values(body: Any, operation: Operation) -> Mapping[str, Any] | None:
    """The answer's values by key; None when it has another shape."""
    if not isinstance(body, Mapping):
        return None
    values = body.get("values")
    if operation.answer_key is not None:
        if not isinstance(values, list):
            return None
        return {operation.answer_key(v): v for v in values if isinstance(v, dict)}
    return values if isinstance(values, Mapping) else {} if values is None else None


def _alerts(
    body: Mapping[str, Any], values: Mapping[str, Any], operation: Operation, sent: Iterable[tuple[int, str]]
) -> dict[int, Outcome]:
    """The alerts of requests that the answer has values for, by request."""
    remarks = body.get("metadata")
    if not remarks and not (operation.has_instrument and any(map(is_on_unknown_instrument, values.values()))):
        return {}
    remarks = remarks if isinstance(remarks, Mapping) else {}
    found = (alert_of(request, values[key], remarks.get(key)) for request, key in sent if key in values)
    return {alert.request: alert for alert in found if alert is not None}


def _ids(values: Mapping[str, Any], keys: Sequence[str], member: str) -> list[str | None]:
    found = [value.get(member) if isinstance(value, dict) else None for value in map(values.get, keys)]
    if found.count(None) == len(found):
        return found
    return [server_text(lusid_id, 100) if isinstance(lusid_id, str) else None for lusid_id in found]


def _refused(request: int, body: object, *, done: bool) -> Outcome:
    """An entry of `failed`, which LUSID says may also be "left unchanged without error".

    It can be told to be that when it names no error, and says so in those words or has a value beside it. Any other
    entry with a value beside it contradicts itself.
    """
    detail = ErrorDetail.from_body(body)
    text = detail.detail.lower()
    if "unchanged" in text and (done or "without error" in text) and not detail.type.endswith(("Failure", "Error")):
        return Outcome(request, State.ACCEPTED, "Unchanged", detail.detail)
    message = detail.detail or "LUSID gives no reason"
    if done:
        text = f"LUSID's answer lists this key as done and as failed: {message}"
        return Outcome(request, State.UNKNOWN, "Protocol", text)
    return Outcome(request, State.FAILED, detail.type or "Failed", message)


def _unmentioned(request: int, *, rolled_back: bool) -> Outcome:
    if rolled_back:
        text = "its Atomic request was refused because of another key"
        return Outcome(request, State.ROLLED_BACK, "RolledBack", text)
    text = "LUSID's answer does not mention this key"
    return Outcome(request, State.UNKNOWN, "Protocol", text)


def _hinted(outcome: Outcome, spec: CallSpec, status: int | None) -> Outcome:
    other = _other(outcome.message, spec, status)
    if other is None:
        return outcome
    return outcome._replace(
        message=f"{outcome.message}; the server may speak another dialect: try --dialect {other.value}"
    )


def _other(text: str, spec: CallSpec, status: int | None) -> Dialect | None:
    ours = spec.dialect
    if spec.operation.legacy is not None and (status == 404 or _SHAPE.search(text)):
        return Dialect.V2_1 if ours is Dialect.LEGACY else Dialect.LEGACY
    return next((other for smell, other in _SMELLS.get(ours, ()) if smell.search(text)), None)
