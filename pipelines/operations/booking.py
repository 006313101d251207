"""Operations from fills to books: executions, their allocation to orders, and booking the transactions."""

from pipelines.operations import evidence_rules
from pipelines.operations.operation import AnswerShape, BodyShape, Operation
from pipelines.operations.references import all_refs, id_at, id_in_answer, id_key, id_refs, key_in_answer
from schemas.dialects import ALL_BUT_LEGACY, Dialect
from schemas.requests.allocations import ALLOCATION, BOOKING, allocation_call, allocation_of, booking_call, booking_of
from schemas.requests.executions import EXECUTION, execution_request
from schemas.states import Mode

EXECUTIONS = Operation(
    name="executions",
    entity="execution",
    path="/api/executions",
    expected_status=201,
    body=BodyShape.REQUESTS,
    answers=AnswerShape.ALL_OR_NOTHING,
    max_items=None,
    modes=frozenset(Mode),
    dialects=ALL_BUT_LEGACY,
    shape=EXECUTION,
    key=id_key("execution"),
    build=execution_request,
    evidence=evidence_rules.own_entity("executions"),
    parents=evidence_rules.entities_named(placementId="placements"),
    idempotent=False,
    answer_key=id_at("id"),
    needs=id_refs("Placement", "placement"),
    provides=id_refs("Execution", "execution"),
    completes=id_refs("ExecutionOf", "placement"),
)

ALLOCATE = Operation(
    name="allocate",
    entity="placement",
    path="/api/ordermanagement/allocate",
    expected_status=200,
    body=BodyShape.IDS,
    answers=AnswerShape.BY_KEY,
    max_items=100,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset(Dialect),
    shape=ALLOCATION,
    key=id_key("placement"),
    build=allocation_of,
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
    expected_status=200,
    body=BodyShape.ALLOCATION_IDS,
    answers=AnswerShape.BY_KEY,
    max_items=5000,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset(Dialect),
    shape=BOOKING,
    key=id_key("allocation"),
    build=booking_of,
    evidence=evidence_rules.booked_transaction,
    idempotent=False,
    answer_name=key_in_answer,
    lusid_id="transactionId",
    call_parameters=booking_call,
    legacy=("/api/ordermanagement/booktransactions", BodyShape.IDS),
)
