"""Who must act on rows that are not in: the team that sends the extract, who sets up LUSID, or who runs the loads.

The table says what a code most often means. A firm that knows better puts its own into night.yaml.
"""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from schemas.states import State


class Party(StrEnum):
    """Who can put something right."""

    SOURCE = "source"
    """The team that sends the extract: a cell is wrong."""
    LUSID = "lusid"
    """Who sets up LUSID: a definition, an instrument, a portfolio or a permission is missing."""
    US = "us"
    """Who runs the loads: a mapping, a setting, or a call that was lost."""


NAMES: Mapping[Party, str] = {Party.SOURCE: "source team", Party.LUSID: "LUSID set-up", Party.US: "us"}

_SET_UP = (
    "PropertyNotDefined",
    "PropertyDefinitionNotFound",
    "PropertyConstraintStyleExcludesProperties",
    "InstrumentNotFoundFailure",
    "InstrumentNotFound",
    "PortfolioNotFoundFailure",
    "PortfolioNotFound",
    "OrderBookNotFound",
    "ScopeNotFound",
    "AccessDenied",
    "InsufficientLicence",
    "InternalServerError",
)
_OURS = (
    "TimeVariantPropertyUpsertDateUnspecified",
    "PerpetualPropertyUpsertDateSpecified",
    "InvalidPropertyLifeTime",
    "MangledIdentifier",
    "ApiRateLimitViolation",
    "PayloadTooLarge",
    "TooLarge",
    "NotCleared",
    "ReadBack",
    "BatchOperationAborted",
    "UnsupportedMediaType",
    "ResourceConflictFailure",
)
BY_CODE: Mapping[str, Party] = {**dict.fromkeys(_SET_UP, Party.LUSID), **dict.fromkeys(_OURS, Party.US)}
"""By the code of a reason."""

BY_STATE: Mapping[State, Party] = {
    State.INVALID: Party.SOURCE,
    State.FAILED: Party.SOURCE,
    State.HELD: Party.US,
    State.ROLLED_BACK: Party.US,
    State.UNKNOWN: Party.US,
    State.NOT_SENT: Party.US,
}
"""By the state of the rows, for codes that the table does not name."""

TODO: Mapping[Party, str] = {
    Party.SOURCE: "Ask for corrected rows, or correct them in failures.csv, then replay.",
    Party.LUSID: "Have LUSID's set-up changed, then replay: no cell is wrong.",
    Party.US: "Correct the mapping, a setting or the export, or the rows in failures.csv, then replay.",
}
"""What to do about rows that a party looks after."""

AGAIN = "No cell is wrong: type the command below."
"""What to do about rows that need nothing but to be sent again."""


class Owners(BaseModel):
    """Who must act, in the firm's own words."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    names: dict[Party, str | dict[str, str]] = Field(default_factory=dict)
    """What each party (source, lusid, us) is called here; of each operation, where they differ."""
    codes: dict[str, Party] = Field(default_factory=dict)
    """Which party looks after rows with a code, in place of our table."""

    def party(self, state: State, code: str) -> Party:
        """The party that looks after rows in a state with a code."""
        if code in self.codes:
            return self.codes[code]
        if state in (State.UNKNOWN, State.NOT_SENT, State.HELD):
            return BY_STATE[state]
        return BY_CODE.get(code) or BY_STATE.get(state, Party.US)

    def name(self, party: Party, operation: str) -> str:
        """What a party is called, for the extracts of an operation."""
        given = self.names.get(party, NAMES[party])
        return given if isinstance(given, str) else given.get(operation, NAMES[party])
