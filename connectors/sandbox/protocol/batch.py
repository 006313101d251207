"""Applies batches: keyed ones in Atomic or Partial mode, and lists, all of them or none. Knows no entity.

Partial: every item that can be applied is, and the answer lists the others under `failed`. Atomic: one failing item
means that nothing is applied; the answer is a 400 that names every failing item. The answer to a list has no place for
failures, so lists are applied as in Atomic mode; their items are named `requests[3]`.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.protocol.calls import ApiCall
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError, batch_aborted, refused, validation_problem
from connectors.sandbox.protocol.readers import Reader, mapped
from connectors.sandbox.store import Transaction

MODES = ("Atomic", "Partial")

Apply = Callable[[Transaction, ApiCall, Document], object]
"""Applies one item and returns its entry of `values`; checks everything before it writes, and may raise ItemError."""


@dataclass
class BatchResult:
    """The applied and the failed items of a batch, by request key."""

    values: dict[str, object] = field(default_factory=dict)
    failed: dict[str, ItemError] = field(default_factory=dict)

    def failures(self) -> Document:
        """The content of `failed`: empty when nothing failed."""
        return {key: item.body(key) for key, item in self.failed.items()}

    def body(self, call: ApiCall) -> Document:
        """The answer to a keyed batch: values, failed, links."""
        values = self.values
        if call.variant.keys == "lower":
            values = {key.lower(): value for key, value in values.items()}
        return {"href": None, "values": values, "failed": self.failures(), "links": [call.log_link]}


class _RolledBackError(Exception):
    """Nothing of a batch is kept."""


def success_mode(call: ApiCall) -> str:
    """The required `successMode` parameter.

    Raises:
        ProblemError: 400, it is missing or is neither Atomic nor Partial (case matters).
    """
    mode = call.parameter("successMode")
    if mode in MODES:
        return mode
    said = "The successMode field is required." if mode is None else "must be Atomic or Partial"
    raise validation_problem({"successMode": [said]})


def batch_upsert(call: ApiCall, item: Reader, apply: Apply) -> Document:
    """Answers a `$batchUpsert`: a map of request key to item, applied in the given order.

    Args:
        call: the call.
        item: reads one item.
        apply: applies one item.

    Raises:
        ProblemError: 400, the body is invalid, or the mode is Atomic and an item fails.
    """
    mode = success_mode(call)
    requests = call.read(mapped(item))
    result = BatchResult()
    with suppress(_RolledBackError), call.store.write() as transaction:
        result = apply_all(transaction, call, requests, apply)
        if result.failed and mode == "Atomic" and call.variant.atomic != "partly":
            raise _RolledBackError
    if not result.failed or mode == "Partial":
        return result.body(call)
    if call.variant.atomic == "failed":
        return BatchResult(failed=result.failed).body(call)
    raise batch_aborted(result.failed, 400 if call.variant.atomic == "partly" else int(call.variant.atomic))


def keyed_batch(call: ApiCall, item: Reader, apply: Apply) -> Document:
    """Answers a keyed batch without a mode: every item that can be applied is.

    Args:
        call: the call.
        item: reads one item.
        apply: applies one item.

    Raises:
        ProblemError: 400, the body is invalid.
    """
    requests = call.read(mapped(item))
    with call.store.write() as transaction:
        result = apply_all(transaction, call, requests, apply)
    return {**result.body(call), "metadata": {}}


def all_or_none(call: ApiCall, requests: Sequence[Document], apply: Apply, member: str = "requests") -> Document:
    """Answers a list of requests, applied in the given order, all of them or none.

    Args:
        call: the call.
        requests: the items, as read.
        apply: applies one item.
        member: the body's member that holds the list.

    Raises:
        ProblemError: 400, items are refused; `errors` names each as `requests[i].member`.
    """
    named = {f"{member}[{n}]": request for n, request in enumerate(requests)}
    with call.store.write() as transaction:
        result = apply_all(transaction, call, named, apply)
        if result.failed:
            raise refused(result.failed)
    return resource_list(call, list(result.values.values()))


def resource_list(call: ApiCall, values: list[Any]) -> Document:
    """The answer that lists `values` on one page (ResourceListOf... in the specification)."""
    return {"values": values, "href": None, "links": [call.log_link], "nextPage": None, "previousPage": None}


def apply_all(transaction: Transaction, call: ApiCall, requests: Mapping[str, Any], apply: Apply) -> BatchResult:
    """Applies every item that can be applied, in the given order.

    Args:
        transaction: the one in which to apply them.
        call: the call that brings them.
        requests: the items by key.
        apply: applies one item.
    """
    result = BatchResult()
    for key, request in requests.items():
        try:
            result.values[key] = apply(transaction, call, request)
        except ItemError as error:
            result.failed[key] = error
    return result
