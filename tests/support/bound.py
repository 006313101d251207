"""Rows through a binding to the wire, without files: what the tests of the schemas share.

Owns: binding a header, validating cells and building requests as a load does. Must not know any operation's columns.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.rows.binding import Binding
from schemas.rows.columns import Cell, Row
from schemas.rows.faults import Fault, said
from schemas.rows.kinds import Kinds
from schemas.rows.mapping import Mapping as ColumnMapping
from schemas.rows.validated import Sheet
from schemas.rows.whole.arrays import text_array
from schemas.rows.whole.columns import Texts


def bind(
    operation: str,
    header: Sequence[str],
    dialect: Dialect = Dialect.V2_1,
    mapping: Mapping[str, Any] | None = None,
    kinds: Kinds = MappingProxyType({}),
) -> Binding:
    """The header of an extract bound to an operation.

    Args:
        operation: its name.
        header: the extract's columns.
        dialect: the age of the server.
        mapping: a mapping file's content.
        kinds: what the extract's columns hold.
    """
    declared = OPERATIONS[operation]
    rules = ColumnMapping.model_validate({"operation": operation, **mapping}) if mapping else None
    return Binding(header, declared.shape, dialect, declared.key, rules, kinds)


def faults_of(binding: Binding, sheet: Sheet, position: int) -> list[Fault]:
    """Everything that is wrong with a row."""
    cells = [binding.fault(*found) for found in sheet.faults.get(position, ())]
    return [*cells, *binding.broken_rules(sheet.known(position))]


def sheet_of(binding: Binding, rows: Sequence[Sequence[Cell]]) -> Sheet:
    """Records read as a batch of them is, their cells Python objects."""
    return binding.read([*zip(*rows, strict=True)])


def whole_sheet_of(binding: Binding, rows: Sequence[Sequence[str]]) -> Sheet:
    """Records read as a batch of them is, their columns as Arrow has them."""
    return binding.read([texts_of(cells) for cells in zip(*rows, strict=True)])


def texts_of(cells: Sequence[str]) -> Texts:
    """A column as Arrow has it, behind cells that are none of it."""
    return Texts(text_array([cell.encode() for cell in ("0", "é", *cells, " ")]).slice(2, len(cells)))


def faults(binding: Binding, cells: Sequence[Cell]) -> list[Fault]:
    """What is wrong with a row."""
    return faults_of(binding, sheet_of(binding, [cells]), 0)


def validate(binding: Binding, cells: Sequence[Cell]) -> Row | list[Fault]:
    """The validated row, or everything that is wrong with it, found in it by itself; columns must agree with that."""
    schema: Any = TypedDict("Row", dict(binding.types))  # type: ignore[misc]  # its members are the extract's
    raw = binding.raw(cells)
    try:
        row: Row = dict(TypeAdapter(schema).validate_python(raw))
    except ValidationError as error:
        found = said(error)
        refused = {column for column, _, _ in found}
        known = {n: raw[n] if n in refused else read(cell_type, raw[n]) for n, cell_type in binding.types.items()}
        return [*(binding.fault(*each) for each in found), *binding.broken_rules(known)]
    return binding.broken_rules(row) or row


def requests(operation: str, binding: Binding, rows: Sequence[Sequence[Cell]], dialect: Dialect) -> dict[str, Any]:
    """The requests of valid rows by key, as a JSON reader sees them: numbers are exact."""
    declared = OPERATIONS[operation]
    build = declared.build(binding.columns, dialect)
    groups: dict[str, list[Any]] = {}
    for cells in rows:
        row = validate(binding, cells)
        assert isinstance(row, dict), row
        groups.setdefault(sheet_of(binding, [cells]).keys[0], []).append(row)
    made = {key: build(group if declared.grouped else group[0]) for key, group in groups.items()}
    found: dict[str, Any] = json.loads(orjson.dumps(made), parse_float=Decimal)
    return found


def read(cell_type: Any, cell: object) -> Any:
    """A cell as its type reads it, or `(code, message)` of why it is refused."""
    try:
        return TypeAdapter(cell_type).validate_python(cell)
    except ValidationError as error:
        (fault,) = error.errors(include_input=False, include_url=False)
        return (fault["type"], fault["msg"])
