"""What a load may be told, and what it tells whoever watches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pandas as pd

from connectors.targets import Target
from pipelines.budget import Budget
from schemas.dialects import Dialect
from schemas.expectations import Expectations
from schemas.states import Duplicates, Mode

PATIENCE_SECONDS = 300.0
"""Longer than a restart, a deployment or a network's bad minute; an outage beyond it is for the morning."""

Extracts = str | Path | Sequence[str | Path] | pd.DataFrame


@dataclass(frozen=True)
class Options:
    """What a load may be told; the command line's flags of the same names.

    Attributes:
        target: base URL of a LUSID, `sandbox`, `sandbox:FILE`, None for what the environment says, or an open one
            that outlives the load.
        encoding, delimiter: of CSV; win over the mapping's, which are UTF-8 and a comma by default.
        batch_size: requests in one call, at most; max_batch_bytes: bytes in one call, at most.
        concurrency: calls in flight.
        patience: seconds for which a call is tried on while LUSID is away or turns it away; of a target that is
            open already, its own.
        dry_run: stop before anything is sent.
        max_failures: rows that may fail, `50` or `2.5%`, before the run stops.
        once: refuse an extract that a run has already finished.
        expect: what must be true of the whole extract; wins over the mapping's.
        followed: loads that depend on this one follow: its report then names the references that failed.
        hold: references (`InvestorRecord/Scope/Code=value`) that failed tonight, to what is said of them.
    """

    mode: Mode = Mode.PARTIAL
    mapping: Path | None = None
    target: str | Target | None = None
    dialect: Dialect = Dialect.V2_1
    encoding: str | None = None
    delimiter: str | None = None
    runs: Path = Path("runs")
    batch_size: int = 1000
    max_batch_bytes: int = 8 << 20
    concurrency: int = 4
    patience: float = PATIENCE_SECONDS
    duplicates: Duplicates = Duplicates.REFUSE
    dry_run: bool = False
    max_failures: Budget | None = None
    expect: Expectations = field(default_factory=Expectations)
    once: bool = False
    followed: bool = False
    hold: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, **changes: Any) -> Self:
        """Options from plain values: `Options.of(mode="Atomic", runs="/data/runs")`."""
        kinds: dict[str, Callable[[Any], Any]] = {
            "mode": Mode,
            "dialect": Dialect,
            "duplicates": Duplicates,
            "max_failures": lambda text: text if isinstance(text, Budget) else Budget.parse(str(text)),
            "expect": Expectations.model_validate,
            "runs": Path,
            "mapping": Path,
        }
        given: dict[str, Any] = {n: v for n, v in changes.items() if v is not None}
        return cls(**{n: kinds[n](v) if n in kinds else v for n, v in given.items()})


class Progress:
    """What a load tells whoever watches. This one keeps silent; a terminal's overrides it."""

    def note(self, text: str) -> None:
        """Something the user should know, once."""

    def reading(self, rows: int) -> None:
        """Rows read and validated so far."""

    def sending(self, settled: int, total: int) -> None:
        """Requests settled so far, of how many."""
