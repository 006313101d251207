"""Extracts that are refused before anything is sent, in words that quote them: persons stand where a header should."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from builders import IR_ID, investor

OPERATION = "investor-records"
CELLS = ("Zebedee", "Zurname", "ZQ4711", "4711.25")
"""Of an invented person; the second is almost the name of a column."""

_ROW = ",".join(["display_name", *CELLS])
"""A record, one cell of which is a column's name, so that it passes for a header with wrong names."""

_GOOD = ",".join(investor())
_LINES = "\n".join(",".join(investor(n).values()) for n in (1, 2))


def _mapping(**members: object) -> str:
    return yaml.safe_dump({"operation": OPERATION, **members})


_OWN = {IR_ID: "id", "display_name": "surname", "investor_type": {"constant": "Person"}}
_AS_NAMED = {name: name for name in investor()}

SPOILT: Mapping[str, Mapping[str, str]] = {
    "no header": {"investors.csv": f"{_ROW}\n{_ROW}\n"},
    "no header, and columns are mapped": {
        "investors.csv": f"{','.join(CELLS)}\n{','.join(CELLS)}\n",
        "investor-records.yaml": _mapping(columns=_OWN),
    },
    "a header of two rows, the second a record": {
        "investors.csv": f"display_name,investor_type,{IR_ID},x\n,{','.join(CELLS[1:])}\n{','.join(CELLS)}\n",
        "investor-records.yaml": _mapping(header_rows=2),
    },
    "files of which one has no header": {
        "investors/a.csv": f"{_GOOD}\n{_LINES}\n",
        "investors/b.csv": f"{_ROW}\n{_ROW}\n",
    },
    "columns that nothing uses are refused": {
        "investors.csv": f"{_GOOD},{','.join(CELLS)}\n",
        "investor-records.yaml": _mapping(columns=_AS_NAMED, unmapped="refuse"),
    },
    "a control total of a column that is not there": {
        "investors.csv": f"{_GOOD},Zurname\n",
        "investor-records.yaml": _mapping(columns=_AS_NAMED, expect={"totals": {"surname": 1}}),
    },
    "a control total of one row": {
        "investors.csv": f"{_GOOD},amount\n{','.join(investor().values())},4711.25\n",
        "investor-records.yaml": _mapping(columns=_AS_NAMED, expect={"totals": {"amount": 1}}),
    },
}

STILL_TO_COME = ("files of which one has no header", "a control total of one row")
"""Those that a night with rules waits for: the extract may yet come as it should be."""


def spoil(folder: Path, kind: str) -> Path:
    """Writes the investors of a night as `SPOILT` has them; returns the extract."""
    for name, text in SPOILT[kind].items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return next(path for path in (folder / "investors.csv", folder / "investors") if path.exists())


def spoil_types(folder: Path) -> Path:
    """Writes two Parquet files without a header of which one column is of two types; returns their folder."""
    below = folder / "investors"
    below.mkdir(parents=True)
    for name, cell in (("a", "x"), ("b", 1)):
        pq.write_table(pa.table({"Zebedee": ["x"], "ZQ4711": [cell]}), below / f"{name}.parquet")
    return below
