"""The texts of `bulkload columns` and `bulkload template`, made from the schemas.

Limits come from the cell types, so that they cannot differ from what is checked. Knows no extract.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BeforeValidator, StringConstraints

from pipelines.operations.operation import Operation
from schemas.dialects import Dialect
from schemas.rows.cells import RESOURCE_CODE_PATTERN, Currency, code, decimal, identifier, label_set, switch
from schemas.rows.columns import Family, Plain
from schemas.rows.times import time

_KINDS: dict[Callable[..., Any], str] = {
    decimal: "decimal such as 1234.50, at most 28 digits",
    identifier: "identifier",
    code: "letters, digits, - and _",
    label_set: "labels, `|` between them, at most 250 of 1024 characters",
    switch: "true or false",
    time: "date or time, ISO 8601; a time needs its offset",
}


def column_lines(operation: Operation, dialect: Dialect) -> Iterator[str]:
    """The canonical columns of an operation, one paragraph each, at most 80 characters wide where names allow."""
    yield f"{operation.name}, dialect {dialect}: canonical columns. A column that begins with _ is ignored."
    for plain in operation.shape.plain_of(dialect).values():
        yield ""
        yield plain.name + ("  (needed)" if plain.needed else "")
        yield f"    {plain.about}"
        yield f"    {_plain_type(plain, dialect)}"
        yield f"    for example: {plain.example}"
    for family in operation.shape.families_of(dialect):
        yield from _family_lines(family)


def _family_lines(family: Family) -> Iterator[str]:
    yield ""
    needed = "  (at least one needed)" if family.needed else ""
    yield f"{family.prefix}:{'|'.join(family.domains)}/SCOPE/CODE{needed}"
    yield f"    {family.about}"
    yield f"    {cell_text(family.cell)}"
    for facet, cell in family.facets.items():
        yield f"    @{facet}: {cell_text(cell)}"
    yield f"    for example: {family.example}"


def _plain_type(plain: Plain, dialect: Dialect) -> str:
    words = plain.words.get(dialect)
    return f"one of {', '.join(words)}" if words else cell_text(plain.cell)


def cell_text(cell: Any) -> str:
    """A cell type in words: what it holds and how long it may be.

    Args:
        cell: an annotated type of `schemas.rows.cells`.
    """
    reader = next((m.func for m in cell.__metadata__ if isinstance(m, BeforeValidator)), None)
    limits = next((m for m in cell.__metadata__ if isinstance(m, StringConstraints)), StringConstraints())
    if cell == Currency:
        return "currency, three to five letters or digits"
    kind = _KINDS[reader] if reader else "text"
    if limits.pattern == RESOURCE_CODE_PATTERN:
        kind = "letters, digits and @ / + - _ * # ; ^ & . ?"
    if limits.max_length is None:
        return kind
    least = f"{limits.min_length} to" if limits.min_length else "at most"
    return f"{kind}, {least} {limits.max_length} characters"


def template_header(operation: Operation, dialect: Dialect) -> list[str]:
    """Canonical columns to start an extract from: every plain one, and one of each family with its facets."""
    header = list(operation.shape.plain_of(dialect))
    for family in operation.shape.families_of(dialect):
        header.append(family.example)
        header += [f"{family.example}@{facet}" for facet in family.facets]
    return header
