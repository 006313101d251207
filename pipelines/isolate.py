"""Finding the culprits of a refused call: by what the answer names, else by bisection. Pure: sends through a callable.

Partial mode only: in Atomic mode a refused call stays refused whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from schemas.answers import Problem

_PROBES = 8
"""Requests tried alone before an error is called systemic: enough that luck does not look like a rule."""


@dataclass(frozen=True)
class Refusal:
    """A call that was refused whole: what was said, the call's number in the journal, and its requests."""

    problem: Problem
    call: int
    part: Sequence[int]


Send = Callable[[Sequence[int]], Refusal | None]
"""Sends requests as one call; None when they are settled, else the refusal of all of them."""

Settle = Callable[[int, Refusal, str], None]
"""Settles one request as refused, with a remark on how that is known."""


def named_culprits(problem: Problem, keys: Sequence[str], *, listed: bool) -> dict[int, tuple[str, str]]:
    """The positions in a call that a refusal names, each with (code, message).

    Args:
        problem: what the answer said.
        keys: the keys of the call, by position.
        listed: the body is `{"requests": [...]}`, so paths begin `requests[3]`; else it is a keyed dict and
            they begin with a key, bare or in brackets.
    """
    found: dict[int, list[str]] = {}
    place = _listed_place(len(keys)) if listed else _keyed_place(keys)
    for path, texts in problem.errors.items():
        position, rest = place(path)
        if position is not None:
            message = " ".join(texts)
            found.setdefault(position, []).append(f"{rest}: {message}" if rest else message)
    culprits = {p: (problem.kind, "; ".join(ms)) for p, ms in found.items()}
    positions = {k: i for i, k in enumerate(keys)}
    for key, detail in problem.failed.items():
        if key in positions:
            culprits[positions[key]] = (
                detail.type or problem.kind,
                detail.detail or problem.reason,
            )
    return culprits


_Place = Callable[[str], tuple[int | None, str]]


def _listed_place(count: int) -> _Place:
    def place(path: str) -> tuple[int | None, str]:
        head, _, tail = path.removeprefix("$.").partition("[")
        number, closed, rest = tail.partition("]")
        if head.lower() != "requests" or not closed or not number.isdigit():
            return None, ""
        position = int(number)
        return (position, rest.lstrip(".")) if position < count else (None, "")

    return place


def _keyed_place(keys: Sequence[str]) -> _Place:
    """Reads `key.displayName`, `[key].displayName`, `$['key'].displayName` and the like."""
    positions = {k: i for i, k in enumerate(keys)}

    def place(path: str) -> tuple[int | None, str]:
        bare = path.removeprefix("$").lstrip(".").lstrip("['\"")
        if bare in positions:
            return positions[bare], ""
        for end in range(len(bare) - 1, 0, -1):
            if bare[end] in ".[]'\"" and bare[:end] in positions:
                return positions[bare[:end]], bare[end:].lstrip("]'\".")
        return None, ""

    return place


def bisect(refusal: Refusal, send: Send, settle: Settle) -> None:
    """Narrows a refused call down to its culprits.

    Args:
        refusal: names nobody.
        send: sends some of the requests as one call.
        settle: settles one culprit.
    """
    part = refusal.part
    if len(part) == 1:
        settle(part[0], refusal, "")
        return
    refusals = _send_each([part[: len(part) // 2], part[len(part) // 2 :]], send)
    if len(part) > 2 * _PROBES and len(refusals) == 2 and _alike([refusal, *refusals]):
        tried = _probe(refusal, send, settle)
        if tried is None:
            return
        refusals = _send_each([[r for r in half.part if r not in tried] for half in refusals], send)
    for refused in refusals:
        bisect(refused, send, settle)


def _send_each(parts: Iterable[Sequence[int]], send: Send) -> list[Refusal]:
    return [refused for part in parts if part and (refused := send(part)) is not None]


def _probe(refusal: Refusal, send: Send, settle: Settle) -> set[int] | None:
    """Tries requests spread over the call alone; None when all fail alike and all are settled as refused."""
    part = refusal.part
    tried = [part[i * len(part) // _PROBES] for i in range(_PROBES)]
    refusals = _send_each([[request] for request in tried], send)
    for refused in refusals:
        settle(refused.part[0], refused, "")
    if len(refusals) < len(tried) or not _alike([refusal, *refusals]):
        return set(tried)
    remark = f"refused with {len(part) - 1} others; {len(tried)} of them tried alone were refused alike"
    for request in part:
        if request not in tried:
            settle(request, refusal, remark)
    return None


def _alike(refusals: Iterable[Refusal]) -> bool:
    return len({(r.problem.status, r.problem.kind) for r in refusals}) == 1
