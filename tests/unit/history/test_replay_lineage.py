"""The state that each row of a run has now, in trees of replays, compared with what a person would work out by hand."""

import random
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import OutcomeFile
from pipelines.history.catalog import past_runs
from pipelines.history.replays.lineage import ask_lineage
from pipelines.history.resolution import Resolution, resolutions
from pipelines.history.run_tables import run_tables
from schemas.states import GOOD, STATES, State

SOURCES = ("it's *the* [1].csv", "ü/two?.csv")
BAD = [state.value for state in STATES if state not in GOOD]
UNFINISHED = "unfinished"


@dataclass
class Made:
    """A run that was made for a test: its rows, and the replays of it."""

    folder: RunFolder
    states: list[str]
    places: list[tuple[str, int]]
    takes: list[int] = field(default_factory=list)
    started: str = ""
    verdict: str = "rejects"
    begun: bool = True
    replays: list["Made"] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.verdict == "rejects"

    def write(self, of: "Made | None" = None) -> None:
        """Its files: outcomes.parquet has several rows a line, in no order."""
        self.folder.path.mkdir(parents=True)
        file = {"name": "x.csv", "path": "x.csv", "bytes": 1} | ({"sha256": "a"} if self.begun else {})
        replays = {"replays": of.folder.run_id} if of else {}
        rows = {"rows": {"read": len(self.states)}} if self.finished else {}
        manifest = {"started": self.started, "verdict": self.verdict, "extracts": [file], **replays, **rows}
        self.folder.manifest.write_bytes(orjson.dumps(manifest))
        groups: dict[tuple[str, str], list[int]] = {}
        for state, (source, row) in zip(self.states, self.places, strict=True):
            groups.setdefault((source, state), []).append(row)
        lines = sorted(groups.items(), reverse=True)
        with OutcomeFile(self.folder.outcomes) as outcomes:
            untold = ("places", "code", "message", "request", "lusid_id", "request_id", "change")
            columns = {name: [None] * len(lines) for name in untold}
            outcomes.write(
                {
                    **columns,
                    "key": [f"K{n}" for n in range(len(lines))],
                    "source": [source for (source, _), _ in lines],
                    "rows": [rows for _, rows in lines],
                    "state": [state for (_, state), _ in lines],
                }
            )
        if of is not None:
            taken = [of.places[i] for i in self.takes]
            taken_columns = {"source": [source for source, _ in taken], "row": [row for _, row in taken]}
            pq.write_table(pa.table(taken_columns), self.folder.taken)


def by_hand(run: Made, row: int) -> tuple[str, str]:
    """(state, run that says so) of a row, one replay after the other."""
    state, by = run.states[row], run.folder.run_id
    for later in sorted(run.replays, key=lambda r: (r.started, r.folder.run_id)):
        if not later.begun or row not in later.takes:
            continue
        told = by_hand(later, later.takes.index(row)) if later.finished else (UNFINISHED, later.folder.run_id)
        if state not in (*GOOD, UNFINISHED) and told[0] != State.INVALID:
            state, by = told
    return state, by


def grow(run: Made, chance: random.Random, depth: int) -> None:
    """Adds replays of any kind to a run, and to those; clocks are set back now and then."""
    for _ in range(chance.randint(0, 3)):
        number = chance.randrange(10**6)
        takes = chance.sample(range(len(run.states)), chance.randint(1, len(run.states)))
        later = Made(
            RunFolder(run.folder.path.with_name(f"run-{number:06d}")),
            [chance.choice([*BAD, *STATES]) for _ in takes],
            [(f"failures '{number}'.csv", n + 1) for n in range(len(takes))],
            takes,
            started=f"2026-01-{chance.randint(1, 28):02d}",
            verdict=chance.choice(["rejects", "rejects", "rejects", "stopped", "unfinished", "error"]),
            begun=chance.random() < 0.9,
        )
        if depth and later.finished:
            grow(later, chance, depth - 1)
        run.replays.append(later)
        later.write(run)


@pytest.mark.parametrize("seed", range(25))
def test_the_state_of_each_row_is_what_the_replays_say_one_after_the_other(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    places = [(source, row) for source in SOURCES for row in (1, 2, 5)]
    run = Made(RunFolder(tmp_path / "run"), [chance.choice(BAD) for _ in places], places, started="2026-02-01")
    run.write()
    grow(run, chance, depth=3)
    columns = {"ordinal": range(len(places)), "source": [s for s, _ in places], "row": [r for _, r in places]}
    with run_tables(run.folder) as sql:
        sql.register("replayed", pa.table({**columns, "state": run.states}))
        lineage = ask_lineage(sql, run.folder, past_runs(tmp_path))
        found = sql.execute("SELECT taken_by, state FROM latest ORDER BY ordinal").fetchall()
    for row, (taken_by, state) in enumerate(found):
        expected, by = by_hand(run, row)
        if expected in (*GOOD, UNFINISHED):
            assert lineage[taken_by].run_id == by
            assert lineage[taken_by].finished == (expected != UNFINISHED)
        else:
            assert (taken_by, state) == (None, expected)
    known = past_runs(tmp_path)
    (first,) = (each for each in known if each.run_id == "run")
    ends = [by_hand(run, row)[0] for row in range(len(places))]
    told = Resolution(resolved=sum(end in GOOD for end in ends), pending=ends.count(UNFINISHED))
    assert resolutions(tmp_path, [first], known) == {"run": told}
