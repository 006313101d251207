"""Finds, upserts and shows entities with client-defined identifiers: investor records, investment accounts, persons.

An upsert whose identifiers are all new creates an entity; one whose identifiers lead to an entity updates it: omitted
members stay as they are and given ones replace the old, identifiers and properties one by one. Sources:
docs/sandbox.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from connectors.sandbox.domain.listing import Show
from connectors.sandbox.domain.reference.definitions import check_entity
from connectors.sandbox.domain.reference.people import assumed_entity, list_people
from connectors.sandbox.domain.shapes import code, labels_of
from connectors.sandbox.protocol.batch import Apply, batch_upsert
from connectors.sandbox.protocol.calls import (
    DIALECTS,
    OLDER,
    ApiCall,
    Route,
    numbered_luid,
    quoted,
    removal,
    unique_id,
)
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.protocol.problems import ItemError, not_found, resource_conflict, validation_problem
from connectors.sandbox.protocol.readers import Errors, Reader
from connectors.sandbox.protocol.variant import Variant
from connectors.sandbox.store import Entity, Transaction

_IN_PARTS = ("identifiers", "properties")
_LISTS = ("accountHolders", "investmentPortfolios")

Known = tuple[int | None, Document]
"""An entity's sequence and document; (None, {}) when there is none yet."""


@dataclass(frozen=True)
class EntityType:
    """A type of entity.

    Attributes:
        name: its path segment, and its kind in the store.
        noun: its name in failures and messages (`InvestorRecord`), and the domain of its identifiers and properties.
        scoped: whether it has a scope in dialect 2.3.
        removable_before: whether the dialects before 2.3 have a call that deletes one.
    """

    name: str
    noun: str
    scoped: bool = True
    removable_before: bool = True

    def has_scope(self, call: ApiCall) -> bool:
        """Whether it has a scope in the dialect of a call."""
        return self.scoped and call.shapes == "2.3"


def resolve(transaction: Transaction, kind: EntityType, scope: str, labels: Document) -> tuple[set[int], list[str]]:
    """Looks up identifiers.

    Args:
        transaction: reads the store.
        kind: the type of the entities.
        scope: their scope; empty in dialects without scopes.
        labels: identifier key to value.

    Returns:
        The sequences of the entities they lead to, and the keys of the identifiers that lead nowhere.
    """
    found: set[int] = set()
    unknown: list[str] = []
    for identifier in labels.items():
        sequence = transaction.find_by_identifier(kind.name, scope, identifier)
        if sequence is None:
            unknown.append(identifier[0])
        else:
            found.add(sequence)
    return found, unknown


def current(transaction: Transaction, call: ApiCall, kind: EntityType, request: Document) -> Known:
    """The entity that a request is about.

    Args:
        transaction: reads the store.
        call: the call that brings the request.
        kind: its type.
        request: holds its identifiers.

    Raises:
        ItemError: the identifiers lead to different entities.
    """
    labels = labels_of(request["identifiers"])
    found, unknown = resolve(transaction, kind, request.get("scope", ""), labels)
    if len(found) > 1 or (found and unknown and call.variant.identifiers == "all"):
        raise ItemError(
            f"{kind.noun}IdentifierAlreadyInUseFailure",
            f"the identifiers {', '.join(sorted(labels))} belong to different entities",
            "identifiers",
        )
    if not found:
        return None, {}
    sequence = found.pop()
    return sequence, loads_own(transaction.get(sequence).document)


def save(transaction: Transaction, call: ApiCall, kind: EntityType, request: Document, known: Known) -> Document:
    """Stores a request as a new entity, or as an update of a known one.

    Args:
        transaction: writes to the store.
        call: the call that brings the request.
        kind: the type of the entity.
        request: already in the shape of the answer.
        known: what `current` returned.

    Returns:
        The document as stored.

    Raises:
        ItemError: it has a property or an identifier that cannot be used.
    """
    check_entity(transaction, call, request)
    sequence, old = known
    scope = request.get("scope", "")
    before = {} if call.variant.omitted == "go" else old
    document = {**before, **request, **{part: _merged(before, request, part, call.variant) for part in _IN_PARTS}}
    if call.variant.lists == "merge":
        document |= {part: _joined(old[part], request[part]) for part in _LISTS if part in old and part in request}
    number = sequence or transaction.next_sequence()
    lusid_id = numbered_luid(number)
    document[f"lusid{kind.noun}Id"] = lusid_id
    document["relationships"] = []
    document["links"] = []
    if call.variant.unchanged == "same" and {**document, "version": old.get("version")} == old:
        return old
    document["version"] = call.version(unique_id(kind.name, lusid_id), old.get("version"))
    entity = Entity(number, scope, lusid_id, None, dumps(document), None)
    if sequence is None:
        transaction.add(kind.name, entity)
    else:
        transaction.rewrite(entity)
    had = labels_of(old.get("identifiers", {}))
    transaction.set_identifiers(kind.name, scope, number, labels_of(request["identifiers"]), had)
    return document


def _merged(old: Document, request: Document, part: str, variant: Variant) -> Document:
    given: Document = request.get(part, {})
    nulls = {key for key, entry in given.items() if "value" not in entry}
    if nulls and variant.nulls == "refuse":
        raise ItemError("InvalidPropertyValueAssignmentFailure", f"{min(nulls)} has no value", f"{part}.{min(nulls)}")
    if variant.nulls == "keep":
        given = {key: entry for key, entry in given.items() if key not in nulls}
    both = {**old.get(part, {}), **given}
    return {key: entry for key, entry in both.items() if "value" in entry}


