"""The documents that --json prints: one for each kind of thing that commands tell, and one for an error.

Every member is always there: null or empty where there is nothing to say.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from schemas.states import Mode, State, Verdict
from schemas.verdicts import Colour


class Document(BaseModel):
    """What one command prints."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_serialization_defaults_required=True,
        defer_build=True,  # most commands use none or one of them
    )

    def as_json(self) -> dict[str, Any]:
        """The document as it is printed."""
        return self.model_dump(mode="json")


class ReasonDocument(Document):
    """Rows that were not accepted for one reason.

    Attributes:
        rule: what every message of these rows says, with `…` in place of keys, rows and values.
        message: of the first of the rows, in full.
        keys: requests' keys among them; null where the run's version did not count them.
        examples: some of the rows, `key (row 42)` each.
        owner: who looks after it.
    """

    state: State
    code: str
    rule: str
    message: str
    rows: int
    keys: int | None
    examples: list[str]
    owner: str | None = None


class ProgressDocument(Document):
    """What the journal knows of a run whose books are not closed.

    Attributes:
        is_running: whether a process is working on it.
        silent_since: when it last wrote something.
        requests: how many it has; null while it reads its extract.
        settled: requests that have ended in a state.
        in_doubt: requests that were sent, and no answer is there.
        waiting: requests that have not been sent.
    """

    is_running: bool
    silent_since: str
    requests: int | None
    settled: int
    in_doubt: int
    waiting: int


class RunDocument(Document):
    """A run: what `load`, `resume`, `replay` and `report` print.

    Attributes:
        feed: the feed it belongs to; null without one.
        date: its business date; null where none was given.
        target: where it loaded; null in a dry run.
        colour: what its end amounts to; null while it is under way, or where it was killed.
        exit_code: of the command that ended it; null where none did.
        rows: extract rows, `read` and by state; null until its books are closed. keys: requests' keys by state.
        reasons: why rows were not accepted, the most frequent first; their rows add up to those of failures.csv.
            Until the books are closed: of the requests that are settled, each counted by its first row.
        changes: accepted keys that were created, updated or the same, as far as LUSID's answers tell.
        alerts: what LUSID took otherwise than it was meant.
        warnings: alarms, and what the run noticed that is no row's fault.
        failures: the path of failures.csv; null where no row is in it.
        next: the command to type next; null where nothing is left to do.
        replays: the run whose failures it sends again; null where it is no replay.
        progress: how far it is; null once its books are closed.
    """

    run_id: str
    run_dir: str
    operation: str
    feed: str | None = None
    date: str | None = None
    mode: Mode
    target: str | None
    verdict: Verdict
    colour: Colour | None
    exit_code: int | None
    rows: Mapping[str, int] | None
    keys: Mapping[str, int]
    reasons: list[ReasonDocument]
    changes: Mapping[str, int] = {}
    alerts: list[str] = []
    warnings: list[str]
    failures: str | None
    next: str | None
    replays: str | None
    requests: int
    retries: int
    seconds: float
    progress: ProgressDocument | None = None


class NightDocument(Document):
    """A night or a trading day: what `nightly` and `trading-day` print.

    Attributes:
        night: its folder.
        date: its business date.
        target: where it loaded; null in a dry run.
        verdict: of its worst load, or that extracts are missing.
        colour: what its end amounts to.
        runs: one for each load that ended, in their order.
        missing: extracts that are required and have not come, that are stale or not whole, and why.
        refused: loads that were refused before anything of them was sent: operation, files, and what is wrong.
        held: loads that were not carried out, because they need one that is missing, was refused or stopped.
        page: the path of its page; null where there is none.
        verified: what reading back showed of each run, where that was asked for.
        notes: what was skipped or not started, and why.
        error: what ended the night where a load has no run to show; null where nothing did.
        next: the command to type next; null where nothing is left to do.
    """

    night: str
    date: str | None = None
    target: str | None
    verdict: Verdict
    colour: Colour
    exit_code: int
    runs: list[RunDocument]
    missing: list[str] = []
    refused: list[str] = []
    held: list[str] = []
    page: str | None = None
    verified: list["VerifyDocument"] = []
    notes: list[str]
    error: str | None
    next: str | None


