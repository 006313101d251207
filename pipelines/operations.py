"""The operations: one frozen declaration for each endpoint. The engine knows no endpoint by name."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pipelines.operation import Answers, Body, Operation, Refs
from pipelines.proofs import (
    allocations_of_placement,
    booked_transaction,
    cancelled,
    executed_placement,
    holders_of_account,
    itself,
    moved_order,
    named,
    orders_of_block,
    own_entity,
    record_by_identifier,
)
from schemas.allocations import ALLOCATION, BOOKING, allocation_call, allocation_of, booking_call, booking_of
from schemas.columns import Row
from schemas.dialects import Dialect, did_you_mean
from schemas.errors import ConfigError
from schemas.executions import EXECUTION, execution_request
from schemas.investment_accounts import (
    HOLDER,
    INVESTMENT_ACCOUNT,
    PORTFOLIO,
    investment_account_request,
)
from schemas.investor_records import INVESTOR_RECORD, investor_record_request
from schemas.order_moves import ORDER_CANCEL, ORDER_MOVE, order_id, order_move
from schemas.orders import ORDER, ORDER_ROW, block_request
from schemas.picking import KeyRule
from schemas.placements import (
    PLACED_BLOCK,
    PLACEMENT,
    PLACEMENT_CANCEL,
    PLACEMENT_UPDATE,
    placement_id,
    placement_request,
    placement_update_request,
)
from schemas.states import Mode
from schemas.values import clean_key


def _family_refs(prefix: str) -> Refs:
    """References `Domain/Scope/Code=value` of the filled columns of a family."""

    def refs(row: Row) -> Iterable[str]:
        for name, value in row.items():
            if name.startswith(prefix) and isinstance(value, str) and value:
                yield f"{name.removeprefix(prefix)}={clean_key(value)}"

    return refs


def _id_at(*path: str) -> Callable[[Mapping[str, Any]], str]:
    """Reads `scope/code` of the ResourceId at a path inside an entry of `values`."""

    def key(value: Mapping[str, Any]) -> str:
        found: Any = value
        for member in path:
            found = found.get(member) if isinstance(found, Mapping) else None
        return "/".join(_id_parts(found))

    return key


def _id_parts(found: object) -> tuple[str, ...]:
    """Scope and code of a ResourceId; nothing when it is none."""
    if not isinstance(found, Mapping):
        return ()
    scope, code = found.get("scope"), found.get("code")
    return (scope, code) if isinstance(scope, str) and isinstance(code, str) else ()


def _spelled(key: str) -> str:
    """A ResourceId as allocate and booktransactions spell it in their answers."""
    scope, _, code = key.partition("/")
    return f"Scope:{scope} Code:{code}"


def _spelled_id(value: Mapping[str, Any]) -> str:
    return _spelled("/".join(_id_parts(value)))


def _refs(entity: str, prefix: str) -> Refs:
    """The reference of one entity, `Placement=scope/code`."""

    def refs(row: Row) -> Iterable[str]:
        scope, code = row.get(f"{prefix}_scope"), row.get(f"{prefix}_code")
        if isinstance(scope, str) and isinstance(code, str) and code:
            yield f"{entity}={clean_key(scope)}/{clean_key(code)}"

    return refs


def _all_refs(*several: Refs) -> Refs:
    return lambda row: (ref for refs in several for ref in refs(row))


def _key_of(prefix: str) -> KeyRule:
    return KeyRule(all_of=(f"{prefix}_scope", f"{prefix}_code"))


_BOTH = frozenset(Mode)
_PARTIAL = frozenset({Mode.PARTIAL})
_TWO_AGES = frozenset({Dialect.V2_1, Dialect.V2_3})
_ORDER_MANAGEMENT = "/api/ordermanagement"

_ALL = (
    Operation(
        name="investor-records",
        entity="investor record",
        path="/api/investorrecords/$batchUpsert",
        expected_status=201,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=INVESTOR_RECORD,
        key=KeyRule(any_of="identifier:"),
        build=investor_record_request,
        evidence=record_by_identifier("investorrecords"),
        idempotent=True,
        success_mode=True,
        lusid_id="lusidInvestorRecordId",
        provides=_family_refs("identifier:"),
    ),
    Operation(
        name="investment-accounts",
        entity="investment account",
        path="/api/investmentaccounts/$batchUpsert",
        expected_status=201,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=INVESTMENT_ACCOUNT,
        key=KeyRule(any_of="identifier:"),
        build=investment_account_request,
        evidence=record_by_identifier("investmentaccounts"),
        parents=holders_of_account,
        members=(HOLDER, PORTFOLIO),
        idempotent=True,
        success_mode=True,
        lusid_id="lusidInvestmentAccountId",
        provides=_family_refs("identifier:"),
        needs=_family_refs("holder:"),
    ),
    Operation(
        name="orders",
        entity="block",
        path=f"{_ORDER_MANAGEMENT}/createorders",
        expected_status=201,
        body=Body.REQUESTS,
        answers=Answers.ALL_OR_NOTHING,
        max_items=100,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=ORDER_ROW,
        key=_key_of("block"),
        build=block_request,
        evidence=orders_of_block,
        members=(ORDER,),
        alone=("order_scope", "order_code"),
        idempotent=False,
        answer_key=_id_at("block", "id"),
        provides=_all_refs(_refs("Block", "block"), _refs("Order", "order")),
    ),
    Operation(
        name="move-orders",
        entity="order",
        path=f"{_ORDER_MANAGEMENT}/moveorders",
        expected_status=200,
        body=Body.REQUESTS,
        answers=Answers.ALL_OR_NOTHING,
        max_items=100,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=ORDER_MOVE,
        key=_key_of("order"),
        build=order_move,
        evidence=moved_order,
        parents=named(orderId="orders"),
        idempotent=False,
        answer_key=_id_at("order", "id"),
        needs=_refs("Order", "order"),
        completes=_refs("Block", "block"),
    ),
    Operation(
        name="place-blocks",
        entity="placement",
        path=f"{_ORDER_MANAGEMENT}/placeblocks",
        expected_status=200,
        body=Body.REQUESTS,
        answers=Answers.ALL_OR_NOTHING,
        max_items=100,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=PLACEMENT,
        key=_key_of("placement"),
        build=placement_request,
        members=(PLACED_BLOCK,),
        evidence=own_entity("placements"),
        parents=named(blockIds="blocks", parentPlacementId="placements"),
        idempotent=False,
        answer_key=_id_at("id"),
        needs=_all_refs(_refs("Block", "block"), _refs("Placement", "parent_placement")),
        provides=_refs("Placement", "placement"),
    ),
    Operation(
        name="update-placements",
        entity="placement",
        path=f"{_ORDER_MANAGEMENT}/$updateplacements",
        expected_status=200,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_PARTIAL,
        dialects=_TWO_AGES,
        shape=PLACEMENT_UPDATE,
        key=_key_of("placement"),
        build=placement_update_request,
        evidence=own_entity("placements"),
        parents=named(id="placements"),
        idempotent=True,
        needs=_refs("Placement", "placement"),
    ),
    Operation(
        name="cancel-orders",
        entity="order",
        path=f"{_ORDER_MANAGEMENT}/cancelorders",
        expected_status=200,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_PARTIAL,
        dialects=_TWO_AGES,
        shape=ORDER_CANCEL,
        key=_key_of("order"),
        build=order_id,
        evidence=cancelled("orders"),
        parents=itself("orders"),
        idempotent=False,
        needs=_refs("Order", "order"),
    ),
    Operation(
        name="cancel-placements",
        entity="placement",
        path=f"{_ORDER_MANAGEMENT}/$cancelplacements",
        expected_status=200,
        body=Body.KEYED,
        answers=Answers.BY_KEY,
        max_items=None,
        modes=_PARTIAL,
        dialects=_TWO_AGES,
        shape=PLACEMENT_CANCEL,
        key=_key_of("placement"),
        build=placement_id,
        evidence=cancelled("placements"),
        parents=itself("placements"),
        idempotent=False,
        needs=_refs("Placement", "placement"),
    ),
    Operation(
        name="allocate",
        entity="placement",
        path=f"{_ORDER_MANAGEMENT}/allocate",
        expected_status=200,
        body=Body.IDS,
        answers=Answers.BY_KEY,
        max_items=100,
        modes=_PARTIAL,
        dialects=frozenset(Dialect),
        shape=ALLOCATION,
        key=_key_of("placement"),
        build=allocation_of,
        evidence=allocations_of_placement,
        parents=executed_placement,
        idempotent=True,
        answer_key=_spelled_id,
        answer_name=_spelled,
        call_wide=allocation_call,
        legacy=("/api/allocationservice/allocate", Body.IDS),
        needs=_all_refs(_refs("Placement", "placement"), _refs("ExecutionOf", "placement")),
    ),
    Operation(
        name="book-transactions",
        entity="allocation",
        path=f"{_ORDER_MANAGEMENT}/booktransactions",
        expected_status=200,
        body=Body.ALLOCATION_IDS,
        answers=Answers.BY_KEY,
        max_items=5000,
        modes=_PARTIAL,
        dialects=frozenset(Dialect),
        shape=BOOKING,
        key=_key_of("allocation"),
        build=booking_of,
        evidence=booked_transaction,
        idempotent=False,
        answer_name=_spelled,
        lusid_id="transactionId",
        call_wide=booking_call,
        legacy=(f"{_ORDER_MANAGEMENT}/booktransactions", Body.IDS),
    ),
    Operation(
        name="executions",
        entity="execution",
        path="/api/executions",
        expected_status=201,
        body=Body.REQUESTS,
        answers=Answers.ALL_OR_NOTHING,
        max_items=None,
        modes=_BOTH,
        dialects=_TWO_AGES,
        shape=EXECUTION,
        key=_key_of("execution"),
        build=execution_request,
        evidence=own_entity("executions"),
        parents=named(placementId="placements"),
        idempotent=False,
        answer_key=_id_at("id"),
        needs=_refs("Placement", "placement"),
        provides=_refs("Execution", "execution"),
        completes=_refs("ExecutionOf", "placement"),
    ),
)

OPERATIONS: Mapping[str, Operation] = {o.name: o for o in _ALL}
"""Every operation by the name the command line knows it by."""


def operation_named(name: str) -> Operation:
    """The operation of this name; raises ConfigError, suggesting the near one."""
    if name not in OPERATIONS:
        known = ", ".join(OPERATIONS)
        raise ConfigError(f"there is no operation {name}{did_you_mean(name, OPERATIONS)} ({known})")
    return OPERATIONS[name]