def _joined(old: list[Document], given: list[Document]) -> list[Document]:
    return list({each["key"]: each for each in (*old, *given)}.values())


def shown(call: ApiCall, kind: EntityType, document: Document) -> Document:
    """The document with its `href`, which depends on the sandbox's URL.

    Args:
        call: the call that is answered.
        kind: the type of the entity.
        document: the entity as stored.
    """
    key, value = next(iter(labels_of(document["identifiers"]).items()))
    _, id_scope, id_code = key.split("/")
    root = f"{call.base_url}/api/{kind.name}"
    if not kind.has_scope(call):
        return {"href": f"{root}/{id_scope}/{id_code}/{quoted(value)}", **document}
    query = f"scope={document['scope']}&identifierScope={id_scope}"
    return {"href": f"{root}/{id_code}/{quoted(value)}?{query}", **document}


def _addressed(kind: EntityType, call: ApiCall) -> tuple[str, tuple[str, str]]:
    """Scope and identifier of the entity that a path addresses, as the dialect does it.

    Raises:
        ProblemError: 400, a parameter is invalid.
    """
    asked: dict[str, str | None] = dict(call.path)
    if kind.has_scope(call):
        asked["scope"] = call.parameter("scope")
        asked["idTypeScope"] = call.parameter("identifierScope")
    errors = Errors()
    for name, value in asked.items():
        if value is None:
            errors.add(name, f"The {name} field is required.")
        elif name != "value":
            code(value, name, errors)
        elif len(value) > 64:  # the documented length of this path parameter
            errors.add(name, "must be 1 to 64 characters long")
    if errors:
        raise validation_problem(errors)
    key = f"{kind.noun}/{asked['idTypeScope']}/{asked['idTypeCode']}"
    return asked.get("scope") or "", (key, str(asked["value"]))


def _single(kind: EntityType, show: Show, call: ApiCall) -> Document:
    """Answers the GET of one entity by identifier.

    Args:
        kind: the type of the entity.
        show: turns the stored document into the answer.
        call: the GET.

    Raises:
        ProblemError: 400 for an invalid parameter, 404 when there is no such entity.
    """
    scope, identifier = _addressed(kind, call)
    with call.store.read() as transaction:
        sequence = transaction.find_by_identifier(kind.name, scope, identifier)
        if sequence is not None:
            return show(transaction, call, loads_own(transaction.get(sequence).document))
        return show(transaction, call, _assumed(call, kind, identifier))


def _removed(kind: EntityType, call: ApiCall) -> Document:
    """Answers the DELETE of one entity by identifier.

    Args:
        kind: the type of the entity.
        call: the DELETE.

    Raises:
        ProblemError: 400 for an invalid parameter or an entity that accounts refer to, 404 when there is none.
    """
    scope, identifier = _addressed(kind, call)
    with call.store.write() as transaction:
        sequence = transaction.find_by_identifier(kind.name, scope, identifier)
        if sequence is None:
            raise not_found(f"no {kind.noun} has this value of identifier {identifier[0]}")
        for account in transaction.page("investmentaccounts", 0, -1):
            holders = loads_own(account.document).get("accountHolders", [])
            if any(holder["_record"] == sequence for holder in holders):
                raise resource_conflict({identifier[0]: ["an account has it as a holder"]})
        transaction.remove(sequence)
    return removal(call)


def _assumed(call: ApiCall, kind: EntityType, identifier: tuple[str, str]) -> Document:
    """An entity that is not stored but taken to exist; raises ProblemError (404) where it is not."""
    found = assumed_entity(call, kind.name, kind.noun, identifier)
    if found is None:
        raise not_found(f"no {kind.noun} has this value of identifier {identifier[0]}")
    return found


def routes(kind: EntityType, request: Mapping[str, Reader], apply: Apply, show: Show) -> tuple[Route, ...]:
    """The calls that upsert and read entities of one type.

    Args:
        kind: the type.
        request: reads one request, by the shapes of the dialect.
        apply: upserts one entity.
        show: shows one.
    """
    path = f"/api/{kind.name}"
    without_scope = OLDER if kind.scoped else DIALECTS
    with_scope = ("2.3",) if kind.scoped else ()
    return (
        Route("POST", f"{path}/$batchUpsert", lambda call: batch_upsert(call, request[call.shapes], apply), 201),
        Route("GET", path, lambda call: list_people(call, kind.name, kind.noun, show), 200),
        Route(
            "GET", f"{path}/{{idTypeScope}}/{{idTypeCode}}/{{value}}", partial(_single, kind, show), 200, without_scope
        ),
        Route("GET", f"{path}/{{idTypeCode}}/{{value}}", partial(_single, kind, show), 200, with_scope),
        *(
            Route("DELETE", f"{path}/{{idTypeScope}}/{{idTypeCode}}/{{value}}", partial(_removed, kind), 200, dialects)
            for dialects in [without_scope if kind.removable_before else ()]
            if dialects
        ),
        Route("DELETE", f"{path}/{{idTypeCode}}/{{value}}", partial(_removed, kind), 200, with_scope),
    )
