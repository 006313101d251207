"""The calls of an order's life, for each SDK that has them: the documents' examples, good ones, bad ones, reads.

Owns: what is called, in which dialect, in which order. Must not know what should be answered.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from api_examples import ApiExample, api_example
from sandbox_calls import Document, asked, block_of, sent

ALGORITHM = {"allocation_algorithm": "PR-FIFO"}
CURRENCY = {"Instrument/default/Currency": "GBP"}
UNALLOCATED = "PLAC00000789"


def my(code: str) -> Document:
    """An id in the scope of the documents' examples."""
    return {"scope": "MyScope", "code": code}


def labels(key: str, value: str) -> Document:
    """One property with a label."""
    return {key: {"key": key, "value": {"labelValue": value}}}


def order_of(code: str, quantity: float, **more: object) -> Document:
    """An order for portfolio PORT1."""
    return {"id": my(code), "quantity": quantity, "portfolioId": my("PORT1"), **more}


def execution_of(code: str, placement: str, quantity: float, **more: object) -> Document:
    """An execution of a placement with every member filled."""
    return {
        "id": my(code),
        "placementId": my(placement),
        "properties": labels("Execution/MyScope/Venue", "XLON"),
        "instrumentIdentifiers": CURRENCY,
        "quantity": quantity,
        "state": "Filled",
        "side": "Buy",
        "type": "Limit",
        "createdDate": "2024-03-01T11:00:00.0000000+00:00",
        "settlementDate": "2024-03-05T00:00:00.0000000+00:00",
        "price": {"amount": 88.8, "currency": "USD"},
        "settlementCurrency": "GBP",
        "settlementCurrencyFxRate": 0.8,
        "counterparty": "Broker",
        "averagePrice": 88.75,
        **more,
    }


def allocation_of(code: str, order: str, quantity: float, **more: object) -> Document:
    """An allocation made by hand."""
    return {
        "id": my(code),
        "allocatedOrderId": my(order),
        "portfolioId": my("PORT1"),
        "quantity": quantity,
        "instrumentIdentifiers": CURRENCY,
        "placementIds": [my("PLAC00000123")],
        "properties": labels("Allocation/MyScope/Desk", "FX"),
        "date": "2024-03-01T11:00:00.0000000+00:00",
        "settlementDate": "2024-03-05T00:00:00.0000000+00:00",
        "price": {"amount": 88.8, "currency": "USD"},
        "settlementCurrency": "USD",
        "settlementCurrencyFxRate": 1,
        "counterparty": "Broker",
        **more,
    }


PLACED = {
    "PLAC00000456": "DESK",
    UNALLOCATED: "NOPORTFOLIO",
    "KID": "DESK",
    "PLAC00000124": "DESK",
}
EXECUTIONS = [execution_of("EXEC1", "PLAC00000123", 40), execution_of("EXEC2", "PLAC00000456", 10)]
EXECUTIONS_OF_NOBODY = [execution_of("EXEC3", UNALLOCATED, 5)]
MANUAL = [allocation_of("ALLOC00000123", "ORDER00000124", 1000), allocation_of("ALLOC00000456", "ORDER00000124", 5.5)]
ORDERS = {
    "SOURCE": [order_of("ORDER00000123", 100), order_of("ORDER00000124", 2000)],
    "DESK": [order_of("A", 33), order_of("B", 33), order_of("C", 34)],
    "NOPORTFOLIO": [{"id": my("D"), "quantity": 9}],
    "MIXEDCASE": [order_of("Order00000123", 10), order_of("Order00000124", 20)],
    "SELL": [order_of("S", 1)],
}


def created(code: str) -> ApiExample:
    """The createorders call of one of the blocks."""
    side = {"side": "Sell"} if code == "SELL" else {}
    market = {"type": "Market", "limitPrice": None} if code == "DESK" else {}
    return block_of(code, orders=ORDERS[code], **side, **market)


def placements(*codes: str, **more: object) -> Document:
    """The documented placement under other codes, of the blocks `PLACED` says."""
    body: Any = api_example("placeblocks").body
    (request,) = body["requests"]
    return {"requests": [{**request, "id": my(code), "blockIds": [my(PLACED[code])], **more} for code in codes]}


def with_body(name: str, body: object, **params: str) -> Document:
    """An example's call with another body, without the document's placeholders."""
    return sent(replace(api_example(name), body=body, params={}), **params)


def upserted(api: str, model: str, parameter: str, body: Document) -> ApiExample:
    """A call that is not in the reference."""
    return ApiExample("", api, "", model, parameter, {}, body)


def executed(*executions: Document) -> Document:
    """POST /api/executions."""
    call = ("ExecutionsApi.upsert_executions", "ExecutionSetRequest", "execution_set_request")
    return sent(upserted(*call, {"requests": list(executions)}))


def allocated_by_hand(*allocations: Document) -> Document:
    """POST /api/allocations."""
    call = ("AllocationsApi.upsert_allocations", "AllocationSetRequest", "allocation_set_request")
    return sent(upserted(*call, {"allocationRequests": list(allocations)}))


def reads() -> Iterator[tuple[str, Document]]:
    """Lists and singles of what the life of an order leaves behind."""
    for noun, code in (("placement", "PLAC00000123"), ("execution", "EXEC1"), ("allocation", "ALLOC00000123")):
        api = f"{noun.capitalize()}sApi"
        yield f"list {noun}s", asked(f"{api}.list_{noun}s")
        yield f"first page of {noun}s", asked(f"{api}.list_{noun}s", limit=1)
        yield f"get {noun}", asked(f"{api}.get_{noun}", **my(code))
        yield f"get no {noun}", asked(f"{api}.get_{noun}", **my("nothing"))
    yield "list blocks", asked("BlocksApi.list_blocks")
    yield "list orders", asked("OrdersApi.list_orders")
    yield "list transactions", asked("TransactionPortfoliosApi.get_transactions", **my("PORT1"))


