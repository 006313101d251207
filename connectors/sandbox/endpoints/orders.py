"""createorders: blocks and their orders, all of a call or none of it; and the calls that read both.

"Upsert a Block and create associated orders. This will fail if the block exists and already references orders with
differing fields to the upsert request" (API reference). The answer has no place for failures, so one bad entry makes
the sandbox refuse the call, and the refusal names every bad entry: `requests[3].side`.
"""

from dataclasses import dataclass, field

from connectors.sandbox.domain import blocks
from connectors.sandbox.domain.blocks import BLOCK, BLOCKING_FIELDS, ORDER
from connectors.sandbox.domain.reference.definitions import faults
from connectors.sandbox.domain.reference.instruments import resolved
from connectors.sandbox.domain.resources import add, document_of, find, matches_last_request, read_routes, versioned
from connectors.sandbox.domain.shapes import (
    currency_and_amount,
    instrument_identifiers,
    name_of,
    perpetual_properties,
    requests_of,
    resource_id,
    with_values,
)
from connectors.sandbox.protocol.batch import resource_list
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ItemError, refused, resource_conflict, validation_problem
from connectors.sandbox.protocol.readers import Errors, Reader, date_time, listed, members, number, text
from connectors.sandbox.store import Transaction

_ORDER_OPTIONAL: dict[str, Reader] = {
    "properties": perpetual_properties("Order"),
    **dict.fromkeys(("orderBookId", "portfolioId", "orderInstruction", "package"), resource_id),
    **dict.fromkeys(("state", "side"), text()),
    "date": date_time,
    "price": currency_and_amount,
}


_ORDER: dict[str, Reader] = {
    "2.1": members({"id": resource_id, "quantity": number}, _ORDER_OPTIONAL),
    "2.3": members(
        {"id": resource_id},
        {**_ORDER_OPTIONAL, "quantity": number, "amount": currency_and_amount, "custodianAccountId": resource_id},
    ),
}


def _ids_once(requests: list[Document], path: str, errors: Errors) -> None:
    seen: set[str] = set()
    for n, request in enumerate(requests):
        for m, order in enumerate(request["orders"]):
            name = name_of(order["id"])
            if name in seen:
                errors.add(f"{path}[{n}].orders[{m}].id", f"order {name} is listed earlier in this call")
            seen.add(name)


def _body(dialect: str) -> Reader:
    request = members(
        {"blockId": resource_id, "orders": listed(_ORDER[dialect]), "instrumentIdentifiers": instrument_identifiers},
        {
            "blockProperties": perpetual_properties("Block"),
            **dict.fromkeys(("side", "type", "timeInForce"), text()),
            "date": date_time,
            **dict.fromkeys(("limitPrice", "stopPrice"), currency_and_amount),
        },
    )
    return requests_of(request, _ids_once)


_BODY = {dialect: _body(dialect) for dialect in _ORDER}

_DEFAULTS = {"type": "Market", "timeInForce": "Day"}
_NEEDED_PRICES = {"limit": ("limitPrice",), "stop": ("stopPrice",), "stoplimit": ("limitPrice", "stopPrice")}
_RENAMED = {"orderInstruction": "orderInstructionId", "package": "packageId"}


@dataclass
class _Errors:
    invalid: Errors = field(default_factory=Errors)
    conflicts: Errors = field(default_factory=Errors)
    undefined: dict[str, ItemError] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.invalid) + len(self.conflicts) + len(self.undefined)

    def raise_any(self) -> None:
        if self.conflicts:
            raise resource_conflict({**self.conflicts, **self.invalid})
        if self.invalid:
            raise validation_problem(self.invalid)
        if self.undefined:
            raise refused(self.undefined)


def create_orders(call: ApiCall) -> Document:
    """POST /api/ordermanagement/createorders.

    Raises:
        ProblemError: 400, naming every entry that is invalid (code 132) or conflicts (461), else every property that
            cannot be used (121, ...).
    """
    requests = call.read(_BODY[call.shapes])["requests"]
    errors = _Errors()
    values = []
    with call.store.write() as transaction:
        for n, request in enumerate(requests):
            entry = _Entry(transaction, call, request, f"requests[{n}]", errors)
            before = len(errors)
            block, orders = entry.block(), entry.orders()
            if len(errors) == before:
                values.append(entry.keep(block, orders))
        errors.raise_any()
    return resource_list(call, values)


