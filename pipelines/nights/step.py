"""One load of a night or a trading day: its operation, its extract, and its own options."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from connectors.targets import Target
from pipelines.nights.folder import NightExtract
from pipelines.report.report import Report
from schemas.errors import FatalError

_NONE: Mapping[str, Any] = MappingProxyType({})


class Step(NamedTuple):
    """One load of a night.

    Attributes:
        extract: returns what to load, given the target and the reports so far; None where there is nothing to load.
        given: the extract, where it is known before the night begins.
        settings: options of this load alone; they go before those of the night.
        lacks: why it cannot be loaded, in words that follow on the operation's name; None where it can.
        source: the operation whose load the extract is derived from; None where it is not derived.
    """

    operation: str
    extract: Callable[[Target | None, Sequence[Report]], NightExtract | None]
    given: NightExtract | None = None
    settings: Mapping[str, Any] = _NONE
    lacks: str | None = None
    source: str | None = None

    @classmethod
    def of(cls, extract: NightExtract, settings: Mapping[str, Any] = _NONE) -> "Step":
        """The step that loads an extract of the folder, with options of its own."""
        return cls(extract.operation, lambda _target, _reports: extract, extract, settings)

    @classmethod
    def lacking(cls, operation: str, why: str) -> "Step":
        """The step of an extract that is not there."""
        return cls(operation, lambda _target, _reports: None, lacks=why)


class Missing(NamedTuple):
    """An extract that a night lacks.

    Attributes:
        why: that it has not come, is stale, or is not whole, in words that follow on the operation's name.
        holds: loads that were not carried out because they need it.
        outside: the same as `why` for people who may not see persons, where that may quote a row; else empty.
    """

    operation: str
    why: str
    holds: tuple[str, ...] = ()
    outside: str = ""

    def __str__(self) -> str:
        return f"{self.operation} {self.why}"

    @property
    def shareable(self) -> str:
        """The same in words that quote no row."""
        return f"{self.operation} {self.outside or self.why}"


class Refused(NamedTuple):
    """A load that was refused before anything of it was sent.

    Attributes:
        error: what is wrong with its extract, header, mapping or options; names the operation and the files.
        holds: loads that were not carried out because they need it.
    """

    operation: str
    error: FatalError
    holds: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.error.message

    @property
    def shareable(self) -> str:
        """The same in words that quote no row."""
        return self.error.shareable
