"""night.json: what a night was, as it stands beside the night's page. No secrets, no cells."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.nights.owners import Owners
from schemas.states import Verdict
from schemas.verdicts import Colour

FORMAT: Final = 1
"""Raised when a member changes its meaning. New members do not raise it."""

Whole = Annotated[int, Field(strict=True, ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class NightLoad(_Part):
    """One load of a night, as its run ended; the run's own manifest says the rest.

    Attributes:
        rows: extract rows, `read` and by state.
        reasons: rows that were not accepted by `state: code`.
        requests: calls made; retries: attempts beyond the first of each.
    """

    run_id: str
    operation: str
    verdict: Verdict
    colour: Colour
    rows: Mapping[str, Whole]
    reasons: Mapping[str, Whole] = Field(default_factory=dict)
    requests: Whole = 0
    retries: Whole = 0
    seconds: float = 0.0


class MissingExtract(_Part):
    """An extract that the night lacked.

    Attributes:
        why: in words that follow on the operation's name.
        holds: loads that were not carried out because they need it.
    """

    operation: str
    why: str
    holds: tuple[str, ...] = ()


class RefusedLoad(_Part):
    """A load that was refused before anything of it was sent.

    Attributes:
        why: what is wrong, with the operation and its files.
        holds: loads that were not carried out because they need it.
    """

    operation: str
    why: str
    holds: tuple[str, ...] = ()


class NightRecord(_Part):
    """A night that ended.

    Attributes:
        kind: `night` or `trading-day`.
        name: what the nights of its folder are called on every date.
        date: its business date.
        target: a LUSID's base URL, `sandbox` or `sandbox:FILE`; None of a dry run.
        started, finished: as manifests write moments.
        loads: those that ended, in order.
        held: loads that were not carried out, because they need one that is missing, was refused or stopped.
        error: what ended it where a load has no report.
        command: what continues it, as it was typed; empty where that is not known.
        owners: who must act, as its night.yaml names them.
    """

    format: int = FORMAT
    kind: str = "night"
    name: str
    date: str
    folder: str
    target: str | None
    started: str
    finished: str
    verdict: Verdict
    colour: Colour
    exit_code: int
    headline: str
    loads: tuple[NightLoad, ...] = ()
    missing: tuple[MissingExtract, ...] = ()
    refused: tuple[RefusedLoad, ...] = ()
    held: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: str | None = None
    command: str = ""
    owners: Owners = Owners()

    def as_json(self) -> dict[str, Any]:
        """What is written."""
        return self.model_dump(mode="json")
