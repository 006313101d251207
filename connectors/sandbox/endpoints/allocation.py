"""allocate: executions of placements go to the orders they came from; and the calls that read allocations.

`pro_rata` computes how much each order receives. An allocation's id is derived from its execution and its order, and
what is allocated is not allocated again, so a repeated call changes nothing.
"""

from dataclasses import dataclass

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.arithmetic import Number, exactly
from connectors.sandbox.domain.blocks import ORDER
from connectors.sandbox.domain.chain import (
    ALLOCATION,
    OF_ORDER,
    PLACEMENT,
    allocated_of_execution,
    allocated_to_order,
    executions_of,
)
from connectors.sandbox.domain.pro_rata import shares
from connectors.sandbox.domain.resources import add, document_of, existing, find, read_routes, versioned
from connectors.sandbox.domain.shapes import labelled, name_of, resource_id
from connectors.sandbox.protocol.batch import apply_all
from connectors.sandbox.protocol.calls import ApiCall, Route, unique_id
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ItemError, validation_problem
from connectors.sandbox.protocol.readers import listed
from connectors.sandbox.store import Entity, Transaction

PLACEMENTS_LIMIT = 100
ALGORITHM = "PR-FIFO"

_BODY = listed(resource_id, 0, PLACEMENTS_LIMIT)
_OF_EXECUTION = ("price", "settlementDate", "settlementCurrency", "settlementCurrencyFxRate", "counterparty")
_OF_ORDER = (
    "portfolioId",
    "instrumentIdentifiers",
    "lusidInstrumentId",
    "side",
    "type",
    "custodianAccountId",
    "direction",
)


def allocate(call: ApiCall) -> Document:
    """POST /api/ordermanagement/allocate, and its legacy form; `values` are the placements that succeeded.

    Placements are allocated oldest first, whatever their order in the request.

    Raises:
        ProblemError: 400, the body is invalid or the algorithm is not known.
    """
    asked = {labelled(each): each for each in call.read(_BODY)}
    if call.parameter("allocationAlgorithm") not in (None, ALGORITHM):
        raise validation_problem({"allocationAlgorithm": [f"the sandbox knows {ALGORITHM} only"]})
    with call.store.write() as transaction:
        age = {key: find(transaction, PLACEMENT, each) for key, each in asked.items()}
        oldest_first = sorted(asked, key=lambda key: entity.sequence if (entity := age[key]) else 0)
        result = apply_all(transaction, call, {key: asked[key] for key in oldest_first}, _allocate)
    return {"values": [asked[key] for key in asked if key in result.values], "failed": result.failures()}


@dataclass
class _Open:
    """An order that may receive a quantity, and how much it lacks."""

    order: Document
    unfilled: Number


def _allocate(transaction: Transaction, call: ApiCall, placement_id: Document) -> Document:
    placement = existing(transaction, PLACEMENT, placement_id, "")
    orders = _open_orders(transaction, document_of(placement))
    shared = []
    with exactly():
        for execution in map(document_of, executions_of(transaction, placement.name)):
            left = execution["quantity"] - allocated_of_execution(transaction, name_of(execution["id"]))
            given = shares(left, [each.unfilled for each in orders])
            for each, share in zip(orders, given, strict=True):
                each.unfilled -= share
                if share:
                    shared.append(_allocation(execution, each.order, share))
    for allocation in shared:
        _keep(transaction, call, allocation)
    return placement_id


def _open_orders(transaction: Transaction, placement: Document) -> list[_Open]:
    """The orders of the placement's blocks, oldest first, without those that are cancelled or have no quantity."""
    found: dict[int, Entity] = {}
    for block in placement["blockIds"]:
        found.update({each.sequence: each for each in transaction.children(ORDER, name_of(block))})
    out = []
    for _, entity in sorted(found.items()):
        order = document_of(entity)
        if "quantity" in order and not blocks.is_cancelled(order):
            with exactly():
                out.append(_Open(order, order["quantity"] - allocated_to_order(transaction, entity.name)))
    return out


def _allocation(execution: Document, order: Document, quantity: Number) -> Document:
    if "portfolioId" not in order:
        raise ItemError("EmptyPortfolioIdFailure", "Empty PortfolioId on Order")
    digest = unique_id(name_of(execution["id"]), name_of(order["id"]))
    return {
        "id": {"scope": order["id"]["scope"], "code": f"ALLOC-{digest}"},
        "allocatedOrderId": order["id"],
        "quantity": quantity,
        "placementIds": [execution["placementId"]],
        "executionIds": [execution["id"]],
        "date": execution["createdDate"],
        "state": "New",
        "properties": {},
        "links": [],
        **{name: execution[name] for name in _OF_EXECUTION if name in execution},
        **{name: order[name] for name in _OF_ORDER if name in order},
    }


def _keep(transaction: Transaction, call: ApiCall, allocation: Document) -> None:
    while find(transaction, ALLOCATION, allocation["id"]):  # happens only after somebody changed allocations by hand
        again = unique_id(allocation["id"]["code"])
        allocation["id"] = {**allocation["id"], "code": f"ALLOC-{again}"}
    parent = name_of(allocation["executionIds"][0])
    sequence = add(transaction, ALLOCATION, versioned(call, ALLOCATION, allocation), parent=parent)
    transaction.link(OF_ORDER, name_of(allocation["allocatedOrderId"]), sequence)


ROUTES = (
    Route("POST", "/api/ordermanagement/allocate", allocate, 200),
    Route("POST", "/api/allocationservice/allocate", allocate, 200, ("legacy",)),
    *read_routes(ALLOCATION),
)
