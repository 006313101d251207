"""The texts that stand for one person, and what stands in their place: a random word for each, which says nothing."""

import html
import re
import secrets
from collections.abc import Iterable
from functools import cached_property
from typing import Any

SHORTEST = 2
"""Characters of the shortest text that can be looked for: single ones stand everywhere."""

MOST_TEXTS = 1_000
"""Keys and ids of one person; whoever has more is no person."""

FORGOTTEN = "Forgotten"
"""The code of rows that were not in and whose person was forgotten: nobody can correct them any more."""

MESSAGE = "its person was forgotten"

_WORD = re.compile(r"forgotten-[0-9a-f]{8}")


def stands_for_a_person(text: str | None) -> bool:
    """Whether a text is a word in place of one that was forgotten."""
    return text is not None and _WORD.fullmatch(text) is not None


class Person:
    """What is known of the person; grows while their rows are found.

    Attributes:
        value: the text that was given, whose case does not matter; None where a key was.
        words: what stands in place of each text.
    """

    def __init__(self, *, key: str | None = None, value: str | None = None) -> None:
        self.value = value
        self.words: dict[str, str] = {}
        self.add([text for text in (key, value) if text is not None])

    def add(self, texts: Iterable[str | None]) -> None:
        """Adds keys or ids of theirs; what was forgotten before is none."""
        for text in texts:
            if text and len(text) >= SHORTEST and text not in self.words and not text.startswith("forgotten-"):
                self.words[text] = f"forgotten-{secrets.token_hex(4)}"
        for derived in ("needles", "_pattern"):
            self.__dict__.pop(derived, None)

    def is_cell(self, cell: str | None) -> bool:
        """Whether a cell is one of the texts, and nothing else."""
        text = (cell or "").strip()
        return text in self.words or (self.value is not None and text.casefold() == self.value.casefold())

    def word(self, text: str) -> str:
        """What stands in place of a text that is theirs."""
        return self.words.get(text) or self.words[self.value or ""]

    def masked(self, text: str) -> str:
        """A text in which nothing names the person any more."""
        return self._pattern.sub(lambda found: self.word(html.unescape(found[0])), text)

    def masked_all(self, content: Any) -> tuple[Any, int]:
        """JSON in which no text names the person, and how many texts did; the names of members are texts, too."""
        match content:
            case str():
                text = self.masked(content)
                return text, int(text != content)
            case list():
                items = [self.masked_all(each) for each in content]
                return [each for each, _ in items], sum(n for _, n in items)
            case dict():
                pairs = [(self.masked_all(name), self.masked_all(each)) for name, each in content.items()]
                return {name: each for (name, _), (each, _) in pairs}, sum(n + m for (_, n), (_, m) in pairs)
            case _:
                return content, 0

    @cached_property
    def needles(self) -> list[str]:
        """The texts, as a search for them takes them."""
        return sorted(self.words, key=len, reverse=True)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any of the texts, as it is or as a page has it, and not as a part of another word."""
        spelt = dict.fromkeys(form for text in self.needles for form in (text, *_in_pages(text)))
        texts = [f"(?i:{re.escape(t)})" if self._is_value(t) else re.escape(t) for t in spelt]
        return re.compile(rf"(?<![\w-])(?:{'|'.join(texts)})(?![\w-])")

    def _is_value(self, text: str) -> bool:
        return self.value is not None and html.unescape(text).casefold() == self.value.casefold()


def _in_pages(text: str) -> tuple[str, ...]:
    """How HTML may spell a text."""
    escaped = html.escape(text)
    return (escaped, escaped.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"))
