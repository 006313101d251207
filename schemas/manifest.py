"""The manifest of a run: what it was given, with which settings, and how it ended. No secrets, no cells."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from schemas.dialects import Dialect
from schemas.expectations import Expectations
from schemas.settings import LoadSettings
from schemas.states import Duplicates, Mode, State, Verdict

FORMAT: Final = 1
"""Raised when a member changes its meaning. New members do not raise it: who does not know them passes them over."""

Whole = Annotated[int, Field(strict=True, ge=0)]
Counts = Annotated[dict[str, Whole], AfterValidator(Counter)]
"""A state that the writer did not know has a count of 0."""


def _read_too(rows: dict[str, int]) -> dict[str, int]:
    if "read" not in rows:
        raise ValueError("holds no `read`")
    return rows


class _Part(BaseModel):
    """Read whatever a later version adds; written in the order of its members."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, defer_build=True)


class Reason(_Part):
    """Rows that did not make it for one reason: they are in one state with one code, and broke one rule.

    Attributes:
        message: of the first of the rows; it may name what the rule leaves out.
        examples: some of the rows, `key (row 42)` each.
        rule: what every message of these rows says, with `…` in place of keys, rows and values.
        keys: requests' keys that are counted by one of the rows; None where the writer did not count them.
    """

    state: State
    code: str
    message: str
    rows: Whole = 0
    examples: list[str] = Field(default_factory=list)
    rule: str = Field(default_factory=lambda given: given["message"])
    keys: Whole | None = None


class ExtractFile(_Part):
    """One file of the extract.

    Attributes:
        name: what failures.csv calls it.
        kept: the name of the copy in the run's folder that the run goes on with: of a corrected file alone.
        sha256: of its bytes, once they have been read.
    """

    name: str
    path: str
    bytes: Whole
    kept: Annotated[str | None, Field(alias="copy")] = None
    sha256: str | None = None

    def found_in(self, folder: Path) -> str | Path:
        """Where the file is to be read again, by a run in `folder`: a path, or a URL."""
        return self.path if "://" in self.path else folder / (self.kept or self.path)


class MappingFile(_Part):
    """The mapping, as it was when the run began."""

    path: str
    sha256: str


class Resumption(_Part):
    """When a run was resumed, into which target, by which versions."""

    at: str
    target: str | None
    bulkload: str
    python: str


class Forgetting(_Part):
    """That a person was forgotten: when, and how much of them was in the run's files; not who.

    Attributes:
        files, places: how many files named them, in how many places.
        rows: rows of theirs that had not been accepted, and are not in failures.csv any more.
    """

    at: str
    files: Whole
    places: Whole
    rows: Whole


class Manifest(_Part):
    """What stands in manifest.json.

    Attributes:
        target: base URL, `sandbox` or `sandbox:FILE`; None in a dry run.
        replays: the run whose failures this one sends again.
        followed: loads that depend on this one follow.
        date: the business date, `YYYY-MM-DD`; None of a run from before there were any.
        started, finished: to the millisecond, with their offset from UTC: such texts compare as moments do.
        seconds: what the process that closed the books took.
        rows: extract rows, `read` and by state; None where the books were never closed. keys: requests' keys by state.
        requests: calls made; retries: attempts beyond the first of each.
        reasons: why rows did not make it, the most frequent first.
        changes: accepted keys that were created, updated or the same, as far as LUSID's answers tell.
        alerts: what LUSID took otherwise than it was meant, with some of the rows.
        over: limits of the guard that the load is over: option, and the keys it would take.
        error: what ended a run whose books were not closed, or do not balance.
        forgotten: persons whose data was taken out of the run's files afterwards (`bulkload forget`).
    """

    format: int
    run_id: str
    operation: str
    mode: Mode
    dialect: Dialect
    duplicates: Duplicates
    target: str | None
    extracts: tuple[ExtractFile, ...]
    mapping: MappingFile | None
    settings: LoadSettings
    versions: dict[str, str]
    expect: Expectations = Expectations()
    replays: str | None = None
    followed: bool = False
    date: str | None = None
    started: str
    resumed: tuple[Resumption, ...] = ()
    finished: str = ""
    seconds: float = 0.0
    rows: Annotated[Counts, AfterValidator(_read_too)] | None = None
    keys: Counts = Field(default_factory=Counter)
    requests: Whole = 0
    retries: Whole = 0
    reasons: tuple[Reason, ...] = ()
    changes: Counts = Field(default_factory=Counter)
    alerts: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    over: Counts = Field(default_factory=Counter)
    verdict: Verdict = Verdict.UNFINISHED
    exit_code: int | None = None
    error: str | None = None
    forgotten: tuple[Forgetting, ...] = ()

    _damaged: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """The manifest that a JSON object is.

        Members that are missing or malformed (`damaged`) have values that stand for none: a run that cannot be resumed
        or shown is listed and purged all the same.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            damaged = frozenset(str(fault["loc"][0]) for fault in error.errors(include_url=False))
        rest = {name: value for name, value in content.items() if name not in damaged}
        found = cls.model_validate({**_NONE, **rest})
        found.model_fields_set.difference_update(damaged)
        found._damaged = damaged  # its own
        return found

    @property
    def damaged(self) -> frozenset[str]:
        """Members that were missing or malformed when it was read."""
        return self._damaged

    def as_json(self) -> dict[str, Any]:
        """What is written: the members that were given, in their order."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @property
    def begun(self) -> bool:
        """Whether the run had read its extract, and so may have sent something."""
        return all(file.sha256 is not None for file in self.extracts)

    def options(self, runs: Path) -> dict[str, Any]:
        """The options of the load, by name, as far as their values are plain.

        Args:
            runs: the folder that the run's folder stands in.
        """
        others = {name: getattr(self, name) for name in ("mode", "target", "dialect", "duplicates")}
        mapping = Path(self.mapping.path) if self.mapping else None
        return {**others, "mapping": mapping, "runs": runs, **vars(self.settings)}

    def changed(self, **members: Any) -> Self:
        """The manifest with other members."""
        return self.model_copy(update=members)

    def with_digests(self, digests: Sequence[str]) -> Self:
        """The manifest with the content hash of each file, once they have been read."""
        found = zip(self.extracts, digests, strict=True)
        return self.changed(extracts=tuple(file.model_copy(update={"sha256": digest}) for file, digest in found))


_NONE: Mapping[str, Any] = {
    "format": 0,
    "run_id": "",
    "operation": "",
    "mode": Mode.PARTIAL,
    "dialect": Dialect.V2_1,
    "duplicates": Duplicates.REFUSE,
    "target": None,
    "extracts": (),
    "mapping": None,
    "settings": LoadSettings(),
    "versions": {},
    "started": "",
}


GIVEN = frozenset({*_NONE, "expect", "replays", "followed", "date"})
"""The members that say what a run was given: written when it opens, needed to go on with it."""


def moment() -> str:
    """This moment, to the millisecond, as manifests write it: such texts compare as moments do."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
