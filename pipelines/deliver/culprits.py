"""Finding the culprits of a refused call: by what the answer names, else by bisection. Pure: sends through a callable.

Partial mode only: in Atomic mode a refused call stays refused whole.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from schemas.answers import Problem
from schemas.states import State
from schemas.texts import server_text

TOO_LARGE = 413
_WHOLE = frozenset({"", "$", "requests", "allocationids", "body"})
_TOO_MANY = re.compile(r"at most|no more than|maximum|exceed|too many|too large", re.IGNORECASE)

PROBES = 8
"""Requests tried alone before an error is called systemic: enough that luck does not look like a rule."""

MOST_SAID = 5
"""Entries of `errors` that are told of one culprit."""

MOST_OF_A_PATH = 1000
"""Characters of a path that are looked at; keys are far shorter."""

_LISTED = re.compile(
    r"(?:\$\.?)?(?:\['(?:requests|allocationIds)'\]|requests|allocationIds)?\[([0-9]{1,9})\](.*)",
    re.IGNORECASE | re.DOTALL,
)
_REST = re.compile(r"\.[A-Za-z_]|\[|$")
"""How a path goes on behind a key: with a member, an index, or not at all."""

_BRACKETS = (("[", "]"), ("['", "']"), ('["', '"]'))
_OPENINGS = (("", ""), ("$.", ""), *_BRACKETS, *(("$" + opening, closing) for opening, closing in _BRACKETS))
"""What may stand before a key and right behind it."""
_AROUND = max(len(opening + closing) for opening, closing in _OPENINGS)


@dataclass(frozen=True)
class Refusal:
    """A call that was refused whole: what was said, the call's number in the journal, and its requests."""

    problem: Problem
    call: int
    part: Sequence[int]


Send = Callable[[Sequence[int]], Refusal | None]
"""Sends requests as one call; None when they are settled, else the refusal of all of them."""

Settle = Callable[[int, Refusal, State, str], None]
"""Settles one request by a refusal, as FAILED or ROLLED_BACK, with a remark on how that is known."""


def too_much(problem: Problem) -> bool:
    """Whether a refusal says that the call was too large, in bytes or items, and not that something in it was wrong."""
    if problem.status == TOO_LARGE:
        return True
    texts = [t for path, ts in problem.errors.items() if path.lower().removeprefix("$.") in _WHOLE for t in ts]
    return bool(texts) and all(map(_TOO_MANY.search, texts))


def named_culprits(problem: Problem, keys: Sequence[str], *, listed: bool) -> dict[int, tuple[str, str]]:
    """The positions in a call that a refusal names, each with (code, message).

    Args:
        problem: what the answer said.
        keys: the keys of the call, by position.
        listed: the body is or holds one list, so paths begin `requests[3]`, `allocationIds[3]` or `[3]`; else it is
            a keyed dict and they begin with a key, bare or in brackets.
    """
    found: dict[int, list[str]] = {}
    place = _listed_place(len(keys)) if listed else _keyed_place(keys)
    for path, texts in problem.errors.items():
        position, rest = place(path[:MOST_OF_A_PATH])
        if position is not None:
            message, where = " ".join(texts), server_text(rest.lstrip("."), 100)
            found.setdefault(position, []).append(f"{where}: {message}" if where else message)
    culprits = {p: (problem.kind, "; ".join(ms[:MOST_SAID])) for p, ms in found.items()}
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
    """Reads `requests[3].orders[0].quantity`, `$.requests[3]`, `$['requests'][3]`, and `$[3].code` of a bare list."""

    def place(path: str) -> tuple[int | None, str]:
        match = _LISTED.fullmatch(path)
        if match is None or int(match[1]) >= count:
            return None, ""
        return int(match[1]), match[2]

    return place


def _keyed_place(keys: Sequence[str]) -> _Place:
    """Reads `key.displayName`, `[key].displayName`, `$['key'].displayName` and the like.

    Keys may hold dots, brackets and quotes, so a path can be read in several ways; one that then names several
    keys names nobody, for the wrong one would be blamed.
    """
    positions = {k: i for i, k in enumerate(keys)}
    escaped = {k.replace("\\", "\\\\").replace("'", "\\'"): i for k, i in positions.items()}
    lengths = sorted({len(k) for k in (*positions, *escaped)}, reverse=True)

    def place(path: str) -> tuple[int | None, str]:
        found: dict[int, str] = {}
        if len(path) >= MOST_OF_A_PATH <= lengths[0] + _AROUND:
            return None, ""  # cut, perhaps within a key: what is left may be another
        for name, rest in _readings(path, lengths):
            for spelling in (positions, escaped):
                if name in spelling:
                    found.setdefault(spelling[name], rest)
        return next(iter(found.items())) if len(found) == 1 else (None, "")

    return place


def _readings(path: str, lengths: Sequence[int]) -> Iterator[tuple[str, str]]:
    """(key, what follows it) for every way to read a path, given how long keys are."""
    for opening, closing in _OPENINGS:
        if not path.startswith(opening):
            continue
        for length in lengths:
            end = len(opening) + length
            rest = path[end + len(closing) :]
            if path.startswith(closing, end) and _REST.match(rest):
                yield path[len(opening) : end], rest


def bisect(refusal: Refusal, send: Send, settle: Settle) -> None:
    """Narrows a refused call down to its culprits.

    Args:
        refusal: names nobody.
        send: sends some of the requests as one call.
        settle: settles one culprit.
    """
    part = refusal.part
    if len(part) == 1:
        settle(part[0], refusal, State.FAILED, "")
        return
    refusals = _send_each([part[: len(part) // 2], part[len(part) // 2 :]], send)
    if len(part) > 2 * PROBES and len(refusals) == 2 and _alike([refusal, *refusals]):
        tried = _probe(refusal, send, settle)
        if tried is None:
            return
        refusals = _send_each([[r for r in half.part if r not in tried] for half in refusals], send)
    for refused in refusals:
        bisect(refused, send, settle)


def _send_each(parts: Iterable[Sequence[int]], send: Send) -> list[Refusal]:
    return [refused for part in parts if part and (refused := send(part)) is not None]


def _probe(refusal: Refusal, send: Send, settle: Settle) -> set[int] | None:
    """Tries a few requests alone; None when all fail alike, and everything is settled.

    They are drawn by lot, the same each time: culprits that stand at regular distances must not look like all.
    Those that were not tried are not blamed: any of them may be good.
    """
    part = refusal.part
    tried = random.Random(len(part)).sample(part, PROBES)  # noqa: S311  # a sample, no secret
    refusals = _send_each([[request] for request in tried], send)
    for refused in refusals:
        settle(refused.part[0], refused, State.FAILED, "")
    if len(refusals) < len(tried) or not _alike([refusal, *refusals]):
        return set(tried)
    remark = (
        f"refused with {len(part) - 1:,} others and not tried alone: {len(tried):,} of them were, and refused alike"
    )
    for request in part:
        if request not in tried:
            settle(request, refusal, State.ROLLED_BACK, remark)
    return None


def _alike(refusals: Iterable[Refusal]) -> bool:
    return len({(r.problem.status, r.problem.kind) for r in refusals}) == 1
