"""The calls that hold the sandbox to the SDK: the documents' examples, good ones, bad ones, reads.

Owns: what is called, in which dialect, in which order. Must not know what should be answered.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from api_examples import ApiExample, api_example

Document = dict[str, Any]

LIST = ("investor-records", "list")
LONG_QUANTITY = 1234567.123456789
AMOUNT_ORDER = {
    "id": {"scope": "MyScope", "code": "BLOCK3-1"},
    "amount": {"amount": 5000.55, "currency": "USD"},
}


def documented(name: str, dialect: str) -> ApiExample:
    """A document's example; in dialect 2.3 the same data in today's shapes."""
    example = api_example(name)
    if dialect == "2.1" or name == "createorders":
        return example
    body: Any = example.body
    return replace(example, body={key: todays(request) for key, request in body.items()})


def todays(request: Document) -> Document:
    """A record or account of 2.1 as 2.3 has it: with a scope, its references plain strings."""
    out = {**request, "scope": "MyScope"}
    if "investor" in request:
        kind, identifiers = request["investor"].values()
        out["investor"] = {"investorType": kind, "identifiers": plain(identifiers)}
    if "accountHolders" in request:
        types = {"Personal": "Individual", "JointMixed": "Joint"}
        out["accountType"] = types[request["accountType"]]
        out["accountHolders"] = [
            {**holder, "scope": "MyScope", "identifiers": plain(holder["identifiers"])}
            for holder in request["accountHolders"]
        ]
    return out


def plain(identifiers: Document) -> dict[str, str]:
    """The first identifier alone, as a plain string."""
    key, entry = next(iter(identifiers.items()))
    return {key: entry["value"]["labelValue"]}


def with_bad_one(example: ApiExample) -> ApiExample:
    """The example and one more request, well-formed, which the server has to refuse."""
    body: Any = example.body
    (identifier, *_) = body["firstExampleRequest"]["identifiers"]
    value = {"key": identifier, "value": {"labelValue": "new"}}
    bad = body["firstExampleRequest"] | {"identifiers": {identifier: value}}
    if "investor" in bad:
        bad["investor"] = bad["investor"] | {"investorType": "Robot"}
    else:
        bad["accountType"] = "Robotic"
    return replace(example, body={**body, "bad": bad})


def without_name(example: ApiExample) -> ApiExample:
    """The example with a request that does not fit the model."""
    body: Any = example.body
    nameless = body["secondExampleRequest"] | {"displayName": ""}
    return replace(example, body=body | {"secondExampleRequest": nameless})


def block_of(code: str, **changes: object) -> ApiExample:
    """The documented block under another code, with other orders."""
    example = api_example("createorders")
    body: Any = example.body
    (request,) = body["requests"]
    order = {"id": {"scope": "MyScope", "code": f"{code}-1"}, "quantity": LONG_QUANTITY}
    block: Document = {"blockId": {"scope": "MyScope", "code": code}, "orders": [order]}
    return replace(example, body={"requests": [{**request, **block, **changes}]})


def sent(example: ApiExample, **params: str) -> Document:
    """The call of an example, as in its document except for `params`."""
    api, method = example.call.split(".")
    is_container = "[" in example.model
    body = {"value": example.body} if is_container else {"model": example.model, "body": example.text}
    values = {name: {"value": value} for name, value in (example.params | params).items()}
    return {"api": api, "method": method, "arguments": {**values, example.parameter: body}}


def asked(call: str, **arguments: object) -> Document:
    """A call that reads."""
    api, method = call.split(".")
    values = {name: {"value": value} for name, value in arguments.items()}
    return {"api": api, "method": method, "arguments": values}


def addressed(dialect: str, value: str, kind: str) -> dict[str, str]:
    """The parameters that lead to a record or account in each dialect."""
    if dialect == "2.1":
        return {"id_type_scope": "ExternalIdentifier", "id_type_code": kind, "code": value}
    place = {"scope": "MyScope", "identifier_scope": "ExternalIdentifier"}
    return {"identifier_type": kind, "identifier_value": value, **place}


def batch_calls(name: str, dialect: str) -> Iterator[tuple[str, Document]]:
    example = documented(name, dialect)
    yield "placeholder mode", sent(example)
    yield "atomic, one bad", sent(with_bad_one(example), success_mode="Atomic")
    yield "partial, one bad", sent(with_bad_one(example), success_mode="Partial")
    yield "atomic", sent(example, success_mode="Atomic")
    yield "partial, malformed", sent(without_name(example), success_mode="Partial")


def record_calls(dialect: str) -> Iterator[tuple[str, Document]]:
    address = addressed(dialect, "IR_12345678", "ExternalIRId")
    nobody = addressed(dialect, "nobody", "ExternalIRId")
    yield from batch_calls("investor-records", dialect)
    yield "list", asked("InvestorRecordsApi.list_all_investor_records")
    yield "first page", asked("InvestorRecordsApi.list_all_investor_records", limit=1)
    yield "get", asked("InvestorRecordsApi.get_investor_record", **address)
    yield "get nobody", asked("InvestorRecordsApi.get_investor_record", **nobody)
    if dialect == "2.3":
        yield "shape of 2.1", sent(api_example("investor-records"), success_mode="Partial")


def with_portfolio(example: ApiExample, dialect: str) -> ApiExample:
    """The example's first account with a portfolio, in the dialect's form."""
    addresses: dict[str, Document] = {
        "2.1": {"portfolioScope": "MyScope", "portfolioCode": "PORT1"},
        "2.3": {"scope": "MyScope", "identifiers": {"Portfolio/default/Code": "PORT1"}},
    }
    body: Any = example.body
    account = body["firstExampleRequest"]
    portfolios = [{"key": "Main", **addresses[dialect]}]
    return replace(example, body={"one": account | {"investmentPortfolios": portfolios}})


def account_calls(dialect: str) -> Iterator[tuple[str, Document]]:
    address = addressed(dialect, "IA_12345678", "ExternalIAId")
    example = documented("investment-accounts", dialect)
    yield from batch_calls("investment-accounts", dialect)
    yield "portfolio", sent(with_portfolio(example, dialect), success_mode="Atomic")
    yield "get", asked("InvestmentAccountsApi.get_investment_account", **address)
    if dialect == "2.3":
        yield "list", asked("InvestmentAccountsApi.list_all_investment_accounts")


def order_calls(dialect: str) -> Iterator[tuple[str, Document]]:
    example = documented("createorders", dialect)
    yield "create", sent(example)
    yield "create again", sent(example)
    yield "long quantity", sent(block_of("BLOCK2"))
    yield "conflict", sent(block_of("BLOCK2", side="Sell"))
    yield "no orders' block", sent(replace(example, body={"requests": []}))
    if dialect == "2.3":
        yield "amount", sent(block_of("BLOCK3", orders=[AMOUNT_ORDER]))
    yield "list orders", asked("OrdersApi.list_orders")
    yield "list blocks", asked("BlocksApi.list_blocks")
    yield "get order", asked("OrdersApi.get_order", scope="MyScope", code="ORDER00000123")
    yield "get block", asked("BlocksApi.get_block", scope="MyScope", code="BLOCK00000123")
    yield "get no block", asked("BlocksApi.get_block", scope="MyScope", code="nothing")


def all_calls(dialect: str) -> Iterator[tuple[tuple[str, str], Document]]:
    groups = {
        "investor-records": record_calls,
        "investment-accounts": account_calls,
        "createorders": order_calls,
    }
    for group, calls in groups.items():
        yield from (((group, name), call) for name, call in calls(dialect))
