"""Accepted keys to which LUSID gave one id: they are one entity, and the later key changed the earlier one's."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

EXAMPLES = 3
"""Ids that are named; the rest are counted."""

_COLUMNS = ["lusid_id", "key", "source", "rows"]


def shared_ids(outcomes: Path) -> list[str]:
    """The alert that keys have one LUSID id; none where each has its own.

    Args:
        outcomes: outcomes.parquet of the run, whole.
    """
    with pq.ParquetFile(outcomes) as file:
        repeated = _repeated(file)
        if not len(repeated):
            return []
        keys: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for batch in file.iter_batches(columns=_COLUMNS):
            wanted = np.flatnonzero(np.isin(_hashes(batch.column("lusid_id").to_pylist()), repeated))
            for line in batch.take(wanted).to_pylist():
                keys[line["lusid_id"]].setdefault(line["key"], f"{line['source']} row {line['rows'][0]}")
    shared = {lusid_id: places for lusid_id, places in keys.items() if len(places) > 1 and lusid_id is not None}
    return [_text(shared)] if shared else []


def _repeated(file: pq.ParquetFile) -> npt.NDArray[np.int64]:
    """Hashes of the ids that stand in several lines."""
    found = [_hashes([*filter(None, b.column(0).to_pylist())]) for b in file.iter_batches(columns=["lusid_id"])]
    hashes = np.sort(np.concatenate([np.empty(0, np.int64), *found]))
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def _hashes(ids: list[str | None]) -> npt.NDArray[np.int64]:
    return np.fromiter(map(hash, ids), np.int64, len(ids))


def _text(shared: dict[str, dict[str, str]]) -> str:
    count = sum(map(len, shared.values()))
    more = f" and {len(shared) - EXAMPLES:,} more" if len(shared) > EXAMPLES else ""
    return (
        f"{count:,} keys accepted, SharedLusidId: LUSID gave several of them one id, so that the later one changed the "
        f"entity of the earlier one: {'; '.join(_examples(shared))}{more} (see outcomes.parquet)"
    )


def _examples(shared: dict[str, dict[str, str]]) -> Iterator[str]:
    for lusid_id, places in [*shared.items()][:EXAMPLES]:
        first = [f"{key} ({place})" for key, place in [*places.items()][:EXAMPLES]]
        yield f"{' and '.join(first)} are {lusid_id}"
