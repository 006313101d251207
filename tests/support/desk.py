"""Loads into a sandbox of their own, and what it holds afterwards: what arrived, not what was said of it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sandbox_api import get

from connectors.sandbox.server import Sandbox
from pipelines.load import load
from pipelines.report.report import Report


class Desk:
    """A sandbox, and a folder to load from."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder

    def load(self, operation: str, extract: Any, mapping: Mapping[str, Any] | None = None, **options: Any) -> Report:
        """Loads an extract, or a text as a CSV file, with the members of a mapping file."""
        if isinstance(extract, str):
            path = self.folder / "extract.csv"
            path.write_text(extract, encoding="utf-8")
            extract = path
        if mapping is not None:
            options["mapping"] = self.folder / "mapping.yaml"
            options["mapping"].write_text(yaml.safe_dump({"operation": operation, **mapping}, sort_keys=False))
        target = {"target": self.sandbox.url, "runs": self.folder / "runs"}
        return load(operation, extract, **{**target, **options})

    def records(self) -> dict[str, Any]:
        """Every investor record, by the value of its first identifier."""
        return {_name(record): record for record in self._values("investorrecords")}

    def accounts(self) -> dict[str, Any]:
        """Every investment account, by the value of its first identifier."""
        return {_name(account): account for account in self._values("investmentaccounts")}

    def blocks(self) -> dict[str, Any]:
        """Every block, by its code."""
        return {block["id"]["code"]: block for block in self._values("blocks")}

    def orders(self) -> dict[str, Any]:
        """Every order, by its code."""
        return {order["id"]["code"]: order for order in self._values("orders")}

    def _values(self, path: str) -> list[Any]:
        found = json.loads(get(self.sandbox, path).text, parse_float=str)
        values: list[Any] = found["values"]
        return values


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """A desk whose sandbox holds nothing."""
    with Sandbox() as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        yield Desk(sandbox, folder)


def _name(entity: Mapping[str, Any]) -> str:
    first = next(iter(entity["identifiers"].values()))
    name: str = first["value"]["labelValue"] if isinstance(first, dict) else first
    return name
