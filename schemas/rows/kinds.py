"""What the columns of an extract hold: text, which a mapping says how to read, or values that have a type already."""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """What a column holds; files whose kinds agree may be one extract, whatever the width, unit or scale."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    ZONED = "timestamp with a zone"
    NAIVE = "timestamp without a zone"
    NOTHING = "null"


NUMBERS = frozenset({Kind.INTEGER, Kind.FLOAT, Kind.DECIMAL})
TIMES = frozenset({Kind.DATE, Kind.ZONED, Kind.NAIVE})

Kinds = Mapping[str, Kind]
"""The extract's columns, or of lists their items, each with what it holds; one that is not listed holds text."""
