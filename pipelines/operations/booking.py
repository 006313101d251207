"""Operations from fills to books: executions, their allocation to orders, and booking the transactions."""

from pipelines.operations import evidence_rules
from pipelines.operations.operation import AnswerShape, BodyShape, IfHeld, Operation
from pipelines.operations.references import all_refs, id_at, id_in_answer, id_key, id_refs, key_in_answer
from schemas.dialects import Dialect
from schemas.requests.allocations import ALLOCATION, BOOKING, allocation_call, booking_call
from schemas.requests.executions import EXECUTION, execution_request
from schemas.requests.order_parts import id_request
from schemas.states import Mode

EXECUTIONS = Operation(
    name="executions",
    entity="execution",
    path="/api/executions",
    expected_status=201,
    body=BodyShape.REQUESTS,
    answers=AnswerShape.ALL_OR_NOTHING,
    shape=EXECUTION,
    key=id_key("execution"),
    build=execution_request,
    evidence=evidence_rules.own_entity("executions"),
    parents=evidence_rules.entities_named(placementId="placements"),
    idempotent=False,
    if_held=IfHeld.UPDATES,
    answer_key=id_at("id"),
    has_instrument=True,
    needs=id_refs("Placement", "placement"),
    provides=id_refs("Execution", "execution"),
    completes=id_refs("ExecutionOf", "placement"),
)

ALLOCATE = Operation(
    name="allocate",
    entity="placement",
    path="/api/ordermanagement/allocate",
    body=BodyShape.IDS,
    max_items=100,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset(Dialect),
    shape=ALLOCATION,
    key=id_key("placement"),
    build=id_request("placement"),
    evidence=evidence_rules.allocations_of_placement,
    parents=evidence_rules.executed_placement,
    idempotent=True,
    answer_key=id_in_answer,
    answer_name=key_in_answer,
    call_parameters=allocation_call,
    legacy=("/api/allocationservice/allocate", BodyShape.IDS),
    needs=all_refs(id_refs("Placement", "placement"), id_refs("ExecutionOf", "placement")),
)

BOOK_TRANSACTIONS = Operation(
    name="book-transactions",
    entity="allocation",
    path="/api/ordermanagement/booktransactions",
    body=BodyShape.ALLOCATION_IDS,
    max_items=5000,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset(Dialect),
    shape=BOOKING,
    key=id_key("allocation"),
    build=id_request("allocation"),
    evidence=evidence_rules.booked_transaction,
    idempotent=False,
    answer_name=key_in_answer,
    lusid_id="transactionId",
    call_parameters=booking_call,
    legacy=("/api/ordermanagement/booktransactions", BodyShape.IDS),
)

OPERATIONS = (EXECUTIONS, ALLOCATE, BOOK_TRANSACTIONS)
"""In the order in which a trading day loads them."""
