"""docs/architecture.md says what is there: its generated parts, the files of a run as they are written, its paths."""

import re
from pathlib import Path

import orjson
import pyarrow.parquet as pq
from builders import investor, write_csv

from connectors.run_folder.results import OUTCOME_SCHEMA
from docs.generate import ARCHITECTURE, architecture_parts, with_parts
from docs.run_files import JOURNAL
from pipelines.load import load

TEXT = ARCHITECTURE.read_text("utf-8")
ROOT = ARCHITECTURE.parents[1]


def test_the_generated_parts_are_current() -> None:
    assert with_parts(TEXT, architecture_parts()) == TEXT, "run `make docs`"


def test_the_journal_and_outcomes_of_a_load_are_as_the_tables_say(tmp_path: Path) -> None:
    rows = [investor(1), investor(2), investor(3, {"investor_type": "LegalEntity"}), investor(4, {"display_name": ""})]
    report = load("investor-records", write_csv(tmp_path / "i.csv", rows), target="sandbox", runs=tmp_path / "runs")
    kinds = {kind.partition(":")[0]: members for kind, members in JOURNAL.items()}
    seen = set()
    raw = (report.run_dir / "journal.jsonl").read_bytes().splitlines()
    for line in map(orjson.loads, raw):
        kind = next(name for name in ("plan", "sent", "settled") if name in line)
        members = kinds[kind]
        seen.add(kind)
        assert [name for name in members if name in line] == list(line)
        assert {name for name, member in members.items() if member.always} <= line.keys()
    assert seen == {"plan", "sent", "settled"}
    assert pq.read_schema(report.run_dir / "outcomes.parquet").equals(OUTCOME_SCHEMA)


def test_every_room_has_its_line() -> None:
    """Two levels of folders; `unit`, `sandbox` and `flows` of the tests stand in the line above the others."""
    drawing = TEXT.partition("<!-- tried by tests/project/test_architecture.py -->\n```text\n")[2].partition("```")[0]
    named, above = {"tests/unit/", "tests/sandbox/", "tests/flows/"}, ""
    for line in drawing.splitlines():
        place = line.split()[0]
        above = above if line.startswith("  ") else place
        named.add(f"{above}{place}" if line.startswith("  ") else place)
    trees = [ROOT / name for name in ("schemas", "connectors", "pipelines", "tests")]
    filled = {path for tree in trees for path in tree.iterdir() if any(path.rglob("*.py")) or any(path.rglob("*.csv"))}
    assert {f"{path.relative_to(ROOT)}/" for path in filled} == {name for name in named if name.count("/") == 2}
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_path_it_names_is_there() -> None:
    paths = re.findall(r"\]\(([\w./-]+)\)", TEXT) + re.findall(
        r"`((?:schemas|connectors|pipelines|tests)/[\w./]*)`", TEXT
    )
    assert [p for p in paths if not (ROOT / p).exists() and not (ARCHITECTURE.parent / p).exists()] == []
