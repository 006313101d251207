"""Keeps personal values out of what LUSID says: where a text quotes a cell, its member's name stands instead.

LUSID's own words for a refusal may hold a name or a description; they go on to the terminal, the manifest and the
report, and only failures.csv and outcomes.parquet may hold personal values. Keys, identifiers and codes stay, for
without them nobody could tell what is meant. Costs nothing where LUSID refuses nothing.
"""

import json
import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipelines.deliver.answer_reader import Reading
from schemas.answers import Problem
from schemas.errors import AuthError, LoadError, PerhapsAppliedError, RejectedError
from schemas.texts import replaced, server_text

SHORTEST = 2
"""Characters of the shortest value that is looked for: single ones stand in every sentence."""

_SHORTEST_CUT = 3
_PERSONAL = frozenset({"displayName", "description"})
_PROPERTIES = frozenset({"properties", "blockProperties", "transactionProperties"})

_NESTED = (dict, list)
_SIGNS = (b'"displayName":', b'"description":', b'roperties":')
_WORD = re.compile(r"\w+")


def mask_error(error: LoadError, body: bytes) -> None:
    """Masks, in place, what LUSID says in refusing a call.

    Args:
        error: what the call raised; the words of most errors are our own.
        body: what was sent.
    """
    if isinstance(error, AuthError | PerhapsAppliedError | RejectedError):
        _mask(error, Personal(body))


def _mask(error: LoadError | None, personal: "Personal") -> None:
    """Masks the texts of an error that may quote LUSID; of others the words are our own."""
    if isinstance(error, RejectedError):
        error.problem = personal.masked_problem(error.problem)
        error.message = f"LUSID refuses the request: {error.problem.reason} (HTTP {error.status})"
    elif isinstance(error, AuthError | PerhapsAppliedError):
        error.message = personal.masked(error.message)
        _mask(error.refusal if isinstance(error, PerhapsAppliedError) else None, personal)
    else:
        return
    error.args = (error.message,)


class Personal:
    """The personal values of the requests of one call."""

    def __init__(self, body: bytes) -> None:
        """Reads them from the encoded body of the call."""
        found: dict[str, str] = {}
        holds_any = any(name in body for name in _SIGNS)
        read = json.loads(body, parse_float=str, parse_int=str) if holds_any else None
        for member, value in _personal(read):
            if len(value) >= SHORTEST:
                found.setdefault(value.lower(), member)
        self._members = found
        self._sorted = sorted(found)
        self._by_word: dict[str, list[str]] = {}
        for value in sorted(found, key=len, reverse=True):  # the longest that fits is what was meant
            if word := _WORD.search(value):
                self._by_word.setdefault(word[0], []).append(value)

    def masked(self, text: str) -> str:
        """The text, with the name of its member in place of each value it quotes, whole or cut off at its end."""
        found = replaced(text, lambda spelt: self._cut(self._whole(spelt))) if self._members else text
        if found == text:
            return text
        return server_text(found, sys.maxsize)  # escapes that were undone may be of control characters

    def masked_problem(self, problem: Problem) -> Problem:
        """A refusal with each of its texts masked; paths and the log's id stay."""
        return replace(
            problem,
            name=self.masked(problem.name),
            title=self.masked(problem.title),
            detail=self.masked(problem.detail),
            errors={path: tuple(map(self.masked, texts)) for path, texts in problem.errors.items()},
            failed={
                key: replace(each, type=self.masked(each.type), detail=self.masked(each.detail))
                for key, each in problem.failed.items()
            },
        )

    def masked_reading(self, reading: Reading) -> Reading:
        """An answer's outcomes and the keys that we never sent, masked."""
        return replace(
            reading,
            outcomes=[o._replace(code=self.masked(o.code), message=self.masked(o.message)) for o in reading.outcomes],
            strangers=list(map(self.masked, reading.strangers)),
        )

    def _whole(self, text: str) -> str:
        lower = text.lower()
        words = dict.fromkeys(_WORD.findall(lower))
        for value in [v for word in words for v in self._by_word.get(word, ()) if v in lower]:
            pattern = rf"(?<!\w){re.escape(value)}(?!\w)"
            text = re.sub(pattern, f"<{self._members[value]}>", text, flags=re.IGNORECASE)
        return text

    def _cut(self, text: str) -> str:
        """Without the beginning of a value at the text's end: texts are cut at some length, by LUSID or by us."""
        kept = text.rstrip("….")
        for word in _WORD.finditer(kept):
            tail = kept[word.start() :].lower()
            place = bisect_left(self._sorted, tail)
            if len(tail) < _SHORTEST_CUT or place == len(self._sorted):
                continue
            if self._sorted[place].startswith(tail):
                return f"{kept[: word.start()]}<{self._members[self._sorted[place]]}>{text[len(kept) :]}"
        return text


def _personal(body: Any) -> Iterator[tuple[str, str]]:
    """(member, value) of each personal value: names, descriptions, and what properties hold, by the property's code."""
    waiting: list[Any] = [body]
    while waiting:
        node = waiting.pop()
        members = node.items() if type(node) is dict else ()
        if type(node) is list:
            waiting += node
        for name, value in members:
            if name in _PROPERTIES and _are_properties(value):
                yield from _of_properties(value)
            elif type(value) in _NESTED:
                waiting.append(value)
            elif name in _PERSONAL:
                yield name, value


def _are_properties(value: Any) -> bool:
    """Whether this is a map of properties: a key is anybody's word, and may be called like a member of a request."""
    return type(value) is dict and all(type(each) is dict and "value" in each for each in value.values())


def _of_properties(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, each in properties.items():
        for text in _texts(each["value"]):
            yield key.rpartition("/")[2], text


def _texts(value: Mapping[str, Any] | None) -> Sequence[str]:
    """What a property holds, as schemas.requests.properties builds it: a label, a number, a set of labels, or nothing.

    Nothing where it is cleared.
    """
    if value is None:
        return ()
    ((kind, held),) = value.items()
    if kind == "labelValue":
        return (held,)
    return (held["value"],) if kind == "metricValue" else held["values"]
