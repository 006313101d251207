"""Every line of docs/lusid.md that rests on no source names the probe that tries it, or is listed with the reason."""

import json
import re
from pathlib import Path

import jsonschema
import yaml

from docs.generate import ASSUMPTIONS_SCHEMA, assumptions_schema
from pipelines.doctor.doctor import PROBES
from schemas.assumptions import Assumptions

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "lusid.md").read_text("utf-8")
LINES, NOT_TRIED = PAGE.split("\n## What doctor does not try\n")
_NAMED = re.compile(r"doctor: ((?:`[\w-]+`(?:, )?)+)")


def untold(page: str, not_tried: str) -> list[str]:
    """The lines of tables that are inferred, name no probe, and are not among those that are not tried."""
    left_out = {line.split(" | ")[0] for line in not_tried.splitlines() if line.startswith("| ")}
    lines = [line for line in page.splitlines() if line.startswith("| ") and re.search("inferred|undocumented", line)]
    return [line for line in lines if not _NAMED.search(line) and line.split(" | ")[0] not in left_out]


def test_every_inferred_line_names_its_probe_or_is_listed_with_the_reason() -> None:
    assert untold(LINES, NOT_TRIED) == []
    assert untold("| a thing | a choice | inferred |", NOT_TRIED) != []


def test_what_is_not_tried_is_said_of_lines_that_there_are() -> None:
    first = {line.split(" | ")[0] for line in LINES.splitlines()}
    listed = [line.split(" | ")[0] for line in NOT_TRIED.splitlines() if line.startswith("| ")][1:]
    assert [each for each in listed if each not in first] == []


def test_every_probe_is_named_and_every_name_is_a_probe() -> None:
    named = {name for names in _NAMED.findall(LINES) for name in re.findall(r"`([\w-]+)`", names)}
    assert named | {"keys-echoed"} == set(PROBES)
    assert "keys-echoed" in named


def test_the_page_names_every_member_that_loads_follow() -> None:
    told = {"target", "dialect", "scope", "made", "bulkload", "found"}
    page = (DOCS / "before-and-after.md").read_text("utf-8")
    assert [name for name in Assumptions.model_fields if name not in told and f"| `{name}` |" not in page] == []


def test_the_schema_is_of_the_file() -> None:
    assert ASSUMPTIONS_SCHEMA.read_text("utf-8") == assumptions_schema(), "run `make docs`"
    validator = jsonschema.Draft202012Validator(json.loads(assumptions_schema()))
    validator.validate(yaml.safe_load("null_clears: {persons: false}\nlongest_filter: 0\n"))
    assert [*validator.iter_errors({"null_clear": {}})]
