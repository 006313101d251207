"""The operations from fills to books: executions, what each order gets of them, and transactions."""

from pipelines.operations.evidence_rules import (
    allocations_of_placement,
    booked_transaction,
    executed_placement,
    named,
    own_entity,
)
from pipelines.operations.operation import Answers, Body, Operation
from pipelines.operations.references import all_refs, id_at, id_key, id_refs, spelled, spelled_id
from schemas.dialects import TWO_AGES, Dialect
from schemas.requests.allocations import ALLOCATION, BOOKING, allocation_call, allocation_of, booking_call, booking_of
from schemas.requests.executions import EXECUTION, execution_request
from schemas.states import Mode

EXECUTIONS = Operation(
    name="executions",
    entity="execution",
    path="/api/executions",
    expected_status=201,
    body=Body.REQUESTS,
    answers=Answers.ALL_OR_NOTHING,
    max_items=None,
    modes=frozenset(Mode),
    dialects=TWO_AGES,
    shape=EXECUTION,
    key=id_key("execution"),
    build=execution_request,
    evidence=own_entity("executions"),
    parents=named(placementId="placements"),
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
    body=Body.IDS,
    answers=Answers.BY_KEY,
    max_items=100,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset(Dialect),
    shape=ALLOCATION,
    key=id_key("placement"),
    build=allocation_of,
    evidence=allocations_of_placement,
    parents=executed_placement,
    idempotent=True,
    answer_key=spelled_id,
    answer_name=spelled,
    call_wide=allocation_call,
    legacy=("/api/allocationservice/allocate", Body.IDS),
    needs=all_refs(id_refs("Placement", "placement"), id_refs("ExecutionOf", "placement")),
)

BOOK_TRANSACTIONS = Operation(
    name="book-transactions",
    entity="allocation",
    path="/api/ordermanagement/booktransactions",
    expected_status=200,
    body=Body.ALLOCATION_IDS,
    answers=Answers.BY_KEY,
    max_items=5000,
    modes=frozenset({Mode.PARTIAL}),
    dialects=frozenset(Dialect),
    shape=BOOKING,
    key=id_key("allocation"),
    build=booking_of,
    evidence=booked_transaction,
    idempotent=False,
    answer_name=spelled,
    lusid_id="transactionId",
    call_wide=booking_call,
    legacy=("/api/ordermanagement/booktransactions", Body.IDS),
)