class BackfillDocument(Document):
    """Several nights: what `backfill` prints.

    Attributes:
        target: where it loaded; null in a dry run.
        verdict: of its worst night.
        colour: of its worst night.
        nights: one for each date that was loaded, in their order.
        done_before: dates that earlier runs had finished.
        not_started: dates that were not loaded because the one before them stopped.
        next: the command to type next; null where nothing is left to do.
    """

    target: str | None
    verdict: Verdict
    colour: Colour
    exit_code: int
    nights: list[NightDocument]
    done_before: list[str]
    not_started: list[str]
    next: str | None


class VerifyDocument(Document):
    """What LUSID holds of the keys that a run had accepted: what `verify` prints.

    Attributes:
        target: where they were read back.
        exit_code: 0 where nothing is missing, different or unclear, otherwise 3.
        accepted: keys that the run had accepted. checked: those that were read back: all, or a sample.
        agree: keys that LUSID holds as they were sent.
        differ: keys that LUSID holds otherwise.
        missing: keys that LUSID does not hold, or not all of.
        unclear: keys that LUSID does not let be read.
        later: keys that LUSID holds otherwise because they were changed after the run.
        existence_only: why no more was checked than whether the keys exist; null where all was.
        verified: the path of verify.parquet, which names every key and every member that differs.
    """

    run_id: str
    operation: str
    target: str
    exit_code: int
    accepted: int
    checked: int
    agree: int
    differ: int
    missing: int
    unclear: int
    later: int
    existence_only: str | None
    verified: str


class FindingDocument(Document):
    """Something that rows refer to and LUSID does not have, or has of another kind.

    Attributes:
        kind: what is referred to, such as `property` or `portfolio`.
        name: a property key; or what the references have in common, such as the portfolios' scope.
        problem: what is wrong.
        count: how many different references it concerns. rows: that hang on it.
        examples: some of the references, `reference (orders.csv row 42)` each.
        owner: who must act.
        then: what to do.
    """

    kind: str
    name: str
    problem: str
    count: int
    rows: int
    examples: list[str]
    owner: str
    then: str


class PreflightDocument(Document):
    """What rows refer to and LUSID does not have: what `preflight` prints.

    Attributes:
        target: the LUSID that was asked.
        exit_code: 3 where something is missing or of another kind, otherwise 0.
        operations: of the extracts, in their order.
        rows: that were read. invalid: of these, rows whose cells are refused; what they refer to was not asked for.
        asked: how many different references LUSID was asked for, by what they are.
        missing: what is missing or of another kind, what most rows hang on first.
        not_asked: what LUSID could not be asked for, and why.
        calls: made to LUSID.
        definitions: the path of the requests that define what is not defined; null where none were wanted.
    """

    target: str
    exit_code: int
    operations: list[str]
    rows: int
    invalid: int
    asked: Mapping[str, int]
    missing: list[FindingDocument]
    not_asked: list[str]
    calls: int
    definitions: str | None


class PlanDocument(Document):
    """What a load would do, as LUSID is now: what `plan` prints.

    Attributes:
        target: where LUSID was read, and where the load would go.
        exit_code: 0 where every key could be loaded, otherwise 3.
        keys: keys of the extract by what would be done with them: `create`, `change`, `clear` (changed, and a value of
            it removed), `same` (not sent), `refuse`; `vanished`, keys that the feed had and the extract lacks, is null
            where there is no feed.
        members: keys that would be changed, by member.
        plan: the path of plan.parquet, which names every key and every member.
        page: the path of plan.html, the same for people.
        next: the command that loads what was planned, and nothing else.
        run_id: the dry run that prepared the rows; its failures.csv has those that cannot be sent.
    """

    operation: str
    target: str
    exit_code: int
    keys: Mapping[str, int | None]
    members: Mapping[str, int]
    plan: str
    page: str
    next: str
    run_id: str
    seconds: float


class ErrorDocument(Document):
    """What any command prints that ends in an error: there is no run to show, or `bulkload report` shows it.

    Attributes:
        exit_code: 2 for usage and configuration, 4 where the same command may be typed again, 5, or 1 for a bug.
        message: the line on stderr.
    """

    verdict: Literal["error"] = "error"
    exit_code: int
    message: str
