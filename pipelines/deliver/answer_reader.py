"""What a 2xx answer says of each key it was asked about. Matched by key, never by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.deliver.ledger import Outcome
from pipelines.operations.operation import AnswerShape, Operation
from schemas.answers import ErrorDetail, server_text
from schemas.states import Mode, State


@dataclass(frozen=True)
class Reading:
    """An answer, read.

    Attributes:
        accepted: requests that are done, with LUSID's id of each, where it gave one, in `ids`.
        outcomes: every other request of the call.
        strangers: keys of the answer that we never sent.
    """

    accepted: Sequence[int]
    ids: Sequence[str | None] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)


def read_answer(body: Any, operation: Operation, part: Sequence[int], keys: Sequence[str], mode: Mode) -> Reading:
    """Settles the requests of a call by its answer.

    Args:
        body: the parsed answer.
        part: numbers of the requests of the call.
        keys: their keys, in the same order.
        mode: in Atomic mode a key that is neither done nor refused was rolled back, where another was refused and
            none is done: else the call was not refused whole.

    A key the answer does not mention is unknown: LUSID did not say.
    """
    if operation.answer_name is not None:
        keys = [operation.answer_name(key) for key in keys]
    values = _values(body, operation)
    if values is None:
        text = "LUSID's answer does not have the documented shape"
        return Reading([], outcomes=[Outcome(r, State.UNKNOWN, "Protocol", text) for r in part])
    refused = body.get("failed") if operation.answers is AnswerShape.BY_KEY else None
    if not refused and values.keys() == set(keys):
        return Reading(part, _ids(values, keys, operation.lusid_id))
    refused = refused if isinstance(refused, Mapping) else {}
    accepted, accepted_keys, unmentioned, outcomes = [], [], [], []
    for request, key in zip(part, keys, strict=True):
        if key in refused:
            outcomes.append(_refused(request, refused[key], done=key in values))
        elif key in values:
            accepted.append(request)
            accepted_keys.append(key)
        else:
            unmentioned.append(request)
    whole = mode is Mode.ATOMIC and {State.FAILED} == {o.state for o in outcomes} and not accepted
    outcomes += [_unmentioned(request, rolled_back=whole) for request in unmentioned]
    known = set(keys)
    strangers = [server_text(k, 100) for k in [*values, *refused] if k not in known]
    ids = _ids(values, accepted_keys, operation.lusid_id)
    return Reading(accepted, ids, outcomes, strangers)


def _values(body: Any, operation: Operation) -> Mapping[str, Any] | None:
    """The answer's values by key; None when it has another shape."""
    if not isinstance(body, Mapping):
        return None
    values = body.get("values")
    if operation.answer_key is not None:
        if not isinstance(values, list):
            return None
        return {operation.answer_key(v): v for v in values if isinstance(v, Mapping)}
    return values if isinstance(values, Mapping) else {} if values is None else None


def _ids(values: Mapping[str, Any], keys: Sequence[str], member: str) -> list[str | None]:
    found = []
    for key in keys:
        value = values.get(key)
        lusid_id = value.get(member) if isinstance(value, dict) else None
        found.append(server_text(lusid_id, 100) if isinstance(lusid_id, str) else None)
    return found


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