def moved(*moves: tuple[str, str]) -> Document:
    """The moveorders call of (order, to block)."""
    asked_for = [{"orderId": my(order), "destinationBlockId": my(block)} for order, block in moves]
    return with_body("moveorders", {"requests": asked_for})


def todays_updates() -> Iterator[tuple[str, Document]]:
    """What only 2.3 can update: type, prices and currency."""
    change = {"type": "StopLimit", "limitPrice": 7.25, "stopPrice": 7, "currency": "GBP"}
    yield "update type", with_body("updateplacements", {"k": {"id": my("PLAC00000456"), **change}})
    yield "update to market", with_body("updateplacements", {"k": {"id": my("PLAC00000456"), "type": "Market"}})
    refused = {"id": my("PLAC00000123"), "type": "Stop"}
    yield "update refused", with_body("updateplacements", {"k": refused})


def order_life(dialect: str) -> Iterator[tuple[str, Document]]:
    """Every call of order management, as the SDKs of 2.x have them."""
    for code in ORDERS:
        yield f"create {code}", sent(created(code))
    yield "move", sent(api_example("moveorders"))
    yield "move refused", moved(("A", "NEW"), ("S", "DESK"), ("NOBODY", "DESK"))
    yield "place", sent(api_example("placeblocks"))
    yield "place others", with_body("placeblocks", placements("PLAC00000456", UNALLOCATED, "PLAC00000124"))
    yield "place kid", with_body("placeblocks", placements("KID", parentPlacementId=my("PLAC00000124")))
    yield "place nowhere", with_body("placeblocks", placements("KID", id=my("NEW"), blockIds=[my("NOWHERE")]))
    yield "place nothing", asked("OrderManagementApi.place_blocks")
    yield "update", sent(api_example("updateplacements"))
    nobody = {"k": {"id": my("nobody"), "quantity": 1}, "m": {"id": my("KID"), "quantity": 2.5}}
    yield "update nobody", with_body("updateplacements", nobody)
    if dialect == "2.3":
        yield from todays_updates()
    yield "cancel orders", sent(api_example("cancelorders"))
    yield "execute", executed(*EXECUTIONS)
    yield "execute others", executed(*EXECUTIONS_OF_NOBODY)
    yield "execute nothing", executed(execution_of("EXEC9", "NOTHING", 1))
    yield "cancel executed order", with_body("cancelorders", {"k": my("A"), "n": my("nobody")})
    yield "cancel placements", sent(api_example("cancelplacements"))
    yield from allocating_and_booking("allocate", "booktransactions")
    body: Document = {
        "allocationIds": [my("ALLOC00000123"), my("nobody")],
        "transactionProperties": labels("Transaction/MyScope/Strategy", "growth"),
    }
    fx = {"fxInstrumentType": "FxForward"} if dialect == "2.3" else {}
    mark = {"mark_orders_and_allocations_as_booked": True}
    yield "book and mark", sent(replace(api_example("booktransactions"), body={**body, **fx}, params=dict(mark)))
    yield from reads()


def allocating_and_booking(allocate: str, book: str) -> Iterator[tuple[str, Document]]:
    """allocate and booktransactions in one of their forms, and allocations by hand."""
    some = [my("PLAC00000456"), my(UNALLOCATED), my("nobody")]
    yield "allocate, placeholder", sent(api_example(allocate))
    yield "allocate", sent(api_example(allocate), **ALGORITHM)
    yield "allocate again", sent(api_example(allocate), **ALGORITHM)
    yield "allocate some", with_body(allocate, some, **ALGORITHM)
    yield "allocate by hand", allocated_by_hand(*MANUAL)
    yield "allocate too much", allocated_by_hand(allocation_of("ALLOC9", "ORDER00000124", 1000))
    yield "book", sent(api_example(book))
    yield "book again", sent(api_example(book))
    yield "book nothing", with_body(book, [] if "legacy" in book else {"allocationIds": []})


def legacy_life() -> Iterator[tuple[str, Document]]:
    """What preview 1.1 has, after orders have been created, moved and placed by other means."""
    yield "execute", executed(*EXECUTIONS)
    yield "execute others", executed(*EXECUTIONS_OF_NOBODY)
    yield "execute nothing", executed(execution_of("EXEC9", "NOTHING", 1))
    yield from allocating_and_booking("legacy-allocate", "legacy-booktransactions")
    yield from reads()


def oldest_life() -> Iterator[tuple[str, Document]]:
    """What preview 1.0 has: allocation at its own address."""
    yield "execute", executed(*EXECUTIONS)
    yield "execute others", executed(*EXECUTIONS_OF_NOBODY)
    for name, call in allocating_and_booking("legacy-allocationservice", "legacy-booktransactions"):
        if not name.startswith("book"):
            yield name, call
    yield from (each for each in reads() if each[0] != "list transactions")


def preparation() -> Iterator[tuple[str, object]]:
    """(path below order management, body) of what comes before `legacy_life` and `oldest_life`."""
    for code in ORDERS:
        yield "createorders", created(code).body
    yield "moveorders", api_example("moveorders").body
    yield "placeblocks", api_example("placeblocks").body
    yield "placeblocks", placements("PLAC00000456", UNALLOCATED)
