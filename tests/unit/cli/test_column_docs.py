"""What `columns`, `template` and `operations` say, and that it is what is checked."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from pipelines.cli.column_docs import cell_text, column_lines, template_header
from pipelines.cli.operation_table import markdown_table, text_table
from pipelines.operations.operation import Operation
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.rows.cells import (
    Code,
    Currency,
    DecimalText,
    Identifier,
    Labels,
    Name,
    NeededCode,
    ResourceCode,
    Switch,
    Unit,
)
from schemas.rows.header import parse_columns
from schemas.rows.times import TimeText

SPOKEN = [(o, d) for o in OPERATIONS.values() for d in sorted(o.dialects)]


@pytest.mark.parametrize(("operation", "dialect"), SPOKEN, ids=lambda v: v.name if isinstance(v, Operation) else v)
def test_a_template_is_a_header_the_operation_takes(operation: Operation, dialect: Dialect) -> None:
    header = template_header(operation, dialect)
    columns = parse_columns(header, operation.shape, dialect, "the template")
    assert list(columns.names) == header
    assert set(operation.shape.plain_of(dialect)) <= set(header)
    assert all(columns.families.get(f.prefix) for f in operation.shape.families_of(dialect))


@pytest.mark.parametrize(("operation", "dialect"), SPOKEN, ids=lambda v: v.name if isinstance(v, Operation) else v)
def test_every_column_is_listed_with_meaning_and_example_in_80_characters(
    operation: Operation, dialect: Dialect
) -> None:
    lines = list(column_lines(operation, dialect))
    for plain in operation.shape.plain_of(dialect).values():
        start = lines.index(plain.name + ("  (needed)" if plain.needed else ""))
        assert lines[start + 1] == f"    {plain.about}"
        assert lines[start + 3] == f"    for example: {plain.example}"
    assert all(f"    for example: {f.example}" in lines for f in operation.shape.families_of(dialect))
    assert max(map(len, lines[1:])) <= 80


def test_the_words_of_a_dialect_are_listed() -> None:
    lines = list(column_lines(OPERATIONS["investment-accounts"], Dialect.V2_3))
    assert "    one of Individual, Corporate, Joint, Nominee" in lines


@pytest.mark.parametrize(
    ("cell", "text", "good", "bad"),
    [
        (Name, "text, 1 to 512 characters", "x" * 512, "x" * 513),
        (Unit, "text, at most 256 characters", "x" * 256, "x" * 257),
        (Code, "letters, digits, - and _, at most 64 characters", "a-_9" * 16, "a b"),
        (NeededCode, "letters, digits, - and _, 1 to 64 characters", "a", ""),
        (Identifier, "identifier, at most 64 characters", "x" * 64, "x" * 65),
        (Currency, "currency, three to five letters or digits", "GBX", "$"),
        (ResourceCode, "letters, digits and @ / + - _ * # ; ^ & . ?, at most 256 characters", "a/b?", "a b"),
        (DecimalText, "decimal such as 1234.50, at most 28 digits", "1" * 28, "1" * 29),
        (TimeText, "date or time, ISO 8601; a time needs its offset", "2026-11-20T08:15:00Z", "2026-11-20T08:15:00"),
        (Switch, "true or false", "TRUE", "yes"),
        (
            Labels,
            "labels, `|` between them, at most 250 of 1024 characters",
            "|".join(map(str, range(250))),
            "x" * 1025,
        ),
    ],
)
def test_a_cell_type_is_described_as_it_is_checked(cell: Any, text: str, good: str, bad: str) -> None:
    assert cell_text(cell) == text
    adapter: TypeAdapter[object] = TypeAdapter(cell)
    with pytest.raises(ValidationError):
        adapter.validate_python(bad)
    adapter.validate_python(good)


def test_operations_are_listed_within_80_columns_and_as_markdown() -> None:
    assert text_table().splitlines()[:3] == [
        "persons",
        "    POST /api/persons/$batchUpsert",
        "    modes Atomic, Partial; most per call: any; dialects 2.1, 2.3",
    ]
    assert max(map(len, text_table().splitlines())) <= 80
    lines = markdown_table().splitlines()
    assert len(lines) == 2 + len(OPERATIONS)
    assert "| `orders` | `POST /api/ordermanagement/createorders` | Atomic, Partial | 100 | 2.1, 2.3 |  |" in lines
