"""Keyed batches: Atomic and Partial. Knows no entity.

Partial: what can be done is done, and the answer lists the rest under `failed`. Atomic: one failing
item and nothing is done; the answer is a 400 that names every failing item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.calls import Call
from connectors.sandbox.exact_json import Document
from connectors.sandbox.problems import ItemError, batch_aborted, validation_problem
from connectors.sandbox.readers import Reader, mapped
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

    def body(self, call: Call) -> Document:
        """The batch answer: values, failed (empty when nothing failed), links."""
        return {
            "href": None,
            "values": self.values,
            "failed": {key: item.body(key) for key, item in self.failed.items()},
            "links": [call.log_link],
        }


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
        outcome = _apply_all(transaction, call, requests, apply)
        if outcome.failed and mode == "Atomic":
            raise batch_aborted(outcome.failed)
    return outcome.body(call)


def _apply_all(transaction: Transaction, call: Call, requests: Mapping[str, Any], apply: Apply) -> Outcome:
    outcome = Outcome()
    for key, request in requests.items():
        try:
            outcome.values[key] = apply(transaction, call, request)
        except ItemError as error:
            outcome.failed[key] = error
    return outcome
