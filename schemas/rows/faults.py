"""What is wrong with a row, in our words: pydantic's errors become a code and a rule, never a cell's value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from schemas.rows.cells import PATTERN_RULES

_SAID = {
    "string_too_short": ("Missing", "is missing"),
    "string_type": ("NotText", "takes one value, not a list"),
    "string_unicode": ("NotText", "is not valid Unicode text"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a row: a canonical column, a short code, the rule it breaks, and the extract's columns."""

    column: str
    code: str
    message: str
    fed_by: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.told()

    def told(self, number: Callable[[str], int] | None = None) -> str:
        """The fault with its column as the user knows it.

        Args:
            number: of each of the extract's columns in the row's file; without it no number is told.
        """
        if not self.column:
            return self.message
        source = fed_by(self.column, self.fed_by, number)
        return f"{self.column.removesuffix(':')}{source and f' ({source})'}: {self.message}"


def fed_by(canonical: str, columns: Sequence[str], number: Callable[[str], int] | None = None) -> str:
    """What feeds a canonical column, in words: `column qty, 7`, or `column 7` where the names are the same.

    Args:
        canonical: the column's name.
        columns: the extract's columns that make its cells.
        number: of each of them; without it no number is told, nor a name that says nothing new.
    """
    own_name = len(columns) == 1 and canonical in (columns[0], f"key {columns[0]}")
    if not columns or (own_name and number is None):
        return ""
    told = [", ".join([*([] if own_name else [c]), *([str(number(c))] if number else [])]) for c in columns]
    return f"column{'s' * (len(columns) > 1)} {' and '.join(told)}"


def said(error: ValidationError) -> list[tuple[str, str, str]]:
    """(column, code, rule) of each fault, in our words and never with what the cell holds."""
    found = error.errors(include_input=False, include_url=False)
    return [(str(e["loc"][0]) if e["loc"] else "", *_in_words(e)) for e in found]


def said_by_place(error: ValidationError) -> dict[int, list[tuple[str, str]]]:
    """Place of each cell of a column that is refused, and (code, rule) of each of its faults."""
    found: dict[int, list[tuple[str, str]]] = {}
    for each in error.errors(include_input=False, include_url=False):
        found.setdefault(int(each["loc"][0]), []).append(_in_words(each))
    return found


def _in_words(error: Mapping[str, Any]) -> tuple[str, str]:
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        return PATTERN_RULES[error["ctx"]["pattern"]]
    if kind == "string_too_long":
        return "TooLong", f"is longer than {error['ctx']['max_length']} characters"
    return _SAID.get(kind) or (kind, error["msg"])
