"""Writes what is generated: parts of README.md and docs/, and the JSON schemas: `make docs`. Tests hold them to it.

A part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`; everything else is written by hand.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import orjson

from docs.run_files import journal_table, outcomes_table
from docs.sql_views import view_tables
from pipelines.cli.operation_table import markdown_table
from schemas.assumptions import Assumptions
from schemas.json_output import DOCUMENTS
from schemas.manifest import Manifest
from schemas.nights.rules import NightRules
from schemas.rows import mapping as mappings
from schemas.states import STATES

README = Path(__file__).resolve().parents[1] / "README.md"
ARCHITECTURE = Path(__file__).resolve().parent / "architecture.md"
MAPPING_SCHEMA = Path(__file__).resolve().parent / "mapping.schema.json"
SQL = Path(__file__).resolve().parent / "sql.md"
MANIFEST_SCHEMA = Path(__file__).resolve().parent / "manifest.schema.json"
ASSUMPTIONS_SCHEMA = Path(__file__).resolve().parent / "assumptions.schema.json"
NIGHT_SCHEMA = Path(__file__).resolve().parent / "night.schema.json"
DOCUMENTS_SCHEMA = Path(__file__).resolve().parent / "json-output.schema.json"

_RUN_ID = re.compile(r"\d{8}T\d{6}Z-([a-z-]+)-[0-9a-f]{4}")
_SECONDS = re.compile(r"\d+\.\d s$", re.MULTILINE)


def demo_output() -> str:
    """What `bulkload demo` prints on stdout, with one run id and one time for all."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli.main", "demo", "--direct"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
    return normalised(done.stdout)


def normalised(output: str) -> str:
    """The output of a run without what differs from one to the next."""
    return _SECONDS.sub("0.5 s", _RUN_ID.sub(r"20261121T020000Z-\1-7f3a", output))


def state_table() -> str:
    """Every state, those that need nothing from anyone first."""
    lines = ["| state | meaning | then | in failures.csv |", "|---|---|---|---|"]
    for state in sorted(STATES, key=lambda s: not s.traits.good):
        traits = state.traits
        lines.append(f"| {state} | {traits.meaning} | {traits.then} | {'no' if traits.good else 'yes'} |")
    return "\n".join(lines)


def parts() -> dict[str, str]:
    """Every generated part by its name, as Markdown, but for `demo`, which takes seconds."""
    return {"operations": markdown_table(), "states": state_table()}


def architecture_parts() -> dict[str, str]:
    """Every generated part of architecture.md by its name, as Markdown."""
    return {"journal": journal_table(), "outcomes": outcomes_table()}


def manifest_schema() -> str:
    """The JSON schema of manifest.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def assumptions_schema() -> str:
    """The JSON schema of what `bulkload doctor` writes."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Assumptions.model_json_schema()}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def mapping_schema() -> str:
    """The JSON schema of a mapping, for editors."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **mappings.Mapping.model_json_schema()}
    column = {"type": "string", "description": "The extract's column that feeds this one."}
    for columns in (schema["properties"]["columns"], schema["properties"]["also"]["items"]):
        columns["additionalProperties"] = {"anyOf": [column, columns["additionalProperties"]]}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def night_schema() -> str:
    """The JSON schema of night.yaml, for editors."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **NightRules.model_json_schema()}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def documents_schema() -> str:
    """The JSON schema of what --json prints."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **DOCUMENTS.json_schema(mode="serialization")}
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode() + "\n"


def with_parts(text: str, generated: Mapping[str, str]) -> str:
    """The text with its generated parts put in.

    Raises:
        ValueError: a part has no place in it.
    """
    for name, content in generated.items():
        begin, end = f"<!-- generated: {name} -->\n", f"<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise ValueError(f"there is no place for the part {name}")
        text = f"{head}{begin}{content}\n{end}{tail}"
    return text


if __name__ == "__main__":
    demo = f"```text\n{demo_output()}```"
    README.write_text(with_parts(README.read_text("utf-8"), {**parts(), "demo": demo}), "utf-8")
    ARCHITECTURE.write_text(with_parts(ARCHITECTURE.read_text("utf-8"), architecture_parts()), "utf-8")
    SQL.write_text(with_parts(SQL.read_text("utf-8"), view_tables()), "utf-8")
    MANIFEST_SCHEMA.write_text(manifest_schema(), "utf-8")
    DOCUMENTS_SCHEMA.write_text(documents_schema(), "utf-8")
    MAPPING_SCHEMA.write_text(mapping_schema(), "utf-8")
    NIGHT_SCHEMA.write_text(night_schema(), "utf-8")
    ASSUMPTIONS_SCHEMA.write_text(assumptions_schema(), "utf-8")
