"""Run folders that version 0.1.0 wrote before the manifest was a model, as they stand in `tests/samples/runs/`.

Owns: making a copy that a test may change, with the paths of its own place. In the samples the runs stood in
`/nightly`, the extracts in `/nightly/extracts`, and LUSID was at acme.lusid.com.
"""

import shutil
from pathlib import Path
from typing import Any

import orjson

SAMPLES = Path(__file__).parents[1] / "samples" / "runs"
STOPPED = "20261129T123238Z-investor-records-71a2"
"""Six records in calls of two, under a mapping; LUSID took the first call and locked us out at the second."""

STOPPED_ORDERS = "20261129T123238Z-orders-386e"
"""Four blocks in calls of two; LUSID took the first call and locked us out at the second."""

FINISHED = "20261129T123238Z-investor-records-0e99"
"""Five records: two were accepted, LUSID refused IR_0000 and IR_0001, and row 4 is invalid."""

REPLAY = "20261129T123238Z-investor-records-93ea"
"""Replays FINISHED as it was: IR_0000 was accepted, IR_0001 refused again, the third row is still invalid."""

ALL = (STOPPED, STOPPED_ORDERS, FINISHED, REPLAY)


def written(run_id: str) -> bytes:
    """A manifest, byte for byte as that version wrote it."""
    return (SAMPLES / run_id / "manifest.json").read_bytes()


def old_runs(place: Path, **changes: Any) -> Path:
    """A copy of the runs and their extracts; gives the folder they stand in.

    Args:
        place: where to.
        changes: members that each manifest has in place of its own.
    """
    runs = place / "runs"
    shutil.copytree(SAMPLES, runs)
    for path in runs.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    for path in runs.glob("*/manifest.json"):
        text = path.read_text("utf-8").replace('"/nightly/', f'"{runs}/')
        path.write_bytes(orjson.dumps(orjson.loads(text) | changes))
    return runs


def moved(runs: Path, target: str) -> None:
    """Makes a server of the test the LUSID that the runs were loaded into."""
    for path in runs.glob("*/manifest.json"):
        path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | {"target": target}))
