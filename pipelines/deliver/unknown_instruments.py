"""Holds requests whose instrument LUSID does not know, before the first of them is sent (`--unknown-instruments`).

LUSID takes such orders on the unknown instrument and calls that a success (docs/lusid.md). They are `held`, not
`failed`: no cell need be wrong, LUSID has refused nothing, and a replay sends them once the instrument is there.
"""

from array import array
from collections.abc import Collection, Sequence, Set
from functools import partial

import numpy as np
import orjson

from connectors.lusid.client import LusidClient
from connectors.lusid.instruments import Named, look_up, resolved
from pipelines.deliver.alerts import UNKNOWN_INSTRUMENT
from pipelines.deliver.ledger import Ledger, Outcome
from pipelines.prepare.reading import Prepared
from schemas.errors import FatalError, LoadError, RejectedError, StoppedError
from schemas.states import State

_AT_ONCE = 1000
"""Requests that a line of the journal settles."""

_NO_CALL = 0
_BAD_REQUEST = 400


def hold_unknown(prepared: Prepared, ledger: Ledger, client: LusidClient, doubtful: Set[int]) -> None:
    """Settles the requests that are open and whose instrument LUSID does not know; sends nothing.

    Args:
        prepared: the requests, each of which names its instrument.
        ledger: their states.
        client: asks LUSID.
        doubtful: requests that may have been applied already: what became of them is for reading back.

    Raises:
        FatalError: LUSID does not say which instruments it knows.
    """
    requests = [request for request in ledger.open_requests().tolist() if request not in doubtful]
    numbers, named = _instruments(prepared, requests)
    try:
        known = resolved(named, partial(_ask, client))
    except FatalError:
        raise
    except LoadError as error:
        raise StoppedError(
            f"--unknown-instruments refuse: LUSID does not say which instruments it knows ({error.message}): nothing "
            "was sent; resume it once LUSID does, or load without the option"
        ) from None
    unknown = np.array([each not in known for each in named], bool)
    held = np.flatnonzero(unknown[np.frombuffer(numbers, np.int64)]).tolist() if len(numbers) else []
    names = list(named)
    for start in range(0, len(held), _AT_ONCE):
        some = held[start : start + _AT_ONCE]
        ledger.settle(_NO_CALL, None, [_held(requests[place], names[numbers[place]]) for place in some])


def _instruments(prepared: Prepared, requests: Sequence[int]) -> tuple["array[int]", dict[Named, int]]:
    """The instrument of each request, as its number among the different ones."""
    numbers, named = array("q"), dict[Named, int]()
    read = prepared.entries.reader()
    for request in requests:
        entry = orjson.loads(read(int(prepared.entry_of[request]))[:-1])
        each: Named = tuple(sorted(entry["instrumentIdentifiers"].items()))
        numbers.append(named.setdefault(each, len(named)))
    return numbers, named


def _ask(client: LusidClient, identifier_type: str, values: Sequence[str]) -> Collection[str]:
    """The `LookUp` of a load: an identifier type that LUSID does not have leads to no instrument."""
    try:
        return look_up(client, identifier_type, values)
    except RejectedError as error:
        if error.status != _BAD_REQUEST:
            raise
        return ()


def _held(request: int, instrument: Named) -> Outcome:
    told = ", ".join(f"{key} {value}" for key, value in instrument)
    text = f"LUSID knows no identifier of its instrument ({told}): master it in LUSID or correct it; not sent"
    return Outcome(request, State.HELD, UNKNOWN_INSTRUMENT, text)
