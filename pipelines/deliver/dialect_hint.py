"""Which refusals smell of the wrong dialect, and the setting to change. Pure: text in, text out.

A server of another age asks for members we do not send, or does not know those we do. How LUSID words that is not
documented: the words are the sandbox's and those of the usual .NET readers. So it is a hint and decides nothing.
"""

import re
from collections.abc import Mapping, Sequence

from pipelines.deliver.ledger import Outcome
from pipelines.operations.operation import CallSpec
from schemas.dialects import Dialect
from schemas.states import State

_WANTED = r"required|missing"
_STRANGE = r"not a member|find member|not be mapped|(?:unknown|unexpected|unrecogni[sz]ed) (?:member|property|field)"
_SHAPE = re.compile(r"must be (?:a list|an object)|requires a JSON (?:array|object)", re.IGNORECASE)


def _clause(member: str, said: str) -> re.Pattern[str]:
    """One clause that names a member and says something of it, in either order."""
    return re.compile(rf"\b(?:{member})\b[^;]*(?:{said})|(?:{said})[^;]*\b(?:{member})\b", re.IGNORECASE)


_OLD_MEMBERS = "investorIdentifiers|portfolioScope|portfolioCode"
_SMELLS: Mapping[Dialect, Sequence[tuple[re.Pattern[str], Dialect]]] = {
    Dialect.V2_1: [(_clause("scope", _WANTED), Dialect.V2_3), (_clause(_OLD_MEMBERS, _STRANGE), Dialect.V2_3)],
    Dialect.V2_3: [(_clause("scope|amount", _STRANGE), Dialect.V2_1), (_clause(_OLD_MEMBERS, _WANTED), Dialect.V2_1)],
}
"""Of a dialect we speak: what a server of another one says of our members, and which that one is."""


def hinted(outcomes: Sequence[Outcome], spec: CallSpec, status: int | None = None) -> list[Outcome]:
    """Outcomes whose failures say which dialect to try, where they smell of the wrong one.

    Args:
        outcomes: what became of requests.
        spec: the dialect they were sent in.
        status: of the refusal of the whole call; None where LUSID answered for each key.
    """
    return [_hinted(o, spec, status) if o.state is State.FAILED else o for o in outcomes]


def _hinted(outcome: Outcome, spec: CallSpec, status: int | None) -> Outcome:
    other = _other(outcome.message, spec, status)
    if other is None:
        return outcome
    return outcome._replace(
        message=f"{outcome.message}; the server may speak another dialect: try --dialect {other.value}"
    )


def _other(text: str, spec: CallSpec, status: int | None) -> Dialect | None:
    ours = spec.dialect
    if spec.operation.legacy is not None and (status == 404 or _SHAPE.search(text)):
        return Dialect.V2_1 if ours is Dialect.LEGACY else Dialect.LEGACY
    return next((other for smell, other in _SMELLS.get(ours, ()) if smell.search(text)), None)
