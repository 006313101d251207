"""Batches: keyed ones, Atomic and Partial, and lists that are done whole or not at all. Knows no entity.

Partial: what can be done is done, and the answer lists the rest under `failed`. Atomic: one failing
item and nothing is done; the answer is a 400 that names every failing item. A list has no place for
failures in its answer, so it is done as Atomic is; its items are named `requests[3]`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.protocol.calls import Call
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError, batch_aborted, refused, validation_problem
from connectors.sandbox.protocol.readers import Reader, mapped
from connectors.sandbox.store import Transaction

MODES = ("Atomic", "Partial")

Apply = Callable[[Transaction, Call, Document], object]
"""Does one item and returns what `values` shows of it; checks everything before it writes, or
raises ItemError."""


@dataclass
class Outcome:
    """What became of the items of a batch, by request key."""

    values: dict[str, object] = field(default_factory=dict)
    failed: dict[str, ItemError] = field(default_factory=dict)

    def failures(self) -> Document:
        """What `failed` shows: empty when nothing failed."""
        return {key: item.body(key) for key, item in self.failed.items()}

    def body(self, call: Call) -> Document:
        """The answer to a keyed batch: values, failed, links."""
        return {"href": None, "values": self.values, "failed": self.failures(), "links": [call.log_link]}


def success_mode(call: Call) -> str:
    """The required `successMode` parameter.

    Raises:
        ProblemError: 400, missing or neither Atomic nor Partial (as written: case counts).
    """
    mode = call.parameter("successMode")
    if mode in MODES:
        return mode
    said = "The successMode field is required." if mode is None else "must be Atomic or Partial"
    raise validation_problem({"successMode": [said]})


def upsert(call: Call, item: Reader, apply: Apply) -> Document:
    """Answers a `$batchUpsert`: a map of request key to item, done in the order given.

    Raises:
        ProblemError: 400, the body does not fit, or the mode is Atomic and an item fails.
    """
    mode = success_mode(call)
    requests = call.read(mapped(item))
    with call.store.write() as transaction:
        outcome = apply_all(transaction, call, requests, apply)
        if outcome.failed and mode == "Atomic":
            raise batch_aborted(outcome.failed)
    return outcome.body(call)


def each_or_failed(call: Call, item: Reader, apply: Apply) -> Document:
    """Answers a keyed batch that has no mode: what can be done is done.

    Raises:
        ProblemError: 400, the body does not fit.
    """
    requests = call.read(mapped(item))
    with call.store.write() as transaction:
        outcome = apply_all(transaction, call, requests, apply)
    return {**outcome.body(call), "metadata": {}}


def all_or_none(call: Call, requests: Sequence[Document], apply: Apply, member: str = "requests") -> Document:
    """Answers a list of requests, done in the order given, all of them or none.

    Args:
        member: the body's member that is the list.

    Raises:
        ProblemError: 400, items are refused; `errors` names each as `requests[i].member`.
    """
    named = {f"{member}[{n}]": request for n, request in enumerate(requests)}
    with call.store.write() as transaction:
        outcome = apply_all(transaction, call, named, apply)
        if outcome.failed:
            raise refused(outcome.failed)
    return resource_list(call, list(outcome.values.values()))


def resource_list(call: Call, values: list[Any]) -> Document:
    """A ResourceListOf whatever `values` are, on one page."""
    return {"values": values, "href": None, "links": [call.log_link], "nextPage": None, "previousPage": None}


def apply_all(transaction: Transaction, call: Call, requests: Mapping[str, Any], apply: Apply) -> Outcome:
    """Does every item that can be done, in the order given."""
    outcome = Outcome()
    for key, request in requests.items():
        try:
            outcome.values[key] = apply(transaction, call, request)
        except ItemError as error:
            outcome.failed[key] = error
    return outcome
