"""Entities known by client-defined identifiers (investor records, investment accounts): finding, updating, showing.

An upsert whose identifiers are all new creates; one whose identifiers lead to an entity updates it:
members left out stay, members given replace, identifiers and properties one by one. Sources:
docs/sandbox.md.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connectors.sandbox.domain.shapes import code, labels_of
from connectors.sandbox.protocol.calls import Call, numbered_luid, quoted, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.protocol.problems import ItemError, not_found, validation_problem
from connectors.sandbox.protocol.readers import Errors
from connectors.sandbox.store import Entity, Transaction

_IN_PARTS = ("identifiers", "properties")

Known = tuple[int | None, Document]
"""An entity's sequence and document; (None, {}) when there is none yet."""

Show = Callable[[Transaction, Call, Document], Document]
"""A stored document as it is given back."""


@dataclass(frozen=True)
class Kind:
    """A kind of entity.

    Attributes:
        name: its path segment, and its name in the store.
        noun: as failures and messages call it (`InvestorRecord`).
        domain: the domain of its identifiers and properties.
        id_member: the member that holds its LUSID id.
    """

    name: str
    noun: str
    domain: str
    id_member: str


def resolve(transaction: Transaction, kind: Kind, scope: str, labels: Mapping[str, str]) -> tuple[set[int], list[str]]:
    """The sequences that identifiers (key to value) lead to, and the keys of those that lead nowhere."""
    found: set[int] = set()
    unknown: list[str] = []
    for identifier in labels.items():
        sequence = transaction.identified(kind.name, scope, identifier)
        if sequence is None:
            unknown.append(identifier[0])
        else:
            found.add(sequence)
    return found, unknown


def current(transaction: Transaction, kind: Kind, request: Document) -> Known:
    """The entity a request is about.

    Raises:
        ItemError: its identifiers lead to different entities.
    """
    labels = labels_of(request["identifiers"])
    found, _ = resolve(transaction, kind, request.get("scope", ""), labels)
    if len(found) > 1:
        raise ItemError(
            f"{kind.noun}IdentifierAlreadyInUseFailure",
            f"the identifiers {', '.join(sorted(labels))} belong to {len(found)} different entities",
            "identifiers",
        )
    if not found:
        return None, {}
    sequence = found.pop()
    return sequence, loads_own(transaction.get(sequence).document)


def save(transaction: Transaction, call: Call, kind: Kind, request: Document, known: Known) -> Document:
    """Stores `request`, already in the shape of the answer, over the `known` entity or as a new one."""
    sequence, old = known
    scope = request.get("scope", "")
    document = {**old, **request, **{part: _merged(old, request, part) for part in _IN_PARTS}}
    number = sequence or transaction.next_sequence()
    lusid_id = numbered_luid(number)
    document[kind.id_member] = lusid_id
    document["relationships"] = []
    document["version"] = call.version(unique_id(kind.name, lusid_id), old.get("version"))
    document["links"] = []
    entity = Entity(number, scope, lusid_id, None, dumps(document), None)
    if sequence is None:
        transaction.add(kind.name, entity)
    else:
        transaction.replace(number, entity.document)
    before = labels_of(old.get("identifiers", {}))
    transaction.identify(kind.name, scope, number, labels_of(request["identifiers"]), before)
    return document


def _merged(old: Document, request: Document, part: str) -> Document:
    both = {**old.get(part, {}), **request.get(part, {})}
    return {key: entry for key, entry in both.items() if "value" in entry}


def shown(call: Call, kind: Kind, document: Document) -> Document:
    """The document with its `href`, which depends on where the sandbox runs."""
    key, value = next(iter(labels_of(document["identifiers"]).items()))
    _, id_scope, id_code = key.split("/")
    root = f"{call.base_url}/api/{kind.name}"
    if call.shapes == "2.1":
        return {"href": f"{root}/{id_scope}/{id_code}/{quoted(value)}", **document}
    query = f"scope={document['scope']}&identifierScope={id_scope}"
    return {"href": f"{root}/{id_code}/{quoted(value)}?{query}", **document}


def single(call: Call, kind: Kind, show: Show) -> Document:
    """Answers the GET of one entity by identifier, in the dialect's form.

    Raises:
        ProblemError: 400 for a parameter that does not fit, 404 when there is no such entity.
    """
    asked: dict[str, str | None] = dict(call.path)
    if call.shapes == "2.3":
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
    key = f"{kind.domain}/{asked['idTypeScope']}/{asked['idTypeCode']}"
    with call.store.read() as transaction:
        identifier = (key, str(asked["value"]))
        sequence = transaction.identified(kind.name, asked.get("scope") or "", identifier)
        if sequence is None:
            raise not_found(f"no {kind.noun} has this value of identifier {key}")
        return show(transaction, call, loads_own(transaction.get(sequence).document))
