"""docs/mapping.md: examples do what the page says, members have sections, and the schema takes the examples."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
import yaml
from bound import faults_of

from connectors.extracts.extract import open_extract
from connectors.extracts.mapping_file import read_mapping, reading_rules
from docs.generate import MAPPING_SCHEMA, mapping_schema
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect
from schemas.rows.binding import Binding
from schemas.rows.column_rule import ColumnRule
from schemas.rows.conventions.clearing import CLEAR
from schemas.rows.mapping import Mapping
from schemas.rows.side_by_side import further, plain_name

PAGE = Path(__file__).parents[2] / "docs" / "mapping.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """What a section shows: a mapping, an extract, and what is read of it, a line for each row."""

    section: str
    mapping: str
    extract: str
    read: list[dict[str, Any]]


def examples() -> list[Example]:
    """Of each section, every three blocks: yaml, csv, json."""
    found = []
    for section in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        blocks = [(kind, text) for kind, text in BLOCK.findall(section) if kind in ("yaml", "csv", "json")]
        assert [kind for kind, _ in blocks] == ["yaml", "csv", "json"] * (len(blocks) // 3), section
        texts = [text for _, text in blocks]
        for mapping, extract, read in zip(texts[::3], texts[1::3], texts[2::3], strict=True):
            rows = [orjson.loads(line) for line in read.splitlines()]
            found.append(Example(section.partition("\n")[0], mapping, extract, rows))
    return found


def shown(row: dict[str, Any], binding: Binding) -> dict[str, Any]:
    """The filled cells of a row, those of further items apart."""
    items = [{n: row[name] for n, name in item.items() if row[name]} for item in further(binding.items)]
    row = {name: "(clear)" if cell == CLEAR else cell for name, cell in row.items()}
    found = {name: cell for name, cell in row.items() if cell and plain_name(name) == name}
    return {**found, "also": list(filter(None, items))} if any(items) else found


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.section)
def test_an_example_is_read_as_the_page_says(tmp_path: Path, example: Example) -> None:
    (tmp_path / "mapping.yaml").write_text(example.mapping, "utf-8")
    operation = OPERATIONS[yaml.safe_load(example.mapping)["operation"]]
    mapping = read_mapping(tmp_path / "mapping.yaml", operation.name)
    (tmp_path / "extract.csv").write_text(example.extract, mapping.encoding)
    with open_extract([tmp_path / "extract.csv"], declared=reading_rules(mapping)) as extract:
        binding = Binding(extract.columns, operation.shape, Dialect.V2_1, operation.key, mapping)
        found: list[dict[str, Any]] = []
        for batch in extract.batches():
            sheet = binding.read(batch.columns)
            for place in range(len(batch)):
                if place in batch.bad:
                    found.append({"refused": batch.bad[place].message})
                elif faults := faults_of(binding, sheet, place):
                    found.append({"refused": "; ".join(map(str, faults))})
                else:
                    found.append(shown({name: cells[place] for name, cells in sheet.cells.items()}, binding))
    assert found == example.read


def test_every_mapping_and_extract_of_the_page_is_an_example() -> None:
    kinds = [kind for kind, _ in BLOCK.findall(PAGE.read_text("utf-8")) if kind in ("yaml", "csv", "json")]
    assert len(kinds) == 3 * len(examples())


def test_every_member_has_an_example() -> None:
    shown = {name for example in examples() for name in yaml.safe_load(example.mapping)}
    assert set(Mapping.model_fields) <= shown
    rules = [rule for example in examples() for rule in yaml.safe_load(example.mapping).get("columns", {}).values()]
    assert set(ColumnRule.model_fields) <= {member for rule in rules if isinstance(rule, dict) for member in rule}


def test_every_member_says_in_the_schema_what_it_is_for() -> None:
    schema = orjson.loads(mapping_schema())
    members = {
        f"{name}.{m}": d for name, s in {"": schema, **schema["$defs"]}.items() for m, d in s["properties"].items()
    }
    assert [
        name for name, declared in members.items() if "description" not in declared and "$ref" not in declared
    ] == []


def test_the_schema_is_current_and_takes_the_examples() -> None:
    assert MAPPING_SCHEMA.read_text("utf-8") == mapping_schema(), "run `make docs`"
    validator = jsonschema.Draft202012Validator(orjson.loads(mapping_schema()))
    for example in examples():
        validator.validate(yaml.safe_load(example.mapping))


@pytest.mark.parametrize("wrong", [{"skip_line": 1}, {"skip_lines": "1"}, {"short_rows": True}, {"columns": {"a": 1}}])
def test_the_schema_refuses_what_is_no_mapping(wrong: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(orjson.loads(mapping_schema()))
    assert not validator.is_valid({"operation": "orders", **wrong})
