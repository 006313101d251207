"""Regular expressions of a mapping: written and read as Python's, matched by RE2 in linear time.

A pattern that backtracks may take minutes for one cell. What RE2 lacks is refused when the mapping is read.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

_TOKEN = re.compile(
    r"\\(?:(?P<back>[1-9])(?![0-7]{2})|u(?P<short>[\da-fA-F]{4})|U(?P<long>[\da-fA-F]{8})|(?P<escaped>.))"
    r"|(?P<open>\[\^?\]?)|(?P<close>\])|(?P<upto>\{,(?=\d*\}))|.",
    re.DOTALL,
)
_CLASSES = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\s\x0b\x1c-\x1f\x{85}\p{Z}"}
"""What `\\d`, `\\w` and `\\s` mean in Python, in RE2's words; its own mean ASCII."""
_NAMES = {
    "invalid escape sequence": "an escape",
    "invalid perl operator": "a flag",
    "bad repetition operator": "a possessive repetition",
    "invalid repetition size": "too many repetitions",
    "(?=": "a look-ahead",
    "(?!": "a look-ahead",
    "(?<=": "a look-behind",
    "(?<!": "a look-behind",
    "(?P": "a back reference",
    "(?(": "a conditional group",
    "(?>": "an atomic group",
    "(?#": "a comment",
}
"""What RE2 refuses, by its problem with it or by how it begins, in our words."""


def linear_pattern(pattern: str) -> Callable[[str], Any]:
    """What says whether a text matches a pattern as a whole, in time linear in the text.

    It agrees with `re.fullmatch` for text that does not end in a newline, but that under `(?i)` the Turkish dotless
    and dotted i are letters of their own.

    Raises:
        ValueError: it is not a regular expression, or has what cannot be matched in linear time.
    """
    import re2  # few mappings have a pattern

    options = re2.Options()
    options.log_errors, options.never_capture = False, True
    try:
        re.compile(pattern)
        match = re2.compile("".join(_translated(pattern)), options).fullmatch
    except (re.error, OverflowError, RecursionError, UnicodeEncodeError):
        raise ValueError("is not a regular expression") from None
    except re2.error as error:
        problem, _, found = error.args[0].decode().partition(": ")
        raise _refused(_NAMES.get(found) or _NAMES.get(problem, "too much"), found or pattern) from None
    return lambda text: match(text.encode(errors="replace"))  # of a str, RE2's wrapper counts the characters


def _translated(pattern: str) -> Iterator[str]:
    """The parts of a Python pattern as RE2 writes them.

    Raises:
        ValueError: RE2 takes a part in another sense than Python's.
    """
    within = False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if token["back"] and not within:
            raise _refused("a back reference", text)
        if code := token["short"] or token["long"]:
            yield rf"\x{{{code}}}"
        elif token["escaped"]:
            yield _escape(text, within=within)
        elif token["open"] and within:
            yield text.replace("[", r"\[", 1)
            within = not text.endswith("]")
        else:
            within = bool(token["open"]) or (within and not token["close"])
            yield "{0," if token["upto"] and not within else text


def _escape(text: str, *, within: bool) -> str:
    letter = text[1]
    members = _CLASSES.get(letter.lower())
    if members and not letter.isupper():
        return members if within else f"[{members}]"
    if members and not within:
        return f"[^{members}]"
    if members or (letter in "bB" and not within):
        raise _refused("a class within a class" if members else "a word boundary", text)
    if letter == "Z":
        return r"\z"
    return letter if letter == "_" or not letter.isascii() else text


def _refused(what: str, found: str) -> ValueError:
    return ValueError(f"has {what} (`{found}`), which cannot be matched in linear time: write the pattern without it")
