"""A sandbox whose data is in a file, to load into, to read back, and to change behind its back."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from builders import Row, write_csv

from connectors.sandbox.server import Sandbox
from pipelines.compare.plan import PlanReport, plan
from pipelines.compare.preflight.preflight import Preflight, preflight
from pipelines.compare.verify import Verification, verify
from pipelines.load import load
from pipelines.loading.spec import LoadSpec
from pipelines.report.report import Report


class Desk:
    """A sandbox whose data is in a file, and a folder to load from."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        self.runs = folder / "runs"

    def load(self, operation: str, rows: list[Row] | Path, **options: Any) -> Report:
        """Loads rows, as a file of their own."""
        path = rows if isinstance(rows, Path) else write_csv(self.folder / f"{operation}.csv", rows)
        return load(operation, path, runs=self.runs, **{"target": self.sandbox.url, "patience": 1, **options})

    def plan(self, operation: str, rows: list[Row], **options: Any) -> PlanReport:
        """Plans the load of rows, as a file of their own."""
        path = write_csv(self.folder / f"{operation}.csv", rows)
        return plan(operation, path, runs=self.runs, **{"target": self.sandbox.url, "patience": 1, **options})

    def preflight(self, operation: str, rows: list[Row], definitions: Path | None = None) -> Preflight:
        """Asks for what rows refer to."""
        path = write_csv(self.folder / f"{operation}.csv", rows)
        return preflight([LoadSpec.of(operation, path, target=self.sandbox.url)], definitions=definitions)

    def documents(self, kind: str) -> dict[int, Any]:
        """What the sandbox holds of a kind, by sequence."""
        database = sqlite3.connect(self.folder / "kept.db")
        rows = database.execute("SELECT sequence, document FROM entity WHERE kind = ?", (kind,)).fetchall()
        database.close()
        return {number: json.loads(document) for number, document in rows}

    def verify(self, report: Report, sample: str | None = None) -> Verification:
        """Reads a run back."""
        return verify(report.run_id, runs=self.runs, sample=sample)

    def change(self, kind: str, code: str, change: Callable[[Any], None]) -> None:
        """Changes what the sandbox holds of an entity, behind its back."""
        with self._database(kind, code) as (database, sequence, document):
            change(document)
            database.execute(
                "UPDATE entity SET document = ? WHERE sequence = ?", (json.dumps(document).encode(), sequence)
            )

    def remove(self, kind: str, code: str) -> None:
        """Removes an entity from the sandbox, behind its back."""
        with self._database(kind, code) as (database, sequence, _):
            database.execute("DELETE FROM entity WHERE sequence = ?", (sequence,))
            database.execute("DELETE FROM identifier WHERE sequence = ?", (sequence,))

    @contextmanager
    def _database(self, kind: str, code: str) -> Iterator[tuple[sqlite3.Connection, int, Any]]:
        database = sqlite3.connect(self.folder / "kept.db")
        held = self.documents(kind).items()
        ((sequence, document),) = [each for each in held if code in json.dumps(each[1].get("id", each[1]))]
        with database:
            yield database, sequence, document
        database.close()


@contextmanager
def desk(folder: Path, dialect: str = "2.1", known: Mapping[str, Any] | None = None) -> Iterator[Desk]:
    """A desk whose sandbox holds nothing but this reference data; None for all that is asked for."""
    if known is not None:
        (folder / "known.json").write_text(json.dumps(known))
    file = None if known is None else str(folder / "known.json")
    with (
        Sandbox(database=folder / "kept.db", dialect=dialect, known=file) as sandbox,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("FBN_ACCESS_TOKEN", sandbox.access_token)
        yield Desk(sandbox, folder)
