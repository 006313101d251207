"""Finds, stores and reads entities addressed by scope and code: orders, blocks, placements and so on.

Knows no type of entity. A member whose name begins with `_` is the sandbox's own and is never shown.
"""

from collections.abc import Callable
from typing import Any

from connectors.sandbox.domain.listing import list_all
from connectors.sandbox.domain.shapes import code, name_of
from connectors.sandbox.protocol.calls import ApiCall, Route, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.protocol.problems import ItemError, not_found, validation_problem
from connectors.sandbox.protocol.readers import Errors
from connectors.sandbox.store import Entity, Transaction


def singular(kind: str) -> str:
    """The noun for one entity of a kind: `order` for `orders`."""
    return kind.removesuffix("s")


def find(transaction: Transaction, kind: str, resource_id: Document) -> Entity | None:
    """The entity of a kind and id, or None.

    Args:
        transaction: reads the store.
        kind: its kind.
        resource_id: its scope and code.
    """
    return transaction.find(kind, resource_id["scope"], resource_id["code"])


def existing(transaction: Transaction, kind: str, resource_id: Document, member: str) -> Entity:
    """The entity of this kind and id, which must exist.

    Args:
        transaction: reads the store.
        kind: its kind.
        resource_id: its scope and code.
        member: the request's member that names it.

    Raises:
        ItemError: it does not exist (`OrderNotFoundFailure`, ...).
    """
    entity = find(transaction, kind, resource_id)
    if entity is None:
        failure = f"{singular(kind).capitalize()}NotFoundFailure"
        raise ItemError(failure, f"no {singular(kind)} has the id {name_of(resource_id)}", member)
    return entity


def document_of(entity: Entity) -> Document:
    """The document that is stored of an entity."""
    document: Document = loads_own(entity.document)
    return document


def versioned(call: ApiCall, kind: str, document: Document, old: Document | None = None) -> Document:
    """The document with the version that a call gives it.

    Args:
        call: the call that creates or changes the entity.
        kind: its kind.
        document: its new document.
        old: the document whose version is continued, if not the new one's own; empty for a new entity.
    """
    entity_id = unique_id(kind, name_of(document["id"]))
    previous = document if old is None else old
    return {**document, "version": call.version(entity_id, previous.get("version"))}


def add(transaction: Transaction, kind: str, document: Document, **more: Any) -> int:
    """Stores a new entity under its id and returns its sequence.

    Args:
        transaction: writes to the store.
        kind: its kind.
        document: holds its id.
        more: its `parent`, and the request that was `requested`.
    """
    sequence = transaction.next_sequence()
    entity_id = document["id"]
    entity = Entity(sequence, entity_id["scope"], entity_id["code"], None, dumps(document), None)
    transaction.add(kind, entity._replace(**more))
    return sequence


def change(transaction: Transaction, entity: Entity, document: Document, **more: Any) -> None:
    """Replaces the document of an entity.

    Args:
        transaction: writes to the store.
        entity: the entity as stored.
        document: its new document.
        more: its new `parent`, and the request that was `requested`, where they change.
    """
    transaction.rewrite(entity._replace(document=dumps(document), **more))


def put(transaction: Transaction, kind: str, there: Entity | None, document: Document, **more: Any) -> int:
    """Stores an entity, new or changed, and returns its sequence.

    Args:
        transaction: writes to the store.
        kind: its kind.
        there: the entity as stored; None for a new one.
        document: its document.
        more: its `parent`, and the request that was `requested`.
    """
    if there is None:
        return add(transaction, kind, document, **more)
    change(transaction, there, document, **more)
    return there.sequence


def matches_last_request(entity: Entity, request: Document) -> bool:
    """Whether a request equals the last one for the entity."""
    return entity.requested is not None and loads_own(entity.requested) == request


def shown(document: Document) -> Document:
    """The document without the sandbox's own members."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def show(_transaction: Transaction, _call: ApiCall, document: Document) -> Document:
    """The same with the signature that lists need."""
    return shown(document)


def checked_path(call: ApiCall) -> Document:
    """The scope and code in the path.

    Raises:
        ProblemError: 400, one of them is malformed.
    """
    errors = Errors()
    for name, value in call.path.items():
        code(value, name, errors)
    if errors:
        raise validation_problem(errors)
    return dict(call.path)


def _single(kind: str) -> Callable[[ApiCall], Document]:
    def get(call: ApiCall) -> Document:
        resource_id = checked_path(call)
        with call.store.read() as transaction:
            entity = find(transaction, kind, resource_id)
        if entity is None:
            raise not_found(f"no {singular(kind)} has the id {name_of(resource_id)}")
        return shown(document_of(entity))

    return get


def read_routes(kind: str) -> tuple[Route, Route]:
    """The two routes that read entities of a kind: the list, and one entity by its id."""
    return (
        Route("GET", f"/api/{kind}", lambda call: list_all(call, kind, show), 200),
        Route("GET", f"/api/{kind}/{{scope}}/{{code}}", _single(kind), 200),
    )
