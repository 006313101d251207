"""The chain from block to placements, executions, allocations and transactions: what belongs to what.

A placement may be of several blocks; an execution is of one placement; an allocation is of one execution and of one
order; a transaction is of one portfolio. Knows no particular call.
"""

from connectors.sandbox.domain.arithmetic import Number, total
from connectors.sandbox.domain.resources import document_of
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.store import Entity, Transaction

PLACEMENT = "placements"
EXECUTION = "executions"
ALLOCATION = "allocations"
TRANSACTION = "transactions"

OF_BLOCK = "placements of a block"
OF_PLACEMENT = "placements below a placement"
OF_ORDER = "allocations of an order"


def executions_of(transaction: Transaction, placement: str) -> list[Entity]:
    """The executions of a placement (`scope/code`), oldest first."""
    return transaction.children(EXECUTION, placement)


def is_executed(transaction: Transaction, block: str) -> bool:
    """Whether a placement of the block (`scope/code`) has an execution."""
    placements = transaction.linked(OF_BLOCK, block)
    return any(executions_of(transaction, each.name) for each in placements)


def check_free(transaction: Transaction, order: Entity, member: str) -> None:
    """Checks that an order may still be moved or cancelled.

    Args:
        transaction: reads what belongs to the order.
        order: the order.
        member: the request's member that names it.

    Raises:
        ItemError: its block has been executed, or something is allocated to it.
    """
    if is_executed(transaction, str(order.parent)):
        detail = f"order {order.name} is in block {order.parent}, which has been executed"
        raise ItemError("OrderExecutedFailure", detail, member)
    if transaction.linked(OF_ORDER, order.name):
        raise ItemError("OrderAllocatedFailure", f"order {order.name} has allocations", member)


def allocated_of_execution(transaction: Transaction, execution: str) -> Number:
    """How much of an execution (`scope/code`) is allocated."""
    return _quantity(transaction.children(ALLOCATION, execution))


def allocated_to_order(transaction: Transaction, order: str) -> Number:
    """How much is allocated to an order (`scope/code`)."""
    return _quantity(transaction.linked(OF_ORDER, order))


def _quantity(allocations: list[Entity]) -> Number:
    return total(document_of(each)["quantity"] for each in allocations)
