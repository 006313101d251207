"""Portfolios, and what else has no more than a scope and a code, as far as requests name them."""

from connectors.sandbox.domain.listing import list_all
from connectors.sandbox.domain.reference.assumed import with_assumed
from connectors.sandbox.protocol.calls import ApiCall, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.store import Entity, Transaction

PORTFOLIO = "portfolios"


def add_portfolio(transaction: Transaction, call: ApiCall, scope: str, its_code: str, kind: str = PORTFOLIO) -> None:
    """Stores a portfolio, or whatever else has no more than a scope and a code, unless it is there.

    Args:
        transaction: writes to the store.
        call: the call that creates it.
        scope: its scope.
        its_code: its code.
        kind: what it is.
    """
    if transaction.find(kind, scope, its_code) is None:
        document = portfolio(scope, its_code) | {"version": call.version(unique_id(kind, scope, its_code))}
        sequence = transaction.next_sequence()
        transaction.add(kind, Entity(sequence, scope, its_code, scope, dumps(document), None))


def portfolio(scope: str, its_code: str) -> Document:
    """A portfolio as LUSID shows it, but for its version."""
    created = "0001-01-01T00:00:00.0000000+00:00"
    resource = {"scope": scope, "code": its_code}
    return {"id": resource, "type": "Transaction", "displayName": its_code, "created": created, "links": []}


def check_portfolio(transaction: Transaction, call: ApiCall, scope: str, its_code: str) -> None:
    """Raises ItemError (`PortfolioNotFoundFailure`) where there is no such portfolio.

    Args:
        transaction: reads the store.
        call: the call that names it.
        scope: its scope.
        its_code: its code.
    """
    if PORTFOLIO not in call.assumed and transaction.find(PORTFOLIO, scope, its_code) is None:
        raise ItemError("PortfolioNotFoundFailure", f"there is no portfolio {scope}/{its_code}", "investmentPortfolios")


def portfolio_of(transaction: Transaction, call: ApiCall, scope: str, its_code: str) -> Document | None:
    """The portfolio of this id, or None.

    Args:
        transaction: reads the store.
        call: the call that asks.
        scope: its scope.
        its_code: its code.
    """
    there = transaction.find(PORTFOLIO, scope, its_code)
    if there is not None:
        found: Document = loads_own(there.document)
        return found
    return portfolio(scope, its_code) if PORTFOLIO in call.assumed else None


def list_portfolios(call: ApiCall, scope: str) -> Document:
    """Answers the GET of the portfolios of a scope; of those that are assumed it has what the filter names."""
    return with_assumed(
        list_all(call, PORTFOLIO, lambda _transaction, _call, document: document, scope),
        call,
        PORTFOLIO,
        lambda path, value: portfolio(scope, value) if path == "id.code" else None,
        lambda each: {("id.code", each["id"]["code"])},
    )
