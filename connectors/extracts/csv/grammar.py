"""Patterns for the cells of a CSV format: where a quoted cell closes, where an unquoted one ends, what a cell holds.

Owns what delimiter, quote and escape mean together. Must not know lines or records.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from connectors.extracts.csv.format import CsvFormat

_NULL = "N"
"""Behind an escape and alone in a cell: what databases write for an absent value; it stays as it is."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """How the cells of a record are told apart and read.

    Attributes:
        delimiter, quote: as bytes; where there are no quotes, empty.
        marks: bytes without which a record is cut at its delimiters alone.
        closing: from inside quotes to behind the closing one.
        unquoted: an unquoted cell, where delimiters can be escaped in it.
        cell: one cell and what ends it: what is quoted, what is not, the delimiter.
        doubled: a quote that is text, where it is doubled; else empty.
        escape: the character before a quote that is text; else empty.
        escaped: what escapes make, in cells that are quoted and that are not.
        escapable: what may stand behind an escape.
    """

    delimiter: bytes
    quote: bytes
    marks: tuple[bytes, ...]
    closing: re.Pattern[bytes]
    unquoted: re.Pattern[bytes] | None
    cell: re.Pattern[str]
    doubled: str
    escape: str
    escaped: tuple[re.Pattern[str], re.Pattern[str]]
    escapable: frozenset[str]

    def end_of_cell(self, body: bytes, at: int) -> int:
        """Where the delimiter behind an unquoted cell is; -1 where the line ends first."""
        if self.unquoted is None:
            return body.find(self.delimiter, at)
        found = self.unquoted.match(body, at)
        return found.end() if found and found.end() < len(body) else -1

    def read(self, cell: str, *, quoted: bool) -> str | None:
        """A cell without its escapes; `None` where one stands before a character that needs none."""
        if not self.escape:
            return cell.replace(self.doubled, self.doubled[0]) if quoted and self.doubled else cell
        if not quoted and cell == self.escape + _NULL:
            return cell
        pattern = self.escaped[not quoted]
        if all(found[0][1:] in self.escapable for found in pattern.finditer(cell)):
            return pattern.sub(lambda found: found[0][1:], cell)
        return None


@lru_cache
def grammar_of(rules: CsvFormat) -> Grammar:
    """The grammar of a format."""
    code = rules.encoding.name
    delimiter, quote = re.escape(rules.delimiter), re.escape(rules.quote)
    escape = "" if rules.is_plain else re.escape(rules.escape)
    inside, outside = _inside(rules, delimiter, quote, escape), _outside(rules, delimiter, escape)
    return Grammar(
        delimiter=rules.delimiter.encode(code),
        quote=rules.quote.encode(),
        marks=tuple(mark.encode() for mark in {rules.quote, rules.escape} if mark),
        closing=re.compile(f"{inside}{quote}".encode(code), re.DOTALL),
        unquoted=re.compile(outside.encode(code), re.DOTALL) if escape else None,
        cell=re.compile(f"(?:{quote}({inside}){quote}|({outside}))({delimiter}|\\Z)", re.DOTALL),
        doubled=rules.quote * 2 if rules.is_plain else "",
        escape="" if rules.is_plain else rules.escape,
        escaped=(re.compile(f"{escape}.?|{quote * 2}", re.DOTALL), re.compile(f"{escape}.?", re.DOTALL)),
        escapable=frozenset({rules.quote, rules.escape, rules.delimiter[0], "\n", "\r"} - {""}),
    )


def _inside(rules: CsvFormat, delimiter: str, quote: str, escape: str) -> str:
    """What stands between quotes."""
    if not rules.quote:
        return "(?!)"
    if not rules.escape:  # a quote is text that closes no cell, unless it seems to open one
        return rf"(?:[^{quote}]|(?<!{delimiter})(?<!^){quote}(?!{delimiter}|\Z))*+"
    text = rf"[^{quote}{escape}]*+"
    return rf"{text}(?:(?:{quote}{quote}{f'|{escape}.' if escape else ''}){text})*+"


def _outside(rules: CsvFormat, delimiter: str, escape: str) -> str:
    """What an unquoted cell may be."""
    if escape:
        return f"(?:{escape}.|(?!{delimiter}).)*+"
    return f"[^{delimiter}]*+" if len(rules.delimiter) == 1 else f"(?:(?!{delimiter}).)*+"
