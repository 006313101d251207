"""Texts that others wrote: bounded, escaped and on one line before anyone sees them, and the spellings to look through.

A spelling is a text with escapes, even nested ones, in which a server may echo it.
"""

import html
import re
import sys
from collections.abc import Callable, Iterator
from urllib.parse import unquote

TEXT_LIMIT = 500
"""Characters kept of one text from a server: enough for every message seen, too few to flood a report."""

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")

_MOST = 16
"""Spellings that are tried: enough for JSON in JSON in an HTML page; anything deeper is no accident."""

_PASSES = 4
"""Limits the passes, since a replacement may contain the text that it replaces."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_WHITE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def is_text(name: str) -> bool:
    """Whether a file's name is valid text: Python gives bytes that it cannot decode as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def server_text(value: object, limit: int = TEXT_LIMIT) -> str:
    """A text from a server on one line: control characters escaped, at most `limit` characters.

    A list or an object in place of a text is not shown, because it may be of any size and depth.
    """
    text = value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def one_line(text: str) -> str:
    """A text that anybody may have written, whole and on one line: its control characters are escaped."""
    return server_text(text, sys.maxsize)


def spreadsheet_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula: where it begins like one, an apostrophe says that it is text."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def without_middle(text: str, limit: int) -> str:
    """The text, or its beginning and its end where it has more than `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit // 2]}…{text[-(limit // 2) :]}"


def many(count: int, one: str, more: str) -> str:
    """A count with its noun.

    Args:
        count: how many.
        one: the noun for one.
        more: the noun for any other number.
    """
    return f"{count:,} {one if count == 1 else more}"


def replaced(text: str, replace: Callable[[str], str]) -> str:
    """The text after applying `replace` to its spellings until it changes none of them any more."""
    for _ in range(_PASSES):
        for spelt in spellings(text):
            if (changed := replace(spelt)) != spelt:
                text = changed
                break
        else:
            return text
    return text


def spellings(text: str) -> Iterator[str]:
    """Yields the text itself, then with JSON, HTML and URL escapes undone, in every order that makes a difference."""
    found = [text]
    for spelt in found:  # the list grows while it is read
        yield spelt
        if "\\" in spelt or "&" in spelt or "%" in spelt:
            undone = {_unescaped(spelt): None, html.unescape(spelt): None, unquote(spelt): None}
            found += [each for each in undone if each not in found][: _MOST - len(found)]


def _unescaped(text: str) -> str:
    plain = _ESCAPE.sub(_character, text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _WHITE.get(match[3], match[3])
