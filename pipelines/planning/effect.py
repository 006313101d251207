"""What sending a request would do to what LUSID holds: create, change, clear, nothing, or be refused.

Pure. Foreseen is what LUSID documents of an upsert and of ids that exist; what only LUSID knows (definitions, the rules
of accounts and blocks) is not, and LUSID itself will say it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from pipelines.operations.evidence import Finding
from pipelines.operations.operation import CallSpec, IfHeld, Operation
from pipelines.operations.table import OPERATIONS
from pipelines.planning.differences import Difference, differences
from pipelines.planning.expected import Expected, Members, expected_of, members_of
from pipelines.planning.held import Held, identity_of
from schemas.errors import ConfigError


class Effect(StrEnum):
    """What a load would do with a key, in the order of a plan's counts."""

    CREATE = "create"
    CHANGE = "change"
    CLEAR = "clear"
    SAME = "same"
    REFUSE = "refuse"

    @property
    def meaning(self) -> str:
        """What it says of the key."""
        return _MEANINGS[self]


_MEANINGS = {
    Effect.CREATE: "LUSID does not hold it",
    Effect.CHANGE: "LUSID holds it otherwise",
    Effect.CLEAR: "LUSID holds it otherwise, and a value of it would be removed",
    Effect.SAME: "LUSID holds it as it would be sent",
    Effect.REFUSE: "it cannot be sent, or LUSID would refuse it",
}

SENT = frozenset({Effect.CREATE, Effect.CHANGE, Effect.CLEAR})
"""What a load by a plan sends."""


_VALUE = re.compile(r"properties\[[^\]]+\]")
"""The member that is the whole value of a property: nothing in its place removes it."""


@dataclass(frozen=True)
class Foreseen:
    """What sending one request would do.

    Attributes:
        members: what would change, from what LUSID holds (`found`) to what is sent (`expected`).
        code, reason: why it would be refused; empty where it would not.
    """

    effect: Effect
    members: Sequence[Difference] = ()
    code: str = ""
    reason: str = ""


def is_foreseeable(operation: Operation) -> bool:
    """Whether the effect of an operation can be read beforehand."""
    return operation.if_held is not None


def check_foreseeable(operation: Operation) -> None:
    """Raises ConfigError for an operation whose effect cannot be read beforehand."""
    if not is_foreseeable(operation):
        raise ConfigError(
            f"what {operation.name} does cannot be planned: it hangs on more than LUSID shows of one entity; these "
            f"can be planned: {', '.join(each.name for each in OPERATIONS.values() if is_foreseeable(each))}"
        )


def foreseen(held: Held, spec: CallSpec) -> Foreseen:
    """What sending a request would do.

    Args:
        held: the request, and what LUSID holds of it.
        spec: the call that would send it.
    """
    if any(body is not Finding.ABSENT and not isinstance(body, Mapping) for body in held.bodies):
        return _refused("Unclear", "LUSID does not let it be read, so it is not known what a load would do")
    if spec.operation.if_held is IfHeld.TAKES_THE_SAME:
        return _created(expected_of(spec.operation, held.sent, spec.dialect), held.bodies)
    wanted = members_of(spec.operation, held.sent)
    if spec.operation.if_held is IfHeld.UPDATES:
        return _upserted(wanted, held.bodies)
    return _changed(wanted, held.bodies[0])


def _upserted(wanted: Members, bodies: Sequence[Any]) -> Foreseen:
    """LUSID updates the entity that any of the identifiers leads to, and creates one where none does."""
    there = {identity_of(body): body for body in bodies if body is not Finding.ABSENT}
    if not there:
        return Foreseen(Effect.CREATE)
    if len(there) > 1:
        return _refused("TwoEntities", f"its identifiers belong to {len(there)} different entities in LUSID")
    (body,) = there.values()
    return _differing(differences(wanted, body, None))


def _created(wanted: Sequence[Expected], bodies: Sequence[Any]) -> Foreseen:
    """LUSID takes what it holds already if it is the same, and creates the rest."""
    now = datetime.now(UTC)
    for each, body in zip(wanted, bodies, strict=True):
        found = differences(_without_instrument(each.members), body, now) if body is not Finding.ABSENT else ()
        if found:
            names = ", ".join(sorted({difference.member for difference in found}))
            what = "an order of it" if each.name else "it"
            return _refused("Exists", f"LUSID holds {what} already, which differs in {names}")
    return Foreseen(Effect.CREATE if Finding.ABSENT in bodies else Effect.SAME)


def _without_instrument(members: Members) -> Members:
    """What it was resolved to is LUSID's to say, and repeating an order does not change it."""
    return {name: value for name, value in members.items() if name != "lusidInstrumentId"}


def _changed(wanted: Members, body: Any) -> Foreseen:
    """LUSID changes what it holds."""
    if body is Finding.ABSENT:
        return _refused("NotThere", "LUSID does not hold what is to be changed")
    return _differing(differences(wanted, body, None))


def _differing(found: Sequence[Difference]) -> Foreseen:
    effect = Effect.CHANGE if found else Effect.SAME
    if any(each.expected is None and _VALUE.fullmatch(each.member) for each in found):
        effect = Effect.CLEAR
    return Foreseen(effect, found)


def _refused(code: str, reason: str) -> Foreseen:
    return Foreseen(Effect.REFUSE, code=code, reason=reason)
