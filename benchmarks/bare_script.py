"""The script that a good engineer writes in an afternoon, and the mark our load is measured by.

It reads, validates with pydantic, builds, encodes and posts, a thousand records at a time, with the garbage collector
out of the way. It accounts for nothing: no duplicates, no journal, no repeating, no outcomes. It is written for
speed: pydantic validates a batch at once, and checks only what it can check in Rust.

    python bare_script.py URL FILE      prints {"rows", "seconds"}
"""

import csv
import gc
import json
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import orjson
import requests
from pydantic import Field, StringConstraints, TypeAdapter
from typing_extensions import TypedDict

BATCH = 1000

EXTERNAL = "InvestorRecord/ExternalIdentifier/ExternalIRId"
INTERNAL = "InvestorRecord/InternalIdentifier/InternalIRId"
PERSON = "Person/HrSystem1/InternalId"
ENTITY = "LegalEntity/ExternalIdentifier/LEI"
NAME = "InvestorRecord/Details/Name"
COUNTRY = "InvestorRecord/Details/Country"
NET_WORTH = "InvestorRecord/Details/NetWorth"
MARKETS = "InvestorRecord/Details/Markets"

EXTERNAL_CELL = f"identifier:{EXTERNAL}"
INTERNAL_CELL = f"identifier:{INTERNAL}"
PERSON_CELL = f"investor:{PERSON}"
ENTITY_CELL = f"investor:{ENTITY}"
NAME_CELL = f"property:{NAME}"
COUNTRY_CELL = f"property:{COUNTRY}"
SINCE_CELL = f"property:{COUNTRY}@effective_from"
NET_WORTH_CELL = f"metric:{NET_WORTH}"
UNIT_CELL = f"metric:{NET_WORTH}@unit"
MARKETS_CELL = f"labels:{MARKETS}"

Code = Annotated[str, StringConstraints(max_length=64)]
Label = Annotated[str, StringConstraints(max_length=1024)]
Number = Annotated[str, StringConstraints(pattern=r"^(-?\d+(\.\d+)?)?$")]
Day = Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\d)?$")]

_CELLS: dict[str, Any] = {
    "display_name": Annotated[str, StringConstraints(min_length=1, max_length=512)],
    "description": Annotated[str, StringConstraints(max_length=512)],
    "investor_type": Annotated[str, Field(pattern="^(Person|LegalEntity)$")],
    EXTERNAL_CELL: Annotated[str, StringConstraints(min_length=1, max_length=64)],
    INTERNAL_CELL: Code,
    PERSON_CELL: Code,
    ENTITY_CELL: Code,
    NAME_CELL: Label,
    COUNTRY_CELL: Label,
    SINCE_CELL: Day,
    NET_WORTH_CELL: Number,
    UNIT_CELL: Code,
    MARKETS_CELL: Label,
}
Investor: Any = TypedDict("Investor", dict(_CELLS))  # type: ignore[misc]  # its members are columns


def properties_of(row: Any) -> dict[str, Any]:
    """The filled properties of a row."""
    properties: dict[str, Any] = {}
    if name := row[NAME_CELL]:
        properties[NAME] = {"key": NAME, "value": {"labelValue": name}}
    if country := row[COUNTRY_CELL]:
        properties[COUNTRY] = {"key": COUNTRY, "value": {"labelValue": country}}
        if since := row[SINCE_CELL]:
            properties[COUNTRY]["effectiveFrom"] = since + "T00:00:00.0000000+00:00"
    if worth := row[NET_WORTH_CELL]:
        metric = {"value": orjson.Fragment(worth), "unit": row[UNIT_CELL]}
        properties[NET_WORTH] = {"key": NET_WORTH, "value": {"metricValue": metric}}
    if markets := row[MARKETS_CELL]:
        properties[MARKETS] = {"key": MARKETS, "value": {"labelValueSet": {"values": markets.split("|")}}}
    return properties


def request_of(row: Any) -> dict[str, Any]:
    """The UpsertInvestorRecordRequest of a row."""
    identifiers = {EXTERNAL: {"key": EXTERNAL, "value": {"labelValue": row[EXTERNAL_CELL]}}}
    if internal := row[INTERNAL_CELL]:
        identifiers[INTERNAL] = {"key": INTERNAL, "value": {"labelValue": internal}}
    if person := row[PERSON_CELL]:
        identified = {PERSON: {"key": PERSON, "value": {"labelValue": person}}}
    else:
        identified = {ENTITY: {"key": ENTITY, "value": {"labelValue": row[ENTITY_CELL]}}}
    request = {
        "identifiers": identifiers,
        "properties": properties_of(row),
        "displayName": row["display_name"],
        "investor": {"investorType": row["investor_type"], "investorIdentifiers": identified},
    }
    if description := row["description"]:
        request["description"] = description
    return request


def load(url: str, path: Path) -> int:
    """Sends a file; gives the number of rows."""
    validate: Callable[[Any], Any] = TypeAdapter(list[Investor]).validate_python
    session = requests.Session()
    session.headers["Content-Type"] = "application/json"
    count = 0
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        while batch := [dict(zip(header, cells, strict=True)) for cells in islice(reader, BATCH)]:
            body = orjson.dumps({row[EXTERNAL_CELL]: request_of(row) for row in validate(batch)})
            session.post(f"{url}/api/investorrecords/$batchUpsert?successMode=Partial", data=body).raise_for_status()
            count += len(batch)
    return count


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(200_000)
    started = time.perf_counter()
    rows = load(sys.argv[1], Path(sys.argv[2]))
    seconds = time.perf_counter() - started
    print(json.dumps({"rows": rows, "seconds": seconds}))
