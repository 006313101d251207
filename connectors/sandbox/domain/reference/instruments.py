"""Instruments as far as requests name them: seeded, assumed to exist, or unknown."""

from collections.abc import Mapping

from connectors.sandbox.protocol.calls import ApiCall, luid, unique_id
from connectors.sandbox.protocol.exact_json import Document, dumps, loads_own
from connectors.sandbox.store import Entity, Transaction

INSTRUMENT = "instruments"
UNKNOWN_LUID = "LUID_ZZZZZZZZ"
"""The instrument on which LUSID books what it cannot resolve (KA-01860)."""

_DEFAULT = "Instrument/default/"
_LUSID_ID = f"{_DEFAULT}LusidInstrumentId"
_CURRENCY = f"{_DEFAULT}Currency"


def resolved(transaction: Transaction, call: ApiCall, identifiers: Mapping[str, str]) -> str:
    """The LUSID instrument id that an order's or placement's identifiers lead to: the first that is known counts.

    Args:
        transaction: reads the store.
        call: the call that names it.
        identifiers: property key to value.
    """
    if INSTRUMENT in call.assumed:
        return assumed_luid(identifiers)
    for key, value in identifiers.items():
        found = instrument_of(transaction, key, value)
        if found is not None:
            return str(found["lusidInstrumentId"])
    return UNKNOWN_LUID


def assumed_luid(identifiers: Mapping[str, str]) -> str:
    """The LUSID instrument id of an instrument that is taken to exist.

    A LusidInstrumentId is taken as it is, a currency becomes `CCY_GBP`, and anything else gets an id derived from its
    identifiers, the same each time.
    """
    by_code = {key.rsplit("/", 1)[1]: value for key, value in identifiers.items()}
    if "LusidInstrumentId" in by_code:
        return by_code["LusidInstrumentId"]
    if "Currency" in by_code:
        return f"CCY_{by_code['Currency']}"
    return luid(*(part for pair in sorted(identifiers.items()) for part in pair))


def instrument_of(transaction: Transaction, key: str, value: str) -> Document | None:
    """The instrument with an identifier, or None; each currency is one.

    Args:
        transaction: reads the store.
        key: the identifier's property key.
        value: its value.
    """
    if key == _CURRENCY and value.isalpha() and len(value) == 3:
        return instrument({"Currency": value}, f"CCY_{value}")
    if key == _LUSID_ID and value.startswith("CCY_"):
        return instrument({"Currency": value.removeprefix("CCY_")}, value)
    sequence = transaction.find_by_identifier(INSTRUMENT, "default", (key, value))
    return None if sequence is None else loads_own(transaction.get(sequence).document)


def instrument(identifiers: Mapping[str, str], its_luid: str) -> Document:
    """An instrument as LUSID shows it, but for its version.

    Args:
        identifiers: identifier type (`Figi`) to value.
        its_luid: its LUSID instrument id.
    """
    name = next(iter(identifiers.values()))
    return {
        "scope": "default",
        "lusidInstrumentId": its_luid,
        "name": name,
        "identifiers": {**identifiers, "LusidInstrumentId": its_luid},
        "properties": [],
        "state": "Active",
    }


def add_instrument(transaction: Transaction, call: ApiCall, identifiers: Mapping[str, str]) -> None:
    """Stores an instrument with these identifiers (type to value), unless one of them is known already."""
    keys = {f"{_DEFAULT}{name}": value for name, value in identifiers.items()}
    if any(instrument_of(transaction, key, value) for key, value in keys.items()):
        return
    its_luid = identifiers.get("LusidInstrumentId") or assumed_luid(keys)
    document = instrument(identifiers, its_luid)
    document["version"] = call.version(unique_id(INSTRUMENT, its_luid))
    sequence = transaction.next_sequence()
    transaction.add(INSTRUMENT, Entity(sequence, "default", its_luid, None, dumps(document), None))
    transaction.set_identifiers(INSTRUMENT, "default", sequence, {**keys, _LUSID_ID: its_luid}, {})
