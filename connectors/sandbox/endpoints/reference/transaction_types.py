"""Transaction types, one of which each side of an order must be, so that it can be booked."""

from connectors.sandbox.protocol.batch import resource_list
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import not_found

_KIND = "transactiontypes"


def list_types(call: ApiCall) -> Document:
    """GET /api/transactionconfiguration/types.

    Raises:
        ProblemError: 404, none are configured: every side is taken.
    """
    if _KIND in call.assumed:
        raise not_found("the sandbox takes every side: `--known FILE` with transactionTypes configures some")
    with call.store.read() as transaction:
        names = [each.code for each in transaction.page(_KIND, 0, -1)]
    return resource_list(call, [_type(name) for name in names])


def _type(name: str) -> Document:
    alias = {"type": name, "description": name, "transactionClass": "Basic", "transactionRoles": "AllRoles"}
    return {"aliases": [{**alias, "isDefault": False}], "movements": [], "scope": "default", "links": []}


ROUTES = (Route("GET", "/api/transactionconfiguration/types", list_types, 200),)
