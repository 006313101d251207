"""What a sandbox holds, read from its database file by code that shares nothing with the loader or the sandbox."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

EXTERNAL = "InvestorRecord/ExternalIdentifier/ExternalIRId"


def documents(database: Path, kind: str) -> list[dict[str, Any]]:
    """Every entity of a kind, in order of creation."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT document FROM entity WHERE kind = ? ORDER BY sequence", (kind,))
        return [json.loads(document) for (document,) in rows]


def record_names(database: Path) -> dict[str, str]:
    """The display name of each investor record by its external identifier; fails when two have the same."""
    found = [
        (record["identifiers"][EXTERNAL]["value"]["labelValue"], record["displayName"])
        for record in documents(database, "investorrecords")
        if EXTERNAL in record["identifiers"]
    ]
    assert len(dict(found)) == len(found), "a record is there twice"
    return dict(found)


def order_ids(database: Path) -> set[str]:
    """The code of each order; fails when one is there twice."""
    found = [order["id"]["code"] for order in documents(database, "orders")]
    assert len(set(found)) == len(found), "an order is there twice"
    return set(found)
