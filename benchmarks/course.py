"""What contenders run on: extracts, a server that only answers, and a process of its own for each run."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from memory import Peak, run_watched  # type: ignore[import-not-found]  # a script beside this one

HERE = Path(__file__).parent
MOST_SECONDS = 3_600
"""Until one contender is given up."""


class Load(NamedTuple):
    """One of our loads.

    Attributes:
        what: in words.
        operation: what it is loaded with.
        file: of the extract.
        workers: processes that prepare rows.
        options: further options of `load`.
        before: what is loaded first, unmeasured, into the same folder of runs; none where it is empty.
    """

    what: str
    operation: str
    file: str
    workers: int
    options: Mapping[str, Any] = MappingProxyType({})
    before: str = ""
    options_before: Mapping[str, Any] = MappingProxyType({})

    @property
    def name(self) -> str:
        """What the table calls it."""
        form = "Parquet" if self.file.endswith("parquet") else "CSV"
        return f"{self.what}, {form}, {self.workers} worker{'s' if self.workers > 1 else ''}"

    @property
    def is_on_dask(self) -> bool:
        """Whether it runs on a Dask cluster, of so many workers, which it starts."""
        return self.options.get("engine") == "dask"


@dataclass(frozen=True)
class Measured:
    """One contender's runs.

    Attributes:
        rates: rows per second of each run.
        cpu: seconds of processor time for a million rows, start-up and all processes included; the median.
        peak: the memory of all processes; the largest figures of any run.
        workers: processes that prepare rows; 0 where the load's own does.
        stages: our load's, in seconds; medians.
    """

    name: str
    rows: int
    rates: Sequence[float]
    cpu: float
    peak: Peak
    workers: int = 0
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Rows per second, the median of the runs."""
        return median(self.rates)


class Course:
    """A folder with extracts, and a server."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self._found: dict[str, list[dict[str, Any]]] = {}

    def extracts(self, rows: int) -> Path:
        """The folder of generated extracts of so many rows each."""
        made = self.folder / f"extracts-{rows}"
        if not made.exists():
            _run([sys.executable, HERE / "make_extract.py", made, rows])
        return made

    def script(self, name: str, script: str, extract: Path, python: str | Path = sys.executable) -> None:
        """Runs a script of this folder once, which is given the server and the extract."""
        self._measure(name, [python, HERE / script, self.url, extract])

    def load(self, load: Load, extracts: Path) -> None:
        """Runs one of our loads once, in a folder of runs that is thrown away."""
        with tempfile.TemporaryDirectory(dir=self.folder) as runs:
            given = {"target": self.url, "runs": runs, "workers": load.workers}
            if load.before:
                _run(_whole_load(load, extracts / load.before, {**given, **load.options_before}))
            apart = load.workers if load.workers > 1 or load.is_on_dask else 0
            self._measure(load.name, _whole_load(load, extracts / load.file, {**given, **load.options}), apart)

    def dry_run(self, load: Load, extracts: Path) -> None:
        """Runs the command of one of our loads once, without sending anything."""
        with tempfile.TemporaryDirectory(dir=self.folder) as runs:
            command = [sys.executable, HERE / "dry_run.py", load.operation, extracts / load.file, runs, load.workers]
            self._measure(dry(load.name), command)

    def results(self) -> list[Measured]:
        """Every contender's runs so far, in the order in which they first ran."""
        return [_measured(name, runs) for name, runs in self._found.items()]

    def _measure(self, name: str, command: Sequence[object], workers: int = 0) -> None:
        before = _cpu_of_children()
        said, peak = run_watched([str(word) for word in command], _environment(), MOST_SECONDS)
        found = json.loads(said)
        found |= {"cpu": 1e6 * (_cpu_of_children() - before) / found["rows"], "peak": peak, "workers": workers}
        self._found.setdefault(name, []).append(found)
        print(f"  {name}: {found['rows']:,} rows, {found['rows'] / found['seconds']:,.0f} rows/s", flush=True)


def dry(name: str) -> str:
    """What the table calls a dry run of a load."""
    return f"{name}, dry run"


def _whole_load(load: Load, file: Path, options: dict[str, Any]) -> list[object]:
    return [sys.executable, HERE / "whole_load.py", load.operation, file, json.dumps(options)]


def _measured(name: str, runs: list[dict[str, Any]]) -> Measured:
    first = runs[0]
    return Measured(
        name,
        first["rows"],
        [run["rows"] / run["seconds"] for run in runs],
        median(run["cpu"] for run in runs),
        Peak(*map(max, zip(*(run["peak"] for run in runs), strict=True))),
        first["workers"],
        {stage: median(run["stages"][stage] for run in runs) for stage in first.get("stages", ())},
    )


def _cpu_of_children() -> float:
    """Seconds of processor time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def course(delay: float) -> Iterator[Course]:
    """A server in a process of its own, and a folder; both are gone afterwards.

    Args:
        delay: seconds that an answer of the server takes.
    """
    with tempfile.TemporaryDirectory(prefix="bulkload-bench-") as folder:
        command = [sys.executable, str(HERE / "answer_server.py"), str(delay)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None  # noqa: S101  # it is piped
                yield Course(Path(folder), server.stdout.readline().strip())
            finally:
                server.terminate()


def _environment() -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FBN_") and not k.lower().endswith("_proxy")}
    return {**environment, "FBN_ACCESS_TOKEN": "benchmark"}


def _run(command: Sequence[object]) -> None:
    words = [str(word) for word in command]
    subprocess.run(words, env=_environment(), stdout=subprocess.DEVNULL, timeout=MOST_SECONDS, check=True)
