"""Instruments: looked up by the values of one identifier type, and the identifier types there are."""

from connectors.sandbox.domain.reference.instruments import (
    INSTRUMENT,
    assumed_luid,
    instrument,
    instrument_of,
)
from connectors.sandbox.protocol.batch import resource_list
from connectors.sandbox.protocol.calls import ApiCall, Route, unique_id
from connectors.sandbox.protocol.exact_json import Document
from connectors.sandbox.protocol.problems import validation_problem
from connectors.sandbox.protocol.readers import listed, text

MOST = 2000
"""Instruments in one call (SDK)."""

TYPES = {
    "LusidInstrumentId": True,
    **dict.fromkeys(("Figi", "ClientInternal", "QuotePermId", "EdiKey", "Currency"), True),
    **dict.fromkeys(("Isin", "Sedol", "Cusip", "Ticker", "RIC", "CompositeFigi", "ShareClassFigi"), False),
}
"""The identifier types that the sandbox has, and whether their values are unique."""

_VALUES = listed(text(), 1, MOST)


def get_instruments(call: ApiCall) -> Document:
    """POST /api/instruments/$get?identifierType=: the instruments with these values; `failed` has the others.

    Raises:
        ProblemError: 400, there is no such identifier type, or more than 2,000 values are given.
    """
    kind = call.parameter("identifierType")
    if kind not in TYPES:
        raise validation_problem({"identifierType": [f"must be one of {', '.join(TYPES)}"]})
    asked = dict.fromkeys(call.read(_VALUES))
    values, failed = {}, {}
    with call.store.read() as transaction:
        for value in asked:
            found = instrument_of(transaction, f"Instrument/default/{kind}", value)
            if found is None and INSTRUMENT in call.assumed:
                found = instrument({kind: value}, assumed_luid({f"Instrument/default/{kind}": value}))
            if found is None:
                detail = f"no instrument has this value of {kind}"
                failed[value] = {"id": value, "type": "InstrumentNotFoundFailure", "detail": detail, "errorDetails": []}
            else:
                luid = found["lusidInstrumentId"]
                values[value] = {"version": call.version(unique_id(INSTRUMENT, luid)), **found, "links": []}
    return {"href": None, "values": values, "failed": failed, "links": [call.log_link]}


def identifier_types(call: ApiCall) -> Document:
    """GET /api/instruments/identifierTypes."""
    types = (
        {"identifierType": name, "propertyKey": f"Instrument/default/{name}", "isUniqueIdentifierType": unique}
        for name, unique in TYPES.items()
    )
    return resource_list(call, list(types))


ROUTES = (
    Route("POST", "/api/instruments/$get", get_instruments, 200),
    Route("GET", "/api/instruments/identifierTypes", identifier_types, 200),
)
