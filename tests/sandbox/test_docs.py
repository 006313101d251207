"""The sandbox serves every operation, and docs/sandbox.md names every other call that it serves."""

import re
from pathlib import Path

from connectors.sandbox.protocol.calls import Route
from connectors.sandbox.web import app
from pipelines.operations.operation import Operation
from pipelines.operations.table import OPERATIONS
from schemas.dialects import Dialect

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()
ROUTES: list[Route] = [route for part in app._PARTS for route in part.ROUTES]


def test_the_sandbox_serves_every_operation_in_each_of_its_dialects() -> None:
    served = {(r.path, dialect, r.status) for r in ROUTES if r.method == "POST" for dialect in r.dialects}
    operations = [(each, dialect) for each in OPERATIONS.values() for dialect in each.dialects]
    assert [o.name for o, d in operations if (_path(o, d), str(d), o.expected_status) not in served] == []


def test_the_page_names_every_other_call_the_sandbox_serves() -> None:
    told = PAGE.split("## What it serves")[1].split("\n## ")[0]
    paths = {_path(each, dialect) for each in OPERATIONS.values() for dialect in each.dialects}
    upserted = tuple(path.removesuffix("$batchUpsert") for path in paths if path.endswith("$batchUpsert"))
    others = [r for r in ROUTES if r.path not in paths and not f"{r.path}/".startswith(upserted)]
    # the last word of its path names a call: reading one order by its id counts as reading orders
    names = {re.sub(r"(/\{\w+\})+$", "", route.path).rsplit("/", 1)[1] for route in others}

    assert len(others) > 20
    assert {name for name in names if name not in told} == set()


def _path(operation: Operation, dialect: Dialect) -> str:
    return operation.endpoint(dialect)[0]
