"""The rule in a message: what it says of every row alike, without what it says of one row.

Rows that broke the same rule are one reason. Messages of ours name other rows; LUSID's quote keys, ids and values. What
stands for those is `…`.
"""

import re
from functools import lru_cache

from schemas.states import State

RUN_STOPPED = "NotSent"
"""The code of rows that were not sent because the run stopped first; with any other code, their call was given up."""

CHANGED_SINCE = "ChangedSincePlan"
"""The code of rows that LUSID changed after the load was planned."""

LEFT_OUT = "…"

_NAMING_OTHERS = {
    "ParentFailed": "what it depends on failed, or is not in LUSID",
    "UnknownInstrument": "LUSID knows no identifier of its instrument",
    "RolledBack": "its Atomic request was refused because of another key",
    CHANGED_SINCE: "LUSID changed it after the load was planned",
}
"""By code, the rules whose messages of ours name other keys, values or versions."""

_PLACE = r"(?:\S+\.\w+ )?row \d+"
_PLACES = re.compile(rf"{_PLACE}(?:, {_PLACE})*(?: and (?:{_PLACE}|\d+ more))?( has\b| have\b)?")
_NUMBERS = re.compile(r"\d+(?= bytes, more than)")
"""Sizes in messages of ours."""

_LINE = re.compile(r"line \d+: ")
"""How messages of ours begin that are about the cells of one row of a file with lines."""

_SHORTEST_PART = 3
"""Characters of a part of a key that is looked for by itself: shorter ones are words of other meanings, too."""

_WORDS = re.compile(
    r"HTTP \d{3}\b|(?<!\w)'.*?'(?!\w)|(?<!\w)\".*?\"(?!\w)|(?<!\w)`.*?`(?!\w)|[\w@+/=-](?:[\w@.:+/=-]*[\w@+/=-])?",
    re.DOTALL,
)
_DEFINITION = re.compile(r"(['\"`]?[A-Za-z]+/[\w.-]+/[\w.-]+)(?:['\"`]?|(=).*)", re.DOTALL)
"""A property or a kind of identifier, such as `InvestorRecord/Details/Country`; behind `=` stands a value."""


_WORD = re.compile(r"\w")

_REMEMBERED = 1000
"""Messages whose rule is kept: most rows repeat one."""


def without_line(state: State, message: str) -> str:
    """A message without the line that it names first: the row that it is about is named beside it."""
    found = None if state.traits.sent else _LINE.match(message)
    return message[found.end() :] if found else message


def rule_of(state: State, code: str, message: str, key: str = "") -> str:
    """What a message says of every row alike.

    Args:
        state: the row's; messages of rows that were never sent are ours, others may quote LUSID.
        code: the message's.
        message: why the row is in its state.
        key: the row's key, which the message may quote.
    """
    if code == RUN_STOPPED:
        return message
    if code in _NAMING_OTHERS and state in (State.HELD, State.ROLLED_BACK, State.STALE):
        return _NAMING_OTHERS[code]
    if state.traits.sent or state.traits.again:
        return _without_values(_without_key(message, key))
    return _without_places(without_line(state, message))


@lru_cache(_REMEMBERED)
def _without_places(message: str) -> str:
    placeless = _PLACES.sub(_another_row, message) if "row " in message else message
    return _NUMBERS.sub(LEFT_OUT, placeless)


@lru_cache(_REMEMBERED)
def _without_values(message: str) -> str:
    return _WORDS.sub(_without_value, message)


def _another_row(found: re.Match[str]) -> str:
    return "another row has" if found[1] else "another row"


def _without_key(message: str, key: str) -> str:
    """The message without the key, and without the parts of a key of several parts."""
    parts = {part.rpartition(":")[2] for part in re.split("[/ ]", key)}
    names = [key, *sorted((p for p in parts if len(p) >= _SHORTEST_PART), key=len, reverse=True)]
    for name in names:
        if name and name in message:
            message = _replaced(message, name)
    return message


def _replaced(message: str, name: str) -> str:
    """The message without a name where that is a word of its own; a pattern for each key would cost 100 µs a row."""
    found, *rest = message.split(name)
    for part in rest:
        is_word = not _WORD.fullmatch(found[-1:]) and not _WORD.fullmatch(part[:1])
        found += f"{LEFT_OUT if is_word else name}{part}"
    return found


def _without_value(found: re.Match[str]) -> str:
    """A word or a quoted text: itself, unless it is a value."""
    text = found[0]
    has_digit = any(map(str.isdigit, text))
    if (named := _DEFINITION.fullmatch(text)) and (named[2] or not has_digit):
        return f"{named[1]}={LEFT_OUT}" if named[2] else text
    if text[0] in "'\"`":
        return f"{text[0]}{LEFT_OUT}{text[0]}"
    return LEFT_OUT if has_digit and not text.startswith("HTTP ") else text
