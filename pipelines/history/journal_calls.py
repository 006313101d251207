"""The calls of a run, from its journal: what each carried, and what it settled."""

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal_lines import journal_lines
from schemas.states import State

_UNKNOWN = ("sent_at", "settled_at", "answer_ms", "attempts", "request_id")
_COUNTS = ("requests", "accepted", "refused")


def calls_of(folder: RunFolder) -> Iterator[Mapping[str, Any]]:
    """A line for each call of a run, in the order in which they were sent; none where it has no journal.

    Raises:
        RunFolderError: a line of the journal is damaged.
    """
    calls: dict[int, dict[str, Any]] = {}
    for _, record in journal_lines(folder.journal) if folder.journal.exists() else ():
        number = record.get("call", 0)
        if not number:  # the plan, or what was settled without a call
            continue
        none = {"run_id": folder.run_id, "call": number, **dict.fromkeys(_UNKNOWN), **dict.fromkeys(_COUNTS, 0)}
        call = calls.setdefault(number, none)
        moment = "sent_at" if "sent" in record else "settled_at"
        if call[moment] is None:
            call[moment] = record.get("at")
        call["answer_ms"] = record.get("took", call["answer_ms"])
        call["attempts"] = record.get("attempts", call["attempts"])
        call["requests"] += _count(record.get("sent"))
        call["request_id"] = record.get("request_id") or call["request_id"]
        settled = [state for _, state, *_ in record.get("settled") or ()]
        call["accepted"] += _count(record.get("accepted")) + settled.count(State.ACCEPTED)
        call["refused"] += len(settled) - settled.count(State.ACCEPTED)
    for call in calls.values():
        yield {**call, "unsettled": max(0, call["requests"] - call["accepted"] - call["refused"])}


def _count(ranges: Any) -> int:
    """How many requests a list of `[first, count]` is."""
    return sum(count for _, count in ranges or ())
