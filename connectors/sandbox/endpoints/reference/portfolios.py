"""Portfolios: those of a scope, and one by its id."""

from connectors.sandbox.domain.reference.portfolios import list_portfolios, portfolio_of
from connectors.sandbox.domain.resources import checked_path
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ProblemError


def get_one(call: ApiCall) -> Document:
    """GET /api/portfolios/{scope}/{code}.

    Raises:
        ProblemError: 404, code 109: there is no such portfolio.
    """
    asked = checked_path(call)
    with call.store.read() as transaction:
        found = portfolio_of(transaction, call, asked["scope"], asked["code"])
    if found is None:
        raise ProblemError(404, 109, "PortfolioNotFound", f"there is no portfolio {asked['scope']}/{asked['code']}")
    return found


def _of_scope(call: ApiCall) -> Document:
    return list_portfolios(call, checked_path(call)["scope"])


ROUTES = (
    Route("GET", "/api/portfolios/{scope}", _of_scope, 200),
    Route("GET", "/api/portfolios/{scope}/{code}", get_one, 200),
)
