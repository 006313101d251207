"""Requests to a sandbox over real HTTP, and the smallest bodies it takes. Helpers of tests/sandbox."""

from collections.abc import Iterable
from typing import Any

import requests

from connectors.sandbox.server import Sandbox

Body = dict[str, Any]

EXTERNAL = "InvestorRecord/ExternalIdentifier/ExternalIRId"
INTERNAL = "InvestorRecord/InternalIdentifier/InternalIRId"
PERSON = "Person/HrSystem1/InternalId"
LEI = "LegalEntity/ExternalIdentifier/LEI"
ACCOUNT_ID = "InvestmentAccount/ExternalIdentifier/ExternalIAId"
FIGI = "Instrument/default/Figi"


def post(sandbox: Sandbox, path: str, body: object, **more: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.access_token}", **more.pop("headers", {})}
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    if isinstance(body, bytes):
        headers.setdefault("Content-Type", "application/json")
    return requests.post(f"{sandbox.url}/api/{path}", headers=headers, timeout=10, **sent, **more)


def get(sandbox: Sandbox, path: str, **parameters: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.access_token}"}
    return requests.get(f"{sandbox.url}/api/{path}", headers=headers, params=parameters, timeout=10)


def upsert_records(sandbox: Sandbox, body: Body, mode: str = "Partial") -> requests.Response:
    return post(sandbox, f"investorrecords/$batchUpsert?successMode={mode}", body)


def upsert_accounts(sandbox: Sandbox, body: Body, mode: str = "Partial") -> requests.Response:
    return post(sandbox, f"investmentaccounts/$batchUpsert?successMode={mode}", body)


def create_orders(sandbox: Sandbox, *entries: Body) -> requests.Response:
    return post(sandbox, "ordermanagement/createorders", {"requests": list(entries)})


def listed(key: str, value: str) -> Body:
    return {key: {"key": key, "value": {"labelValue": value}}}


def record(external: str, name: str = "Jane Doe", **more: Any) -> Body:
    investor = {"investorType": "Person", "investorIdentifiers": listed(PERSON, f"P{external}")}
    identifiers = listed(EXTERNAL, external)
    return {"identifiers": identifiers, "displayName": name, "investor": investor, **more}


def company(external: str) -> Body:
    investor = {"investorType": "LegalEntity", "investorIdentifiers": listed(LEI, f"L{external}")}
    return record(external, investor=investor)


def scoped_record(external: str, kind: str = "Person", scope: str = "Desk") -> Body:
    key = LEI if kind == "LegalEntity" else PERSON
    investor = {"investorType": kind, "identifiers": {key: f"P{external}"}}
    return {**record(external, investor=investor), "scope": scope}


def holder(external: str, key: str = "H1") -> Body:
    return {"key": key, "identifiers": listed(EXTERNAL, external)}


def account(code: str, kind: str = "Personal", holders: Iterable[Body] = (), **more: Any) -> Body:
    return {
        "identifiers": listed(ACCOUNT_ID, code),
        "displayName": "An account",
        "accountType": kind,
        "accountHolders": list(holders),
        **more,
    }


def rid(code: str) -> Body:
    return {"scope": "S", "code": code}


def order(code: str, quantity: object = 100, **more: Any) -> Body:
    return {"id": rid(code), "quantity": quantity, **more}


def block(code: str, *orders: Body, **more: Any) -> Body:
    return {
        "blockId": rid(code),
        "orders": list(orders),
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        "side": "Buy",
        "type": "Market",
        "timeInForce": "Day",
        **more,
    }


def placement(code: str, *block_codes: str, **more: Any) -> Body:
    return {
        "id": rid(code),
        "blockIds": [rid(each) for each in block_codes],
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        "quantity": 100,
        "state": "New",
        "side": "Buy",
        "timeInForce": "Day",
        "type": "Market",
        "createdDate": "2024-03-01T10:00:00Z",
        **more,
    }


def execution(code: str, placement_code: str, quantity: object = 100, **more: Any) -> Body:
    return {
        "id": rid(code),
        "placementId": rid(placement_code),
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        "quantity": quantity,
        "state": "Filled",
        "side": "Buy",
        "type": "Market",
        "createdDate": "2024-03-01T11:00:00Z",
        "price": {"amount": 88.8, "currency": "USD"},
        "settlementCurrency": "USD",
        "settlementCurrencyFxRate": 1,
        "counterparty": "Broker",
        **more,
    }


def manage(sandbox: Sandbox, call: str, body: object, **parameters: str) -> requests.Response:
    """A POST to order management."""
    return post(sandbox, f"ordermanagement/{call}", body, params=parameters)


def move(sandbox: Sandbox, *moves: tuple[str, str]) -> requests.Response:
    """Moves of (order, to block)."""
    asked = [{"orderId": rid(order_code), "destinationBlockId": rid(code)} for order_code, code in moves]
    return manage(sandbox, "moveorders", {"requests": asked})


def place(sandbox: Sandbox, *placements: Body) -> requests.Response:
    return manage(sandbox, "placeblocks", {"requests": list(placements)})


def execute(sandbox: Sandbox, *executions: Body) -> requests.Response:
    return post(sandbox, "executions", {"requests": list(executions)})


def allocate(sandbox: Sandbox, *placement_codes: str, **parameters: str) -> requests.Response:
    return manage(sandbox, "allocate", [rid(code) for code in placement_codes], **parameters)


def allocation(code: str, order_code: str, quantity: object, **more: Any) -> Body:
    return {
        "id": rid(code),
        "allocatedOrderId": rid(order_code),
        "portfolioId": rid("P"),
        "quantity": quantity,
        "instrumentIdentifiers": {FIGI: "BBG000BLNNH6"},
        **more,
    }


def allocate_by_hand(sandbox: Sandbox, *allocations: Body) -> requests.Response:
    return post(sandbox, "allocations", {"allocationRequests": list(allocations)})


def executed(sandbox: Sandbox, *orders: Body, quantity: object, **more: Any) -> None:
    """One block B1 of these orders, each for portfolio P unless it names another, placed as P1 and executed as E1."""
    for_portfolio = [{"portfolioId": rid("P"), **each} for each in orders]
    created(create_orders(sandbox, block("B1", *for_portfolio)))
    done(place(sandbox, placement("P1", "B1")))
    created(execute(sandbox, execution("E1", "P1", quantity, **more)))


def values_of(sandbox: Sandbox, kind: str, **parameters: Any) -> list[Body]:
    """All entities of a kind, from its list."""
    found: list[Body] = done(get(sandbox, kind, **parameters))["values"]
    return found


def problem(answer: requests.Response, status: int = 400) -> Body:
    """The problem details of a refusal, checked to be complete."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["lusid-meta-success"] == "False"
    body: Body = answer.json()
    assert body["status"] == status
    return body


def errors(answer: requests.Response, name: str = "ValidationError") -> Body:
    """The `errors` map of a 400."""
    body = problem(answer)
    assert body["name"] == name
    found: Body = body["errors"]
    return found


def created(answer: requests.Response) -> Body:
    """The body of a 201."""
    assert answer.status_code == 201, answer.text
    body: Body = answer.json()
    return body


def done(answer: requests.Response) -> Body:
    """The body of a 200."""
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body
