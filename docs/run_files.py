"""The files of a run as tables for people: the lines of journal.jsonl and the columns of outcomes.parquet."""

from collections.abc import Mapping
from typing import NamedTuple

from connectors.run_folder.results import OUTCOME_SCHEMA


class Member(NamedTuple):
    """A member of a journal line: its JSON type, what it means, and whether every line of its kind has it."""

    type: str
    meaning: str
    always: bool = True


_CALL = Member("number", "number of the call, from 1; 0 where no call was needed")
_CRC = Member("text", "CRC-32 of the line before this member, 8 hexadecimal digits")
_AT = Member("number", "milliseconds since the run began; journals of earlier versions have no times")
_RANGES = "request numbers, as pairs `[first, count]` of consecutive ones"

JOURNAL: Mapping[str, Mapping[str, Member]] = {
    "plan: the first line, once, before anything is sent": {
        "plan": Member("number", "requests of the run"),
        "digest": Member("text", "SHA-256 over the sizes and places of all requests"),
        "keys": Member("text", "SHA-256 over all keys and their rows"),
        "crc": _CRC,
    },
    "sent: before a call": {"call": _CALL, "at": _AT, "sent": Member("list", _RANGES), "crc": _CRC},
    "settled: when the outcome of requests is known": {
        "call": _CALL,
        "at": _AT,
        "took": Member("number", "milliseconds of the attempt that was answered, without waits", always=False),
        "attempts": Member("number", "how often it was sent until it was answered", always=False),
        "request_id": Member("text or null", "LUSID's id of the call"),
        "settled": Member("list", "requests that need a state or a reason: `[request, state, code, message]`"),
        "named": Member("list", "the key and the first row of each of `settled`, in their order", always=False),
        "accepted": Member("list", f"requests that were accepted without a remark: {_RANGES}", always=False),
        "ids": Member("list or null", "LUSID's own id of each accepted request, in their order", always=False),
        "changes": Member(
            "text", "of each accepted request, `c`reated, `u`pdated, the `s`ame or `-`, in their order", always=False
        ),
        "unchanged": Member("list", f"requests not sent, LUSID holding all of them: {_RANGES}", always=False),
        "crc": _CRC,
    },
}
"""The kinds of lines, each with its members in order."""

OUTCOMES: Mapping[str, str] = {
    "key": "the request's key; null where a row has none",
    "source": "the file its rows are in",
    "rows": "their numbers in that file, from 1",
    "places": "where they stand in the file: `line 18`, of Parquet `row group 2, row 5`, of a data frame `index 17`; "
    "null where they are in",
    "state": "the state of the rows",
    "code": "why, as one word; null where there is no reason",
    "message": "why, in words",
    "request": "number of the call that settled it, as in the journal; null where nothing was sent",
    "lusid_id": "LUSID's own id of the entity, where the answer has it",
    "request_id": "LUSID's id of the call",
    "change": "what an accepted key was: `created`, `updated` or the `same`; null where LUSID's answer does not tell",
}


def journal_table() -> str:
    """A Markdown table for each kind of line."""
    parts = []
    for kind, members in JOURNAL.items():
        name, _, when = kind.partition(": ")
        lines = [
            f"| `{n}`{'' if m.always else ' (where there are any)'} | {m.type} | {m.meaning} |"
            for n, m in members.items()
        ]
        parts.append("\n".join([f"**{name}**, {when}:", "", "| member | type | meaning |", "|---|---|---|", *lines]))
    return "\n\n".join(parts)


def outcomes_table() -> str:
    """A Markdown table of the columns that are written."""
    lines = [f"| `{field.name}` | {field.type} | {OUTCOMES[field.name]} |" for field in OUTCOME_SCHEMA]
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *lines])
