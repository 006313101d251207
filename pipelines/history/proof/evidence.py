"""What of a run proves how it ended: its files by their hashes, its rows counted anew, its journal, what LUSID held."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from connectors.extracts.mapping_file import file_sha256
from connectors.run_folder.folder import RunFolder
from connectors.run_folder.journal import is_in_use
from connectors.run_folder.journal_lines import journal_lines
from connectors.run_folder.results import failure_lines
from pipelines.history.catalog import find_run
from pipelines.history.forgetting.person import FORGOTTEN
from pipelines.history.nights.records import find_night
from pipelines.report.summary import Summary
from schemas.errors import ConfigError, RunFolderError
from schemas.states import STATES, good_in


def runs_named(runs: Path, name: str) -> list[RunFolder]:
    """The run of a name, or the runs of the night of that name, in the order of its loads.

    Raises:
        ConfigError: there is neither, or a run of the night is not there any more.
    """
    try:
        return [find_run(runs, name)]
    except ConfigError as error:
        try:
            night = find_night(runs, name)
        except ConfigError:
            raise ConfigError(f"{error.message}; nor is there one night of this name") from None
    return [find_run(runs, load.run_id) for load in night.record.loads]


def closed_run(folder: RunFolder) -> Summary:
    """A run whose books are closed and that no process is working on.

    Raises:
        ConfigError: they are not, or one is; or the manifest is damaged.
    """
    if is_in_use(folder.journal):
        raise ConfigError(f"a process is working on run {folder.run_id}: wait until it has ended")
    return Summary.of(folder, folder.read_manifest())


def files_of(folder: RunFolder) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of every file of a run, by name.

    Raises:
        ConfigError: one cannot be read.
    """
    found = []
    for path in sorted(folder.path.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".part":
            with _readable(path):
                name = path.relative_to(folder.path).as_posix()
                found.append({"name": name, "bytes": path.stat().st_size, "sha256": file_sha256(path)})
    return found


def counted_again(run: Summary) -> dict[str, Any]:
    """Whether the manifest, outcomes.parquet and failures.csv say the same of the rows, each counted by itself.

    Raises:
        ConfigError: a file is missing or damaged.
    """
    outcomes: Counter[str] = Counter()
    forgotten = 0
    good = good_in(dry_run=run.dry_run)
    with _readable(run.folder.outcomes), pq.ParquetFile(run.folder.outcomes) as file:
        for batch in file.iter_batches(columns=["rows", "state", "code"]):
            named = {"state": batch["state"].cast("string"), "forgotten": pc.equal(batch["code"], FORGOTTEN)}
            lines = pa.table({**named, "n": pc.list_value_length(batch["rows"])})
            for line in lines.group_by(["state", "forgotten"]).aggregate([("n", "sum")]).to_pylist():
                outcomes[line["state"]] += line["n_sum"]
                forgotten += line["n_sum"] if line["forgotten"] and line["state"] not in good else 0
    with _readable(run.folder.failures):
        failures = sum(1 for _ in failure_lines(run.folder.failures)) - 1
    in_failures = sum(n for state, n in outcomes.items() if state not in good) - forgotten
    in_manifest = {state.value: run.rows[state] for state in STATES}
    agree = in_manifest == {state.value: outcomes[state] for state in STATES}
    return {
        "read": run.rows["read"],
        "in_outcomes": outcomes.total(),
        "by_state": {state.value: outcomes[state] for state in STATES if outcomes[state]},
        "in_failures": failures,
        "forgotten": forgotten,
        "balanced": agree and run.rows["read"] == outcomes.total() and failures == in_failures,
    }


def journal_of(folder: RunFolder) -> dict[str, Any] | None:
    """What the journal holds, and whether every line is as it was written; None of a run without one."""
    if not folder.journal.exists():
        return None
    lines, calls, plan = 0, 0, None
    try:
        for _, record in journal_lines(folder.journal):
            lines += 1
            calls += "sent" in record
            plan = plan or {name: record.get(name) for name in ("plan", "digest", "keys") if "plan" in record}
        intact = True
    except RunFolderError:
        intact = False
    return {"lines": lines, "calls": calls, "intact": intact, "requests": plan or None}


def verified(folder: RunFolder) -> Mapping[str, int] | None:
    """Keys by what LUSID was found to hold of them, as `bulkload verify` found; None where nobody asked.

    Raises:
        ConfigError: verify.parquet is damaged.
    """
    if not folder.verified.exists():
        return None
    with _readable(folder.verified):
        lines = pq.read_table(folder.verified, columns=["key", "result"])
        keys = lines.set_column(1, "result", lines["result"].cast("string")).group_by(["result", "key"]).aggregate([])
        return dict(sorted(Counter(keys["result"].to_pylist()).items()))


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, ValueError):
        raise ConfigError(f"{path} is missing or damaged, so the run cannot be packed") from None
