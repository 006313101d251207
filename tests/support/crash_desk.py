"""One load that a test may kill at any operation on a file, as often as it likes, and how it ends undisturbed."""

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from builders import investor, order
from keeping_lusid import Keeping
from killable import Killable
from run_checks import AGAIN, check_folder, check_journal, failures, outcomes
from scripted_lusid import Call, Reply, ScriptedLusid

FINISHED = 3
"""How a load with rows that were refused ends."""

ROWS = {
    "investor-records": [
        *(investor(n) for n in range(5)),
        investor(5, {"display_name": "Refused"}),
        investor(6, {"display_name": ""}),
        investor(2),
        investor(8),
    ],
    "orders": [
        *(order(n, n) for n in range(4)),
        order(5, 5, {"quantity": "666"}),
        order(6, 6),
        order(7, 7, {"side": ""}),
    ],
}


@dataclass(frozen=True)
class Ended:
    """What a finished run says, without what may differ from one run to the next: calls, request ids, reading back."""

    rows: Any
    keys: Any
    outcomes: list[tuple[Any, ...]]
    failures: list[dict[str, str]]
    held: dict[str, Any]


class Leisurely(Keeping):
    """Takes its time, so that calls are in flight together."""

    def __call__(self, call: Call) -> Reply:
        time.sleep(0.005)
        return super().__call__(call)


@dataclass
class Desk:
    """One load into a LUSID that keeps and records, as often as it is asked for, each time in a folder of its own.

    Attributes:
        options: of the load.
        keeps: the kind of LUSID.
    """

    server: Killable
    folder: Path
    operation: str
    lusid: ScriptedLusid
    options: dict[str, Any] = field(default_factory=lambda: {"batch_size": 3, "concurrency": 1})
    keeps: type[Keeping] = Keeping

    @property
    def keeping(self) -> Keeping:
        assert isinstance(self.lusid.rule, Keeping)
        return self.lusid.rule

    def load(self, name: str, **failpoint: Any) -> int:
        """Loads into an empty LUSID; gives how the process ended."""
        self.lusid.rule = self.keeps()
        (self.folder / name).mkdir()
        path = self.folder / "extract.csv"
        given = {"operation": self.operation, "extract": str(path), "target": self.lusid.url, **self.options}
        return self._run(name, {"load": given}, failpoint)

    def resume(self, name: str, **failpoint: Any) -> int:
        """Goes on with the newest run in another process; gives how that ended."""
        return self._run(name, {"resume": {"name": "latest"}}, failpoint)

    def replay(self, name: str, run: str, corrected: Path, **failpoint: Any) -> int:
        """Sends again what a run did not get in; gives how the process ended."""
        return self._run(name, {"replay": {"name": run, "corrected": str(corrected)}}, failpoint)

    def _run(self, name: str, job: dict[str, dict[str, Any]], failpoint: dict[str, Any]) -> int:
        runs = self.folder / name
        for given in job.values():
            given["runs"] = str(runs)
        armed = {"failpoint": {"folder": str(runs), **failpoint}} if failpoint else {}
        return self.server.run({"token": "t", "log": self.folder / "log.txt", **job, **armed})

    def run_folder(self, name: str) -> Path | None:
        """Where the newest run is; None where it died before it was one."""
        found = {
            path: json.loads(path.read_bytes())["started"] for path in (self.folder / name).glob("*/manifest.json")
        }
        return max(found, key=found.__getitem__).parent if found else None

    def ended(self, name: str) -> Ended:
        """What the finished run says."""
        folder = self.run_folder(name)
        assert folder is not None
        manifest = json.loads((folder / "manifest.json").read_bytes())
        lines = sorted((x["source"], x["rows"], x["key"], x["state"], *_reason(x)) for x in outcomes(folder))
        told = [{k: v for k, v in line.items() if k != "_request_id"} for line in failures(folder)]
        check_folder(folder)
        check_journal(folder)
        return Ended(manifest["rows"], manifest["keys"], lines, told, self.keeping.held)

    @cached_property
    def undisturbed(self) -> Ended:
        """How the load ends that nothing happens to."""
        assert self.load("undisturbed", die_at=0, told=str(self.folder / "points.txt")) == FINISHED
        return self.ended("undisturbed")

    @cached_property
    def points(self) -> list[str]:
        """Every operation on a file of the run, as `fsync journal.jsonl`."""
        assert self.undisturbed.rows["read"] == len(ROWS[self.operation])
        return (self.folder / "points.txt").read_text().splitlines()


def _reason(line: dict[str, Any]) -> tuple[str, str, str]:
    if line["code"] == "ReadBack":
        return "", "", ""
    return line["code"] or "", line["message"] or "", line["lusid_id"] or ""


def settled_keys(folder: Path, keys: list[str]) -> set[str]:
    """The keys that whole lines of a journal say are settled, for good."""
    found: set[str] = set()
    for line in (folder / "journal.jsonl").read_bytes().splitlines(keepends=True):
        record = json.loads(line) if line.endswith(b"\n") else {}
        found |= {keys[r] for first, count in record.get("accepted", ()) for r in range(first, first + count)}
        found |= {keys[r] for r, state, *_ in record.get("settled", ()) if state not in AGAIN}
    return found


def request_keys(desk: Desk) -> list[str]:
    """The key of each request by its number: those of the rows that were sent, in reading order."""
    lines = sorted(desk.undisturbed.outcomes, key=lambda line: line[1])
    return [key for _, _, key, state, *_ in lines if state not in ("invalid", "duplicate")]
