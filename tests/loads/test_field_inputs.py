"""What systems of the field write, kind by kind: what is sent of each, or which rule refuses it.

The inputs: tests/support/field_inputs.py and field_files.py. Each is loaded as a rehearsal, so that what refuses it is
known, and prepared, so that the requests are looked at as they are sent.
"""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
import yaml
from builders import prepare_extract
from field_files import FILES
from field_inputs import KINDS, Input
from field_texts import TEXTS

from connectors.extracts.extract import Extract, open_extract
from connectors.extracts.frame_extract import extract_from_frame
from connectors.extracts.mapping_file import read_mapping, reading_rules
from pipelines.load import load
from schemas.errors import LoadError

INPUTS = (*TEXTS, *FILES)
_NUMBERS = ("quantity", "amount", "rate")


def wire_of(entry: bytes) -> Any:
    """A request without its place in a call."""
    text = entry.strip().removesuffix(b",")
    return orjson.loads(text) if text.startswith(b"{") else next(iter(orjson.loads(b"{%s}" % text).values()))


def value_of(stored: dict[str, Any]) -> Any:
    """What a property holds."""
    value = stored.get("value") or {}
    if "metricValue" in value:
        return Decimal(str(value["metricValue"]["value"]))
    return value.get("labelValue", value.get("labelValueSet", {}).get("values"))


def flat(wire: Any, before: str = "") -> dict[str, Any]:
    """The members of a request by short names: of a property the last part of its key, `@` behind it its date."""
    if isinstance(wire, list):
        return {f"{before}{n}.{name}": v for n, each in enumerate(wire) for name, v in flat(each).items()}
    if not isinstance(wire, dict):
        return {before.rstrip("."): wire}
    found: dict[str, Any] = {}
    for name, member in wire.items():
        if name in ("properties", "identifiers") and isinstance(member, dict):
            for key, stored in member.items():
                short = key.rpartition("/")[2]
                found[short] = value_of(stored) if isinstance(stored, dict) else stored
                if isinstance(stored, dict) and stored.get("effectiveFrom"):
                    found[f"{short}@"] = stored["effectiveFrom"]
        else:
            found |= flat(member, f"{before}{name.rpartition('/')[2]}.")
    return found


def as_given(found: Any, want: Any) -> Any:
    """A number as a decimal where one is wanted, so that 12.345 is what it is."""
    is_number = isinstance(found, int | float | Decimal) and not isinstance(found, bool)
    return Decimal(str(found)) == Decimal(str(want)) if is_number and want is not None else found == want


def opened(extract: Any, mapping: Any, folder: Path) -> Extract:
    if isinstance(extract, pd.DataFrame):
        return extract_from_frame(extract, folder / "frame.parquet")
    return open_extract([extract], declared=reading_rules(mapping))


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: f"{given.kind}: {given.title}")
def test_written_is_sent_or_refused(tmp_path: Path, given: Input) -> None:
    extract = given.made(tmp_path)
    path = tmp_path / "mapping.yaml"
    path.write_text(
        yaml.safe_dump({"operation": given.operation, **given.mapping}, sort_keys=False, allow_unicode=True)
    )
    options: dict[str, Any] = {"mapping": path, "runs": tmp_path / "runs", "dry_run": True}
    if given.whole:
        with pytest.raises(LoadError) as caught:
            load(given.operation, extract, **options)
        assert given.whole in caught.value.message
        assert "a bug" not in caught.value.message
        return
    mapping = read_mapping(path, given.operation)
    with (
        opened(extract, mapping, tmp_path) as rows,
        prepare_extract(given.operation, rows, tmp_path / "scratch", mapping=mapping) as found,
    ):
        wires = [flat(wire_of(entry)) for entry in found.entries if entry]
        refused = Counter(code for code, _ in found.notes if code)
    assert dict(refused) == given.refused
    different = [
        (name, wire.get(name), value)
        for wire, want in zip(wires, given.sent, strict=True)
        for name, value in want.items()
        if not as_given(wire.get(name), value)
    ]
    assert different == []
    if given.said:
        warnings = load(given.operation, extract, **options).warnings
        assert [text for text in given.said if not any(text in warning for warning in warnings)] == []


def test_each_kind_has_at_least_three_inputs_of_different_columns_and_sources() -> None:
    found = Counter(given.kind for given in INPUTS)
    assert {kind: count for kind, count in found.items() if kind not in KINDS} == {}
    assert [kind for kind in KINDS if found[kind] < 3] == []
    for kind in KINDS:
        shapes = {
            (given.operation, given.form, *given.mapping.get("columns", ())) for given in INPUTS if given.kind == kind
        }
        assert len(shapes) > 1, f"{kind}: all its inputs are alike"
