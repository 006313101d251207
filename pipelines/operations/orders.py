"""Operations on orders and placements: create, update, move and cancel orders, place blocks, change placements."""

from pipelines.operations import evidence_rules
from pipelines.operations.operation import AnswerShape, BodyShape, IfHeld, Operation
from pipelines.operations.references import all_refs, id_at, id_key, id_refs
from schemas.requests.order_moves import ORDER_CANCEL, ORDER_MOVE, order_move
from schemas.requests.order_parts import id_request
from schemas.requests.order_updates import ORDER_UPDATE, order_update_request
from schemas.requests.orders import ORDER, ORDER_ROW, block_request
from schemas.requests.placements import (
    PLACED_BLOCK,
    PLACEMENT,
    PLACEMENT_CANCEL,
    PLACEMENT_UPDATE,
    placement_request,
    placement_update_request,
)
from schemas.states import Mode

ORDERS = Operation(
    name="orders",
    entity="block",
    path="/api/ordermanagement/createorders",
    expected_status=201,
    body=BodyShape.REQUESTS,
    answers=AnswerShape.ALL_OR_NOTHING,
    max_items=100,
    shape=ORDER_ROW,
    key=id_key("block"),
    build=block_request,
    evidence=evidence_rules.orders_of_block,
    members=(ORDER,),
    alone=("order_scope", "order_code"),
    idempotent=False,
    if_held=IfHeld.TAKES_THE_SAME,
    answer_key=id_at("block", "id"),
    has_instrument=True,
    provides=all_refs(id_refs("Block", "block"), id_refs("Order", "order")),
)

MOVE_ORDERS = Operation(
    name="move-orders",
    entity="order",
    path="/api/ordermanagement/moveorders",
    body=BodyShape.REQUESTS,
    answers=AnswerShape.ALL_OR_NOTHING,
    max_items=100,
    shape=ORDER_MOVE,
    key=id_key("order"),
    build=order_move,
    evidence=evidence_rules.moved_order,
    parents=evidence_rules.entities_named(orderId="orders"),
    idempotent=False,
    answer_key=id_at("order", "id"),
    needs=id_refs("Order", "order"),
    completes=id_refs("Block", "block"),
)

UPDATE_ORDERS = Operation(
    name="update-orders",
    entity="order",
    path="/api/ordermanagement/updateorders",
    body=BodyShape.KEYED,
    modes=frozenset({Mode.PARTIAL}),
    shape=ORDER_UPDATE,
    key=id_key("order"),
    build=order_update_request,
    evidence=evidence_rules.own_entity("orders"),
    parents=evidence_rules.entities_named(id="orders"),
    idempotent=True,
    if_held=IfHeld.CHANGES,
    has_instrument=True,
    needs=id_refs("Order", "order"),
)

PLACE_BLOCKS = Operation(
    name="place-blocks",
    entity="placement",
    path="/api/ordermanagement/placeblocks",
    body=BodyShape.REQUESTS,
    answers=AnswerShape.ALL_OR_NOTHING,
    max_items=100,
    shape=PLACEMENT,
    key=id_key("placement"),
    build=placement_request,
    members=(PLACED_BLOCK,),
    evidence=evidence_rules.own_entity("placements"),
    parents=evidence_rules.entities_named(blockIds="blocks", parentPlacementId="placements"),
    idempotent=False,
    if_held=IfHeld.TAKES_THE_SAME,
    answer_key=id_at("id"),
    has_instrument=True,
    needs=all_refs(id_refs("Block", "block"), id_refs("Placement", "parent_placement")),
    provides=id_refs("Placement", "placement"),
)

UPDATE_PLACEMENTS = Operation(
    name="update-placements",
    entity="placement",
    path="/api/ordermanagement/$updateplacements",
    body=BodyShape.KEYED,
    modes=frozenset({Mode.PARTIAL}),
    shape=PLACEMENT_UPDATE,
    key=id_key("placement"),
    build=placement_update_request,
    evidence=evidence_rules.own_entity("placements"),
    parents=evidence_rules.entities_named(id="placements"),
    idempotent=True,
    if_held=IfHeld.CHANGES,
    needs=id_refs("Placement", "placement"),
)

CANCEL_ORDERS = Operation(
    name="cancel-orders",
    entity="order",
    path="/api/ordermanagement/cancelorders",
    body=BodyShape.KEYED,
    modes=frozenset({Mode.PARTIAL}),
    shape=ORDER_CANCEL,
    key=id_key("order"),
    build=id_request("order"),
    evidence=evidence_rules.cancelled("orders"),
    parents=evidence_rules.entity_itself("orders"),
    idempotent=False,
    if_held=IfHeld.CHANGES,
    needs=id_refs("Order", "order"),
)

CANCEL_PLACEMENTS = Operation(
    name="cancel-placements",
    entity="placement",
    path="/api/ordermanagement/$cancelplacements",
    body=BodyShape.KEYED,
    modes=frozenset({Mode.PARTIAL}),
    shape=PLACEMENT_CANCEL,
    key=id_key("placement"),
    build=id_request("placement"),
    evidence=evidence_rules.cancelled("placements"),
    parents=evidence_rules.entity_itself("placements"),
    idempotent=False,
    if_held=IfHeld.CHANGES,
    needs=id_refs("Placement", "placement"),
)

OPERATIONS = (ORDERS, UPDATE_ORDERS, MOVE_ORDERS, PLACE_BLOCKS, UPDATE_PLACEMENTS, CANCEL_ORDERS, CANCEL_PLACEMENTS)
"""In the order in which a trading day loads them, before the fills."""
