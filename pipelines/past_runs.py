"""Saying how each run on disk ended. Reads manifests only: no cell, no secret is in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.run_folder import RunFolder
from pipelines.history import manifests
from schemas.states import GOOD


@dataclass(frozen=True)
class PastRun:
    """One run, from its manifest."""

    folder: RunFolder
    manifest: dict[str, Any]

    @property
    def run_id(self) -> str:
        """The name of its folder."""
        return self.folder.run_id

    @property
    def verdict(self) -> str:
        """How it ended; `unfinished` while it works, or when it was killed."""
        return str(self.manifest.get("verdict", "unfinished"))

    @property
    def told(self) -> str:
        """One line: when it began, how it ended, what became of its rows."""
        when = str(self.manifest.get("started", ""))[:16].replace("T", " ")
        rows = self.manifest.get("rows")
        if not rows:
            return f"{when} UTC  {self.verdict}"
        rest = rows["read"] - sum(rows[state] for state in GOOD)
        return f"{when} UTC  {self.verdict}: {rows['read']:,} read, {rows['accepted']:,} accepted, {rest:,} to correct"

    def as_json(self) -> dict[str, Any]:
        """The run in the document of `bulkload runs --json`."""
        members = ("operation", "mode", "dialect", "target", "started", "finished", "rows")
        found = {name: self.manifest.get(name) for name in members}
        return {"run_id": self.run_id, "run_dir": str(self.folder.path), "verdict": self.verdict, **found}


def past_runs(runs: Path) -> list[PastRun]:
    """The runs in a folder, the newest first; what is no run is passed over."""
    found = (PastRun(folder, manifest) for folder, manifest in manifests(runs))
    return sorted(found, key=lambda r: (str(r.manifest.get("started")), r.run_id), reverse=True)
