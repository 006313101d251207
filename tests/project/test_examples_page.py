"""docs/examples.md: each mapping is begun by `bulkload mapping`, finished in ten lines, and loads as the page says."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
import yaml
from builders import rows_of

from connectors.extracts.extract import Extract, open_extract
from connectors.extracts.frame_extract import extract_from_frame
from connectors.extracts.mapping_file import read_mapping, reading_rules
from pipelines.load import load
from pipelines.operations.table import OPERATIONS
from pipelines.propose.mapping import propose_mapping
from schemas.dialects import Dialect
from schemas.rows.binding import Binding
from schemas.states import Verdict

PAGE = Path(__file__).parents[2] / "docs" / "examples.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MOST_LINES = 10


@dataclass(frozen=True)
class Example:
    """A section: an extract, or what makes it; the finished mapping; what is read of each row."""

    title: str
    kind: str
    made_of: str
    mapping: str
    read: list[dict[str, Any]]


def examples() -> list[Example]:
    found = []
    for section in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        (kind, made_of), (_, mapping), (_, read) = BLOCK.findall(section)
        rows = [orjson.loads(line) for line in read.splitlines()]
        found.append(Example(section.partition("\n")[0], kind, made_of, mapping, rows))
    return found


def test_every_block_of_the_page_is_of_an_example() -> None:
    assert len(BLOCK.findall(PAGE.read_text("utf-8"))) == 3 * len(examples())


def made(example: Example, folder: Path) -> tuple[Path, Any]:
    """The extract as files, which a mapping is begun from, and as it is loaded."""
    path = folder / "extract.csv"
    if example.kind == "csv":
        path.write_text(example.made_of, yaml.safe_load(example.mapping).get("encoding", "utf-8"))
        return path, path
    names: dict[str, Any] = {"extract": folder / "investors"}
    exec(example.made_of, names)  # noqa: S102 - what the page shows
    if "frame" not in names:
        return names["extract"], names["extract"]
    names["frame"].to_parquet(folder / "clients.parquet")
    return folder / "clients.parquet", names["frame"]


def opened(extract: Any, mapping: Any, folder: Path) -> Extract:
    if isinstance(extract, pd.DataFrame):
        return extract_from_frame(extract, folder / "frame.parquet")
    return open_extract([extract], declared=reading_rules(mapping))


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
def test_an_example_is_begun_finished_and_loaded_as_the_page_says(tmp_path: Path, example: Example) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(example.mapping, "utf-8")
    operation = OPERATIONS[yaml.safe_load(example.mapping)["operation"]]
    mapping = read_mapping(path, operation.name)
    files, extract = made(example, tmp_path)

    begun = {line.partition("  #")[0] for line in propose_mapping([files], operation, Dialect.V2_1).splitlines()}
    ours = [line for line in example.mapping.splitlines() if line not in begun]
    assert [line for line in ours if not line.endswith("  # ours")] == []
    assert len(ours) <= MOST_LINES

    with opened(extract, mapping, tmp_path) as rows:
        binding = Binding(rows.columns, operation.shape, Dialect.V2_1, operation.key, mapping, rows.kinds)
        sheets = [binding.read(batch.columns) for batch in rows.batches() if rows_of(batch)]
    found = [{n: c[i] for n, c in sheet.cells.items() if c[i]} for sheet in sheets for i in range(len(sheet.keys))]
    assert found == example.read

    report = load(operation.name, extract, mapping=path, target="sandbox", runs=tmp_path / "runs")
    assert (report.verdict, report.rows_read) == (Verdict.COMPLETE, len(example.read))
