"""What a corrected failures.csv may hold: rows that its run did not get in, with their own keys and in whole requests.

Owns the comparison of the file with the run's outcomes.parquet, which is read piece by piece.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.run_folder.folder import RunFolder
from connectors.run_folder.results import outcome_rows
from pipelines.history.replay_lineage import TAKEN, UNFINISHED, Places, Successors, place_numbers, places_of, readable
from pipelines.history.replay_rows import Replayed
from pipelines.operations.operation import Operation
from pipelines.prepare.reading import Prepared
from schemas.errors import ConfigError
from schemas.states import GOOD, STATES, State

_NAMED = 3
_PIECE = 100_000


def check_belong(rows: pd.DataFrame, path: Path, folder: RunFolder, operation: Operation) -> Replayed:
    """Compares a corrected file with the run that it comes from, and with what later runs took up of it.

    Args:
        rows: what the file says of each of its rows (`pipelines.history.replay_rows.failure_rows`).
        path: the file, for messages.
        folder: the run.
        operation: what the run loaded.

    Raises:
        ConfigError: the run is not finished; a row is not among its failures, stands there twice, or was taken up by an
            earlier replay; or a request lacks rows that it had.
    """
    codes, names = pd.factorize(rows["_source"])
    given, files = place_numbers(codes, rows["_row"].to_numpy()), pa.array(names, pa.string())
    wanted, first = np.unique(given, return_index=True)
    met = pa.concat_tables(piece.filter(np.isin(places_of(piece, files), wanted)) for piece in _failures(folder))
    there = places_of(met, files)
    strangers = np.flatnonzero(~np.isin(given, there))
    if len(strangers):
        told = _few([f"row {i + 1}" for i in strangers[: _NAMED + 1].tolist()])
        raise ConfigError(f"{path}: {told}: not among the failures of {folder.run_id}; load it as an extract instead")
    again = np.setdiff1d(np.arange(len(given)), first)
    if len(again):
        told = _few([f"row {i + 1}" for i in again[: _NAMED + 1].tolist()])
        raise ConfigError(f"{path}: {told}: stands there already, as the same row of {folder.run_id}; take it out")
    if operation.grouped:
        keys = set(filter(None, met["key"].to_pylist()))
        _check_whole(folder, files, wanted, keys, (path, operation.entity))
    order = np.argsort(there)
    found = _before(folder, met.take(order[np.searchsorted(there[order], given)]))
    return Replayed(folder, found.set_column(2, "state", _states_now(folder, found, path)))


def _before(folder: RunFolder, rows: pa.Table) -> pa.Table:
    """The rows, with the state and key they had before a run that was a replay itself, where they were invalid in it.

    What was unknown is unknown still: a slip in correcting it settles nothing.
    """
    if not folder.taken.exists():
        return rows
    with readable(folder.taken):
        before = pq.read_table(folder.taken).take(pc.subtract(rows["row"], 1))
    doubted = pc.and_(pc.equal(rows["state"], State.INVALID.value), pc.not_equal(before["state"], State.INVALID.value))
    for name in ("state", "key"):
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, name, pc.if_else(doubted, before[name], rows[name]))
    return rows


def _states_now(folder: RunFolder, rows: pa.Table, path: Path) -> pa.Array:
    """The state of each row by the last run that took it up.

    Raises:
        ConfigError: a row is in by now, or in the hands of a run that is not finished.
    """
    found = Successors(folder).states(rows)
    for i in np.flatnonzero(np.isin(found.codes, TAKEN))[:1].tolist():
        later = found.runs[found.by[i]]
        if found.codes[i] == UNFINISHED:
            raise ConfigError(
                f"{path}: row {i + 1}: {later} has taken it up and is not finished: `bulkload resume {later}` first"
            )
        raise ConfigError(f"{path}: row {i + 1}: is in already, by {later}; take it out")
    return pa.array([STATES[code].value for code in found.codes.tolist()])


def check_keys(replayed: Replayed, prepared: Prepared, *, whole: bool) -> None:
    """Makes sure that each row still makes its own key; one that was invalid, and so never sent, may mend it.

    Args:
        whole: several rows may make one request: a row without a key would let the others go without it.

    Raises:
        ConfigError: a row that was sent has another key now, one has the key of another row of its run, or none and
            was part of a request; or the file has more rows, or fewer, than were compared, and none would be matched
            with its own.
    """
    mended: dict[str, int] = {}
    for row, was, now, state in _changed(replayed, prepared):
        if now and state != State.INVALID:
            raise _other_key(row, f"it was {was} and is {now}")
        if was and not now and whole:
            raise _other_key(row, f"it was {was} and is empty")
        if now:
            mended.setdefault(now, row)
    for keys in _keys(replayed.run) if mended else ():
        taken = keys.filter(pc.is_in(keys, value_set=pa.array(list(mended), pa.string()))).to_pylist()
        if taken:
            raise _other_key(mended[taken[0]], f"{taken[0]} is another row's of {replayed.run_id}")


def _changed(replayed: Replayed, prepared: Prepared) -> Iterator[tuple[int, str | None, str, str]]:
    """(row, key it had, key it has, state it had) of the rows whose keys differ, row by row of both."""
    if len(prepared.book) != len(replayed.rows):
        raise ConfigError(
            f"the file reads as {len(prepared.book)} rows, and only {len(replayed.rows)} of {replayed.run_id} were "
            "found in it: is a line of white space, or a line end of another kind, among them?"
        )
    for first in range(0, len(replayed.rows), _PIECE):
        piece = replayed.rows.slice(first, _PIECE)
        was, states = piece["key"].to_pylist(), piece["state"]
        for i, key in enumerate(prepared.keys.split(first, len(piece))):
            now = key.decode()
            if now != (was[i] or ""):
                yield first + i, was[i], now, states[i].as_py()


def _other_key(row: int, why: str) -> ConfigError:
    return ConfigError(f"row {row + 1}: its key is not its own: {why}; load it as an extract instead")


def _check_whole(folder: RunFolder, files: pa.Array, wanted: Places, keys: set[str], told: tuple[Path, str]) -> None:
    """A request goes whole or not at all: without some of its rows it would say something else."""
    of_keys, lacking = pa.array(sorted(keys), pa.string()), []
    for piece in _failures(folder):
        missing = pc.is_in(piece["key"], value_set=of_keys).to_numpy() & ~np.isin(places_of(piece, files), wanted)
        first = piece.take(np.flatnonzero(missing)[: _NAMED + 1]).to_pylist()
        lacking += [f"{row['source']} row {row['row']} of {row['key']}" for row in first]
    if lacking:
        path, entity = told
        raise ConfigError(
            f"{path} lacks {_few(lacking)}: all rows of one {entity} are sent or none; put back what was taken out, or "
            "load the file with `bulkload load` if that was meant"
        )


def _failures(folder: RunFolder) -> Iterator[pa.Table]:
    """`source`, `row`, `state` and `key` of the rows that a run did not get in, piece by piece."""
    if not folder.outcomes.exists():
        raise ConfigError(f"{folder.path} has no outcomes.parquet: finish it first, with `bulkload resume`")
    with readable(folder.outcomes), pq.ParquetFile(folder.outcomes) as outcomes:
        yield from outcome_rows(outcomes, "key", left_out=GOOD)


def _keys(folder: RunFolder) -> Iterator[pa.Array]:
    """Every key of a run; none once it is purged: what goes on then was compared with it when it began."""
    if not folder.outcomes.exists():
        return
    with readable(folder.outcomes), pq.ParquetFile(folder.outcomes) as outcomes:
        for batch in outcomes.iter_batches(columns=["key"]):
            yield batch["key"]


def _few(texts: list[str]) -> str:
    return ", ".join(texts[:_NAMED]) + (" and more" if len(texts) > _NAMED else "")
