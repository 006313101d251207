"""What a load may be told, and what it tells whoever watches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from operator import index
from pathlib import Path
from typing import Any, Self

import pandas as pd
from pydantic import ValidationError

from connectors.targets import Target
from schemas import settings
from schemas.budget import FailureBudget
from schemas.dialects import Dialect
from schemas.errors import ConfigError
from schemas.expectations import Expectations
from schemas.settings import LEAST, MOST_IN_FLIGHT
from schemas.states import Duplicates, Mode
from schemas.suggestions import did_you_mean

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

    mode: Mode = settings.MODE
    mapping: Path | None = None
    target: str | Target | None = None
    dialect: Dialect = settings.DIALECT
    encoding: str | None = None
    delimiter: str | None = None
    runs: Path = settings.RUNS
    batch_size: int = settings.BATCH_SIZE
    max_batch_bytes: int = settings.MAX_BATCH_BYTES
    concurrency: int = settings.CONCURRENCY
    patience: float = settings.PATIENCE_SECONDS
    duplicates: Duplicates = settings.DUPLICATES
    dry_run: bool = False
    max_failures: FailureBudget | None = None
    expect: Expectations = field(default_factory=Expectations)
    once: bool = False
    followed: bool = False
    hold: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, **changes: Any) -> Self:
        """Options from plain values: `Options.of(mode="Atomic", runs="/data/runs")`; None is what is not given.

        Raises:
            ConfigError: one line that names the option, what it takes and what it was given.
        """
        return cls(**{name: _checked(name, value) for name, value in changes.items() if value is not None})


def kind_of(value: object) -> str:
    """A value that does not fit, in words."""
    match value:
        case "":
            return "an empty text: is a shell variable unset?"
        case str():
            return f"the text {value[:_SHOWN]!r}"
        case bool() | int() | float():
            return f"{value!r}"
        case _:
            return f"a value of type {type(value).__name__}"


def _checked(name: str, value: object) -> Any:
    """An option's value as `Options` has it."""
    if name not in _TAKES:
        raise ConfigError(f"there is no option {name}{did_you_mean(name, _TAKES)}")
    allowed, read = _TAKES[name]
    try:
        return read(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} takes {allowed}, not {kind_of(value)}") from None


def _word(words: type[StrEnum]) -> tuple[str, Callable[[Any], StrEnum]]:
    *others, last = words
    return f"{', '.join(others)} or {last}", words


def _whole(most: int | None = None) -> tuple[str, Callable[[Any], int]]:
    def read(value: Any) -> int:
        number = index(value)
        if isinstance(value, bool) or number < LEAST or (most is not None and number > most):
            raise ValueError
        return number

    return f"a whole number from {LEAST}{f' to {most}' if most is not None else ' on'}", read


def _is_a(*kinds: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kinds) or value == "":
            raise TypeError
        return value

    return read


def _path(value: Any) -> Path:
    if not value or "\0" in str(value):
        raise ValueError
    return Path(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise ValueError
    return float(value)


def _budget(value: Any) -> FailureBudget:
    return value if isinstance(value, FailureBudget) else FailureBudget.parse(str(value))


def _expectations(value: Any) -> Expectations:
    _is_a(Expectations, Mapping)(value)
    try:
        return Expectations.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        said = "; ".join(": ".join([*map(str, f["loc"]), f["msg"].removeprefix("Value error, ")]) for f in faults)
        raise ConfigError(f"expect: {said}") from None


_SHOWN = 40
"""Characters of a wrong text that are shown."""

_SWITCH = ("True or False", _is_a(bool))
_TAKES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "mode": _word(Mode),
    "mapping": ("the path of a file", _path),
    "target": ("a URL, sandbox or sandbox:FILE", _is_a(str, Target)),
    "dialect": _word(Dialect),
    "encoding": ("a name such as utf-8 or cp1252", _is_a(str)),
    "delimiter": ("one character", _is_a(str)),
    "runs": ("the path of a folder", _path),
    "batch_size": _whole(),
    "max_batch_bytes": _whole(),
    "concurrency": _whole(MOST_IN_FLIGHT),
    "patience": ("seconds, 0 or more", _seconds),
    "duplicates": _word(Duplicates),
    "dry_run": _SWITCH,
    "max_failures": ("a number of rows or a percentage", _budget),
    "expect": ("a map of expectations", _expectations),
    "once": _SWITCH,
    "followed": _SWITCH,
    "hold": ("a map of references", _is_a(Mapping)),
}
"""What each option takes, in words, and what reads it: TypeError or ValueError for what does not fit."""


class Progress:
    """What a load tells whoever watches. This one keeps silent; a terminal's overrides it."""

    def note(self, text: str) -> None:
        """Something the user should know, once."""

    def reading(self, rows: int) -> None:
        """Rows read and validated so far."""

    def sending(self, settled: int, total: int) -> None:
        """Requests settled so far, of how many."""
