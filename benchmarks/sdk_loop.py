"""The official SDK's loop: models built row by row and upserted a thousand at a time. Runs in the SDK's environment.

python sdk_loop.py URL FILE      prints {"rows", "seconds"}
"""

import csv
import json
import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Any

import lusid  # type: ignore[import-not-found]  # only the SDK's own environment has it

BATCH = 1000


def property_of(key: str, **value: Any) -> Any:
    """A ModelProperty."""
    return lusid.ModelProperty(key=key, value=lusid.PropertyValue(**value))


def cells_of(row: dict[str, str], prefix: str) -> dict[str, str]:
    """Key to text of the filled cells of a family, facets aside."""
    found = ((name.removeprefix(prefix), cell) for name, cell in row.items() if name.startswith(prefix))
    return {key: cell for key, cell in found if cell and "@" not in key}


def request_of(row: dict[str, str]) -> Any:
    """The SDK's request model of a row."""
    properties = {}
    for key, label in cells_of(row, "property:").items():
        properties[key] = property_of(key, label_value=label)
        if since := row.get(f"property:{key}@effective_from"):
            properties[key].effective_from = f"{since}T00:00:00+00:00"
    for key, amount in cells_of(row, "metric:").items():
        metric = lusid.MetricValue(value=float(amount), unit=row[f"metric:{key}@unit"])
        properties[key] = property_of(key, metric_value=metric)
    for key, labels in cells_of(row, "labels:").items():
        properties[key] = property_of(key, label_value_set=lusid.LabelValueSet(values=labels.split("|")))
    who = {key: property_of(key, label_value=cell) for key, cell in cells_of(row, "investor:").items()}
    return lusid.UpsertInvestorRecordRequest(
        identifiers={key: property_of(key, label_value=cell) for key, cell in cells_of(row, "identifier:").items()},
        properties=properties,
        display_name=row["display_name"],
        description=row["description"] or None,
        investor=lusid.InvestorIdentifier(investor_type=row["investor_type"], investor_identifiers=who),
    )


def load(url: str, path: Path) -> int:
    """Sends a file; gives the number of rows."""
    os.environ |= {"FBN_LUSID_URL": url, "FBN_ACCESS_TOKEN": "benchmark"}
    api = lusid.SyncApiClientFactory().build(lusid.InvestorRecordsApi)
    count = 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        key = next(name for name in rows.fieldnames or () if name.startswith("identifier:"))
        while batch := list(islice(rows, BATCH)):
            api.upsert_investor_records("Partial", {row[key]: request_of(row) for row in batch})
            count += len(batch)
    return count


if __name__ == "__main__":
    started = time.perf_counter()
    rows = load(sys.argv[1], Path(sys.argv[2]))
    seconds = time.perf_counter() - started
    print(json.dumps({"rows": rows, "seconds": seconds}))
