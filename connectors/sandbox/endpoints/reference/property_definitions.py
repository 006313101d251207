"""Property definitions: created one by one, and read by key, by several keys, or in a list."""

from connectors.sandbox.domain.listing import list_all
from connectors.sandbox.domain.reference.definitions import DEFINITION, add_definition, definition_of, read_definition
from connectors.sandbox.protocol.batch import resource_list
from connectors.sandbox.protocol.calls import ApiCall, Route
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import ProblemError, validation_problem


def create(call: ApiCall) -> Document:
    """POST /api/propertydefinitions.

    Raises:
        ProblemError: 400, the definition is malformed, or there is one of this key.
    """
    request = read_definition(call.read(lambda value, *_: value))
    with call.store.write() as transaction:
        return add_definition(transaction, call, request)


def get_several(call: ApiCall) -> Document:
    """GET /api/propertydefinitions?propertyKeys=: the definitions that there are of these keys.

    Raises:
        ProblemError: 400, no key is given.
    """
    keys = call.query.get("propertyKeys", [])
    if not keys:
        raise validation_problem({"propertyKeys": ["The propertyKeys field is required."]})
    with call.store.read() as transaction:
        found = [definition_of(transaction, call, key) for key in dict.fromkeys(keys)]
    return resource_list(call, [each for each in found if each is not None])


def get_one(call: ApiCall) -> Document:
    """GET /api/propertydefinitions/{domain}/{scope}/{code}.

    Raises:
        ProblemError: 404, code 121: it is not defined.
    """
    key = "/".join(call.path[part] for part in ("domain", "scope", "code"))
    with call.store.read() as transaction:
        found = definition_of(transaction, call, key)
    if found is None:
        raise ProblemError(404, 121, "PropertyNotDefined", f"property {key} is not defined")
    return found


def _list(call: ApiCall) -> Document:
    return list_all(call, DEFINITION, lambda _transaction, _call, document: document)


ROUTES = (
    Route("POST", "/api/propertydefinitions", create, 201),
    Route("GET", "/api/propertydefinitions", get_several, 200),
    Route("GET", "/api/propertydefinitions/$list", _list, 200),
    Route("GET", "/api/propertydefinitions/{domain}/{scope}/{code}", get_one, 200),
)
