"""Texts that are not what they seem: what a server spells back in escapes, even repeatedly; names that are bytes."""

import html
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

_MOST = 16
"""Spellings that are tried: JSON in JSON in a page is among them, and what is wrapped deeper is nobody's accident."""

_PASSES = 4
"""A replacement may hold what is replaced: it must end all the same."""

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_WHITE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def is_text(name: str) -> bool:
    """Whether a file's name can be written down: the system gives bytes that it cannot decode as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def replaced(text: str, replace: Callable[[str], str]) -> str:
    """A text after `replace`, which is given each of its spellings until it finds nothing more to change in any."""
    for _ in range(_PASSES):
        for spelt in spellings(text):
            if (changed := replace(spelt)) != spelt:
                text = changed
                break
        else:
            return text
    return text


def spellings(text: str) -> Iterator[str]:
    """The text as it is, then with its escapes undone, in every order that makes a difference."""
    found = [text]
    for spelt in found:  # grows as it goes
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