class _Entry:
    """One block with its orders, checked and then stored."""

    def __init__(self, transaction: Transaction, call: ApiCall, request: Document, path: str, errors: _Errors) -> None:
        self._transaction = transaction
        self._call = call
        self._request = request
        self._path = path
        self._errors = errors
        self._parent = name_of(request["blockId"])
        there = find(transaction, BLOCK, request["blockId"])
        self._old: Document = document_of(there) if there else {}
        self._wanted = self._blocking_fields()

    def _blocking_fields(self) -> Document:
        """The request's blocking fields; for those it omits, the block's own or else the default."""
        request = self._request
        wanted = {name: self._old.get(name) for name in BLOCKING_FIELDS}
        wanted.update({name: request[name] for name in BLOCKING_FIELDS if name in request})
        wanted["lusidInstrumentId"] = resolved(self._transaction, self._call, request["instrumentIdentifiers"])
        for name, default in _DEFAULTS.items():
            wanted[name] = wanted[name] or default
        sides = (order["side"] for order in request["orders"] if "side" in order)
        wanted["side"] = wanted["side"] or next(sides, None)
        return {name: value for name, value in wanted.items() if value is not None}

    def block(self) -> Document:
        """The block as it will be, without the members derived from its orders; notes what is wrong with it."""
        request, old = self._request, self._old
        self._check_wanted()
        self._check_properties(request, "blockProperties", self._path)
        differing = blocks.differing(old, self._wanted) if old.get("orderIds") else []
        for name in differing:
            member = "instrumentIdentifiers" if name == "lusidInstrumentId" else name
            self._errors.conflicts.add(
                f"{self._path}.{member}", f"block {self._parent} exists and references orders with a differing {member}"
            )
        created = {} if old or "date" not in request else {"createdDate": request["date"]}
        properties = {**old.get("properties", {}), **request.get("blockProperties", {})}
        wanted = {
            "id": request["blockId"],
            "instrumentIdentifiers": request["instrumentIdentifiers"],
            **self._wanted,
            "properties": with_values(properties),
        }
        return blocks.revised(self._call, old, {**created, **wanted})

    def _check_wanted(self) -> None:
        if "side" not in self._wanted:
            self._errors.invalid.add(f"{self._path}.side", "is required when neither the block nor an order has a side")
        for name in _NEEDED_PRICES.get(self._wanted["type"].replace(" ", "").lower(), ()):
            if self._wanted.get(name, {}).get("amount") is None:
                self._errors.invalid.add(f"{self._path}.{name}", f"is required for type {self._wanted['type']}")

    def _check_properties(self, request: Document, member: str, path: str) -> None:
        for place, fault in faults(self._transaction, self._call, request.get(member, {}), member):
            self._errors.undefined[f"{path}.{place}"] = ItemError(f"{fault.name}Failure", fault.detail)

    def orders(self) -> list[tuple[Document, Document]]:
        """The orders that are new, each as (order to store, order as requested)."""
        out = []
        for n, requested in enumerate(self._request["orders"]):
            self._check_properties(requested, "properties", f"{self._path}.orders[{n}]")
            if self._is_new(requested, f"{self._path}.orders[{n}]"):
                out.append((self._order(requested), requested))
        return out

    def _is_new(self, requested: Document, path: str) -> bool:
        side = self._wanted.get("side")
        if requested.get("side", side) != side:
            self._errors.conflicts.add(f"{path}.side", f"differs from its block's side {side}")
            return False
        name = name_of(requested["id"])
        there = find(self._transaction, ORDER, requested["id"])
        if there is None:
            return True
        if there.parent != self._parent:
            self._errors.conflicts.add(f"{path}.id", f"order {name} exists in block {there.parent}")
        elif not matches_last_request(there, requested):
            self._errors.conflicts.add(f"{path}.id", f"order {name} exists with differing fields")
        return False

    def _order(self, requested: Document) -> Document:
        renamed = {_RENAMED.get(name, name): value for name, value in requested.items()}
        order = {
            "state": "New",
            "date": self._call.as_at,
            **renamed,
            "properties": with_values(requested.get("properties", {})),
            "links": [],
        }
        if self._call.shapes == "2.3":
            order["basis"] = blocks.basis(requested)
            order["direction"] = blocks.direction(self._wanted.get("side", ""))
        return versioned(self._call, ORDER, order)

    def keep(self, block: Document, orders: list[tuple[Document, Document]]) -> Document:
        """Stores block and orders, and returns the BlockAndOrders of the answer with the request's orders."""
        inherited = blocks.shared_members(block)
        for order, requested in orders:
            whole = {**order, **inherited}
            add(self._transaction, ORDER, whole, parent=self._parent, requested=dumps(requested))
        members_now = blocks.store_recounted(self._transaction, self._call, block)
        asked = {name_of(order["id"]) for order in self._request["orders"]}
        shown = [order for order in members_now if name_of(order["id"]) in asked]
        return {"block": block, "orders": shown}


ROUTES = (
    Route("POST", "/api/ordermanagement/createorders", create_orders, 201),
    *read_routes(BLOCK),
    *read_routes(ORDER),
)
