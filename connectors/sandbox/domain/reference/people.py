"""Persons and legal entities as far as investor records name them: seeded, upserted, or assumed to exist."""

from connectors.sandbox.domain.listing import Show, list_all
from connectors.sandbox.domain.reference.assumed import with_assumed
from connectors.sandbox.protocol.calls import ApiCall, luid, numbered_luid, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps
from connectors.sandbox.protocol.problems import ItemError
from connectors.sandbox.store import Entity, Transaction

PEOPLE = {"Person": "persons", "LegalEntity": "legalentities"}
"""The kinds of the entities that an investor can be, by the domain of their identifiers."""

_KEYED = "identifiers["


def check_investor(transaction: Transaction, call: ApiCall, key: str, value: str) -> None:
    """Raises ItemError (`PersonNotFoundFailure`) where no person or legal entity has this identifier.

    Args:
        transaction: reads the store.
        call: the call that names it.
        key: the identifier's property key.
        value: its value.
    """
    domain = key.split("/")[0]
    kind = PEOPLE[domain]
    if kind not in call.assumed and transaction.find_by_identifier(kind, "", (key, value)) is None:
        raise ItemError(f"{domain}NotFoundFailure", f"no {domain} has this value of identifier {key}", "investor")


def add_identified(transaction: Transaction, call: ApiCall, noun: str, identifier: tuple[str, str]) -> None:
    """Stores a person or legal entity with one identifier, unless it is there.

    Args:
        transaction: writes to the store.
        call: the call that creates it.
        noun: what it is (`Person`).
        identifier: property key and value.
    """
    name = PEOPLE[noun]
    if transaction.find_by_identifier(name, "", identifier) is None:
        sequence = transaction.next_sequence()
        document = _identified(noun, identifier, numbered_luid(sequence))
        document["version"] = call.version(unique_id(name, numbered_luid(sequence)))
        transaction.add(name, Entity(sequence, "", numbered_luid(sequence), None, dumps(document), None))
        transaction.set_identifiers(name, "", sequence, dict([identifier]), {})


def _identified(noun: str, identifier: tuple[str, str], its_luid: str) -> Document:
    key, value = identifier
    return {
        "identifiers": {key: {"key": key, "value": {"labelValue": value}}},
        "displayName": value,
        "properties": {},
        f"lusid{noun}Id": its_luid,
        "relationships": [],
        "links": [],
    }


def assumed_entity(call: ApiCall, kind: str, noun: str, identifier: tuple[str, str]) -> Document | None:
    """A person or legal entity that is taken to exist; None where that is not so.

    Args:
        call: the call that asks.
        kind: the kind in the store.
        noun: what it is called (`Person`).
        identifier: property key and value.
    """
    return _identified(noun, identifier, luid(*identifier)) if kind in call.assumed else None


def list_people(call: ApiCall, kind: str, noun: str, show: Show) -> Document:
    """Answers the GET of a list of entities with identifiers; of those that are assumed it has what the filter names.

    Args:
        call: the GET.
        kind: the kind of the entities in the store.
        noun: what one is called.
        show: turns a stored document into an entry of the answer.
    """

    def invent(path: str, value: str) -> Document | None:
        key = path.removeprefix(_KEYED).removesuffix("]")
        return assumed_entity(call, kind, noun, (key, value)) if path.startswith(f"{_KEYED}{noun}/") else None

    def names(document: Document) -> set[tuple[str, str]]:
        entries = document["identifiers"].values()
        return {(f"{_KEYED}{entry['key']}]", entry["value"]["labelValue"]) for entry in entries}

    return with_assumed(list_all(call, kind, show), call, kind, invent, names)
