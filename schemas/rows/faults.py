"""What is wrong with a row, in our words: pydantic's errors become a code and a rule, never a cell's value."""

from collections.abc import Mapping
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
    """One thing wrong with a row: `column` as the user knows it, a short code, and the rule it breaks."""

    column: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.column.removesuffix(':')}: {self.message}" if self.column else self.message


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
