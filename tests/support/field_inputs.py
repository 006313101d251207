"""The shape of an input of the field, the kinds there are, and mappings that inputs share.

Must not know how the loader reads.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

KINDS = (
    "instants", "typed numbers", "dates as timestamps", "null words", "quotes", "byte order marks", "spreadsheet marks",
    "two-digit years", "encodings", "qualifiers", "side by side", "around the table", "times", "money", "new columns",
    "folders", "misaligned", "damaged", "headers", "containers", "shared identifiers", "clearing", "frames",
    "conditions",
)  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One extract, and what becomes of it.

    Attributes:
        kind: which of `KINDS` it is of.
        title: the system that writes so, and what.
        operation: what it is loaded as.
        extract: text or bytes of a CSV, a table for a Parquet file, a frame, or what makes files in a folder.
        mapping: members of the mapping file, but for the operation.
        sent: of each request in their order, the members that are looked at.
        refused: how many rows each code refuses.
        whole: part of the line that refuses the load before its first row.
        said: parts of warnings.
        name: of the file.
    """

    kind: str
    title: str
    operation: str
    extract: Any
    mapping: Mapping[str, Any]
    sent: tuple[Mapping[str, Any], ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    whole: str = ""
    said: tuple[str, ...] = ()
    name: str = "extract.csv"

    @property
    def form(self) -> str:
        """What kind of thing the extract is."""
        return type(self.extract).__name__

    def made(self, folder: Path) -> Any:
        """The extract, as it is given to a load."""
        if isinstance(self.extract, pd.DataFrame):
            return self.extract
        if isinstance(self.extract, pa.Table):
            pq.write_table(self.extract, folder / "extract.parquet")
            return folder / "extract.parquet"
        if isinstance(self.extract, Callable):  # type: ignore[arg-type]
            return self.extract(folder)
        path = folder / self.name
        path.write_bytes(self.extract.encode() if isinstance(self.extract, str) else self.extract)
        return path


CITY = "property:InvestorRecord/D/City"


def investors(**columns: Any) -> dict[str, Any]:
    """A mapping of investor records: `id` is all that a record needs, and short names say what else is read.

    Names: name, note, city, since, worth, tags.
    """
    names = {
        "name": "display_name",
        "note": "description",
        "city": CITY,
        "since": f"{CITY}@effective_from",
        "worth": "metric:InvestorRecord/D/Worth",
        "unit": "metric:InvestorRecord/D/Worth@unit",
        "tags": "labels:InvestorRecord/D/Tags",
        "id": "identifier:InvestorRecord/Ext/Id",
    }
    needed: dict[str, Any] = {
        "identifier:InvestorRecord/Ext/Id": "id",
        "display_name": {"constant": "Ann"},
        "investor_type": {"constant": "Person"},
        "investor:Person/Hr/Id": {"constant": "H1"},
    }
    if "since" in columns and "city" not in columns:
        needed[CITY] = {"constant": "Rome"}
    return {"columns": needed | {names.get(name, name): rule for name, rule in columns.items()}}


def orders(**columns: Any) -> dict[str, Any]:
    """A mapping of orders, whose code is `id` and whose other needed members are constants."""
    needed: dict[str, Any] = {
        "block_scope": {"constant": "S"},
        "block_code": "id",
        "order_scope": {"constant": "S"},
        "order_code": "id",
        "quantity": {"constant": "1"},
        "side": {"constant": "Buy"},
        "instrument:Instrument/default/Figi": {"constant": "BBG000B9XRY4"},
    }
    return {"columns": needed | columns}


def executions(**columns: Any) -> dict[str, Any]:
    """A mapping of executions, as `orders`."""
    needed: dict[str, Any] = {
        "execution_scope": {"constant": "S"},
        "execution_code": "id",
        "placement_scope": {"constant": "S"},
        "placement_code": "id",
        "quantity": {"constant": "1"},
        "state": {"constant": "Filled"},
        "side": {"constant": "Buy"},
        "type": {"constant": "Market"},
        "created_date": {"constant": "2024-03-01"},
        "instrument:Instrument/default/Figi": {"constant": "BBG000B9XRY4"},
        "price": {"constant": "1"},
        "price_currency": {"constant": "USD"},
        "settlement_currency": {"constant": "USD"},
        "settlement_fx_rate": {"constant": "1"},
        "counterparty": {"constant": "ACME"},
    }
    return {"columns": needed | columns}


def placements(**columns: Any) -> dict[str, Any]:
    """A mapping of changes of placements, as `orders`."""
    return {"columns": {"placement_scope": {"constant": "S"}, "placement_code": "id"} | columns}


def accounts(also: Any = (), **columns: Any) -> dict[str, Any]:
    """A mapping of investment accounts, as `investors`."""
    needed: dict[str, Any] = {
        "identifier:InvestmentAccount/Ext/Id": "id",
        "display_name": {"constant": "Ann"},
        "account_type": {"constant": "Personal"},
    }
    return {"columns": needed | columns} | ({"also": [*also]} if also else {})
