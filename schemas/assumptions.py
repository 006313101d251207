"""What was found out of one LUSID, in place of what is inferred of any: what `bulkload doctor` writes and loads take.

Strict: a member that is not known is an error. Every member may be left out; then what is inferred counts.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.dialects import Dialect
from schemas.settings import LONGEST

Operation = Annotated[str, Field(min_length=1)]

NOT_INFERRED_BELOW: Final = 200
"""A filter shorter than this is not worth its call: entities are read one by one."""


class Told(StrEnum):
    """What a probe says of an assumption."""

    HOLDS = "holds"
    DIFFERS = "differs"
    COULD_NOT_TELL = "could not tell"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Found(_Part):
    """What a probe found; nothing follows from it by itself."""

    probe: str
    """Its name in docs/lusid.md."""
    of: Operation | None = None
    """The operation that it tried; none where it is of no single one."""
    told: Told
    """Whether the assumption holds."""
    saw: str
    """What LUSID did, in words."""


class Assumptions(_Part):
    """What one LUSID was found to do."""

    target: str | None = None
    """Where it was found."""
    dialect: Dialect | None = None
    """The dialect in which it was found."""
    scope: str | None = None
    """The scope in which it was tried."""
    made: str | None = None
    """When."""
    bulkload: str | None = None
    """The version that found it."""
    null_clears: dict[Operation, bool] = Field(default_factory=dict)
    """Whether a null removes a property; where it does not, a load whose mapping clears is refused."""
    omitted_stay: dict[Operation, bool] = Field(default_factory=dict)
    """Whether an upsert leaves alone what it leaves out; where not, each load of the operation warns of it."""
    unchanged_makes_version: dict[Operation, bool] = Field(default_factory=dict)
    """Whether an upsert that changes nothing makes a version; then `updated` and `same` are not told from versions."""
    identifiers_match_case: dict[Operation, bool] = Field(default_factory=dict)
    """Whether values of identifiers that differ in case are two; where not, rows that share one so are refused."""
    atomic_is_whole: dict[Operation, bool] = Field(default_factory=dict)
    """Whether a refused Atomic call leaves nothing behind; where it does, `--mode Atomic` is refused."""
    longest_filter: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """The longest filter of a list, in characters of a URL; 0: lists take no filter."""
    read_lag: Annotated[float, Field(ge=0, le=LONGEST)] | None = None
    """Seconds by which reads may lag behind writes; counts where it is more than `--read-lag`."""
    found: tuple[Found, ...] = ()
    """What each probe found."""

    def filter_of(self, longest: int) -> int:
        """How long a filter may be that is `longest` where nothing is known; 0 where lists take none."""
        known = longest if self.longest_filter is None else min(longest, self.longest_filter)
        return known if known >= NOT_INFERRED_BELOW else 0

    def lag_of(self, seconds: float) -> float:
        """How far reads may lag behind, given what an option says."""
        return max(seconds, self.read_lag or 0.0)


INFERRED: Final = Assumptions()
"""What is inferred of any LUSID."""
