"""Entities addressed by scope and code (orders, blocks, placements, ...): finding, storing, reading back.

Knows no kind of entity. A member whose name begins with `_` is the sandbox's own and is never given back.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from connectors.sandbox.domain.listing import list_all
from connectors.sandbox.domain.shapes import code, name_of
from connectors.sandbox.protocol.calls import Call, Route, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.protocol.problems import ItemError, not_found, validation_problem
from connectors.sandbox.protocol.readers import Errors
from connectors.sandbox.store import Entity, Transaction


def noun(kind: str) -> str:
    """What one of a kind is called: `orders` are each an `order`."""
    return kind.removesuffix("s")


def find(transaction: Transaction, kind: str, resource_id: Document) -> Entity | None:
    """The entity of that kind and id."""
    return transaction.find(kind, resource_id["scope"], resource_id["code"])


def existing(transaction: Transaction, kind: str, resource_id: Document, member: str) -> Entity:
    """The entity of that kind and id.

    Args:
        member: the request's member that names it.

    Raises:
        ItemError: there is none (`OrderNotFoundFailure`, ...).
    """
    entity = find(transaction, kind, resource_id)
    if entity is None:
        raise ItemError(_not_found_failure(kind), f"no {noun(kind)} has the id {name_of(resource_id)}", member)
    return entity


def _not_found_failure(kind: str) -> str:
    return f"{noun(kind).capitalize()}NotFoundFailure"


def document_of(entity: Entity) -> Document:
    """What is stored of it."""
    document: Document = loads_own(entity.document)
    return document


def versioned(call: Call, kind: str, document: Document, old: Document | None = None) -> Document:
    """The document, with the version this call makes of it.

    Args:
        old: what it replaces, if that is not itself; empty for nothing.
    """
    entity_id = unique_id(kind, name_of(document["id"]))
    previous = document if old is None else old
    return {**document, "version": call.version(entity_id, previous.get("version"))}


def add(transaction: Transaction, kind: str, document: Document, more: dict[str, Any] | None = None) -> int:
    """Stores a new entity under its id and returns its sequence.

    Args:
        more: its `parent`, and what was `requested` of it.
    """
    sequence = transaction.next_sequence()
    entity_id = document["id"]
    entity = Entity(sequence, entity_id["scope"], entity_id["code"], None, dumps(document), None)
    transaction.add(kind, replace(entity, **(more or {})))
    return sequence


def change(transaction: Transaction, entity: Entity, document: Document) -> None:
    """Gives an entity a new document."""
    transaction.replace(entity.sequence, dumps(document))


def asked_before(entity: Entity, request: Document) -> bool:
    """Whether the entity was last asked for in just this way."""
    return entity.requested is not None and loads_own(entity.requested) == request


def shown(document: Document) -> Document:
    """The document as it is given back."""
    return {name: value for name, value in document.items() if not name.startswith("_")}


def show(_transaction: Transaction, _call: Call, document: Document) -> Document:
    """The same, as lists want it."""
    return shown(document)


def checked_path(call: Call) -> Document:
    """The scope and code of the path.

    Raises:
        ProblemError: 400, one of them cannot be one.
    """
    errors = Errors()
    for name, value in call.path.items():
        code(value, name, errors)
    if errors:
        raise validation_problem(errors)
    return dict(call.path)


def _single(kind: str) -> Callable[[Call], Document]:
    def get(call: Call) -> Document:
        resource_id = checked_path(call)
        with call.store.read() as transaction:
            entity = find(transaction, kind, resource_id)
        if entity is None:
            raise not_found(f"no {noun(kind)} has the id {name_of(resource_id)}")
        return shown(document_of(entity))

    return get


def reading(kind: str) -> tuple[Route, Route]:
    """The routes that read a kind back: its list, and one by id."""
    return (
        Route("GET", f"/api/{kind}", lambda call: list_all(call, kind, show), 200),
        Route("GET", f"/api/{kind}/{{scope}}/{{code}}", _single(kind), 200),
    )
